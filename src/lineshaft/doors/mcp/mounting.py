"""Puts the MCP door at `/mcp` of the web application; its library is loaded by the first request, not by the start."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lineshaft.core import Forbidden, LineshaftError, NotAuthenticated
from lineshaft.doors.mcp.knocking import Knocker
from lineshaft.doors.mcp.settings import McpSettings
from lineshaft.doors.rooms import Rooms

PATH = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"


class Door:
    """Answers at `/mcp`: who knocks is known before anything of the protocol is looked at."""

    def __init__(self, rooms: Rooms, settings: McpSettings) -> None:
        self._rooms, self._settings = rooms, settings
        self._knocker = Knocker(rooms, settings)
        self._manager: Any = None
        self._keeper: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        peer = request.client.host if request.client else ""
        try:
            agent = await run_in_threadpool(self._knocker.agent, request.headers.get("Authorization", ""), peer)
        except (NotAuthenticated, Forbidden) as error:
            await self._refusal(request, error)(scope, receive, send)
            return
        scope.setdefault("state", {})["agent"] = agent
        manager = await self._opened()
        await manager.handle_request(scope, receive, send)

    async def close(self) -> None:
        """End."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _opened(self) -> Any:
        async with self._opening:
            if self._manager is None:
                serving = await run_in_threadpool(importlib.import_module, "lineshaft.doors.mcp.serving")
                manager, ready = serving.manager(self._rooms), asyncio.Event()
                self._keeper = asyncio.create_task(_keep(manager, ready), name="mcp")
                await ready.wait()
                self._manager = manager
        return self._manager

    def _refusal(self, request: Request, error: LineshaftError) -> Response:
        status = 401 if isinstance(error, NotAuthenticated) else 403
        body = {"type": f"urn:lineshaft:problem:{error.code}", "title": "The door is closed to this", "status": status}
        body |= {"detail": error.what, "code": error.code, "hint": error.hint}
        headers: dict[str, str] = {}
        if status == 401:
            told = f', resource_metadata="{_base(request)}{METADATA}{PATH}"' if self._settings.issuer else ""
            headers["WWW-Authenticate"] = f'Bearer realm="lineshaft"{told}'
        return Response(json.dumps(body), status, headers, media_type="application/problem+json")


async def _keep(manager: Any, ready: asyncio.Event) -> None:
    async with manager.run():
        ready.set()
        await asyncio.Event().wait()


def mount(app: Starlette, rooms: Rooms, settings: McpSettings) -> None:
    """Put the door at `/mcp`, and say where its tokens come from (RFC 9728) if that is an identity provider."""
    if not settings.enabled:
        return
    door = Door(rooms, settings)
    app.router.routes.append(Route(PATH, _as_endpoint(door), methods=["GET", "POST", "DELETE"], include_in_schema=False))
    if settings.issuer:

        async def metadata(_request: Request) -> Response:
            found = {"resource": settings.audience, "authorization_servers": [settings.issuer]}
            return JSONResponse({**found, "bearer_methods_supported": ["header"], "resource_name": "Lineshaft"})

        for path in (METADATA, METADATA + PATH):
            app.router.routes.append(Route(path, metadata, methods=["GET"], include_in_schema=False))
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(inner: Any) -> AsyncGenerator[Any]:
        async with before(inner) as state:
            try:
                yield state
            finally:
                await door.close()

    app.router.lifespan_context = lifespan


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _as_endpoint(door: Door) -> Any:
    """Return the door as Starlette takes an ASGI application for a route: an object, not a function."""
    return door
