"""A raw vibration record with its rate and unit; nothing about it is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.detector import Bools, Floats

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

MOST = {"acceleration": (500.0, "m/s²"), "velocity": (500.0, "mm/s")}
"""RMS beyond which the unit must be wrong."""
STILL = 0.2
CUT_OFF, LEAST_CUT, FEW_STEPS, LOOKED_AT = 0.001, 8, 64, 20_000
"""Share and least number of samples at the end of the range that are clipping; a record of few steps proves nothing."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """Samples of one sensor: acceleration in m/s² or velocity in mm/s, so many a second; `waveform` and `read` make it."""

    values: Floats
    rate: float
    quantity: str
    unit: str
    rpm: float | None = None
    start: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what `waveform` would not have made."""
        if self.quantity not in MOST:
            hint = "make it with vibration.waveform(values, rate=..., unit=...): it checks and converts"
            raise InvalidInput(f"'{self.quantity}' is no quantity", where=self.name, hint=hint, code="vibration.unit")

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
    samples = _samples(values, name) * factor
    _plausible(samples, quantity, unit, name)
    return Waveform(samples, float(rate), quantity, unit, rpm, start, name)


def with_speed(wave: Waveform, rpm: float) -> Waveform:
    """Return the same record with the speed of the shaft, where the record itself did not say it."""
    return replace(wave, rpm=rpm)


def _plausible(samples: Floats, quantity: str, unit: str, name: str) -> None:
    """Refuse what no machine does: then the unit is another one, or the samples are counts of a converter."""
    rms, (most, shown) = float(samples.std()), MOST[quantity]
    if rms > most:
        raise InvalidInput(
            f"in {unit} this record has an RMS of {rms:.4g} {shown}, which no machine survives",
            where=name,
            hint=f"is '{unit}' the unit of the samples? Counts of a converter or volts need sensitivity=",
            code="vibration.unit",
        )


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
    _whole(samples, name)
    return samples


def _whole(samples: Floats, name: str) -> None:
    """Refuse a signal that stood still or was cut off."""
    if np.ptp(samples) == 0:
        hint = "the sensor is stuck or not connected"
        raise InvalidInput("all samples have the same value", where=name, hint=hint, code="vibration.stuck")
    longest = _held(np.diff(samples) == 0) + 1
    if longest > STILL * len(samples):
        hint = "the sensor or its cable failed during the record: take another one, or cut that part off"
        raise InvalidInput(f"the signal stands still for {longest} samples", where=name, hint=hint, code="vibration.stuck")
    flat = sum(_cut_off(samples == edge) for edge in (samples.max(), samples.min()))
    if flat > max(LEAST_CUT, CUT_OFF * len(samples)) and len(np.unique(samples[:LOOKED_AT])) > FEW_STEPS:
        hint = "use a lower gain or a sensor of a wider range: what is cut off looks like shocks and like harmonics"
        raise InvalidInput(
            f"{flat} samples lie at the end of the sensor's range: the signal is clipped",
            where=name,
            hint=hint,
            code="vibration.clipped",
        )


def _held(same: Bools) -> int:
    """Return the most places in a row that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def _cut_off(at_the_end: Bools) -> int:
    """Return how many places are true in runs of three or more."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], at_the_end.astype(np.int8), [0]))))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= 3].sum())
