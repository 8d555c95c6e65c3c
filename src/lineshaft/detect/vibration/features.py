"""The figures of one vibration record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.vibration.spectrum import Velocity, band_rms, orders, velocity
from lineshaft.detect.vibration.waveform import Waveform

BANDS = ((10.0, 200.0), (200.0, 1000.0), (1000.0, 2500.0), (2500.0, 5000.0), (5000.0, 10000.0))


@dataclass(frozen=True, slots=True)
class Features:
    """Figures of a record: `rms`, `peak` and `bands` in its own quantity (m/s² or mm/s), velocity and orders in mm/s.

    What the record cannot show is None, and `refused` says why.
    """

    quantity: str
    rms: float
    peak: float
    crest: float
    kurtosis: float
    velocity: Velocity | None
    bands: dict[str, float] = field(default_factory=dict[str, float])
    orders: dict[int, float] = field(default_factory=dict[int, float])
    refused: dict[str, str] = field(default_factory=dict[str, str])

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, one level deep: a row of a table."""
        row: dict[str, Any] = {"rms": self.rms, "peak": self.peak, "crest": self.crest, "kurtosis": self.kurtosis}
        row["velocity_rms"] = self.velocity.rms if self.velocity else None
        row |= {f"rms {band}": value for band, value in self.bands.items()}
        return row | {f"{order}x": value for order, value in self.orders.items()}


def features(wave: Waveform, rpm: float | None = None, bands: tuple[tuple[float, float], ...] = BANDS) -> Features:
    """Return the figures of a record; `kurtosis` is 3 for noise and grows with shocks."""
    centred = wave.values - wave.values.mean()
    rms, peak = float(np.sqrt((centred**2).mean())), float(np.abs(centred).max())
    refused: dict[str, str] = {}
    found: Velocity | None = None
    try:
        found = velocity(wave)
    except InvalidInput as reason:
        refused["velocity"] = str(reason)
    speed = rpm or wave.rpm
    if speed is None:
        refused["orders"] = "the speed of the shaft is not known: give rpm="
    return Features(
        wave.quantity,
        rms,
        peak,
        peak / rms,
        float((centred**4).mean() / rms**4),
        found,
        band_rms(wave, bands),
        orders(wave, speed) if speed else {},
        refused,
    )
