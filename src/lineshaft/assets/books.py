"""How the register is written: one attribute value, the spans of one property, one thing from one position to another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import tables as t
from lineshaft.assets.bind import Span
from lineshaft.core import Conflict, NotFound, bump, iso, new_id

Owned = tuple[str, str, str, Span]
"""A span with the id of its asset, the id of its property and the property's name."""


def add_value(tx: Connection, asset_id: str, name: str, value: Any, valid_from: int) -> None:
    """Give an attribute a value from a moment on; a value for exactly that moment is replaced."""
    own = (t.attributes.c.asset_id == asset_id) & (t.attributes.c.name == name) & (t.attributes.c.valid_from == valid_from)
    tx.execute(t.attributes.delete().where(own))
    tx.execute(
        t.attributes.insert().values(
            id=new_id(),
            version=1,
            asset_id=asset_id,
            name=name,
            value=sa.null() if value is None else value,
            valid_from=valid_from,
        )
    )


def read_spans(tx: Connection, property_id: str) -> list[Span]:
    """Return the spans of a property as this transaction sees them."""
    query = sa.select(t.bindings).where(t.bindings.c.property_id == property_id).order_by(t.bindings.c.start_ns)
    return [Span(r["source"], r["tag"], r["start_ns"], r["end_ns"]) for r in tx.execute(query).mappings()]


def spans_of_tag(tx: Connection, source: str, tag: str) -> dict[str, list[Span]]:
    """Return, for each property a tag ever belonged to, when it did."""
    query = sa.select(t.bindings).where((t.bindings.c.source == source) & (t.bindings.c.tag == tag))
    found: dict[str, list[Span]] = {}
    for row in tx.execute(query).mappings():
        found.setdefault(row["property_id"], []).append(Span(source, tag, row["start_ns"], row["end_ns"]))
    return found


def write_spans(tx: Connection, asset_id: str, property_id: str, name: str, spans: Iterable[Span]) -> None:
    """Make these the spans of a property; a span that only ends differently keeps its identity."""
    query = sa.select(t.bindings).where(t.bindings.c.property_id == property_id)
    rows = {(r["source"], r["tag"], r["start_ns"]): r for r in tx.execute(query).mappings()}
    fresh: list[Owned] = []
    for span in spans:
        row = rows.pop((span.source, span.tag, span.start_ns), None)
        if row is None:
            fresh.append((asset_id, property_id, name, span))
        elif row["end_ns"] != span.end_ns:
            bump(tx, t.bindings, row["id"], None, end_ns=span.end_ns)
    add_spans(tx, fresh)
    for row in rows.values():
        tx.execute(t.bindings.delete().where(t.bindings.c.id == row["id"]))


def add_spans(tx: Connection, owned: Iterable[Owned]) -> None:
    """Write new spans, many at once: each with the id of its asset and property, and the property's name."""
    rows = [
        {
            "id": new_id(),
            "version": 1,
            "asset_id": asset_id,
            "property_id": property_id,
            "property": name,
            "source": span.source,
            "tag": span.tag,
            "start_ns": span.start_ns,
            "end_ns": span.end_ns,
        }
        for asset_id, property_id, name, span in owned
    ]
    if rows:
        tx.execute(t.bindings.insert(), rows)


def keep_thing(tx: Connection, serial: str, data: dict[str, Any]) -> str:
    """Make a thing known, or its data new; return its id."""
    row = tx.execute(sa.select(t.things).where(t.things.c.serial == serial)).mappings().first()
    if row is None:
        identity = new_id()
        tx.execute(t.things.insert().values(id=identity, version=1, serial=serial, data=data))
        return identity
    if row["data"] != data:
        bump(tx, t.things, row["id"], None, data=data)
    return str(row["id"])


def install(tx: Connection, serial: str, asset_id: str, at: int, *, first: int | None = None) -> bool:
    """Put a thing at a position: it leaves where it stood, and what stood there leaves; False if it is there already.

    `first` is the start if neither the thing nor the position has a history yet. Raises NotFound, Conflict.
    """
    thing_id = tx.execute(sa.select(t.things.c.id).where(t.things.c.serial == serial)).scalar()
    if thing_id is None:
        raise NotFound(f"there is no thing with serial '{serial}'", hint="make it known first", code="assets.no-thing")
    stays = t.installations
    involved = (stays.c.thing_id == thing_id) | (stays.c.asset_id == asset_id)
    rows = tx.execute(sa.select(stays).where(involved)).mappings().all()
    if any(r["end_ns"] is None and r["thing_id"] == thing_id and r["asset_id"] == asset_id for r in rows):
        return False
    late = max((r["start_ns"] if r["end_ns"] is None else r["end_ns"] for r in rows), default=None)
    start = first if first is not None and not rows else at
    if late is not None and start <= late and (start < late or any(r["end_ns"] is None and r["start_ns"] == late for r in rows)):
        raise Conflict(
            f"'{serial}' or what stands there was moved later already, at {iso(late)}",
            hint="the history of a position is only continued: give a later time",
            code="assets.moved-later",
        )
    for row in rows:
        if row["end_ns"] is None:
            bump(tx, stays, row["id"], None, end_ns=at)
    tx.execute(stays.insert().values(id=new_id(), version=1, thing_id=thing_id, asset_id=asset_id, start_ns=start, end_ns=None))
    return True


def remove_thing(tx: Connection, asset_id: str, at: int) -> None:
    """Take away whatever stands at a position."""
    own = (t.installations.c.asset_id == asset_id) & t.installations.c.end_ns.is_(None)
    for row in tx.execute(sa.select(t.installations.c.id).where(own)).all():
        bump(tx, t.installations, row.id, None, end_ns=at)
