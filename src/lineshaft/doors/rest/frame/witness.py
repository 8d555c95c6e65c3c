"""Puts on record what the door turned away before it became a command: unknown keys, foreign pages, requests that make no sense.

A command has its own row in the audit, refused or not. Whatever else is answered with a refusal is noted here, by one place
for all routes: of a change every refusal, of a read those of identity and permission, and whatever tries to leave its folder.
"""

from __future__ import annotations

import json
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineshaft.guard import NOTED, Guard, Subject

NOBODY = Subject("nobody", "nobody", "token")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ALWAYS, OF_CHANGES = frozenset({401, 403}), frozenset({400, 404, 405, 409, 413, 415, 422, 426})
OWN = frozenset({"/api/v1/login"})
"""Routes that put their refusals on record themselves."""


class Witness:
    """Stands outermost; costs a list a request while nothing is refused."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on; note its refusal, before it is answered, if nobody else did."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path in OWN or not (path.startswith("/api/") or _leaves(path)):
            await self._app(scope, receive, send)
            return
        noted: list[str] = []
        held: list[Message] = []

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _worth(str(scope["method"]), path, int(message["status"])):
                held.append(message)
                return
            if held:
                held.append(message)
                if message.get("more_body"):
                    return
                if all(outcome == "ok" for outcome in noted):
                    await run_in_threadpool(_note, scope, path, int(held[0]["status"]), held[1].get("body", b""))
                for one in held:
                    await send(one)
                held.clear()
                return
            await send(message)

        mark = NOTED.set(noted)
        try:
            await self._app(scope, receive, watched)
        finally:
            NOTED.reset(mark)


def _worth(method: str, path: str, status: int) -> bool:
    """Say whether an answer is a refusal to put on record; a path that tries to leave its folder is, whatever the answer."""
    if status in ALWAYS:
        return True
    return (status in OF_CHANGES and method not in SAFE) or _leaves(path)


def _leaves(path: str) -> bool:
    """Say whether a path tries to leave its folder.

    >>> _leaves("/api/v1/documents/../../etc/passwd"), _leaves("/api/v1/documents/0b9f")
    (True, False)
    """
    return any(sign in path for sign in ("..", "\\", "\x00", "//", "%2e", "%2E"))


def _note(scope: Scope, path: str, status: int, body: bytes) -> None:
    guard: Guard = scope["app"].state.rooms.guard
    subject: Subject = scope.get("state", {}).get("subject") or NOBODY
    peer = scope.get("client")
    code = f"http.{status}"
    with suppress(ValueError, AttributeError):
        code = str(json.loads(body).get("code") or code)
    guard.refused(
        subject, f"rest.{str(scope['method']).lower()}", path, {"code": code, "status": status}, peer[0] if peer else ""
    )
