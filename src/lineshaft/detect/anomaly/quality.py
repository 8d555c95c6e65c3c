"""A look at the data before anything is learned: what is wrong with each sensor, and what will be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lineshaft.core import NS, iso
from lineshaft.detect.anomaly.charts import longest_run, runs
from lineshaft.detect.anomaly.oddities import same, wild
from lineshaft.detect.anomaly.reading import Readings
from lineshaft.detect.detector import Floats

SAMPLE = 20_000
"""Rows that are looked at where a share of all says as much."""

MOSTLY_MISSING = 0.5
STUCK_SHARE = 0.25
FEW_MOVES, SURE_MOVES = 8, 50
"""A counter moves so often at least; with more moves a few the other way (it is set back) are borne."""
SHORT = 14 * 86_400 * NS
"""A sensor with values of less time than that has hardly shown what is usual."""

LEVELS = 12
"""A sensor with at most so many different values is a category rather than a measurement."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong, with a figure, and what will be done."""

    code: str
    what: str
    action: str
    figure: float = 0.0
    excludes: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the flaw as plain values."""
        return {"code": self.code, "what": self.what, "action": self.action, "figure": self.figure}


@dataclass(frozen=True, slots=True)
class SensorQuality:
    """What was found about one sensor."""

    name: str
    role: str
    missing: float
    flaws: tuple[Flaw, ...] = ()
    first: int | None = None
    last: int | None = None
    """The times of its first and last value."""
    within: tuple[float, float] | None = None
    """Between these lie its measurements, where a few values are so far out that they are none."""

    @property
    def used(self) -> bool:
        """True when the model can use the sensor."""
        return not any(flaw.excludes for flaw in self.flaws)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What was found about a table; `str()` is for people, `as_dict()` for programs."""

    rows: int
    start: int
    end: int
    every: int
    sensors: tuple[SensorQuality, ...]
    table: tuple[Flaw, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the sensors a model will use."""
        return tuple(sensor.name for sensor in self.sensors if sensor.used)

    def sensor(self, name: str) -> SensorQuality:
        """Return what was found about one sensor."""
        return next(sensor for sensor in self.sensors if sensor.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "rows": self.rows,
            "start": iso(self.start),
            "end": iso(self.end),
            "every_s": self.every / NS,
            "summary": self.summary(),
            "table": [one.as_dict() for one in self.table],
            "sensors": [
                {
                    "name": one.name,
                    "role": one.role,
                    "used": one.used,
                    "missing": one.missing,
                    "missing_values": round(one.missing * self.rows),
                    "start": None if one.first is None else iso(one.first),
                    "end": None if one.last is None else iso(one.last),
                    "flaws": [flaw.as_dict() for flaw in one.flaws],
                }
                for one in self.sensors
            ],
        }

    def summary(self) -> dict[str, int]:
        """Return the counts of all sensors together."""

        def counted(code: str) -> int:
            return int(sum(flaw.figure for one in self.sensors for flaw in one.flaws if flaw.code == code))

        spans = [one.last - one.first for one in self.sensors if one.first is not None and one.last is not None]
        doubled = int(sum(flaw.figure for flaw in self.table if flaw.code == "duplicates")) * len(self.sensors)
        return {
            "sensors": len(self.sensors),
            "used": len(self.used),
            "without_values": len(self.sensors) - len(spans),
            "short": sum(span < SHORT for span in spans),
            "missing_values": sum(round(one.missing * self.rows) for one in self.sensors),
            "invalid_values": counted("infinite") + counted("words") + counted("refused-value"),
            "duplicate_timestamps": doubled + counted("overwritten"),
            "unsupported_timestamps": counted("refused-time"),
        }

    def __str__(self) -> str:
        """Return a table for a terminal or a notebook."""
        lines = [f"{self.rows} rows from {iso(self.start)} to {iso(self.end)}, one every {self.every / NS:g} s"]
        lines += [f"! {flaw.what}: {flaw.action}" for flaw in self.table]
        width = max((len(sensor.name) for sensor in self.sensors), default=4)
        for sensor in self.sensors:
            said = "; ".join(f"{flaw.what}: {flaw.action}" for flaw in sensor.flaws) or "good"
            used = "used" if sensor.used else "left out"
            lines.append(f"{sensor.name:<{width}}  {sensor.role:<8}  {used:<8}  {sensor.missing:6.1%} missing  {said}")
        return "\n".join(lines)


def inspect(readings: Readings, roles: dict[str, str], every: int, fill: int) -> QualityReport:
    """Look at every column of a table that has a role."""
    sensors = [_between(_sensor(name, role, readings, every, fill), readings) for name, role in roles.items()]
    sensors = copies(sensors, readings)
    start, end = (int(readings.times[0]), int(readings.times[-1])) if len(readings) else (0, 0)
    return QualityReport(len(readings), start, end, every, tuple(sensors), tuple(_table(readings, every)))


def _between(found: SensorQuality, readings: Readings) -> SensorQuality:
    """Return what was found with the times of the first and the last value."""
    if found.name in readings.texts:
        there = np.flatnonzero([cell is not None for cell in readings.texts[found.name].tolist()])
    else:
        there = np.flatnonzero(~np.isnan(readings.numbers.get(found.name, np.zeros(0))))
    if not len(there):
        return found
    return replace(found, first=int(readings.times[there[0]]), last=int(readings.times[there[-1]]))


def _table(readings: Readings, every: int) -> list[Flaw]:
    found = [Flaw("time", note, "say `time=` if it is another column") for note in readings.notes]
    if not readings.timed:
        action = f"rows are taken as consecutive, {every / NS:g} s apart"
        found.append(Flaw("no-time", "there is no time column", action))
    if readings.unsorted:
        action = "sorted by time; check that the time column is the right one"
        found.append(Flaw("unsorted", f"{readings.unsorted} rows go back in time", action, readings.unsorted))
    if readings.duplicates:
        action = "of rows with the same time the last is used"
        found.append(Flaw("duplicates", f"{readings.duplicates} rows have the time of another", action, readings.duplicates))
    steps = np.diff(readings.times)
    if len(steps) and (wide := int((steps > 10 * every).sum())):
        longest = int(steps.max())
        action = "nothing is made up in between; the charts go on after it"
        found.append(Flaw("time-gaps", f"{wide} gaps in time, the longest {longest / (3600 * NS):.3g} h", action, wide))
    return found


def _sensor(name: str, role: str, readings: Readings, every: int, fill: int) -> SensorQuality:
    if name in readings.texts:
        return _text(name, role, readings)
    values = readings.numbers.get(name)
    if values is None:
        return SensorQuality(name, role, 1.0, (Flaw("absent", "not in the table", "left out", 1, excludes=True),))
    missing = float(np.isnan(values).mean()) if len(values) else 1.0
    flaws: list[Flaw] = []
    if (odd := readings.odd.get(name)) is not None:
        how = "with a decimal comma" if odd.written == "comma" else "as text"
        flaws.append(Flaw("number-as-text", f"numbers written {how}", "converted"))
        if odd.worded:
            what = f"{odd.worded} words among the numbers ({', '.join(odd.words)})"
            flaws.append(Flaw("words", what, "counted as missing", odd.worded))
    if name in readings.infinite:
        count = readings.infinite[name]
        flaws.append(Flaw("infinite", f"{count} infinite values", "counted as missing", count))
    flaws += _absence(values, missing, every, fill)
    within = wild(values) if role != "state" else None
    if within is not None:
        inside = (values >= within[0]) & (values <= within[1])
        far = np.unique(values[~inside & ~np.isnan(values)])
        count = int((~inside & ~np.isnan(values)).sum())
        what = f"{count} values far outside of all others ({', '.join(f'{one:g}' for one in far[:3])})"
        flaws.append(Flaw("wild", what, "not learned from; give no value where there is none", count))
        values = np.where(inside, values, np.nan)
    seen = values[~np.isnan(values)]
    if len(seen):
        flaws += _shape(seen, role)
    return SensorQuality(name, role, missing, tuple(flaws), within=within)


def copies(sensors: list[SensorQuality], readings: Readings) -> list[SensorQuality]:
    """Mark responses that are another one told again, in whatever unit: together they would hide what both show."""
    names = [one.name for one in sensors if one.used and one.role == "response" and one.name in readings.numbers]
    again, near = same({name: readings.numbers[name] for name in names})
    flaws = {name: Flaw("copy", f"the same as '{other}'", "left out", excludes=True) for name, other in again.items()}
    action = "used; what both show alike is seen late: to see it soon, ignore one of them"
    flaws |= {name: Flaw("twin", f"nearly the same as '{other}'", action) for name, other in near.items()}
    return [replace(one, flaws=(*one.flaws, flaws[one.name])) if one.name in flaws else one for one in sensors]


def _text(name: str, role: str, readings: Readings) -> SensorQuality:
    cells = readings.texts[name]
    levels = {cell for cell in cells.tolist() if cell is not None}
    missing = float(np.mean([cell is None for cell in cells.tolist()])) if len(cells) else 1.0
    if role == "state" and len(levels) <= 4 * LEVELS:
        return SensorQuality(
            name, role, missing, (Flaw("text", f"{len(levels)} different texts", "each is a regime", len(levels)),)
        )
    action = (
        "left out; give it the role of a state" if len(levels) <= 4 * LEVELS else "left out; it holds texts, not measurements"
    )
    return SensorQuality(name, role, missing, (Flaw("text", "texts, not numbers", action, len(levels), excludes=True),))


def _absence(values: Floats, missing: float, every: int, fill: int) -> list[Flaw]:
    if missing == 0:
        return []
    if usual := _usual_gap(values, missing):
        return [_slow(usual * every, missing, fill)]
    if missing > MOSTLY_MISSING:
        what = "no value at all" if missing == 1 else f"{missing:.0%} missing"
        return [Flaw("missing", what, "left out; bring it back when it delivers", missing, excludes=True)]
    first, last = runs(np.isnan(values))
    gap = int((last - first + 1).max())
    longest = gap * every
    found: list[Flaw] = []
    if missing > 0.05:
        action = "short gaps keep the last value, in longer ones the sensor is not judged and the others go on"
        found.append(Flaw("missing", f"{missing:.1%} missing", action, missing))
    if longest > fill and gap > 1:
        action = "estimated from the other sensors, and not counted as evidence"
        found.append(Flaw("gaps", f"the longest gap is {longest / (3600 * NS):.3g} h", action, longest / NS))
    return found


def _usual_gap(values: Floats, missing: float) -> int:
    """Return how many rows lie between the values of a sensor that is read less often than others; 0 for one that has gaps."""
    if not MOSTLY_MISSING * 0.9 < missing < 1:
        return 0
    gaps = np.diff(np.flatnonzero(~np.isnan(values)))
    if len(gaps) < LEVELS:
        return 0
    usual = int(np.median(gaps))
    return usual if usual > 1 and float(np.quantile(gaps, 0.95)) <= 1.5 * usual else 0


def _slow(gap: int, missing: float, fill: int) -> Flaw:
    """Return what is done about a sensor that has a value every so many nanoseconds, in a table with shorter steps."""
    what = f"a value every {gap / NS:g} s"
    if gap <= fill:
        return Flaw("slow", what, "each is held until the next", missing)
    action = f"left out; say fill='{-(-gap // NS)}s' to hold each until the next, or take longer steps"
    return Flaw("slow", what, action, missing, excludes=True)


def _shape(seen: Floats, role: str) -> list[Flaw]:
    """Look at the values that are there: constant, stuck, categories, a counter, several modes."""
    low, high = float(seen.min()), float(seen.max())
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        return [Flaw("constant", f"always {low:g}", "left out; it says nothing about the others", low, excludes=True)]
    if role != "state" and (counter := _counter(seen)):
        return [counter]
    some = seen[:: max(1, len(seen) // SAMPLE)]
    distinct = len(np.unique(some))
    flaws: list[Flaw] = []
    if distinct <= LEVELS and len(some) > 10 * distinct:
        if role == "response":
            action = "used as a number; if it names a state or a product, give it the role of a state"
            flaws.append(Flaw("categorical", f"only {distinct} different values", action, distinct))
        return flaws
    if role == "state":
        action = "left out; a state has few values: give it the role of a driver"
        return [Flaw("not-a-state", f"{distinct} different values", action, distinct, excludes=True)]
    stuck = longest_run(seen)
    if stuck > STUCK_SHARE * len(seen) and stuck > 20:
        action = "used; check the sensor, or say when the machine is off"
        return [*flaws, Flaw("stuck", f"the same value for {stuck} rows on end", action, stuck)]
    if role == "response" and (modes := _modes(some)) > 1:
        action = "used; name what switches it (product, speed) as a driver or a state"
        flaws.append(Flaw("multi-mode", f"{modes} separate ranges of values", action, modes))
    return flaws


def _counter(seen: Floats) -> Flaw | None:
    steps = np.diff(seen)
    moved = steps[steps != 0]
    if len(moved) < FEW_MOVES:
        return None
    up = float((moved > 0).mean())
    if (0.005 < up < 0.995) or (len(moved) < SURE_MOVES and 0 < up < 1):
        return None
    return Flaw("monotonic", "only ever rises or falls", "left out; a counter's rate can be used instead", up, excludes=True)


def _modes(some: Floats) -> int:
    """Return in how many separate ranges the values lie: peaks of a smoothed histogram with a deep valley between them."""
    low, high = np.quantile(some, [0.002, 0.998])
    if high <= low or len(some) < 200:
        return 1
    counts, _ = np.histogram(some, bins=40, range=(float(low), float(high)))
    smooth = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
    return 1 + _valleys(smooth / smooth.sum())


def _valleys(share: Floats) -> int:
    """Return how many deep valleys part masses of at least 5 %."""
    found, start = 0, 0
    for place in range(1, len(share) - 1):
        if place <= start:
            continue
        left, right = float(share[start:place].max()), float(share[place + 1 :].max())
        mass = min(float(share[start:place].sum()), float(share[place + 1 :].sum()))
        if share[place] < 0.2 * min(left, right) and mass > 0.05:
            found, start = found + 1, place + 1
    return found


def roles_of(names: Sequence[str], drivers: Sequence[str], states: Sequence[str], ignore: Sequence[str]) -> dict[str, str]:
    """Return the role of every column: driver, state, else response; ignored ones are not there."""
    given = {**dict.fromkeys(drivers, "driver"), **dict.fromkeys(states, "state")}
    return {name: given.get(name, "response") for name in names if name not in ignore}
