"""The live stream: one WebSocket a browser, with changed values about five times a second and what happened.

The client says `{"subscribe": {"assets": ["Bakery/Line 1"], "events": true}}` and gets all values of these branches, then
what changes. Subscribing again (also after a reconnect) begins with all values again, so nothing has to be resumed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from lineshaft.core import InvalidInput, LineshaftError, NotAuthenticated
from lineshaft.doors.rest.frame.asking import COOKIE, Reader, bearer_of
from lineshaft.doors.rest.frame.hub import Client, Hub, Shown, Watch, within
from lineshaft.doors.rest.frame.shape import Moment, Shape
from lineshaft.doors.rest.frame.veiling import veil_frame
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject

router = APIRouter()
SIGN_OF_LIFE_S = 10.0
"""A client hears from us at least this often, so that it can tell a quiet plant from a broken line."""
RECHECK_S = 20.0
"""A login that ended is noticed after this time at the latest."""
FIRST_WORD_S = 10.0
UNAUTHENTICATED, FORBIDDEN, MALFORMED, TOO_SLOW, CHANGED = 4401, 4403, 4400, 4408, 4409


class _Ended(Exception):
    """The conversation is over: with which code, and why."""

    def __init__(self, code: int, error: LineshaftError) -> None:
        super().__init__(str(error))
        self.code = code
        self.error = error


class Frame(Shape):
    """One message: the newest values by property as [value, quality, time], and what happened since the last one."""

    t: Moment
    values: Annotated[dict[str, list[Any]], Field(examples=[{"Bakery/Oven/Power": [41.5, "good", "2026-11-20T06:00:00Z"]}])]
    events: Annotated[list[dict[str, Any]], Field(examples=[[{"type": "alarm", "id": "0b9f6a52-6c1e-4f0e-9d53-9a7f0a3f6d11"}]])]


@router.get("/stream", tags=["live"], responses={426: {"description": "Asked without opening a WebSocket."}})
def stream_described(subject: Reader) -> Frame:
    """Open a WebSocket here: values of the subscribed branches as they change, and what happened.

    Send the bearer token in the header, or as `token` in the first message: `{"token": "...", "subscribe": {"assets":
    ["Bakery/Line 1"], "events": true}}`. The answer shown is one message of the stream.
    """
    del subject
    raise HTTPException(426, "this is a WebSocket", {"Upgrade": "websocket", "Connection": "Upgrade"})


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Serve one browser until it goes."""
    rooms: Rooms = socket.app.state.rooms
    hub: Hub = socket.app.state.hub
    await socket.accept()
    client = Client()
    try:
        await _converse(socket, rooms, hub, client)
    except WebSocketDisconnect:
        pass
    except _Ended as end:
        if end.code in (UNAUTHENTICATED, FORBIDDEN):
            await run_in_threadpool(_note, rooms, socket, end.error)
        told = {"problem": {"code": end.error.code, "detail": end.error.what, "hint": end.error.hint}}
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.send_text(json.dumps(told))
            await socket.close(end.code)
    finally:
        hub.leave(client)


async def _converse(socket: WebSocket, rooms: Rooms, hub: Hub, client: Client) -> None:
    bearer, first = await _first_word(socket)
    subject = await _let_in(rooms, bearer)
    hub.join(client)
    tasks = [
        asyncio.create_task(_listen(socket, rooms, hub, client, subject, first)),
        asyncio.create_task(_speak(socket, hub, client, _Known(rooms, bearer, subject))),
        asyncio.create_task(_recheck(rooms, bearer)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _note(rooms: Rooms, socket: WebSocket, error: LineshaftError) -> None:
    """Put on record that somebody unknown wanted to listen."""
    peer = socket.client.host if socket.client else ""
    rooms.guard.refused(Subject("nobody", "nobody", "token"), "rest.stream", "stream", {"code": error.code}, peer)


async def _first_word(socket: WebSocket) -> tuple[str, dict[str, Any]]:
    """Return the secret the client came with, and what it said if it had to say that first."""
    authorization, cookie = socket.headers.get("Authorization"), socket.cookies.get(COOKIE)
    if authorization is None and cookie is not None:
        _refuse_foreign_page(socket)
    bearer = bearer_of(authorization, cookie)
    if bearer:
        return bearer, {}
    try:
        said = await asyncio.wait_for(_hear(socket), FIRST_WORD_S)
    except TimeoutError:
        raise _Ended(UNAUTHENTICATED, NotAuthenticated("nobody said who is asking", code="login.missing")) from None
    return str(said.get("token", "")), said


def _refuse_foreign_page(socket: WebSocket) -> None:
    """End a conversation that a page of another site began with this browser's cookie."""
    origin = socket.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != socket.headers.get("Host"):
        raise _Ended(FORBIDDEN, NotAuthenticated("this page belongs to another site", code="csrf.origin"))


async def _let_in(rooms: Rooms, bearer: str) -> Subject:
    def ask() -> Subject:
        subject = rooms.guard.authenticate(bearer)
        rooms.guard.gate(subject, "read")
        return subject

    try:
        return await run_in_threadpool(ask)
    except LineshaftError as error:
        raise _Ended(UNAUTHENTICATED if isinstance(error, NotAuthenticated) else FORBIDDEN, error) from None


async def _recheck(rooms: Rooms, bearer: str) -> None:
    while True:
        await asyncio.sleep(RECHECK_S)
        await _let_in(rooms, bearer)


async def _hear(socket: WebSocket) -> dict[str, Any]:
    """Return the next message, a JSON object."""
    text = await socket.receive_text()
    try:
        said = json.loads(text) if len(text) <= 65_536 else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        hint = 'send {"subscribe": {"assets": ["PATH"], "events": true}}'
        raise _Ended(MALFORMED, InvalidInput("this is not a message of the stream", hint=hint, code="stream.message"))
    return cast("dict[str, Any]", said)


async def _listen(socket: WebSocket, rooms: Rooms, hub: Hub, client: Client, subject: Subject, first: dict[str, Any]) -> None:
    said = first or await _hear(socket)
    while True:
        if "subscribe" in said:
            watch = _watch(said["subscribe"], subject)
            hub.begin(client, watch, await run_in_threadpool(current, rooms, watch))
        said = await _hear(socket)


class _Known:
    """Who listens, and what they may see: asked again as soon as a permission has changed, before anything more is said."""

    def __init__(self, rooms: Rooms, bearer: str, subject: Subject) -> None:
        self._rooms, self._bearer, self._subject = rooms, bearer, subject
        self._seen = -1

    async def still(self) -> Subject:
        """Return the listener; end the conversation if what they may see is another than when it began."""
        changes = self._rooms.guard.permissions.changes
        if changes != self._seen:
            fresh = await _let_in(self._rooms, self._bearer)
            if (fresh.veil, fresh.scope) != (self._subject.veil, self._subject.scope):
                error = InvalidInput("your permissions have changed", hint="connect again", code="stream.permissions")
                raise _Ended(CHANGED, error)
            self._seen = changes
        return self._subject


async def _speak(socket: WebSocket, hub: Hub, client: Client, known: _Known) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(client.wake.wait(), SIGN_OF_LIFE_S)
        client.wake.clear()
        if client.lost:
            raise _Ended(TOO_SLOW, InvalidInput("too many events were waiting", hint="connect again", code="stream.too-slow"))
        subject = await known.still()
        await socket.send_text(veil_frame(hub.frame(client), subject))


def _watch(asked: object, subject: Subject) -> Watch:
    """Return what a client may watch of what it asked for."""
    wish = cast("dict[str, Any]", asked) if isinstance(asked, dict) else {}
    assets = wish.get("assets", [])
    if (
        not isinstance(asked, dict)
        or not isinstance(assets, list)
        or not all(isinstance(a, str) for a in cast("list[object]", assets))
    ):
        hint = 'send {"subscribe": {"assets": ["PATH"], "events": true}}'
        raise _Ended(MALFORMED, InvalidInput("this is not a subscription", hint=hint, code="stream.message"))
    branches: list[str] = []
    for asset in cast("list[str]", assets)[:1000]:
        branches += [asset] if subject.reaches(asset) else [branch for branch in subject.scope if within(branch, asset)]
    return Watch(tuple(branches), bool(wish.get("events")), subject.scope)


def current(rooms: Rooms, watch: Watch) -> dict[str, Shown]:
    """Return the values of all properties of what a client watches, as they are now."""
    assets = [asset for asset in rooms.assets.tree() if watch.covers(asset.path)]
    paths = [one.path for asset in assets for one in rooms.assets.properties(asset) if one.kind != "attribute"]
    found = rooms.store.latest(paths)
    return {path: Shown(one.value, one.quality, one.ts) for path, one in zip(paths, found, strict=True) if one is not None}
