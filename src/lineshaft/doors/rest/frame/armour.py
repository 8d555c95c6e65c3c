"""What every answer carries against misuse, and a limit on what is taken in."""

from __future__ import annotations

import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineshaft.doors.rest.frame.problem import problem

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), microphone=(), camera=(self)"),
)
API_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
SMALL = 1 << 20
LARGE = 64 << 20
"""Bytes taken at most: of an ordinary request, and of values, documents, raw records, models and their rows, parts of files."""
_LARGE = frozenset({"/api/v1/values", "/api/v1/documents", "/api/v1/images"})
_PART = re.compile(
    r"/api/v1/(imports/[^/]+/content|condition/(channels|positions/[^/]+/records)|models/[^/]+/(versions|mlflow|predict))"
)


class Armour:
    """Adds the security headers and refuses bodies that are too large, counted as they come in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, armoured."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        limit = LARGE if path in _LARGE or _PART.fullmatch(path) else SMALL
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, f"the body is too large: at most {limit >> 20} MiB at once")
            return message

        async def armoured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = _with_headers(message, path.startswith("/api/"))
            await send(message)

        if _announced(scope) > limit:
            hint = f"send at most {limit >> 20} MiB at once"
            answer = problem(413, "Too much at once", "the body is too large", "http.413", hint=hint)
            await answer(scope, receive, armoured)
            return
        await self._app(scope, counted, armoured)


def _announced(scope: Scope) -> int:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(length) if length.isdigit() else 0


def _with_headers(message: Message, api: bool) -> Message:
    headers: list[tuple[Any, Any]] = list(message.get("headers", []))
    have = {bytes(name).lower() for name, _ in headers}
    wanted = HEADERS + (API_HEADERS if api else ())
    return {**message, "headers": [*headers, *((n, v) for n, v in wanted if n not in have)]}
