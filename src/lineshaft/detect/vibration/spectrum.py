"""Spectra: velocity by integration in the frequency domain, bands, orders of the running speed, the squared envelope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.waveform import Waveform

BAND = (10.0, 1000.0)
SLOW_RPM, SLOW_LOW = 600.0, 2.0
"""Below 600 rpm the band begins at 2 Hz."""

OVERSAMPLED = 2.1
PERIODS = 4


@dataclass(frozen=True, slots=True)
class Velocity:
    """Velocity RMS in mm/s in a declared band in Hz."""

    rms: float
    low: float
    high: float
    unit: str = "mm/s"

    @property
    def standard(self) -> bool:
        """True for the band that ISO zones are about."""
        return self.high == BAND[1] and self.low in (BAND[0], SLOW_LOW)


def velocity(wave: Waveform, low: float | None = None, high: float = BAND[1]) -> Velocity:
    """Return velocity RMS, 10 to 1000 Hz (from 2 Hz below 600 rpm); acceleration is integrated in the frequency domain."""
    low = _begin(wave) if low is None else low
    _carries(wave, low, high)
    frequencies, power = _velocity_power(wave)
    inside = (frequencies >= low) & (frequencies <= high)
    return Velocity(float(np.sqrt(power[inside].sum())), low, high)


def _carries(wave: Waveform, low: float, high: float) -> None:
    """Refuse a band that the record cannot show."""
    if not 0 < low < high:
        hint = "give low= above 0 and high= above low"
        raise InvalidInput(f"{low:g} to {high:g} Hz is no band", where=wave.name, hint=hint, code="vibration.band")
    if wave.rate < OVERSAMPLED * high:
        raise InvalidInput(
            f"velocity RMS from {low:g} to {high:g} Hz needs at least {OVERSAMPLED * high:g} samples a second, "
            f"this record has {wave.rate:g}",
            where=wave.name,
            hint=f"record faster, or ask for a band up to high={wave.rate / OVERSAMPLED:.0f} (which has no ISO zone)",
            code="vibration.rate",
        )
    if wave.seconds < PERIODS / low:
        raise InvalidInput(
            f"a band from {low:g} Hz needs a record of {PERIODS / low:g} s, this one has {wave.seconds:.3g} s",
            where=wave.name,
            hint="record longer, or ask for a band that begins higher: low=",
            code="vibration.short",
        )


def _velocity_power(wave: Waveform) -> tuple[Floats, Floats]:
    """Return frequencies and the mean square of velocity, (mm/s)², at each."""
    frequencies, power = power_spectrum(wave.values, wave.rate)
    if wave.quantity == "velocity":
        return frequencies, power
    power[0] = 0.0
    power[1:] *= (1000.0 / (2 * np.pi * frequencies[1:])) ** 2
    return frequencies, power


def velocity_spectrum(wave: Waveform) -> tuple[Floats, Floats]:
    """Return frequencies and velocity RMS (mm/s) at each, to look at; nothing below the standard band, where it is drift."""
    frequencies, power = _velocity_power(wave)
    return frequencies, np.where(frequencies >= _begin(wave), np.sqrt(power), 0.0)


def _begin(wave: Waveform) -> float:
    """Return the lower end of the standard band: 10 Hz, 2 Hz for a slow shaft."""
    return SLOW_LOW if wave.rpm is not None and wave.rpm < SLOW_RPM else BAND[0]


def power_spectrum(values: Floats, rate: float) -> tuple[Floats, Floats]:
    """Return frequencies and the mean square at each (Hann window, its loss of power made good)."""
    count = len(values)
    window = np.hanning(count)
    lines = np.fft.rfft((values - values.mean()) * window)
    power: Floats = 2 * np.abs(lines).astype(np.float64) ** 2 / (count * (window**2).sum())
    power[0] /= 2
    if count % 2 == 0:
        power[-1] /= 2
    return _lines(count, rate), power


def _lines(count: int, rate: float) -> Floats:
    """Return the frequencies of a spectrum of so many samples."""
    lines: Floats = np.arange(count // 2 + 1, dtype=np.float64) * (rate / count)
    return lines


def band_rms(wave: Waveform, bands: tuple[tuple[float, float], ...]) -> dict[str, float]:
    """Return the RMS in each band that the record can show, in the record's quantity."""
    frequencies, power = power_spectrum(wave.values, wave.rate)
    shown = [(low, high) for low, high in bands if high <= wave.rate / OVERSAMPLED]
    return {
        f"{low:g}-{high:g} Hz": float(np.sqrt(power[(frequencies >= low) & (frequencies < high)].sum())) for low, high in shown
    }


def orders(wave: Waveform, rpm: float, wanted: tuple[int, ...] = (1, 2, 3)) -> dict[int, float]:
    """Return velocity RMS (mm/s) at multiples of the running speed, 3 % and at least 3 lines to each side."""
    frequencies, power = _velocity_power(wave)
    found: dict[int, float] = {}
    for order in wanted:
        centre = order * rpm / 60
        reach = max(0.03 * centre, 3 * frequencies[1])
        if centre + reach < wave.rate / 2:
            found[order] = float(np.sqrt(power[np.abs(frequencies - centre) <= reach].sum()))
    return found


def envelope_spectrum(values: Floats, rate: float, low: float, high: float) -> tuple[Floats, Floats]:
    """Return the spectrum of the squared envelope of a band, as a share of its mean.

    The band's positive frequencies alone, transformed back, are the analytic signal: its squared size is the squared envelope.
    """
    count = len(values)
    lines = np.fft.fft(values - values.mean())
    frequencies = np.fft.fftfreq(count, 1 / rate)
    analytic = np.fft.ifft(np.where((frequencies >= low) & (frequencies <= high), 2 * lines, 0))
    squared = np.abs(analytic) ** 2
    mean = float(squared.mean())
    if mean <= 0:
        return _lines(count, rate), np.zeros(count // 2 + 1)
    envelope = (squared / mean - 1) * np.hanning(count)
    spectrum: Floats = np.abs(np.fft.rfft(envelope)).astype(np.float64) * 4 / count
    return _lines(count, rate), spectrum
