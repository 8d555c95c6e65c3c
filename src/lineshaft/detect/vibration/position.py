"""Where a sensor sits and on what; from that follow its zones, its bearing and what is watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.vibration.bearing import Bearing
from lineshaft.detect.vibration.zones import Zones, zones

MEASURES = ("velocity", "other")
BASELINE_ALONE = "baseline"
"""Instead of a group of the table: no zones, the learned baseline alone judges."""


@dataclass(frozen=True, slots=True)
class Position:
    """One sensor position of a machine.

    `measure` is "velocity" for velocity RMS in mm/s of the standard band: then ISO zones hold from the first reading (give
    `power_kw` or `group`; group "baseline" leaves the zones out). Any "other" vibration figure (acceleration, a maker's own)
    is judged by its learned baseline alone.
    """

    name: str
    power_kw: float | None = None
    mounting: str = "rigid"
    kind: str = "machine"
    group: str | None = None
    measure: str = "velocity"
    bearing: Bearing | None = None
    rpm: float | None = None
    learn: int = 144
    warning: float = 4.0
    alarm: float = 6.0
    of: int = 6
    needed: int = 5
    temperature_limit: float | None = None
    table: Path | None = None
    zones: Zones | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Check the settings and choose the zones."""
        if self.measure not in MEASURES:
            hint = did_you_mean(self.measure, MEASURES)
            raise InvalidInput(f"'{self.measure}' is no measure", where=self.name, hint=hint, code="position.measure")
        if not 20 <= self.learn <= 100_000:
            hint = "144 are a day at ten minutes; the baseline should have seen all loads of the machine"
            raise InvalidInput(
                f"a baseline cannot be learned from {self.learn} readings", where=self.name, hint=hint, code="position.learn"
            )
        if not 1 <= self.needed <= self.of or not 0 < self.warning < self.alarm:
            raise InvalidInput(
                f"needed {self.needed} of {self.of}, warning {self.warning:g}, alarm {self.alarm:g} do not fit",
                where=self.name,
                hint="needed at most of, warning below alarm",
                code="position.limits",
            )
        if self.measure == "velocity" and self.group != BASELINE_ALONE:
            chosen = zones(self.power_kw, self.mounting, self.kind, group=self.group, table=self.table)
            object.__setattr__(self, "zones", chosen)
