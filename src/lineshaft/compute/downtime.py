"""Stops of a machine, and the reasons people give for them afterwards; every reason ever given is kept."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Asset
from lineshaft.compute.machine import Machines
from lineshaft.compute.states import PLANNED_STOP, RUNNING, SHORT, UNKNOWN, OeeDefinition, Stretch, mapping
from lineshaft.compute.tables import stop_history, stop_reasons
from lineshaft.core import NS, Conflict, Database, NotFound, bump

_NO_STOP = frozenset({RUNNING, UNKNOWN, PLANNED_STOP})
_LOOK_AROUND = 3600 * NS
_FURTHEST = 90 * 86_400 * NS
_NAMES = uuid.UUID("6f1c2b34-2a70-5c5c-9d0f-4f3e0c6a7b11")


@dataclass(frozen=True, slots=True)
class Stop:
    """A machine stood still: from when to when (None: it still does), in which state, why, and whether it was short.

    `reason` is what a person said, else what the machine's own code means; `code` is that code, `by` says who it was.
    """

    id: str
    asset: str
    start: int
    end: int | None
    state: str
    reason: str | None = None
    micro: bool = False
    version: int = 0
    code: str | None = None
    by: str = ""


def stop_id(asset_id: str, start: int) -> str:
    """Return the lasting name of the stop that began at a moment."""
    return str(uuid.uuid5(_NAMES, f"{asset_id}:{start}"))


class Stops:
    """The stops of the plant, read from the state series whenever somebody asks; only the reasons are written down."""

    def __init__(self, db: Database, machines: Machines) -> None:
        self._db = db
        self._machines = machines
        self._seen: dict[str, tuple[str, int]] = {}

    def of(self, asset: Asset, start: int, end: int, now: int) -> list[Stop]:
        """Return the stops of one machine that touch (start, end], whole; time outside of the plan is no stop."""
        found, _ = self._machines.definition(asset, end)
        micro = self._machines.limit(found)
        busy = [
            p for p in self._machines.pieces(asset, found, start, end, now) if p.element not in (PLANNED_STOP, RUNNING, UNKNOWN)
        ]
        stops = [
            Stop(
                stop_id(asset.id, one.start),
                asset.path,
                one.start,
                None if one.end >= now else one.end,
                one.state,
                micro=one.state in SHORT and one.length < micro,
            )
            for one in self._standing(asset, found, start, end, now)
            if any(piece.start < one.end and piece.end > one.start for piece in busy)
        ]
        self._seen |= {stop.id: (asset.id, stop.start) for stop in stops}
        return self._with_reasons(asset, self._with_codes(asset, found, stops, now))

    def _with_codes(self, asset: Asset, found: OeeDefinition, stops: list[Stop], now: int) -> list[Stop]:
        """Give stops the reason the machine itself said: the first code that means something, from its beginning on."""
        if found.reason is None or not stops:
            return stops
        meaning = mapping(found.reasons)
        words = self._machines.said(asset, found, stops[0].start, max(stop.end or now for stop in stops))
        result: list[Stop] = []
        for stop in stops:
            at_first = [code for at, code in words if at <= stop.start][-1:]
            mine = [*at_first, *(code for at, code in words if stop.start < at < (stop.end or now + 1))]
            code = next((one for one in mine if one in meaning), (mine or [None])[0])
            result.append(replace(stop, code=code, reason=meaning.get(code or ""), by="machine" if code in meaning else ""))
        return result

    def _standing(self, asset: Asset, found: OeeDefinition, start: int, end: int, now: int) -> list[Stretch]:
        """Return the stretches of standstill that touch (start, end], from their true beginning to their true end."""
        low, high, step = start, end, _LOOK_AROUND
        while True:
            states = self._machines.states(asset, found, low, high, now)
            mine = [s for s in states if s.state not in _NO_STOP and s.start < end and s.end > start]
            early = bool(mine) and mine[0].start <= low and mine[0] is states[0]
            late = bool(mine) and mine[-1].end >= high and high < now
            if not (early or late) or step > _FURTHEST:
                return mine
            low, high, step = low - step * early, min(high + step * late, max(now, high)), step * 4

    def _with_reasons(self, asset: Asset, stops: list[Stop]) -> list[Stop]:
        """Find each stop's reason by the moment it began; late values may have moved that a little."""
        if not stops:
            return stops
        last = max(stop.end or stop.start + 1 for stop in stops)
        t = stop_reasons
        query = sa.select(t).where(
            t.c.asset_id == asset.id, t.c.start >= stops[0].start, t.c.start < max(last, stops[-1].start + 1)
        )
        rows = self._db.rows(query.order_by(t.c.coded))
        result: list[Stop] = []
        for stop in stops:
            mine = [r for r in rows if r["start"] >= stop.start and (stop.end is None or r["start"] < stop.end)]
            exact = [r for r in mine if r["id"] == stop.id] or mine
            coded = {"reason": exact[-1]["reason"], "version": exact[-1]["version"], "by": "person"} if exact else {}
            result.append(replace(stop, **coded))
        return result

    def code(self, tx: Connection, one: str, reason: str, now: int, version: int | None = None) -> int:
        """Give a stop its reason; return the new version. Raises NotFound or Conflict."""
        known = tx.execute(sa.select(stop_reasons).where(stop_reasons.c.id == one)).mappings().first()
        if known is None:
            if one not in self._seen:
                raise NotFound(f"there is no stop {one}", hint="ask for the stops of the machine first", code="downtime.unknown")
            if version not in (None, 0):
                raise Conflict("the stop has no reason yet, so no version", code="version.conflict")
            asset_id, start = self._seen[one]
            tx.execute(stop_reasons.insert().values(id=one, version=1, asset_id=asset_id, start=start, reason=reason, coded=now))
            number = 1
        else:
            number = bump(tx, stop_reasons, one, version, reason=reason, coded=now)
        tx.execute(stop_history.insert().values(stop_id=one, version=number, reason=reason, coded=now))
        return number

    def history(self, one: str) -> list[dict[str, object]]:
        """Return every reason a stop was ever given."""
        query = sa.select(stop_history).where(stop_history.c.stop_id == one).order_by(stop_history.c.version)
        return self._db.rows(query)
