"""Pumps that do not exist and wear out: lives with sensors to their end, and lives that still go on; for examples and tests.

Wear speeds up towards the end and wanders; two ways of wearing show in different sensors. The same seed gives the same pumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats

SENSORS = ("vibration", "bearing_temperature", "flow", "current", "ambient")


@dataclass(frozen=True, slots=True)
class Wearing:
    """Rows of all pumps one below the other, and what is true about each pump."""

    columns: dict[str, Any]
    lengths: dict[str, int]
    remaining: dict[str, int]

    def table(self) -> dict[str, Any]:
        """Return what `fit` and `predict` take."""
        return self.columns


def wearing(pumps: int = 40, *, seed: int = 1, running: bool = False) -> Wearing:
    """Return pumps with an hour a row; with `running` each is seen up to some moment of its life only."""
    chance = np.random.default_rng([seed, int(running)])
    names, hours, sensors = list[str](), list[Any](), list[Any]()
    lengths, remaining = dict[str, int](), dict[str, int]()
    for number in range(pumps):
        name = f"pump {number + 1}"
        length = int(np.clip(chance.weibull(4.0) * 260, 90, 480))
        seen = int(chance.uniform(0.3, 0.98) * length) if running else length
        names += [name] * seen
        hours.append(np.arange(seen) + int(chance.integers(0, 5000)))
        sensors.append(_pump(chance, length)[:seen])
        lengths[name], remaining[name] = length, length - seen
    matrix = np.concatenate(sensors)
    columns = {"asset": names, "hour": np.concatenate(hours), **{one: matrix[:, n] for n, one in enumerate(SENSORS)}}
    return Wearing(columns, lengths, remaining)


def _pump(chance: np.random.Generator, length: int) -> Floats:
    """Return the sensors of one whole life."""
    share = np.linspace(0, 1, length)
    wander = np.cumsum(chance.normal(0, 0.006, length))
    wear = np.maximum(share ** chance.uniform(2.0, 3.5) + wander * share, 0)
    bearing = chance.random() < 0.6  # else the impeller
    load = np.repeat(chance.normal(0, 1, length // 12 + 1), 12)[:length]
    own = chance.normal(0, 0.3, len(SENSORS))
    clean = [
        2.0 + (4.5 if bearing else 1.2) * wear + 0.15 * load + 0.3 * own[0],
        48 + (16 if bearing else 3) * wear + 2 * load + own[1],
        118 - (4 if bearing else 26) * wear + 3 * load + own[2],
        6.2 + (0.5 if bearing else 0.9) * wear + 0.3 * load + 0.1 * own[3],
        20 + 5 * np.sin(np.arange(length) / 24 * 2 * np.pi) + own[4],
    ]
    noise = chance.normal(0, 1, (length, len(SENSORS))) * np.array([0.25, 1.2, 2.0, 0.12, 0.8])
    return np.column_stack(clean) + noise
