"""Builds the web application of the REST door from the rooms it is handed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from lineshaft.doors.rest import (
    access,
    act,
    agents,
    alarming,
    assets,
    assistant,
    b2mml,
    browsing,
    catalog,
    compute,
    condition,
    condition_files,
    cost,
    detect,
    discovery,
    edges,
    etl,
    exchange,
    guard,
    images,
    imports,
    ledger,
    life,
    live,
    logbook,
    machine_files,
    machine_fleets,
    machine_models,
    maintain,
    notifications,
    permissions,
    processes,
    production,
    purchases,
    recompute,
    registry,
    sampled,
    sources,
    sql,
    stock,
    store,
    system,
    tables,
    tiers,
    values,
    workorders,
    workshop,
)
from lineshaft.doors.rest.frame import openapi, problem
from lineshaft.doors.rest.frame.armour import Armour
from lineshaft.doors.rest.frame.hub import Hub
from lineshaft.doors.rest.frame.pathbook import PathBook
from lineshaft.doors.rest.frame.veiling import Veiling
from lineshaft.doors.rest.frame.witness import Witness
from lineshaft.doors.rooms import Rooms

ABOUT = """A self-hosted smart-factory node. Times are ISO 8601 with a zone or epoch nanoseconds; lists come in pages
(`limit`, `after`); errors are problems (RFC 9457); a command with an `Idempotency-Key` is done once, however often it is sent."""


_UPSTREAM = (guard, permissions, access, system, edges, browsing, sources, discovery, assets, production, logbook, values)
_KEPT = (sampled, store, ledger, sql, catalog, cost, tiers, etl, images, imports)
_FIGURES = (
    compute,
    recompute,
    alarming,
    detect,
    condition_files,
    condition,
    machine_models,
    machine_files,
    life,
    registry,
    machine_fleets,
)
_UPKEEP = (workorders, workshop, stock, maintain, purchases, exchange, tables, b2mml)
_ACTING = (act, processes, agents, assistant, notifications, live)
_ROOMS = (*_UPSTREAM, *_KEPT, *_FIGURES, *_UPKEEP, *_ACTING)


def build(rooms: Rooms, hub: Hub | None = None) -> FastAPI:
    """Return the application: the API under /api/v1, its description, and the live stream's hub as `app.state.hub`."""
    stream = hub or Hub(PathBook(rooms.assets, rooms.store))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        task = asyncio.create_task(stream.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(
        title="Lineshaft",
        version=rooms.version or "0",
        description=ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.rooms = rooms
    app.state.hub = stream
    api = APIRouter(prefix="/api/v1")
    for room in _ROOMS:
        api.include_router(room.router)
    app.include_router(api)
    app.add_middleware(Veiling)
    app.add_middleware(Armour)
    app.add_middleware(Witness)
    problem.mount(app)
    openapi.mount(app)
    return app


def serve(app: FastAPI, pages: ASGIApp) -> None:
    """Answer what is outside /api with the pages; an unknown path or method of the API stays a problem, never a page."""
    unknown = app.router.default

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        await (unknown if path == "/api" or path.startswith("/api/") else pages)(scope, receive, send)

    app.router.default = elsewhere
