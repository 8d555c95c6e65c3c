"""One position followed: takes readings and records in the order of time, and says what is new - values, findings, state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lineshaft.core import InvalidInput, iso
from lineshaft.detect.positions.ledger import Ledger
from lineshaft.detect.positions.reading import Reading
from lineshaft.detect.positions.results import SEVERITY
from lineshaft.detect.vibration import ALARM, Diagnosis, Finding, Judged, Monitor, Position

STUCK = 20
"""So many steps with exactly the same value, and the sensor is taken to be stuck."""
SILENT = 10
"""So many steps without a value, and the sensor is taken to be silent."""
HEARD = {"vibration": "heard", "temperature": "heard_temperature"}
"""Under which name it is remembered when a stream was heard of last."""
NOTICED = 60
LEARNED_SINCE = "learned_since_ns"
"""Under which name it is remembered from when on what is usual was learned, if that was begun anew."""
SCORE = {"warning": 0.5, "alarm": 0.8}
"""Scores of findings; processes usually open a case from 0.7."""
WORSE = {"bearing": 0.85, "D": 0.9}


class Filed(NamedTuple):
    """What lasts and is to be filed; `late` where it was noticed after its time."""

    found: Finding
    judged: Judged
    late: bool


@dataclass(slots=True)
class Watching:
    """The memory of a position at work."""

    position: Position
    row: dict[str, Any]
    monitor: Monitor = field(init=False)
    values: list[tuple[int, dict[str, Any]]] = field(default_factory=list[tuple[int, dict[str, Any]]])
    filed: list[Filed] = field(default_factory=list[Filed])
    noticed: list[dict[str, Any]] = field(init=False)
    now: dict[str, Any] = field(init=False)
    ledger: Ledger = field(init=False)
    through: int = field(init=False)
    since: int = field(init=False)
    same: int = field(init=False)
    last: float | None = field(init=False)

    def __post_init__(self) -> None:
        """Go on where the row was written."""
        memory = self.row["memory"]
        self.monitor = Monitor.restore(self.position, memory) if memory else Monitor(self.position)
        self.same, self.last = memory.get("same", 0), memory.get("last")
        self.noticed, self.now = list(self.row["noticed"]), dict(self.row["now"])
        self.through, self.since = int(self.row["through"]), int(self.row["since"])
        self.ledger = Ledger.restore(self.row.get("seen") or {}, int(self.row["every"]), self.through)

    def take(self, reading: Reading) -> None:
        """Take a step of the streams; of each stream they come in the order of time."""
        self.through = max(self.through, reading.at)
        if not reading.running:
            self.same = 0  # a machine that stands still shows the same value for as long as it stands
        elif reading.vibration is not None:
            self.same = self.same + 1 if reading.vibration == self.last else 0
            self.last = reading.vibration
        stuck = self.same >= STUCK
        self._trouble(reading, stuck=stuck)
        if not reading.running:
            self.now |= {} if reading.late else {"running": False}
            return
        if reading.vibration is None and reading.temperature is None:
            return
        shake = None if stuck else reading.vibration
        try:
            judged = self.monitor.take(reading.at, shake, reading.temperature)
        except InvalidInput as error:
            self.now |= {"trouble": str(error)}
            return
        if not reading.late:
            self.now |= {"running": True, "temperature": reading.temperature}
        elif reading.temperature is not None:
            self.now["temperature"] = reading.temperature
        self._newest(reading.at)
        self.judged(judged, reading.vibration, late=reading.late)

    def _newest(self, at: int) -> None:
        """Note of when the newest is that was judged."""
        if at >= self.now.get("at_ns", 0):
            self.now |= {"at": iso(at), "at_ns": at}

    def _trouble(self, reading: Reading, *, stuck: bool) -> None:
        """Note what keeps a position from being judged, and its end."""
        for name, value in (("vibration", reading.vibration), ("temperature", reading.temperature)):
            if value is not None:
                self.now[HEARD[name]] = reading.at
        quiet = SILENT * self.row["every"]
        silent = [
            name
            for name, key in HEARD.items()
            if self.row[name] and self.through - (self.now.get(key) or self.row["created"]) > quiet
        ]
        if stuck and reading.vibration is not None:
            self.now["trouble"] = f"the same value {self.same + 1} times: the sensor is stuck, or its signal is no measurement"
        elif silent:
            which = "value" if len(silent) == sum(bool(self.row[name]) for name in HEARD) else silent[0]
            self.now["trouble"] = f"no {which} has come lately: is the sensor connected, and its source running?"
        elif not stuck and (reading.vibration is not None or reading.temperature is not None):
            self.now["trouble"] = ""

    def judged(self, told: Judged, level: float | None, figures: dict[str, Any] | None = None, *, late: bool = False) -> None:
        """Note a judged reading or record: values for the store, what was noticed, findings to file."""
        if told.state != self.now.get("state", "healthy"):
            self.since = told.at
        self._standing()
        if level is not None:
            self.now |= {"level": level, "zone": told.zone, "vibration_z": told.vibration_z}
            self._newest(told.at)
        if figures is None and not (late and told.temperature_z is None):  # a raw record says nothing of the temperature
            self.now |= {"temperature_z": told.temperature_z, "usual_temperature": self.monitor.temperature.usual}
        self.say(told, level, figures)
        for found in told.new:
            self.note(found, told, late=late)

    def say(self, told: Judged, level: float | None, figures: dict[str, Any] | None = None) -> None:
        """Say what was judged as values, at its time."""
        row = {"State": told.state, "Severity": SEVERITY[told.state], "Zone": told.zone, "Level": level}
        row |= {"Deviation": told.vibration_z, "Temperature deviation": told.temperature_z}
        self.values.append((told.at, {**row, **(figures or {})}))

    def note(self, found: Finding, told: Judged, *, late: bool = False, file: bool = True) -> None:
        """Note what was noticed; what lasts is filed, unless it is known already."""
        more = {"late": True} if late else {}
        self.noticed = [*self.noticed, {**found.as_dict(), "at": iso(found.at), "zone": told.zone, **more}][-NOTICED:]
        if file and found.scope == "persistent":
            self.filed.append(Filed(found, told, late))

    def settle(self, before: str) -> None:
        """Say the state of now where something old changed it: at the newest time of which something was said."""
        newest, state = int(self.now.get("at_ns", self.through)), self.monitor.state
        said = [values["State"] for at, values in self.values if at == newest and "State" in values]
        if state != (said[-1] if said else before):
            self.values.append((newest, {"State": state, "Severity": SEVERITY[state]}))
        if state != self.now.get("state", "healthy"):
            self.since = newest
        self._standing()

    def _standing(self) -> None:
        """Note the state, and what is usual by now."""
        learned = self.monitor.vibration
        share = 1.0 if learned.learned else len(learned.seen) / learned.learn
        self.now |= {"state": self.monitor.state, "learned": round(share, 3), "usual": learned.usual}

    def record(self, at: int, level: float | None, looked: Diagnosis | None, figures: dict[str, Any]) -> Judged:
        """Take a raw record; its level is judged only where no stream is."""
        judged = self.monitor.take(at, None if self.row["vibration"] else level, looked=looked)
        if not self.row["vibration"]:
            self.now["trouble"] = ""
        self.now |= {"bearing": looked.fault if looked else None, "recorded": iso(at), "recorded_ns": at}
        shown = figures | {"Bearing": f"{looked.fault or 'nothing'} ({looked.confidence})" if looked else None}
        self.judged(judged, None if self.row["vibration"] else level, shown)
        return judged

    def acknowledge(self, at: int) -> str:
        """Somebody has seen the alarm: work is needed."""
        before = self.monitor.state
        state = self.monitor.acknowledge()
        if state != before:
            self._moved(at)
        return state

    def returned(self, at: int) -> None:
        """Begin anew: the machine is verified back in service."""
        learn = bool(self.row["settings"]["relearn"])
        self.monitor.repaired(learn=learn)
        self.now |= {LEARNED_SINCE: at} if learn else {}
        self.through = max(self.through, at)
        self.ledger.bar = max(self.ledger.bar, -(-at // self.row["every"]) * self.row["every"])
        self.now["trouble"] = ""
        self._moved(at)

    def _moved(self, at: int) -> None:
        self.since = at
        self.now |= {"state": self.monitor.state}
        self.values.append((at, {"State": self.monitor.state, "Severity": SEVERITY[self.monitor.state]}))

    def columns(self) -> dict[str, Any]:
        """Return what is to be written of the position."""
        memory = {**self.monitor.as_dict(), "same": self.same, "last": self.last}
        return {
            "memory": memory,
            "state": self.monitor.state,
            "since": self.since,
            "through": self.through,
            "seen": self.ledger.as_dict(),
            "now": self.now,
            "noticed": self.noticed,
            "unsent": [*self.row["unsent"], *([at, values] for at, values in self.values)],
        }


def score(found: Finding, judged: Judged) -> float:
    """Return a finding's score: a warning stays below what opens a case."""
    base = SCORE[found.severity]
    if found.severity == ALARM:
        base = max(base, WORSE.get(found.cause, 0.0), WORSE.get(judged.zone or "", 0.0))
    return base


def kind_of(found: Finding) -> str:
    """Return a finding's kind: vibration, temperature or bearing."""
    return "vibration" if found.cause == "iso zone" else found.cause.split()[0]
