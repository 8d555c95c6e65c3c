"""The size of everything in the days to come: growth as measured, tier rules applied, replaced files up to their retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lineshaft.store.cost.growth import Rate
from lineshaft.store.cost.scale import COPIES, Weighed
from lineshaft.store.cost.settings import TIERS, Tier
from lineshaft.store.cost.terms import Terms
from lineshaft.store.index import DAY

GB = 1e9
MONTH = 30
Rules = Mapping[str, int]
"""After how many days a table's files go to object storage."""


@dataclass(frozen=True, slots=True)
class Line:
    """One table in one tier: its size now, how fast it grows (None: not measured), and what comes to it."""

    table: str
    tier: Tier
    size: int
    rows: int | None
    rate: Rate
    days: Mapping[int, int]
    level: float | None = None
    level_in: float = 0.0

    def at(self, days: float) -> float | None:
        """Return bytes in so many days, both tiers together; None where growth was not measured."""
        if self.level is not None:
            return self.size + (self.level - self.size) * min(1.0, days / self.level_in if self.level_in else 1.0)
        return None if self.rate.day is None else self.size + self.rate.day * days


def lines_of(weighed: Weighed, rates: Mapping[tuple[str, str], Rate], now: int, keep: int) -> list[Line]:
    """Return a line for everything that lies somewhere; `keep` is how long replaced files stay (ns)."""
    lines = [Line(one.table, one.tier, one.size, one.rows, rates[one.table, one.tier], one.days) for one in weighed.held]
    return [_level(line, weighed, now, keep) if line.table == COPIES else line for line in lines]


def _level(line: Line, weighed: Weighed, now: int, keep: int) -> Line:
    """Return the line of replaced files with the size it comes to: as much again every day, until the retention sweeps."""
    age = now - (weighed.oldest or now)
    if age >= keep or age < DAY:
        return line
    return replace(line, level=line.size * keep / age, level_in=(keep - age) / DAY)


def sizes(lines: Sequence[Line], days: int, today: int, rules: Rules) -> dict[tuple[str, Tier], float]:
    """Return bytes of each (table, tier) in so many days; what was not measured counts as it is."""
    found: dict[tuple[str, Tier], float] = {}
    for line in lines:
        size = line.at(days)
        whole = float(line.size) if size is None else size
        moved = 0.0
        if line.tier == "local" and line.table in rules:
            moved = min(whole, _older(line, days, today, rules[line.table]))
        for tier, part in ((line.tier, whole - moved), ("object", moved)):
            key: tuple[str, Tier] = (line.table, "object" if tier == "object" else line.tier)
            found[key] = found.get(key, 0.0) + part
    return found


def _older(line: Line, days: int, today: int, limit: int) -> float:
    """Return bytes of a table that are older than a rule's limit in so many days."""
    known = sum(size for day, size in line.days.items() if day < today + days - limit)
    return known + (line.rate.day or 0.0) * max(0, days - limit)


def by_tier(found: Mapping[tuple[str, Tier], float]) -> dict[Tier, float]:
    """Return bytes by tier."""
    return {tier: sum(size for (_, where), size in found.items() if where == tier) for tier in TIERS}


def money(tiers: Mapping[Tier, float], terms: Terms) -> float:
    """Return what so many bytes a tier cost a month."""
    return sum(size / GB * terms.prices[tier] for tier, size in tiers.items())


@dataclass(frozen=True, slots=True)
class Crossing:
    """A budget and the day it will be exceeded (0: it is already; None: not within two years)."""

    what: str
    limit: float
    now: float
    day: int | None


def crossings(lines: Sequence[Line], terms: Terms, today: int, rules: Rules, horizon: int = 730) -> list[Crossing]:
    """Return when each budget will be exceeded, to the day."""
    limits: dict[str, float] = {} if terms.money is None else {"money": terms.money}
    limits |= {str(tier): limit for tier, limit in terms.gigabytes.items()}
    first: dict[str, int] = {}
    now = _loads(lines, terms, 0, today, rules)
    for name, limit in limits.items():
        low, high = 0, horizon  # growth never shrinks a tier for good, so half and half finds the first day
        if now[name] > limit:
            first[name] = 0
            continue
        if _loads(lines, terms, horizon, today, rules)[name] <= limit:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _loads(lines, terms, middle, today, rules)[name] > limit else (middle, high)
        first[name] = high
    return [Crossing(name, limit, now[name], first.get(name)) for name, limit in limits.items()]


def _loads(lines: Sequence[Line], terms: Terms, days: int, today: int, rules: Rules) -> dict[str, float]:
    tiers = by_tier(sizes(lines, days, today, rules))
    return {"money": money(tiers, terms), **{str(tier): size / GB for tier, size in tiers.items()}}
