"""The bakery line's physics, in steps of a tenth of a second: parts, buffers, stops, temperatures, and a pump that can fail."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lineshaft.connect.simulators.bakery.pump import Pump
from lineshaft.connect.wire import Value, Wire

STEP = 0.1
RUNNING, STARVED, BLOCKED, DOWN = 1, 2, 3, 4
CAPACITY = 14.0
"""Parts a buffer holds; a machine that waited starts again only when there are four, or room for four."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a machine of the line is like: parts a second, power, how often it stops for how long, and its scrap."""

    name: str
    rate: float
    idle_kw: float
    busy_kw: float
    between_stops: float
    stop: float
    scrap: float


KINDS = (
    Kind("Mixer", 2.35, 1.2, 7.5, 240.0, 6.0, 0.002),
    Kind("Former", 2.30, 0.8, 4.2, 200.0, 8.0, 0.006),
    Kind("Oven", 1.96, 18.0, 46.0, 300.0, 7.0, 0.009),
    Kind("Cooler", 2.30, 2.0, 6.5, 420.0, 5.0, 0.001),
    Kind("Packer", 2.40, 0.9, 3.8, 180.0, 9.0, 0.004),
)


@dataclass(slots=True)
class Machine:
    """One machine as it stands: its state, what is in work, and what it has made."""

    kind: Kind
    state: int = RUNNING
    good: int = 0
    bad: int = 0
    work: float = 0.0
    stopped: float = 0.0
    until_stop: float = 0.0
    power: float = 0.0


@dataclass
class Line:
    """Five machines in series with small buffers between them; `step` moves it by a tenth of a second."""

    seed: int = 7
    machines: list[Machine] = field(default_factory=lambda: [Machine(kind) for kind in KINDS])
    pump: Pump = field(default_factory=Pump)
    faults: dict[str, bool] = field(default_factory=lambda: {"pump": False})
    oven_temperature: float = 220.0
    cooler_temperature: float = 24.0
    torque: float = 84.0
    time: float = 0.0
    oven_speed: float = 117.6
    SETPOINTS: ClassVar[frozenset[str]] = frozenset({"Oven/SpeedSetpoint"})
    """What a client may write."""

    def __post_init__(self) -> None:
        """Draw when each machine will stop first."""
        self._dice = random.Random(self.seed)  # noqa: S311 - a bakery, not a secret
        self.buffers = [CAPACITY / 2] * (len(self.machines) - 1)
        for machine in self.machines:
            machine.until_stop = self._dice.expovariate(1 / machine.kind.between_stops)

    def step(self) -> None:
        """Move every machine, from the last to the first so that room made downstream is used at once."""
        self.time += STEP
        self.pump.step(STEP, broken=self.faults["pump"], dice=self._dice)
        for place in reversed(range(len(self.machines))):
            self._move(place, self.machines[place])
        self._climate()

    def _move(self, place: int, machine: Machine) -> None:
        again = 4 if machine.state in (STARVED, BLOCKED) else 1
        fed = place == 0 or self.buffers[place - 1] >= again
        room = place == len(self.machines) - 1 or self.buffers[place] <= CAPACITY - again
        if machine.kind.name == "Cooler" and self.pump.too_hot(self.cooler_temperature):
            machine.state = DOWN
        elif machine.stopped > 0:
            machine.stopped -= STEP
            machine.state = DOWN
        else:
            machine.state = STARVED if not fed else BLOCKED if not room else RUNNING
        if machine.state == RUNNING:
            self._work(place, machine)
        aim = machine.kind.busy_kw if machine.state == RUNNING else machine.kind.idle_kw
        machine.power += (aim - machine.power) * 0.2

    def _work(self, place: int, machine: Machine) -> None:
        machine.work += self._rate(machine) * STEP
        machine.until_stop -= STEP
        if machine.until_stop <= 0:
            machine.stopped = self._dice.uniform(0.4, 1.6) * machine.kind.stop
            machine.until_stop = self._dice.expovariate(1 / machine.kind.between_stops)
        if machine.work < 1:
            return
        machine.work -= 1
        if place:
            self.buffers[place - 1] -= 1
        if self._dice.random() < machine.kind.scrap:
            machine.bad += 1
            return
        machine.good += 1
        if place < len(self.buffers):
            self.buffers[place] += 1

    def _rate(self, machine: Machine) -> float:
        """Return the parts a second of a running machine; the oven's belt follows its set point."""
        return self.oven_speed / 60 if machine.kind.name == "Oven" else machine.kind.rate

    def set(self, tag: str, value: Value) -> None:
        """Take a set point a client wrote; the belt's own controller keeps it within what it can run."""
        if tag == "Oven/SpeedSetpoint" and isinstance(value, int | float) and math.isfinite(value):
            self.oven_speed = min(140.0, max(30.0, float(value)))

    def _climate(self) -> None:
        noise = self._dice.gauss
        self.oven_temperature += (220 + 1.5 * math.sin(self.time / 40) - self.oven_temperature) * 0.05 + noise(0, 0.04)
        aim = 24.0 + max(0.0, 1 - self.pump.flow / 100) * 60
        self.cooler_temperature += (aim - self.cooler_temperature) * (0.0085 if aim > 26 else 0.05) + noise(0, 0.02)
        busy = self.machines[0].state == RUNNING
        self.torque += ((84 + 4 * math.sin(self.time / 9) if busy else 6.0) - self.torque) * 0.3 + noise(0, 0.3)

    def discrete(self) -> dict[str, Value]:
        """Return the tags that only change when something happens."""
        tags: dict[str, Value] = {"Coolant pump/Running": self.pump.running, "Oven/SpeedSetpoint": self.oven_speed}
        for machine in self.machines:
            name = machine.kind.name
            tags |= {f"{name}/State": machine.state, f"{name}/Good": machine.good, f"{name}/Bad": machine.bad}
        return tags

    def analog(self) -> dict[str, Value]:
        """Return the tags that are measured: they change all the time."""
        tags: dict[str, Value] = {
            "Oven/Temperature": round(self.oven_temperature, 2),
            "Cooler/Temperature": round(self.cooler_temperature, 2),
            "Mixer/Torque": round(self.torque, 1),
            **self.pump.tags(),
        }
        for machine in self.machines:
            speed = self._rate(machine) * 60 * self._dice.uniform(0.99, 1.01) if machine.state == RUNNING else 0.0
            tags[f"{machine.kind.name}/Speed"] = round(speed, 1)
            tags[f"{machine.kind.name}/Power"] = round(machine.power * self._dice.uniform(0.99, 1.01), 2)
        return tags

    def tags(self) -> Mapping[str, tuple[Wire, Value]]:
        """Return every tag with its type on the wire and its value now."""
        wires = {"State": "int32", "Good": "uint32", "Bad": "uint32", "Running": "boolean"}
        values = {**self.discrete(), **self.analog()}
        return {tag: (wires.get(tag.rpartition("/")[2], "double"), value) for tag, value in values.items()}
