"""What storage costs now and in the months to come, and the warning before a budget is exceeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Database, SystemEvent, now_ns
from lineshaft.store.cost.forecast import (
    GB,
    MONTH,
    Crossing,
    Line,
    Rules,
    by_tier,
    crossings,
    lines_of,
    money,
    sizes,
)
from lineshaft.store.cost.growth import Noted, Pace, pace_of, rates
from lineshaft.store.cost.scale import COPIES, Scale
from lineshaft.store.cost.settings import CostSettings, Tier
from lineshaft.store.cost.terms import Terms, read_terms, write_terms
from lineshaft.store.index import DAY, HOUR_TABLE, MINUTE_TABLE, SAMPLES_TABLE
from lineshaft.store.tables import storage_sizes

EVENT = "cost:budget"
EVERY = 600 * 1_000_000_000
_HOUR = 3_600 * 1_000_000_000
MONTHS = (0, 1, 3, 12)
WHAT_IF = (7, 30, 90, 365)
_RULED: tuple[str, ...] = (SAMPLES_TABLE, MINUTE_TABLE, HOUR_TABLE)


@dataclass(frozen=True, slots=True)
class Future:
    """Sizes and money a month in so many days."""

    days: int
    sizes: Mapping[Tier, float]
    money: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a rule would do: files of values older than so many days go to object storage; money a month in a year."""

    older_than: int
    money: float
    moved: float


@dataclass(frozen=True, slots=True)
class Prognosis:
    """The whole estimate. `unmeasured` are tables whose growth is not known yet: they count as they are now.

    `months` is empty as long as nobody knows how fast values come: no data, no value.
    """

    at: int
    terms: Terms
    pace: Pace
    lines: tuple[Line, ...]
    now: Future
    months: tuple[Future, ...]
    per_table: Mapping[tuple[str, Tier], tuple[float | None, ...]]
    what_if: tuple[WhatIf, ...]
    budget: tuple[Crossing, ...]
    unmeasured: tuple[str, ...]
    rules: Rules
    keep: int


class Costs:
    """The estimate of one home. Sizes are noted every ten minutes by `tend`, which also watches the budget."""

    def __init__(self, scale: Scale, db: Database, settings: CostSettings, keep: int, bus: Bus | None = None) -> None:
        self.settings = settings
        self.rules: Callable[[], Rules] = dict
        self._scale, self._db, self._keep, self._bus = scale, db, keep, bus or Bus()
        self._told: set[str] = set()
        self._noted_at = 0

    def terms(self) -> Terms:
        """Return the prices and the budget that hold now."""
        return read_terms(self._db, self.settings)

    def edit(self, tx: Connection, change: Mapping[str, Any], version: int | None = None) -> int:
        """Write prices, currency or budget; return the new version. Raises Conflict when stale."""
        return write_terms(tx, change, version)

    def prognosis(self, now: int | None = None) -> Prognosis:
        """Estimate what everything costs now and in the months to come."""
        at = now or now_ns()
        terms, weighed, window, rules = self.terms(), self._scale.weigh(), self.settings.window_ns, dict(self.rules())
        pace = pace_of(weighed, at, window)
        lines = lines_of(weighed, rates(weighed, self._past(at - window), pace, at, window), at, self._keep)
        today, known = at // DAY, pace.rows_per_s is not None
        unmeasured = sorted({line.table for line in lines if line.at(1) is None})
        return Prognosis(
            at,
            terms,
            pace,
            tuple(lines),
            _future(lines, terms, 0, today, {}),  # what lies where now is seen, whatever a rule will do
            tuple(_future(lines, terms, months * MONTH, today, rules) for months in range(1, 13)) if known else (),
            _per_table(lines, today, rules),
            tuple(_what_if(lines, terms, today, older) for older in WHAT_IF) if known else (),
            tuple(crossings(lines, terms, today, rules)) if known else tuple(crossings(lines, terms, today, {}, 1)),
            tuple(unmeasured),
            rules,
            self._keep,
        )

    def history(self, since: int) -> list[tuple[int, dict[str, int]]]:
        """Return the bytes of each tier at every moment noted since a time, oldest first."""
        table = storage_sizes
        query = sa.select(table.c.at, table.c.tier, sa.func.sum(table.c.size).label("size")).where(table.c.at >= since)
        found: dict[int, dict[str, int]] = {}
        for row in self._db.rows(query.group_by(table.c.at, table.c.tier).order_by(table.c.at)):
            found.setdefault(row["at"], {})[row["tier"]] = int(row["size"])
        return list(found.items())

    def tend(self, now: int | None = None) -> None:
        """Note the sizes and look at the budget, every ten minutes; call it as often as you like."""
        at = now or now_ns()
        if at - self._noted_at >= EVERY:
            self._noted_at = at
            self.note(at)
            self.warn(at)

    def note(self, now: int) -> None:
        """Note how much lies where, and thin out what was noted long ago."""
        held = self._scale.weigh().held
        rows = [{"at": now, "name": one.table, "tier": one.tier, "size": one.size, "rows": one.rows} for one in held]
        with self._db.begin() as tx:
            if rows:
                tx.execute(sa.insert(storage_sizes), rows)
            for older, every in ((2 * DAY, _HOUR), (30 * DAY, DAY)):
                moments = sorted(tx.execute(_moments(now - older)).scalars())
                kept = {moment // every: moment for moment in reversed(moments)}
                gone = set(moments) - set(kept.values())
                for moment in gone:
                    tx.execute(sa.delete(storage_sizes).where(storage_sizes.c.at == moment))

    def warn(self, now: int | None = None) -> list[SystemEvent]:
        """Tell system events of budgets that are, or soon will be, exceeded; end those that no longer hold."""
        found = self.prognosis(now)
        ahead = self.settings.warn_ahead_ns // DAY
        events = [_warning(one, found) for one in found.budget if one.day is not None and one.day <= ahead]
        keys = {event.key for event in events}
        ended = [SystemEvent(key, "the budget is kept again", active=False) for key in sorted(self._told - keys)]
        self._told = keys
        for event in (*events, *ended):
            self._bus.tell(event)
        return events

    def _past(self, since: int) -> list[Noted]:
        table = storage_sizes
        found = self._db.rows(sa.select(table).where(table.c.at >= since).order_by(table.c.at))
        return [Noted(int(row["at"]), row["name"], row["tier"], int(row["size"])) for row in found]


def _moments(before: int) -> sa.Select[Any]:
    return sa.select(storage_sizes.c.at).where(storage_sizes.c.at < before).distinct()


def _future(lines: Sequence[Line], terms: Terms, days: int, today: int, rules: Rules) -> Future:
    tiers = by_tier(sizes(lines, days, today, rules))
    return Future(days, tiers, money(tiers, terms))


def _per_table(lines: Sequence[Line], today: int, rules: Rules) -> dict[tuple[str, Tier], tuple[float | None, ...]]:
    """Return bytes of each (table, tier) in 0, 1, 3 and 12 months; None where growth was not measured."""
    unknown = {(line.table, line.tier) for line in lines if line.at(1) is None}
    found = [sizes(lines, months * MONTH, today, rules if months else {}) for months in MONTHS]
    keys = [key for key in dict.fromkeys(key for one in found for key in one) if any(one.get(key) for one in found)]
    return {key: tuple(None if n and key in unknown else one.get(key, 0.0) for n, one in enumerate(found)) for key in keys}


def _what_if(lines: Sequence[Line], terms: Terms, today: int, older: int) -> WhatIf:
    rules: Rules = dict.fromkeys(_RULED, older)
    tiers = by_tier(sizes(lines, 12 * MONTH, today, rules))
    moved = tiers["object"] - by_tier(sizes(lines, 12 * MONTH, today, {}))["object"]
    return WhatIf(older, money(tiers, terms), moved)


def _warning(one: Crossing, found: Prognosis) -> SystemEvent:
    """Return the event of one budget: what, when, and what can be done about it."""
    name = "storage costs" if one.what == "money" else f"the tier '{one.what}' holds"
    limit, now = (_amount(value, one.what, found.terms.currency) for value in (one.limit, one.now))
    advice = _advice(found, one.what)
    if one.day == 0:
        return SystemEvent(f"{EVENT}:{one.what}", f"{name} {now}, more than the budget of {limit}", "error", hint=advice)
    when = (datetime.fromtimestamp(found.at / 1e9, UTC) + timedelta(days=one.day or 0)).date().isoformat()
    message = f"{name} {now}; at the growth of the last days the budget of {limit} is exceeded on {when} (in {one.day} days)"
    return SystemEvent(f"{EVENT}:{one.what}", message, "warning", hint=advice)


def _amount(value: float, what: str, currency: str) -> str:
    return f"{value:.3g} {currency} a month" if what == "money" else size_told(value * GB)


def size_told(size: float) -> str:
    """Return bytes as people read them, in thousands."""
    units = ("B", "kB", "MB", "GB", "TB")
    step = 0
    while abs(size) >= 1000 and step < len(units) - 1:
        size, step = size / 1000, step + 1
    return f"{size:,.{1 if step else 0}f} {units[step]}"


def _advice(found: Prognosis, what: str) -> str:
    """Return what can be done: where most of it lies, what sweeps sooner, and what moves it."""
    mine = [line for line in found.lines if what in ("money", line.tier)]
    largest = max(mine, key=lambda line: line.size, default=None)
    said = [] if largest is None else [f"the largest is {largest.table} with {size_told(largest.size)}"]
    copies = sum(line.size for line in mine if line.table == COPIES)
    if copies > 0.05 * sum(line.size for line in mine):
        said.append(f"{size_told(copies)} are replaced files: a shorter [store] keep_removed sweeps them sooner")
    if what == "hot":
        said.append("a shorter [store] flush_interval moves values to the lake sooner")
    if what in ("money", "local"):
        said.append("a tier rule moves old files to object storage")
    return "; ".join([*said, "prices and budget are on the Cost page"])
