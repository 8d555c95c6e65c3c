"""The ledger: the account of every value that was received, and for one source or tag what became of them over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import NS, NotFound, did_you_mean, iso, now_ns
from lineshaft.doors.rest.frame.asking import House, Reader
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import Listed, Moment, Shape
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject
from lineshaft.store import HINTS, LedgerRow

router = APIRouter(prefix="/ledger", tags=["store"])
Count = Annotated[int, Field(examples=[1200])]
Few = Annotated[int, Field(examples=[0])]
Reasons = Annotated[dict[str, int], Field(examples=[{"future": 2}])]
COUNTED = ("received", "stored", "duplicate", "filtered", "pending", "balance")
MEND = {
    **HINTS,
    "buffer full": "the node was away for longer than the gateway's buffer lasts: raise [gateway] buffer_bytes, or mend the link",
    "unknown-property": "no property has this path: correct it, or add the property to a model",
    "unbound": "bind the property to a tag for that time (POST /api/v1/bindings)",
    "not-measured": "attributes are set and figures are computed: send what they are computed from",
    "computed": "this is computed here: send what it is computed from",
    "forbidden": "the sender's login reaches another part of the plant only",
    "timestamp": "timestamps are ISO 8601 with a zone, or whole nanoseconds since 1970",
    "number": "64 bits hold no such number: send another type or unit",
    "name": "a row names either a property, or a source and a tag",
    "row": "send rows as objects with the fields the API describes",
    "text": "the text holds half a character: look at how the sender encodes it",
}
"""How to mend what made the store, the gateway or a door reject a row, by reason."""
OTHER = "see the answer its sender got: it names the row and the reason"


class LedgerShape(Shape):
    """The account of one tag: received = stored + duplicate + filtered + rejected + pending, or `balance` is not 0."""

    source: Annotated[str, Field(examples=["bakery"])]
    tag: Annotated[str, Field(examples=["ns=2;s=Oven/Power"])]
    received: Count
    stored: Count
    duplicate: Few
    filtered: Few
    rejected: Reasons
    pending: Few
    balance: Few


class Totals(Shape):
    """The sums over all tags."""

    received: Count
    stored: Count
    duplicate: Few
    filtered: Few
    rejected: Reasons
    pending: Few
    balance: Few


class LedgerList(Listed[LedgerShape]):
    """A page of the ledger, and the sums over all of it."""

    totals: Totals


class LedgerStretch(Shape):
    """What became of values between two moments; `pending` is how many were on their way at its end."""

    start: Moment
    end: Moment
    received: Count
    stored: Count
    duplicate: Few
    filtered: Few
    rejected: Reasons
    pending: Few


class RejectedRow(Shape):
    """A row that was rejected, as it came."""

    tag: Annotated[str, Field(examples=["ns=2;s=Oven/Power"])]
    timestamp: Moment
    value: Annotated[str, Field(examples=["41.5"])]
    arrived: Moment


class RejectedReason(Shape):
    """A reason why rows were rejected, how many, how to mend it, and the last of them (those a door refused are not kept)."""

    reason: Annotated[str, Field(examples=["future"])]
    count: Count
    hint: Annotated[str, Field(examples=["set the clock of the machine or server"])]
    last: list[RejectedRow]


class LedgerTrace(Shape):
    """One source, or one tag of it: its account, what of it came in another's place, and its stages over time."""

    source: Annotated[str, Field(examples=["bakery"])]
    tag: Annotated[str | None, Field(examples=["ns=2;s=Oven/Power"])]
    property: Annotated[str | None, Field(examples=["Bakery/Line 1/Oven/Power"])]
    tags: Annotated[int, Field(examples=[1])]
    totals: Totals
    overwritten: Annotated[
        int | None,
        Field(examples=[0], description="Of the stored: in the place of a row with the same key; null if not counted."),
    ]
    rejected: list[RejectedReason]
    stages: list[LedgerStretch]


@router.get("")
def ledger(rooms: House, subject: Reader, limit: Limit = 1000, after: After = None) -> LedgerList:
    """Show what became of every value that was received, by source and tag."""
    rows = _rows(rooms, subject)
    items = [{**_account(row), "source": row.source, "tag": row.tag, "key": f"{row.source}\n{row.tag}"} for row in rows]
    return LedgerList.model_validate({**page(items, limit, after, "key"), "totals": _totals(rows)})


@router.get("/trace")
def trace(
    rooms: House,
    subject: Reader,
    source: Annotated[str, Query(max_length=200, examples=["bakery"])],
    tag: Annotated[str | None, Query(max_length=1000, description="One tag; left out: all of the source.")] = None,
    hours: Annotated[float, Query(gt=0, le=8_760, description="How far to look back.")] = 24,
) -> LedgerTrace:
    """Show what became of one source's, or one tag's, values over time, and the last rows that were rejected."""
    known = _rows(rooms, subject)
    rows = [row for row in known if row.source == source and tag in (None, row.tag)]
    if not rows:
        what = f"nothing ever came from '{source}'" if tag is None else f"nothing ever came as '{tag}' from '{source}'"
        names = {row.source for row in known} if tag is None else {row.tag for row in known if row.source == source}
        raise NotFound(what, hint=did_you_mean(tag or source, names), code="ledger.unknown")
    store, totals = rooms.store, _totals(rows)
    found = {
        "source": source,
        "tag": tag,
        "tags": len(rows),
        "totals": totals,
        "property": None if tag is None else _property(rooms, source, tag),
        "overwritten": store.overwritten(rows[0]) if tag is not None else None,
        "rejected": _reasons(rooms, rows, totals["rejected"]),
        "stages": [
            {
                **{name: getattr(one, name) for name in ("received", "stored", "duplicate", "filtered", "pending", "rejected")},
                "start": iso(one.start),
                "end": iso(one.end),
            }
            for one in store.ledger_past(rows, now_ns() - round(hours * 3600 * NS))
        ],
    }
    return LedgerTrace.model_validate(found)


def _rows(rooms: Rooms, subject: Subject) -> list[LedgerRow]:
    """Return the accounts of the tags a subject reaches."""
    gateway = rooms.gateway
    rows = rooms.store.ledger(gateway.received(), gateway.pending(), gateway.lost(), gateway.filtered())
    return [row for row in rows if subject.reaches(_place(rooms, row.source, row.tag))] if subject.scope else rows


def _reasons(rooms: Rooms, rows: Sequence[LedgerRow], counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return every reason with how to mend it and its last rows, the most frequent first."""
    mine = {row.tag for row in rows}
    last = [one for one in rooms.store.rejected(rows[0].source) if one[0] in mine]
    return [
        {
            "reason": reason,
            "count": count,
            "hint": MEND.get(reason, OTHER),
            "last": [
                {"tag": tag, "timestamp": iso(one.ts), "value": one.value, "arrived": iso(one.arrived)}
                for tag, why, one in last
                if why == reason
            ][:5],
        }
        for reason, count in sorted(counts.items(), key=lambda item: -item[1])
    ]


def _account(row: LedgerRow) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in COUNTED}, "rejected": dict(row.rejected)}


def _totals(rows: Sequence[LedgerRow]) -> dict[str, Any]:
    reasons = Counter[str]()
    for row in rows:
        reasons.update(row.rejected)
    return {**{name: sum(getattr(row, name) for row in rows) for name in COUNTED}, "rejected": dict(reasons)}


def _property(rooms: Rooms, source: str, tag: str) -> str | None:
    """Return the path a tag is bound to now, or of the computed property; None for one that is not bound."""
    try:
        meant = rooms.assets.property(tag) if source == "derived" else rooms.assets.property_of(source, tag)
    except NotFound:
        return None
    return None if meant is None else meant.path


def _place(rooms: Rooms, source: str, tag: str) -> str:
    """Return the asset a tag (or a computed property) belongs to; nothing for one that is not bound."""
    path = _property(rooms, source, tag)
    return "" if path is None else path.rpartition("/")[0]
