"""How well the alarms serve their operators: rates, floods, chattering, fleeting and stale alarms, the ten most frequent.

Worked out of the log of alarms in event time; only what was annunciated counts: operators' alarms that were not hidden. Alerts
of maintenance and system events never count. Rates are per operator: what all alarms make, divided by the positions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from lineshaft.core import NS, Database, InvalidInput
from lineshaft.detect.benchmark import Benchmark, judge
from lineshaft.detect.lifecycle import SHOWN, AlarmState
from lineshaft.detect.tables import alarms, log

MINUTE, HOUR, DAY = 60 * NS, 3600 * NS, 86_400 * NS
PERIOD = 10 * MINUTE
FLOOD_BEGINS, FLOOD_ENDS = 10, 5
"""A flood begins with a period of more than ten alarms an operator and ends with one of fewer than five (ISA-18.2)."""

CHATTER = 3
"""An alarm that comes so many times within a minute chatters."""

TOP = 10
"""So many of the most frequent alarms are named; their share says something only where more than these came at all."""

FLEETING = 30 * NS
"""An alarm that goes again by itself within this time, before anybody acknowledged it, is fleeting."""

STALE = DAY
"""An alarm that has stood in the list for so long is stale."""

ANSWERS = ("acknowledge", str(AlarmState.SHELVED), str(AlarmState.OUT_OF_SERVICE))
"""Steps by which an operator answers an alarm."""

Ints = npt.NDArray[np.int64]


class Span(NamedTuple):
    """The time looked at, (start, end], and the number of operators who share the alarms."""

    start: int
    end: int
    positions: int = 1


@dataclass(frozen=True, slots=True)
class Often:
    """How often one alarm did something, and its share of all annunciated alarms."""

    alarm_id: str
    asset: str
    name: str
    priority: int
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Stale:
    """An alarm that has stood since `raised`."""

    alarm_id: str
    asset: str
    name: str
    priority: int
    raised: int


@dataclass(frozen=True, slots=True)
class Flood:
    """A time in which alarms came faster than anybody can read them."""

    start: int
    end: int
    alarms: int
    peak: int


@dataclass(frozen=True, slots=True)
class Area:
    """The alarms of one area: what its operator gets if it has one of its own."""

    area: str
    alarms: int
    per_hour: float
    peak_10min: int


@dataclass(frozen=True, slots=True)
class Kpis:
    """The figures of one span; all rates are per operator."""

    span: Span
    alarms: int
    per_hour: float
    peak_10min: float
    floods: tuple[Flood, ...]
    top: tuple[Often, ...]
    chattering: tuple[Often, ...]
    fleeting: tuple[Often, ...]
    stale: tuple[Stale, ...]
    priorities: Mapping[int, int]
    acknowledged_after: float | None
    shelved: int
    out_of_service: int
    areas: tuple[Area, ...]
    periods: tuple[int, ...]
    benchmarks: tuple[Benchmark, ...]


def kpis(db: Database, span: Span, assets: Sequence[str] | None = None) -> Kpis:
    """Return the figures of a span; `assets` are those that count, all if None."""
    if span.end - span.start < PERIOD:
        raise InvalidInput("less than ten minutes", where="start", hint="ask for an hour or more", code="alarm-kpis.span")
    if span.end - span.start > 400 * DAY:
        raise InvalidInput("more than 400 days", where="start", hint="ask for a shorter time", code="alarm-kpis.span")
    if span.positions < 1:
        raise InvalidInput("there is at least one operator", where="positions", code="alarm-kpis.positions")
    lines = _lines(db, span, assets)
    raised = [line for line in lines if _annunciates(line)]
    stamps = np.array([line["at"] for line in raised], np.int64)
    periods, hours = _counts(stamps, span, PERIOD), _counts(stamps, span, HOUR)
    floods = _floods(periods, span)
    top = _often(Counter(str(line["alarm_id"]) for line in raised).most_common(TOP), raised, len(raised))
    rate = len(raised) * HOUR / (span.end - span.start) / span.positions
    chattering = _often(_chattering(raised), raised, len(raised))
    standing = _stale(db, span, assets)
    peak = float(periods.max()) / span.positions
    flood_time = sum(flood.end - flood.start for flood in floods)
    figures: dict[str, float | None] = {
        "per_day": rate * 24,
        "per_hour": rate,
        "per_10min": rate / 6,
        "peak_10min": peak,
        "hours_over_30": _over(hours, 30 * span.positions),
        "periods_over_10": _over(periods, 10 * span.positions),
        "flood_share": flood_time / (span.end - span.start),
        "top_share": sum(one.share for one in top) if len({line["alarm_id"] for line in raised}) > TOP else None,
        "chattering": len(chattering),
        "stale": len(standing),
    }
    return Kpis(
        span=span,
        alarms=len(raised),
        per_hour=rate,
        peak_10min=peak,
        floods=floods,
        top=top,
        chattering=chattering,
        fleeting=_often(_fleeting(lines), raised, len(raised)),
        stale=standing,
        priorities=dict(sorted(Counter(int(line["priority"]) for line in raised).items())),
        acknowledged_after=_acknowledged_after(lines),
        shelved=sum(line["what"] == AlarmState.SHELVED for line in lines),
        out_of_service=sum(line["what"] == AlarmState.OUT_OF_SERVICE for line in lines),
        areas=_areas(raised, span),
        periods=tuple(periods.tolist()),
        benchmarks=tuple(judge(name, value) for name, value in figures.items()),
    )


def _lines(db: Database, span: Span, assets: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the steps of operators' alarms in the span, in the order they happened."""
    columns = (log.c.alarm_id, log.c.occurrence, log.c.at, log.c.written, log.c.what, log.c.state, log.c.priority)
    query = sa.select(*columns, alarms.c.asset, alarms.c.name, alarms.c.area).join(alarms, alarms.c.id == log.c.alarm_id)
    steps = ("raise", "clear", *ANSWERS)
    query = query.where(log.c.kind == "alarm", log.c.what.in_(steps), log.c.at > span.start, log.c.at <= span.end)
    rows = db.rows(query.order_by(log.c.at, log.c.written))
    return rows if assets is None else _of(rows, assets)


def _of(rows: Iterable[dict[str, Any]], assets: Sequence[str]) -> list[dict[str, Any]]:
    wanted = set(assets)
    return [row for row in rows if row["asset"] in wanted]


def _counts(stamps: Ints, span: Span, width: int) -> Ints:
    """Return how many came in each period, the last of them up to the end (whole periods backwards from there)."""
    number = max(1, -(-(span.end - span.start) // width))
    place = number - 1 - (span.end - stamps) // width
    return np.bincount(place, minlength=number).astype(np.int64)


def _over(counts: Ints, most: int) -> float:
    return float((counts > most).mean())


def _floods(periods: Ints, span: Span) -> tuple[Flood, ...]:
    found: list[Flood] = []
    first: int | None = None
    for place, count in enumerate([*periods.tolist(), 0]):
        if first is None and count > FLOOD_BEGINS * span.positions:
            first = place
        elif first is not None and count < FLOOD_ENDS * span.positions:
            within = periods[first:place]
            end = span.end - (len(periods) - place) * PERIOD
            start = max(span.start, span.end - (len(periods) - first) * PERIOD)
            found.append(Flood(start, end, int(within.sum()), int(within.max())))
            first = None
    return tuple(found)


def _often(counts: Iterable[tuple[str, int]], raised: Sequence[Mapping[str, Any]], total: int) -> tuple[Often, ...]:
    """Return alarms with how often, the most frequent first."""
    known = {str(line["alarm_id"]): line for line in raised}
    rows = [(known[one], count) for one, count in counts if one in known]
    rows.sort(key=lambda row: (-row[1], row[0]["asset"], row[0]["name"]))
    return tuple(
        Often(str(line["alarm_id"]), line["asset"], line["name"], int(line["priority"]), count, count / total)
        for line, count in rows
    )


def _chattering(raised: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return the alarms that came three times or more within some minute, with how often they came in such minutes."""
    of: dict[str, list[int]] = {}
    for line in raised:
        of.setdefault(str(line["alarm_id"]), []).append(int(line["at"]))
    found: list[tuple[str, int]] = []
    for alarm_id, stamps in of.items():
        within = [stamps[place + CHATTER - 1] - stamps[place] <= MINUTE for place in range(len(stamps) - CHATTER + 1)]
        inside = {place + step for place, is_close in enumerate(within) if is_close for step in range(CHATTER)}
        if inside:
            found.append((alarm_id, len(inside)))
    return found


def _fleeting(lines: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return the alarms that went by themselves at once, with how often; one that an operator put away did not."""
    began: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for line in lines:
        occurrence = str(line["occurrence"])
        if _annunciates(line):
            began[occurrence] = int(line["at"])
        elif line["what"] in ANSWERS:
            began.pop(occurrence, None)
        elif line["what"] == "clear" and occurrence in began and line["at"] - began.pop(occurrence) < FLEETING:
            counts[str(line["alarm_id"])] += 1
    return list(counts.items())


def _acknowledged_after(lines: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the median time (s) from when an alarm was told to its acknowledgement, None if nobody acknowledged any.

    By our clock: one that was found late by values that came late could not be acknowledged before it was told.
    """
    told = {str(line["occurrence"]): int(line["written"]) for line in lines if _annunciates(line)}
    waits = [
        (int(line["written"]) - told[str(line["occurrence"])]) / NS
        for line in lines
        if line["what"] == "acknowledge" and str(line["occurrence"]) in told
    ]
    return median(waits) if waits else None


def _annunciates(line: Mapping[str, Any]) -> bool:
    """Say whether a line of the log is an alarm that people were told of: a hidden one is noted only."""
    return line["what"] == "raise" and line["state"] == AlarmState.UNACK


def _stale(db: Database, span: Span, assets: Sequence[str] | None) -> tuple[Stale, ...]:
    """Return the alarms that stood in the list at the end of the span and had stood for a day."""
    mine = (log.c.alarm_id == alarms.c.id) & (log.c.at <= span.end)
    began = sa.select(sa.func.max(log.c.at)).where(mine, log.c.what == "raise", log.c.kind == "alarm").scalar_subquery()
    newest = (log.c.at.desc(), log.c.written.desc())
    last = sa.select(log.c.id).where(mine).order_by(*newest).limit(1).correlate(alarms).scalar_subquery()
    known = sa.select(alarms.c.id, alarms.c.asset, alarms.c.name, began.label("began"), last.label("last")).where(
        ~alarms.c.retired
    )
    each = known.subquery()
    query = sa.select(each.c.id, each.c.asset, each.c.name, each.c.began, log.c.priority).join(log, log.c.id == each.c.last)
    query = query.where(each.c.began <= span.end - STALE, log.c.state.in_(list(SHOWN))).order_by(each.c.began, each.c.asset)
    rows = db.rows(query)
    return tuple(
        Stale(row["id"], row["asset"], row["name"], int(row["priority"]), int(row["began"]))
        for row in (rows if assets is None else _of(rows, assets))
    )


def _areas(raised: Sequence[Mapping[str, Any]], span: Span) -> tuple[Area, ...]:
    of: dict[str, list[int]] = {}
    for line in raised:
        of.setdefault(str(line["area"]), []).append(int(line["at"]))
    hours = (span.end - span.start) / HOUR
    found = [
        Area(area, len(stamps), len(stamps) / hours, int(_counts(np.array(stamps, np.int64), span, PERIOD).max()))
        for area, stamps in of.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.alarms, one.area)))
