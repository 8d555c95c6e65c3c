"""A small machine for tests: two drivers, eight sensors that follow them, one row a minute; and public data where it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LINESHAFT_DATA", ROOT.parent / "shared" / "data"))
START = np.datetime64("2026-01-05T00:00:00", "ns")
MINUTE = np.timedelta64(60, "s")


@pytest.fixture
def public() -> Callable[[str], Path]:
    """Give the folder of a public data set, or skip."""

    def folder(name: str) -> Path:
        if not (DATA / name).is_dir():
            pytest.skip(
                f"the public data set '{name}' is not here: put it under ../shared/data or name its place in LINESHAFT_DATA"
            )
        return DATA / name

    return folder


def machine(rows: int = 6000, *, seed: int = 1, start: int = 0, fault: tuple[int, str, float] | None = None) -> dict[str, Any]:
    """Return a table; a fault is (first row, sensor, how far it has crept at the end)."""
    chance = np.random.default_rng([seed, start])
    load = np.repeat(chance.uniform(40, 90, rows // 60 + 1), 60)[:rows]
    speed = np.repeat(chance.choice([900.0, 1500.0], rows // 400 + 1), 400)[:rows]
    columns: dict[str, Any] = {"load": load + chance.normal(0, 0.3, rows), "speed": speed + chance.normal(0, 3, rows)}
    gains = [(0.2, 0.001), (0.1, 0.004), (-0.3, 0.002), (0.05, 0.003), (0.4, -0.001), (0.15, 0.0), (0.0, 0.005), (0.25, 0.002)]
    for number, (by_load, by_speed) in enumerate(gains):
        columns[f"sensor {number}"] = 20 + by_load * load + by_speed * speed + chance.normal(0, 0.5, rows)
    if fault is not None:
        first, name, height = fault
        columns[name] = columns[name] + np.where(np.arange(rows) >= first, np.linspace(0, 1, rows) * height, 0)
    return {"time": START + (start + np.arange(rows)) * MINUTE, **columns}


DRIVERS = ("load", "speed")
