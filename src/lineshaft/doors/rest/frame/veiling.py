"""Takes out of every answer what permissions take away from the one who asked, whichever route gave it.

A route says which tables its entities are of; a route that says nothing is held to the columns of all tables. What is
masked is `•••` (a text) or null, what is hidden is null; a list of a hidden table is refused, and empty inside other answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineshaft.doors.rest.frame.problem import problem
from lineshaft.guard import MASK, Guard, Sight, Subject

PREFIX = "/api/v1/"
ROUTES: Mapping[str, tuple[str, ...]] = {
    "aggregates": ("samples",),
    "alarm-groups": ("alarms",),
    "alarm-kpis": ("alarms", "alarm_log"),
    "alarms": ("alarms", "alarm_log"),
    "as-of": ("latest", "samples"),
    "assets": ("assets", "properties"),
    "cases": ("cases",),
    "documents": ("documents",),
    "downtime": ("downtime",),
    "export/assets": ("assets", "properties"),
    "export/orders": ("work_orders", "work_order_history"),
    "export/parts": ("spares",),
    "finding-precision": ("findings",),
    "findings": ("findings",),
    "history": ("samples",),
    "images": ("images",),
    "latest": ("latest", "samples"),
    "ledger/trace": ("samples",),
    "parts-used": ("work_orders", "spares"),
    "processes": ("cases",),
    "production/lots": ("lots",),
    "production/orders": ("production_orders",),
    "production/quality": ("quality",),
    "production/running": ("runs",),
    "purchases": ("purchases",),
    "spares": ("spares",),
    "sources/compare": ("samples",),
    "work-orders": ("work_orders", "work_order_history"),
}
"""Which tables of the catalog the entities of a route are of: the first one is its own, and hides it."""
FREE = frozenset({"sql", "me", "login", "logout", "catalog", "stream", "permissions"})
"""Routes that see to it themselves, or tell nothing of a table."""
INSIDE: Mapping[str, str] = {
    "alarms": "alarms",
    "findings": "findings",
    "orders": "work_orders",
    "work_orders": "work_orders",
    "spares": "spares",
    "reserved": "spares",
    "purchases": "purchases",
    "documents": "documents",
    "images": "images",
    "lots": "lots",
    "quality": "quality",
    "cases": "cases",
}
"""Names under which an entity of a table is told inside another answer."""
CALLED: Mapping[str, Mapping[str, str]] = {
    "alarms": {"limit": "threshold"},
    "findings": {"at": "ts", "by": "found_by"},
    "quality": {"machine": "asset", "check": "check_name", "at": "ts", "order": "order_number", "by": "entered_by"},
    "production_orders": {"order": "number"},
    "samples": {"timestamp": "ts"},
    "latest": {"timestamp": "ts"},
    "runs": {"start": "started", "end": "ended", "order": "order_number"},
    "downtime": {"start": "started", "end": "ended"},
}
"""Columns whose name in an answer is another than in SQL."""
_CONTENT = re.compile(r"^(documents|images)/[^/]+/content$")


def tables_of(path: str) -> tuple[str, ...] | None:
    """Return the tables a route is about; None for one that may tell of any.

    >>> tables_of("production/lots/L-1/genealogy"), tables_of("tower")
    (('lots',), None)
    """
    parts = path.split("/")
    for length in (2, 1):
        found = ROUTES.get("/".join(parts[:length]))
        if found is not None:
            return found
    return None


class Veiling:
    """Stands between the routes and the network; costs nothing for those from whom nothing is taken."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and its answer veiled."""
        path = str(scope.get("path", ""))
        name = path.removeprefix(PREFIX)
        if scope["type"] != "http" or not path.startswith(PREFIX) or name.split("/")[0] in FREE:
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        start: list[Message] = []
        body = bytearray()

        async def veiled(message: Message) -> None:
            subject: Subject | None = state.get("subject")
            if subject is None or not subject.veil:
                await send(message)
                return
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            guard: Guard = scope["app"].state.rooms.guard
            answer = await run_in_threadpool(_veil, subject, guard, name, str(scope["method"]), start[0], bytes(body))
            if answer is None:
                await _refused(subject, name)(scope, receive, send)
                return
            headers = [(key, value) for key, value in start[0]["headers"] if key.lower() != b"content-length"]
            headers.append((b"content-length", str(len(answer)).encode()))
            await send({**start[0], "headers": headers})
            await send({"type": "http.response.body", "body": answer})

        await self._app(scope, receive, veiled)


def _refused(subject: Subject, name: str) -> ASGIApp:
    what = f"{subject.display or subject.name} may not read this"
    hint = "a permission takes this table, or some of its columns, away; JSON may still be given"
    return problem(403, "The gate says no", what, "gate.veiled", where=name, hint=hint)


def _veil(subject: Subject, guard: Guard, name: str, method: str, start: Message, body: bytes) -> bytes | None:
    """Return the answer as it may be seen, None if it may not be seen at all."""
    if int(start["status"]) >= 400:
        return body
    tables = tables_of(name)
    if method == "GET" and tables and _closed(subject, tables):
        return None
    kind = next((value.decode() for key, value in start["headers"] if key.lower() == b"content-type"), "")
    if "json" not in kind:
        return body if method != "GET" or _CONTENT.match(name) or not _touched(subject, tables) else None
    said = json.loads(body)
    return json.dumps(veil(said, subject, tables, known_names(subject, guard)), ensure_ascii=False).encode()


def _closed(subject: Subject, tables: tuple[str, ...]) -> bool:
    if subject.sight(tables[0]) is Sight.HIDDEN:
        return True
    return "samples" in tables and bool(subject.sight("samples", "value"))


def _touched(subject: Subject, tables: tuple[str, ...] | None) -> bool:
    """Say whether some column of these tables is taken away: another form than JSON cannot be gone through."""
    if tables is None:
        return bool(subject.veil.columns)
    return any(subject.veil.touches(one) for one in tables)


def known_names(subject: Subject, guard: Guard) -> re.Pattern[str] | None:
    """Return a pattern of the names of other persons, where names of persons are taken away."""
    if not any(one.columns == "@person" for one in subject.veil.columns):
        return None
    names = {user.display for user in guard.users.list()} | {user.name for user in guard.users.list()}
    mine = {subject.name, subject.display, "admin", ""}
    words = sorted((re.escape(one) for one in names - mine if len(one) > 2), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(words)})\b") if words else None


def veil(said: Any, subject: Subject, tables: tuple[str, ...] | None, names: re.Pattern[str] | None = None) -> Any:
    """Return an answer without what is taken away from a subject."""
    if isinstance(said, dict):
        row = cast("dict[str, Any]", said)
        return {key: _field(key, value, subject, tables, names) for key, value in row.items()}
    if isinstance(said, list):
        return [veil(one, subject, tables, names) for one in cast("list[Any]", said)]
    if isinstance(said, str) and names is not None:
        return names.sub(MASK, said)
    return said


def _field(key: str, value: Any, subject: Subject, tables: tuple[str, ...] | None, names: re.Pattern[str] | None) -> Any:
    inside = INSIDE.get(key) if isinstance(value, list | dict) else None
    if inside is not None:
        if subject.sight(inside) is Sight.HIDDEN:
            return [] if isinstance(value, list) else None
        return veil(value, subject, (inside,), names)
    sight = max((_sight(subject, one, key) for one in tables), default=Sight.SHOWN) if tables else _anywhere(subject, key)
    if sight is Sight.SHOWN:
        return veil(value, subject, tables, names)
    if isinstance(value, list):
        return []
    return MASK if sight is Sight.MASKED and isinstance(value, str) else None


def _sight(subject: Subject, table: str, key: str) -> Sight:
    return max(subject.veil.column(table, name) for name in {key, CALLED.get(table, {}).get(key, key)})


def _anywhere(subject: Subject, key: str) -> Sight:
    """Decide for a route of no table: what is taken away of any table under this name, or one it is called by."""
    called = {key} | {of[key] for of in CALLED.values() if key in of}
    return max((subject.veil.anywhere(name) for name in called), default=Sight.SHOWN)


TOLD: Mapping[str, str] = {
    "alarm": "alarms",
    "case": "cases",
    "finding": "findings",
    "purchase": "purchases",
    "spares": "spares",
    "work-order": "work_orders",
}
"""Of which table an event of the live stream tells."""


def veil_frame(text: str, subject: Subject) -> str:
    """Return a frame of the live stream as a subject may see it."""
    if not subject.veil:
        return text
    said: dict[str, Any] = json.loads(text)
    events = [one for event in said.get("events", []) if (one := _event(event, subject)) is not None]
    return json.dumps({**said, "values": _values(said.get("values", {}), subject), "events": events})


def _values(values: Mapping[str, list[Any]], subject: Subject) -> dict[str, list[Any]]:
    """Return [value, quality, time] by property: nothing where the values or their names are taken away."""
    tables = ("samples", "latest")
    taken = {name: any(subject.sight(table, name) for table in tables) for name in ("value", "property", "quality", "ts")}
    if taken["value"] or taken["property"]:
        return {}
    if not taken["quality"] and not taken["ts"]:
        return dict(values)
    return {path: [v, None if taken["quality"] else q, None if taken["ts"] else at] for path, (v, q, at) in values.items()}


def _event(event: Any, subject: Subject) -> Any:
    """Return an event as it may be seen; None for one of a table that is hidden."""
    table = TOLD.get(str(event.get("type", "")))
    if table is None:
        return veil(event, subject, None)
    if subject.sight(table) is Sight.HIDDEN:
        return None
    told = veil(event, subject, (table,))
    return {**told, "type": event["type"]}  # or the page would not know what to ask again
