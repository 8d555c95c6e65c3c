"""One position followed over time: zones from the first reading, baselines once learned, findings, and a state people act on.

healthy -> warning -> alarm -> (somebody acknowledges) needs maintenance -> (repair verified) healthy. Only a warning eases by
itself; an alarm stays until somebody has looked, as on a real machine a fault that grows quiet is not gone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.vibration.baseline import Baseline
from lineshaft.detect.vibration.bearing import SEEN, Diagnosis, diagnose
from lineshaft.detect.vibration.position import Position
from lineshaft.detect.vibration.waveform import Waveform

HEALTHY, WARNING, ALARM, MAINTENANCE = "healthy", "warning", "alarm", "needs maintenance"
LEVEL = {HEALTHY: 0, WARNING: 1, ALARM: 2, MAINTENANCE: 3}
BEARING = "bearing"
BEARING_LEVEL = {"none": 0, "low": 0, "medium": 1, "high": 2}
LEAST_SPREAD = {"vibration": 0.02, "temperature": 1.0}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed: `pointwise` in a single reading, `persistent` in most of the latest ones."""

    at: Any
    cause: str
    severity: str
    scope: str
    value: float
    limit: float
    says: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Judged:
    """One reading, judged: the state after it, its zone, and findings that are new."""

    at: Any
    state: str
    zone: str | None
    vibration_z: float | None
    temperature_z: float | None
    new: tuple[Finding, ...]
    diagnosis: Diagnosis | None = None


@dataclass(slots=True)
class Monitor:
    """Follows one position; what it must remember over a restart is `as_dict`."""

    position: Position
    state: str = HEALTHY
    vibration: Baseline = field(init=False)
    temperature: Baseline = field(init=False)
    recent: dict[str, deque[int]] = field(default_factory=dict[str, "deque[int]"])
    open: dict[str, str] = field(default_factory=dict[str, str])
    race: str | None = None

    def __post_init__(self) -> None:
        """Begin with empty baselines."""
        learn = self.position.learn
        self.vibration = Baseline(learn, LEAST_SPREAD["vibration"], ratio=True)
        self.temperature = Baseline(learn, LEAST_SPREAD["temperature"], ratio=False)

    def take(
        self,
        at: Any,
        vibration: float | None = None,
        temperature: float | None = None,
        *,
        running: bool = True,
        waveform: Waveform | None = None,
        looked: Diagnosis | None = None,
    ) -> Judged:
        """Take one reading; one of a machine that stands still changes nothing.

        `looked` is what a raw record shows of the bearing, or give the record itself as `waveform`.
        """
        if vibration is not None and vibration < 0:
            hint = "RMS is never below 0: is this a raw sample, or a bad value?"
            raise InvalidInput(f"vibration {vibration} is below 0", where=self.position.name, hint=hint, code="vibration.value")
        new: list[Finding] = []
        above: float | None = None
        warmer: float | None = None
        shakes = vibration if running and vibration is not None and np.isfinite(vibration) else None
        zone = None if shakes is None else self._zone(at, shakes, new)
        usual = self._may_be_usual(zone, temperature)
        if shakes is not None and (usual or self.vibration.learned):
            above = self._deviation(at, "vibration", self.vibration, shakes, new)
        if running and temperature is not None and np.isfinite(temperature):
            if usual or self.temperature.learned:
                warmer = self._deviation(at, "temperature", self.temperature, temperature, new)
            self._limit(at, temperature, new)
        if waveform is not None and looked is None and self.position.bearing is not None and running:
            looked = diagnose(waveform, self.position.bearing, waveform.rpm or self.position.rpm)
        if looked is not None and running:
            self._bearing(at, looked, new)
        self._settle()
        return Judged(at, self.state, zone, above, warmer, tuple(new), looked)

    def _may_be_usual(self, zone: str | None, temperature: float | None) -> bool:
        """Say whether a reading may be learned from: what may damage the machine, or comes while it is in alarm, is not usual."""
        limit = self.position.temperature_limit
        is_hot = limit is not None and temperature is not None and temperature > limit
        return zone != "D" and not is_hot and LEVEL[self.state] < LEVEL[ALARM]

    def acknowledge(self) -> str:
        """Somebody has looked at the alarm: work is needed."""
        if self.state == ALARM:
            self.state = MAINTENANCE
        return self.state

    def repaired(self, *, learn: bool = False) -> str:
        """Reset after verified return to service; `learn` the baselines anew when parts were replaced."""
        for baseline in (self.vibration, self.temperature):
            baseline.forget() if learn else baseline.quiet()
        self.recent.clear()
        self.open.clear()
        self.race = None
        self.state = HEALTHY
        return self.state

    def adopt(self, other: Monitor, figure: str) -> str:
        """Take over how vibration or temperature was judged by one that knows the same latest readings and more.

        What lasts there lasts here.
        """
        for cause in (one for one in other.recent if figure_of(one) == figure):
            self.recent[cause] = deque(other.recent[cause], maxlen=self.position.of)
            key = f"{cause}/persistent"
            if LEVEL[other.open.get(key, HEALTHY)] > LEVEL[self.open.get(key, HEALTHY)]:
                self.open[key] = other.open[key]
        mine, theirs = getattr(self, figure), getattr(other, figure)
        if mine.learned and theirs.learned:
            mine.smooth = theirs.smooth
        self._settle()
        return self.state

    def _zone(self, at: Any, value: float, new: list[Finding]) -> str | None:
        table = self.position.zones
        if table is None:
            return None
        zone, edge = table.zone(value), table.limits[2]
        warning = table.warning_limit(self.vibration.usual)
        level = 2 if value > edge else 1 if value > warning else 0
        said = f"{value:.2f} mm/s is in zone {zone} ({table.name}; {table.standard})"
        self._note(at, "iso zone", level, value, edge if level == 2 else warning, said, new)
        return zone

    def _deviation(self, at: Any, cause: str, baseline: Baseline, value: float, new: list[Finding]) -> float | None:
        told = baseline.take(value)
        if told is None or baseline.usual is None:
            return None
        above, smooth = told
        place = self.position
        lasting = 2 if smooth > place.alarm else 1 if smooth > place.warning else 0
        said = f"{value:.4g} where {baseline.usual:.4g} is usual, {above:.1f} spreads above"
        self._note(at, f"{cause} baseline", max(int(above > place.alarm), lasting), value, baseline.usual, said, new)
        return smooth

    def _limit(self, at: Any, value: float, new: list[Finding]) -> None:
        limit = self.position.temperature_limit
        if limit is not None:
            said = f"{value:.1f} °C where {limit:g} °C is the limit"
            self._note(at, "temperature limit", 2 if value > limit else 0, value, limit, said, new)

    def _bearing(self, at: Any, looked: Diagnosis, new: list[Finding]) -> None:
        """One record that shows a race is a warning; the same race in two of the latest three, told apart clearly, an alarm."""
        level = BEARING_LEVEL[looked.confidence]
        named = looked.fault if level else None
        if named is not None and self.race not in (None, named):
            self.recent.pop(BEARING, None)  # another race than before: what was seen of that one proves nothing of this
            self.open.pop(f"{BEARING}/persistent", None)
        self.race = named or self.race
        latest = self.recent.setdefault(BEARING, deque(maxlen=3))
        latest.append(level)
        strength, said = looked.evidence[0].strength, str(looked)
        if sum(one > 0 for one in latest) >= 2 and level:
            severity = ALARM if sum(one == 2 for one in latest) >= 2 else WARNING
            found = Finding(at, BEARING, severity, "persistent", strength, SEEN, said)
            self._open(f"{BEARING}/persistent", severity, found, new)
        if level:
            self._open(f"{BEARING}/pointwise", WARNING, Finding(at, BEARING, WARNING, "pointwise", strength, SEEN, said), new)
        elif not any(latest):
            self.open = {key: value for key, value in self.open.items() if not key.startswith(BEARING)}
            self.race = None

    def _note(self, at: Any, cause: str, level: int, value: float, limit: float, said: str, new: list[Finding]) -> None:
        """Remember how one cause was judged; tell what is new: a single reading is a warning, most of the latest may alarm."""
        latest = self.recent.setdefault(cause, deque(maxlen=self.position.of))
        latest.append(level)
        for severity, at_least in ((ALARM, 2), (WARNING, 1)):
            if sum(one >= at_least for one in latest) >= self.position.needed:
                self._open(f"{cause}/persistent", severity, Finding(at, cause, severity, "persistent", value, limit, said), new)
                break
        else:
            self.open.pop(f"{cause}/persistent", None)
        if level:
            self._open(f"{cause}/pointwise", WARNING, Finding(at, cause, WARNING, "pointwise", value, limit, said), new)
        elif not any(latest):
            self.open.pop(f"{cause}/pointwise", None)

    def _open(self, key: str, severity: str, finding: Finding, new: list[Finding]) -> None:
        before = self.open.get(key)
        if before is None or LEVEL[severity] > LEVEL[before]:
            self.open[key] = severity
            new.append(finding)

    def _settle(self) -> None:
        if LEVEL[self.state] < LEVEL[ALARM]:
            self.state = max([HEALTHY, *self.open.values()], key=lambda one: LEVEL[one])

    def as_dict(self) -> dict[str, Any]:
        """Return what must be remembered over a restart, as plain values."""
        return {
            "state": self.state,
            "vibration": self.vibration.as_dict(),
            "temperature": self.temperature.as_dict(),
            "recent": {cause: list(latest) for cause, latest in self.recent.items()},
            "open": dict(self.open),
            "race": self.race,
        }

    @classmethod
    def restore(cls, position: Position, kept: dict[str, Any]) -> Monitor:
        """Go on where `as_dict` was taken."""
        one = cls(position, kept["state"])
        one.vibration.restore(kept["vibration"])
        one.temperature.restore(kept["temperature"])
        one.recent = {cause: deque(latest, maxlen=position.of) for cause, latest in kept["recent"].items()}
        if BEARING in one.recent:
            one.recent[BEARING] = deque(kept["recent"][BEARING], maxlen=3)
        one.open, one.race = dict(kept["open"]), kept.get("race")
        return one


def figure_of(cause: str) -> str:
    """Return by which figure a cause is judged: vibration or temperature."""
    return "temperature" if cause.startswith("temperature") else "vibration"
