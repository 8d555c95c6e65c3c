"""What becomes of arriving rows: each finds its series, goes durably into the store, and is accounted for in the answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.assets import DERIVED
from lineshaft.core import SAMPLES, Batch, DataType, InvalidInput, NotFound, now_ns
from lineshaft.doors.rest.frame.arriving import Arriving, Column, Key, Rejected
from lineshaft.doors.rest.frame.asking import Asking
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject
from lineshaft.store import HINTS

MOST_REJECTED = 1_000
"""So many rejected rows are named one by one; the count is always whole."""
DOOR, REFUSED = "rest", "(refused)"
"""Where the ledger accounts for rows that were refused before they had a series."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where rows go: a series, the type its values must have (None: any), and which of a key's rows (by time)."""

    source: str
    tag: str
    type: DataType | None
    start: int = -(2**63)
    end: int | None = None


def take(asking: Asking, rows: Arriving) -> dict[str, Any]:
    """Take rows in through the gate and answer what became of each; a repeated request gets its first answer."""
    body = {"rows": rows.received, "sha256": rows.digest}
    somewhere = asking.subject.scope[0] if asking.subject.scope else ""
    return asking.do_outside("values.write", "values", body, lambda: _ingest(asking.rooms, asking.subject, rows), somewhere)


def _ingest(rooms: Rooms, subject: Subject, rows: Arriving) -> dict[str, Any]:
    rejected = list(rows.rejected)
    groups: dict[str, list[tuple[Mask, _Target]]] = {}
    for n, key in enumerate(rows.keys):
        mine = rows.key == n
        try:
            targets = _targets(rooms, subject, key)
        except InvalidInput as error:
            rejected += [Rejected(row=int(row), reason=error.code, hint=error.hint) for row in rows.number[mine]]
            continue
        for target in targets:
            fits = mine & (rows.ts >= target.start) & (rows.ts < (2**63 - 1 if target.end is None else target.end))
            if fits.any():
                groups.setdefault(target.source, []).append((fits, target))
                mine &= ~fits
        hint = "bind the property to a tag for that time (POST /api/v1/bindings)"
        rejected += [Rejected(row=int(row), reason="unbound", hint=hint) for row in rows.number[mine]]
    if rejected:
        rooms.store.refused(DOOR, REFUSED, Counter(one.reason for one in rejected))
    counts = {"stored": 0, "duplicate": 0}
    for source, parts in groups.items():
        batch, numbers = _batch(source, rows, parts)
        for stored in rooms.ingest([batch]):
            counts["stored"] += stored.rows.num_rows
            counts["duplicate"] += stored.duplicate
            for place, refused in zip(stored.rejected_rows, stored.rejected, strict=True):
                rejected.append(Rejected(row=int(numbers[place]), reason=refused.reason, hint=HINTS.get(refused.reason, "")))
    rejected.sort(key=lambda one: one.row)
    foreign = sum(one.reason == "forbidden" for one in rejected)
    if foreign:
        with rooms.db.begin() as tx:
            detail = {"code": "values.forbidden", "rows": foreign}
            rooms.guard.record(tx, subject, "values.write", "values", detail, "refused")
    named = [one.model_dump() for one in rejected[:MOST_REJECTED]]
    return {"received": rows.received, **counts, "rejected": named, "rejected_count": len(rejected)}


def _targets(rooms: Rooms, subject: Subject, key: Key) -> list[_Target]:
    """Return where the rows of a key go. Raises InvalidInput whose code is the reason to reject them."""
    if not key.property:
        if key.source == DERIVED:
            raise InvalidInput("computed", hint="this is computed here: send what it is computed from", code="not-measured")
        meant = rooms.assets.property_of(key.source, key.tag)
        if subject.scope and (meant is None or not subject.reaches(meant.asset_path)):
            raise InvalidInput("not yours", hint=f"this login reaches {', '.join(subject.scope)} only", code="forbidden")
        return [_Target(key.source, key.tag, None if meant is None else meant.type)]
    try:
        one = rooms.assets.property(key.property)
    except NotFound as error:
        raise InvalidInput(error.what, hint=f"{error.what}; {error.hint}", code="unknown-property") from None
    if not subject.reaches(one.asset_path):
        raise InvalidInput("not yours", hint=f"this login reaches {', '.join(subject.scope)} only", code="forbidden")
    if one.kind == "attribute":
        raise InvalidInput("an attribute", hint="set an attribute with POST /api/v1/attributes", code="not-measured")
    if one.kind != "measurement":
        raise InvalidInput("computed", hint=f"a {one.kind.value} is computed: send what it is computed from", code="not-measured")
    return [_Target(span.source, span.tag, one.type, span.start_ns, span.end_ns) for span in rooms.assets.spans(one.id)]


def _batch(source: str, rows: Arriving, parts: list[tuple[Mask, _Target]]) -> tuple[Batch, npt.NDArray[np.int64]]:
    """Return the rows of one source as a batch, and the number each has in the request."""
    tag = np.full(len(rows.ts), -1, np.int32)
    typed = {kind: np.zeros(len(rows.ts), np.bool_) for kind in (DataType.DOUBLE, DataType.INTEGER)}
    tags: dict[str, int] = {}
    for fits, target in parts:
        tag[fits] = tags.setdefault(target.tag, len(tags))
        for kind in typed:
            if target.type is kind:
                typed[kind] |= fits
    chosen = np.flatnonzero(tag >= 0)
    v, vi = _as_meant(rows.v, rows.vi, typed)
    take = pa.array(chosen)
    numbers: Column = pa.array(tag[chosen])
    columns: list[Column] = [
        pa.DictionaryArray.from_arrays(numbers, pa.array(list(tags), pa.string())),
        pa.array(rows.ts[chosen]).cast(pa.timestamp("ns", "UTC")),
        v.take(take),
        vi.take(take),
        rows.vs.take(take),
        rows.vb.take(take),
        pa.array(rows.q[chosen]),
        pa.nulls(len(chosen), pa.int32()),
    ]
    now = now_ns()
    return Batch(source, -now, now, pa.RecordBatch.from_arrays(columns, schema=SAMPLES)), rows.number[chosen]


def _as_meant(v: Column, vi: Column, typed: dict[DataType, Mask]) -> tuple[Column, Column]:
    """Return numbers in the type their property has: JSON knows only one kind of number."""
    compute: Any = pc
    widen = compute.and_(pa.array(typed[DataType.DOUBLE]), compute.is_valid(vi))
    whole = compute.fill_null(compute.and_(compute.equal(compute.floor(v), v), compute.less(compute.abs(v), 2.0**53)), False)
    narrow = compute.and_(pa.array(typed[DataType.INTEGER]), whole)
    as_whole = compute.if_else(narrow, v, pa.scalar(None, pa.float64())).cast(pa.int64())
    return (
        compute.if_else(narrow, pa.scalar(None, pa.float64()), compute.if_else(widen, vi.cast(pa.float64(), safe=False), v)),
        compute.if_else(widen, pa.scalar(None, pa.int64()), compute.if_else(narrow, as_whole, vi)),
    )
