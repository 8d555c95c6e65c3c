"""A whole history of one position at once, for a notebook or a look back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from lineshaft.core import InvalidInput, did_you_mean, iso
from lineshaft.detect.anomaly.reading import Readings, read
from lineshaft.detect.vibration.monitor import ALARM, Finding, Judged, Monitor
from lineshaft.detect.vibration.position import Position


@dataclass(frozen=True, slots=True)
class History:
    """Every reading judged, all findings, and the monitor as it stands at the end."""

    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    monitor: Monitor

    @property
    def state(self) -> str:
        """The state after the last reading."""
        return self.monitor.state

    @property
    def first_alarm(self) -> Finding | None:
        """The first finding that is an alarm."""
        return next((one for one in self.findings if one.severity == ALARM), None)

    def table(self) -> pa.Table:
        """Return a row for each reading."""
        times = pa.array([one.at for one in self.judged], pa.timestamp("ns", "UTC"))
        names = ("state", "zone", "vibration_z", "temperature_z")
        return pa.table({"time": times, **{name: [getattr(one, name) for one in self.judged] for name in names}})

    def __str__(self) -> str:
        """Return the state and the findings, for people."""
        lines = [f"{self.monitor.position.name}: {self.state} after {len(self.judged)} readings"]
        lines += [f"{iso(one.at)}  {one.severity:<7}  {one.scope:<10}  {one.cause}: {one.says}" for one in self.findings]
        return "\n".join(lines)


def follow(
    table: Any,
    position: Position,
    *,
    vibration: str = "vibration",
    temperature: str | None = None,
    running: str | None = None,
    time: str | None = None,
) -> History:
    """Judge a table of readings in the order of time; name the columns of vibration, temperature and (0 or 1) running."""
    readings = read(table, time)
    for name in (vibration, temperature, running):
        if name is not None and name not in readings.numbers:
            hint = did_you_mean(name, readings.numbers)
            raise InvalidInput(f"there is no column of numbers '{name}'", where=position.name, hint=hint, code="table.column")
    if np.isnan(readings.numbers[vibration]).all():
        hint = "is it the right column, and was the sensor connected?"
        raise InvalidInput(f"column '{vibration}' holds no value", where=position.name, hint=hint, code="table.column")
    monitor = Monitor(position)
    judged = tuple(_judged(monitor, readings, vibration, temperature, running))
    return History(judged, tuple(finding for one in judged for finding in one.new), monitor)


def _judged(
    monitor: Monitor, readings: Readings, vibration: str, temperature: str | None, running: str | None
) -> Iterator[Judged]:
    nothing = np.full(len(readings), np.nan)
    shakes = readings.numbers[vibration]
    warms = readings.numbers[temperature] if temperature else nothing
    runs = readings.numbers[running] != 0 if running else np.ones(len(readings), np.bool_)
    for at, shake, warm, on in zip(readings.times, shakes, warms, runs, strict=True):
        given = (None if np.isnan(value) else float(value) for value in (shake, warm))
        yield monitor.take(int(at), *given, running=bool(on))
