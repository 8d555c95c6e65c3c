"""Rolling bearings: at which multiples of the shaft's speed their parts strike, and whether a record shows one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.bearing_table import FACTORS, rows_of
from lineshaft.detect.vibration.spectrum import envelope_spectrum
from lineshaft.detect.vibration.waveform import Waveform

BANDS = ((500.0, 2000.0), (1500.0, 3500.0), (2500.0, 5000.0), (4000.0, 5800.0), (5000.0, 10000.0), (8000.0, 16000.0))
"""Bands that are demodulated: which one carries the shocks depends on the machine, so all are tried."""

HARMONICS = 3
SLIP = 0.01
"""Rolling elements slip: the true frequency may lie so far from the computed one."""

SEEN, SURE, APART = 3.0, 3.8, 0.8
"""Mean log ratio of harmonics to their background: what is evidence, what is strong evidence, and by how much it must lead."""

REVOLUTIONS = 30
WHOLE, SAME = 0.03, 0.005
"""Sheets round: so far from a whole number, and from each other, may factors of one bearing be."""

INNER, OUTER, BALL, CAGE = "inner race", "outer race", "ball", "cage"


@dataclass(frozen=True, slots=True)
class Bearing:
    """Multiples of the shaft's speed at which the parts strike: outer race, inner race, rolling element's spin, cage."""

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float
    name: str = ""

    def frequencies(self, rpm: float) -> dict[str, float]:
        """Return BPFO, BPFI, BSF and FTF in Hz at a speed."""
        return {label: getattr(self, label.lower()) * rpm / 60 for label in ("BPFO", "BPFI", "BSF", "FTF")}


def geometry(rollers: int, roller_diameter: float, pitch_diameter: float, contact_angle: float = 0.0, name: str = "") -> Bearing:
    """Return a bearing by its geometry (both diameters in the same unit, the angle in degrees); outer race standing still."""
    if rollers < 3 or not 0 < roller_diameter < pitch_diameter or not 0 <= contact_angle < 90:
        raise InvalidInput(
            f"no bearing has {rollers} rolling elements of {roller_diameter} on {pitch_diameter} at {contact_angle} degrees",
            where=name,
            hint="3 or more elements, the pitch diameter (centre to centre) larger than theirs, an angle from 0 to 90 degrees",
            code="bearing.geometry",
        )
    ratio = roller_diameter / pitch_diameter * math.cos(math.radians(contact_angle))
    spin = (1 - ratio**2) * pitch_diameter / roller_diameter / 2
    return Bearing(rollers / 2 * (1 - ratio), rollers / 2 * (1 + ratio), spin, (1 - ratio) / 2, name)


def factors(bpfo: float, bpfi: float, bsf: float, ftf: float, name: str = "") -> Bearing:
    """Return a bearing by its four multiples of the shaft's speed, as its maker's sheet gives them (outer race standing still).

    Of one bearing, BPFO and BPFI add up to the number of its rolling elements, and FTF is BPFO divided by it.
    """
    elements = bpfo + bpfi
    wrong = ""
    if not (0 < bpfo < bpfi and 0 < ftf < 1 and bsf > 0):
        wrong = "factors are above 0, BPFI is larger than BPFO, FTF is less than 1"
    elif abs(elements - round(elements)) > WHOLE:
        wrong = f"BPFO + BPFI is the number of rolling elements, and {elements:g} is none; give multiples of the speed, not Hz"
    elif abs(bpfo / elements - ftf) > SAME:
        wrong = (
            f"FTF is BPFO divided by the number of rolling elements: {bpfo / elements:.3f}; take that of a standing outer ring"
        )
    elif bsf > (1 + SLIP) * _spin((bpfi - bpfo) / elements):
        most = _spin((bpfi - bpfo) / elements)
        wrong = f"BSF is at most {most:.3f} here; a sheet may give how often a ball strikes both races: halve that"
    if wrong:
        what = f"BPFO {bpfo:g}, BPFI {bpfi:g}, BSF {bsf:g} and FTF {ftf:g} are not of one bearing"
        raise InvalidInput(what, where=name, hint=wrong, code="bearing.factors")
    return Bearing(bpfo, bpfi, bsf, ftf, name)


def _spin(ratio: float) -> float:
    """Return the spin of a ball by the ratio of its diameter to the pitch diameter (contact angle 0: the most there is)."""
    return (1 / ratio - ratio) / 2


def bearing(name: str, table: Path | None = None) -> Bearing:
    """Return a bearing of the table (ours, or a YAML or CSV file of yours with the same columns)."""
    known = rows_of(table)
    if name not in known:
        hint = f"{did_you_mean(name, known)}; others by vibration.geometry(rollers, roller_diameter, pitch_diameter)"
        raise InvalidInput(f"bearing '{name}' is not in the table", hint=hint, code="bearing.unknown")
    row = known[name]
    if "pitch_diameter" not in row:
        return factors(*(float(row[one]) for one in FACTORS), name=name)
    return geometry(row["rollers"], row["roller_diameter"], row["pitch_diameter"], row.get("contact_angle", 0.0), name)


def table_of_bearings(table: Path | None = None) -> list[str]:
    """Return the names of a table."""
    return sorted(rows_of(table))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a record shows of one fault: where it was looked for, and how far each harmonic stands out of its background."""

    fault: str
    frequency: float
    strength: float
    ratios: tuple[float, ...]
    band: tuple[float, float]
    shift: float

    def __str__(self) -> str:
        """Return one line for people."""
        stands = ", ".join(f"{ratio:.0f}x" for ratio in self.ratios)
        return (
            f"{self.fault}: {self.frequency:.1f} Hz and its multiples stand {stands} above the background "
            f"(envelope of {self.band[0]:g}-{self.band[1]:g} Hz)"
        )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Which part of a bearing a record points at, how sure that is, and the evidence for every part, strongest first."""

    fault: str | None
    confidence: str
    evidence: tuple[Evidence, ...]

    def __str__(self) -> str:
        """Return what was found, for people."""
        if self.fault is None:
            return f"no part of the bearing stands out; strongest is {self.evidence[0]}"
        return f"{self.fault} ({self.confidence} confidence); {self.evidence[0]}"


def diagnose(wave: Waveform, part: Bearing, rpm: float | None = None) -> Diagnosis:
    """Say whether the squared-envelope spectrum shows a fault of the bearing.

    A ball is never claimed with more than low confidence: of 31 recorded ball faults the method names 2.
    """
    speed = rpm or wave.rpm
    if speed is None:
        raise InvalidInput(
            "the speed of the shaft is not known", where=wave.name, hint="give rpm= as measured", code="vibration.speed"
        )
    turns = wave.seconds * speed / 60
    if turns < REVOLUTIONS:
        raise InvalidInput(
            f"the record holds {turns:.0f} turns of the shaft, {REVOLUTIONS} are needed to tell the parts of a bearing apart",
            where=wave.name,
            hint=f"record at least {REVOLUTIONS * 60 / speed:.1f} s",
            code="vibration.short",
        )
    found = sorted(_evidence(wave, _looked_for(part, speed)), key=lambda one: -one.strength)
    first, second = found[0], found[1]
    if first.strength < SEEN or first.strength - second.strength < APART / 2:
        return Diagnosis(None, "none", tuple(found))
    if first.fault in (BALL, CAGE):
        return Diagnosis(first.fault, "low", tuple(found))
    sure = first.strength >= SURE and first.strength - second.strength >= APART
    return Diagnosis(first.fault, "high" if sure else "medium", tuple(found))


def _looked_for(part: Bearing, rpm: float) -> dict[str, float]:
    """Return the frequencies of the faults; a damaged ball strikes twice in each of its turns."""
    at = part.frequencies(rpm)
    return {OUTER: at["BPFO"], INNER: at["BPFI"], BALL: 2 * at["BSF"], CAGE: at["FTF"]}


def _evidence(wave: Waveform, wanted: Mapping[str, float]) -> list[Evidence]:
    top = 0.48 * wave.rate
    bands = [(low, min(high, top)) for low, high in BANDS if low + 500 <= top]
    if not bands:
        raise InvalidInput(
            f"the envelope needs at least 2100 samples a second, this record has {wave.rate:g}",
            where=wave.name,
            hint="record faster: bearings are heard above 500 Hz",
            code="vibration.rate",
        )
    best: dict[str, Evidence] = {}
    for band in bands:
        frequencies, lines = envelope_spectrum(wave.values, wave.rate, *band)
        for fault, centre in wanted.items():
            shift, ratios = comb(lines, frequencies[1], centre)
            strength = float(np.log(ratios).mean())
            if fault not in best or strength > best[fault].strength:
                best[fault] = Evidence(fault, centre * (1 + shift), strength, tuple(map(float, ratios)), band, shift)
    return list(best.values())


def comb(lines: Floats, step: float, centre: float) -> tuple[float, Floats]:
    """Return the slip at which the harmonics stand out most together, and how far each stands above its background."""
    harmonics = np.arange(1, HARMONICS + 1)
    background = np.empty(HARMONICS)
    for place, harmonic in enumerate(harmonics):
        low, high = int(0.85 * centre * harmonic / step), int(1.15 * centre * harmonic / step) + 2
        background[place] = np.median(lines[low:high]) if low < len(lines) else np.inf
    background = np.maximum(background, 1e-12)
    reach = max(1, math.ceil(SLIP * centre * HARMONICS / step))
    shifts = np.linspace(-SLIP, SLIP, 2 * reach + 1)
    places = np.rint(centre * np.outer(1 + shifts, harmonics) / step).astype(np.int64)
    around = np.clip(places[:, :, None] + np.array([-1, 0, 1]), 0, len(lines) - 1)
    ratios = np.maximum(lines[around].max(axis=2) / background, 1e-6)
    best = int(np.log(ratios).mean(axis=1).argmax())
    return float(shifts[best]), ratios[best]
