"""A compressor that does not exist: a year of its sensors, with everything that makes real data hard, and faults that creep in.

Load in steps, two products, seasons, thermal lags, nights and weekends off, start-ups, missing values and sensor gaps of hours.
The same seed gives the same data; it serves the worked example, the tests and the bench, and is no substitute for real data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.core import NS
from lineshaft.detect.anomaly.charts import smooth
from lineshaft.detect.detector import Bools, Floats

MINUTE = 60 * NS
DAY = 1440
START = 1_735_689_600 * NS
"""2025-01-01T00:00:00Z"""

DRIVERS = ("speed", "load", "ambient")
OFF = "current < 5"

FAULTS: dict[str, dict[str, float]] = {
    "bearing wear": {"vibration_drive": 6.0, "bearing_drive": 2.5},
    "bearing wear, far end": {"vibration_free": 6.0, "bearing_free": 2.5},
    "cooler fouled": {"coolant_out": 5.0, "discharge_temp": 2.0},
    "filter clogged": {"suction_pressure": -6.0, "flow": -2.0},
    "valve leaks": {"flow": -6.0, "interstage_temp": 2.0},
    "oil ages": {"oil_pressure": -6.0, "oil_temp": 2.0},
    "winding insulation": {"winding_1": 6.0},
    "phase out of balance": {"winding_2": 5.0, "current": 2.0},
    "pressure sensor drifts": {"discharge_pressure": 7.0},
    "shaft moves": {"axial_shift": 6.5},
    "coolant pump weak": {"coolant_flow": -6.0, "coolant_out": 2.0},
}
"""Each fault with what it does at its end to the sensors, in standard deviations of their own noise."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the example: creeps in from start to end (minutes of the table), then the machine is repaired."""

    name: str
    start: int
    end: int
    sensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """Times in nanoseconds, columns, and what is true about them."""

    times: Any
    columns: dict[str, Floats]
    running: Bools
    faults: tuple[Fault, ...] = ()
    repairs: tuple[int, ...] = field(default_factory=tuple)

    def table(self) -> dict[str, Any]:
        """Return what `fit` and `score` take."""
        return {"time": self.times.astype("datetime64[ns]"), **self.columns}


def compressor(
    days: int = 60,
    *,
    seed: int = 7,
    faults: int = 0,
    first_day: int = 0,
    product_c: bool = False,
    gaps: int | None = None,
    missing: float = 0.01,
) -> Example:
    """Return `days` of a compressor's 20 sensors, one row a minute, with so many faults spread over the time.

    `product_c` adds a product that runs at a speed and load the others never have.
    """
    chance = np.random.default_rng([seed, first_day])
    size = days * DAY
    minute = np.arange(size) + first_day * DAY
    running = _running(chance, size, minute)
    speed, load = _driven(chance, size, product_c)
    ambient = 14 - 9 * np.cos(2 * np.pi * minute / (365 * DAY)) - 4 * np.cos(2 * np.pi * minute / DAY)
    ambient += 2.5 * _wander(chance, size, 3 * DAY)
    on = running.astype(np.float64)
    speed, load = speed * on, load * on
    columns, noise = _sensors(chance, speed, load, ambient, on, size)
    placed = _place(chance, size, faults)
    for fault in placed:
        ramp = np.linspace(0, 1, fault.end - fault.start) * on[fault.start : fault.end]
        for sensor, height in FAULTS[fault.name].items():
            columns[sensor][fault.start : fault.end] += ramp * height * noise[sensor]
    named = {"speed": speed + chance.normal(0, 2, size) * on, "load": load + chance.normal(0, 0.3, size) * on}
    everything = {**named, "ambient": ambient + chance.normal(0, 0.1, size), **columns}
    _holes(chance, everything, size, missing, days // 6 if gaps is None else gaps)
    times = START + (minute + 1) * MINUTE
    return Example(times, everything, running, placed, tuple(int(times[fault.end - 1]) for fault in placed))


def _running(chance: np.random.Generator, size: int, minute: Any) -> Bools:
    """Off on Sundays, in some nights, and for short stops."""
    running = (minute // DAY) % 7 != 6
    for day in range(size // DAY):
        if chance.random() < 0.25:
            running[day * DAY + 1200 : day * DAY + 1440] = False
    for start in chance.integers(0, size, size // (2 * DAY)):
        running[start : start + int(chance.integers(5, 120))] = False
    return running


def _driven(chance: np.random.Generator, size: int, product_c: bool) -> tuple[Floats, Floats]:
    """Speed by product, load in steps of some hours."""
    speed, load, here = np.zeros(size), np.zeros(size), 0
    products = (1480.0, 1180.0, 1750.0) if product_c else (1480.0, 1180.0)
    while here < size:
        length = int(chance.integers(120, 900))
        speed[here : here + length] = products[int(chance.integers(0, len(products)))]
        high = 40 if product_c and speed[here] > 1700 else 0
        load[here : here + length] = chance.uniform(55, 95) + high
        here += length
    return speed, load


def _wander(chance: np.random.Generator, size: int, span: float) -> Floats:
    """Noise with a memory of `span` rows and standard deviation 1."""
    share = 2 / (span + 1)
    return smooth(chance.normal(0, 1, (size, 1)), share, np.zeros(1))[:, 0] / np.sqrt(share / (2 - share))


def _lag(values: Floats, span: float) -> Floats:
    return smooth(values[:, None], 2 / (span + 1), values[:1].copy())[:, 0]


def _sensors(
    chance: np.random.Generator, speed: Floats, load: Floats, ambient: Floats, on: Floats, size: int
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Return what 17 sensors show, and each one's own noise."""
    power = speed / 1480 * (40 + 1.6 * load) * on
    heat = _lag(power, 90)
    oil_heat = _lag(power, 240)
    flow = speed * (0.05 + 0.0006 * load) * on
    oil_temp = ambient * 0.5 + 28 + 0.11 * oil_heat
    clean: dict[str, tuple[Floats, float]] = {
        "current": (0.21 * power, 0.5),
        "power": (power, 2.0),
        "flow": (flow, 1.2),
        "suction_pressure": (1.02 - 0.0009 * flow, 0.004),
        "discharge_pressure": (on * (4.5 + 0.045 * load), 0.06),
        "interstage_temp": (ambient * 0.8 + 20 + 0.35 * heat, 1.2),
        "discharge_temp": (ambient * 0.7 + 30 + 0.42 * heat, 1.4),
        "oil_temp": (oil_temp, 0.8),
        "oil_pressure": (on * (3.6 - 0.012 * (oil_temp - 40) + 0.0005 * speed), 0.04),
        "bearing_drive": (ambient * 0.5 + 25 + 0.13 * oil_heat + 0.006 * speed, 0.7),
        "bearing_free": (ambient * 0.5 + 24 + 0.11 * oil_heat + 0.006 * speed, 0.7),
        "winding_1": (ambient * 0.6 + 30 + 0.30 * oil_heat, 1.2),
        "winding_2": (ambient * 0.6 + 31 + 0.29 * oil_heat, 1.2),
        "vibration_drive": (on * (0.7 + 0.0009 * speed + 0.006 * load), 0.12),
        "vibration_free": (on * (0.6 + 0.0008 * speed + 0.005 * load), 0.11),
        "axial_shift": (on * (0.12 + 0.0016 * load), 0.012),
        "coolant_flow": (on * 120 + 0.0 * speed, 1.5),
        "coolant_out": (ambient * 0.9 + 8 + 0.10 * heat, 0.6),
    }
    clean.pop("power")
    columns = {
        name: value + noise * (0.8 * chance.normal(0, 1, size) + 0.6 * _wander(chance, size, 20))
        for name, (value, noise) in clean.items()
    }
    return columns, {name: noise for name, (_, noise) in clean.items()}


def _place(chance: np.random.Generator, size: int, count: int) -> tuple[Fault, ...]:
    """Spread faults evenly, each creeping in over 4 to 12 days."""
    if not count:
        return ()
    names = [list(FAULTS)[n] for n in chance.permutation(len(FAULTS))]
    each = size // count
    placed: list[Fault] = []
    for number in range(count):
        length = int(chance.uniform(4, 12) * DAY)
        length = min(length, int(each * 0.7))
        start = number * each + int(chance.uniform(0.1, 0.9) * max(each - length - DAY, 1))
        name = names[number % len(names)]
        placed.append(Fault(name, start, start + length, tuple(FAULTS[name])))
    return tuple(placed)


def _holes(chance: np.random.Generator, columns: dict[str, Floats], size: int, missing: float, gaps: int) -> None:
    names = list(columns)
    for name in names:
        columns[name][chance.random(size) < missing] = np.nan
    for start in chance.integers(0, max(size - 1440, 1), gaps):
        name = names[int(chance.integers(0, len(names)))]
        columns[name][start : start + int(chance.integers(120, 1440))] = np.nan
