"""A raw vibration record with its rate and unit; nothing about it is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.detector import Floats

STANDARD_GRAVITY = 9.80665
UNITS: dict[str, tuple[str, float]] = {
    "g": ("acceleration", STANDARD_GRAVITY),
    "mg": ("acceleration", STANDARD_GRAVITY / 1000),
    "m/s2": ("acceleration", 1.0),
    "m/s²": ("acceleration", 1.0),
    "mm/s2": ("acceleration", 1e-3),
    "m/s": ("velocity", 1000.0),
    "mm/s": ("velocity", 1.0),
    "in/s": ("velocity", 25.4),
}
"""What a unit measures, and the factor to m/s² or mm/s."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """Samples of one sensor: acceleration in m/s² or velocity in mm/s, so many a second."""

    values: Floats
    rate: float
    quantity: str
    unit: str
    rpm: float | None = None
    start: int | None = None
    name: str = ""

    @property
    def seconds(self) -> float:
        """How long the record is."""
        return len(self.values) / self.rate


def waveform(
    values: Sequence[float] | Any,
    *,
    rate: float | None,
    unit: str | None,
    rpm: float | None = None,
    start: int | None = None,
    name: str = "",
) -> Waveform:
    """Take raw samples: `rate` in samples a second, `unit` as written on the sensor, `rpm` of the shaft when it is known."""
    if not rate or not np.isfinite(rate) or rate <= 0:
        hint = "give rate= in samples a second, or a record with a time column"
        raise InvalidInput(
            "the record does not say how many samples a second it has", where=name, hint=hint, code="vibration.rate"
        )
    if unit is None:
        hint = f"give unit=, one of {', '.join(UNITS)}: a unit is never guessed"
        raise InvalidInput("the record does not say its unit", where=name, hint=hint, code="vibration.unit")
    if unit not in UNITS:
        hint = did_you_mean(unit, UNITS)
        raise InvalidInput(f"'{unit}' is no unit of acceleration or velocity", where=name, hint=hint, code="vibration.unit")
    if rpm is not None and not 0 < rpm < 1e6:
        raise InvalidInput(f"a shaft does not run at {rpm} rpm", where=name, hint="give rpm= above 0", code="vibration.speed")
    quantity, factor = UNITS[unit]
    return Waveform(_samples(values, name) * factor, float(rate), quantity, unit, rpm, start, name)


def _samples(values: Any, name: str) -> Floats:
    try:
        samples = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        hint = "give one channel as a list or array of numbers"
        raise InvalidInput(
            "the record holds something that is no number", where=name, hint=hint, code="vibration.samples"
        ) from error
    samples = samples.reshape(-1) if 1 in samples.shape else samples
    if samples.ndim != 1:
        hint = "give one channel at a time"
        raise InvalidInput(f"the record has {samples.ndim} dimensions", where=name, hint=hint, code="vibration.samples")
    if len(samples) < 256:
        hint = "record at least 256 samples; a second or more is better"
        raise InvalidInput(f"the record has only {len(samples)} samples", where=name, hint=hint, code="vibration.short")
    wild = int((~np.isfinite(samples)).sum())
    if wild:
        hint = "cut the record to a part without gaps, or leave it out: a filled gap would look like a shock"
        raise InvalidInput(f"{wild} samples are missing or infinite", where=name, hint=hint, code="vibration.samples")
    if np.ptp(samples) == 0:
        hint = "the sensor is stuck or not connected"
        raise InvalidInput("all samples have the same value", where=name, hint=hint, code="vibration.stuck")
    return samples
