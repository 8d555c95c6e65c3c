"""A raw record taken at a position: its figures, what it shows of the bearing, and its spectra for people to look at."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from lineshaft.core import InvalidInput, iso
from lineshaft.detect import vibration
from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration import Bearing, Diagnosis, Features, Position, Waveform

MIME = "application/vnd.apache.parquet"
LINES = 1_500
"""So many points of a spectrum are shown, each the highest of those it stands for."""
SHOWN_ENVELOPE_HZ = 1_000.0


@dataclass(frozen=True, slots=True)
class Looked:
    """A record, looked at before anything is written."""

    wave: Waveform
    features: Features
    diagnosis: Diagnosis | None
    refused: dict[str, str] = field(default_factory=dict[str, str])

    def level(self, position: Position) -> float | None:
        """Return the figure that is judged: velocity in the standard band, or the record's own RMS."""
        if position.measure == "other":
            return self.features.rms
        found = self.features.velocity
        return found.rms if found is not None and found.standard else None

    def figures(self) -> dict[str, Any]:
        """Return the figures as properties of the position."""
        told = self.features
        orders = {f"{order}x": value for order, value in told.orders.items()}
        velocity = told.velocity.rms if told.velocity else None
        return {"Velocity": velocity, "RMS": told.rms, "Peak": told.peak, "Crest": told.crest, "Kurtosis": told.kurtosis} | orders


def look(wave: Waveform, position: Position) -> Looked:
    """Look at a record; what it cannot show is refused with the reason, the rest is told."""
    told = vibration.features(wave)
    refused = dict(told.refused)
    found: Diagnosis | None = None
    if position.bearing is None:
        refused["bearing"] = "no bearing is known here: name one of the table, or give its geometry"
    else:
        try:
            found = vibration.diagnose(wave, position.bearing)
        except InvalidInput as reason:
            refused["bearing"] = str(reason)
    return Looked(wave, told, found, refused)


def said(found: Diagnosis | None) -> dict[str, Any]:
    """Return a diagnosis as plain values."""
    if found is None:
        return {}
    evidence = [{**asdict(one), "ratios": [round(ratio, 1) for ratio in one.ratios]} for one in found.evidence]
    return {"fault": found.fault, "confidence": found.confidence, "says": str(found), "evidence": evidence}


def kept(wave: Waveform, at: int) -> tuple[bytes, str]:
    """Return a record as a Parquet file (one column, what it is in the metadata), and the digest of its samples."""
    values = wave.values.astype(np.float32)
    about = {"rate": f"{wave.rate!r}", "quantity": wave.quantity, "rpm": f"{wave.rpm or ''}", "start": iso(at), "of": wave.name}
    table = pa.table({wave.quantity: pa.array(values)}).replace_schema_metadata(about)
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue(), hashlib.sha256(values.tobytes()).hexdigest()


def opened(content: bytes) -> Waveform:
    """Return a record that was kept."""
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    values: Floats = table.column(0).to_numpy().astype(np.float64)
    rpm = float(about["rpm"]) if about["rpm"] else None
    return Waveform(values, float(about["rate"]), about["quantity"], "", rpm, None, about["of"])


def spectra(wave: Waveform, part: Bearing | None) -> dict[str, Any]:
    """Return the velocity spectrum, and the envelope spectrum with the frequencies of the bearing and the speed marked."""
    frequencies, amplitude = vibration.velocity_spectrum(wave)
    told: dict[str, Any] = {
        "spectrum": _curve(frequencies, amplitude, min(1000.0, wave.rate / 2.56)),
        "samples": _curve(np.arange(len(wave.values)) / wave.rate, wave.values, wave.seconds, both=True),
        "unit": "mm/s",
        "turning_hz": wave.rpm / 60 if wave.rpm else None,
        "marks": part.frequencies(wave.rpm) if part and wave.rpm else {},
        "envelope": None,
        "band": None,
    }
    band = _band(wave, part)
    if band is not None:
        hz, lines = vibration.envelope_spectrum(wave.values, wave.rate, *band)
        told["envelope"], told["band"] = _curve(hz, lines, min(SHOWN_ENVELOPE_HZ, float(hz[-1]))), list(band)
    return told


def _band(wave: Waveform, part: Bearing | None) -> tuple[float, float] | None:
    """Return the band the diagnosis found its strongest evidence in, else the widest that the record carries."""
    if part is not None:
        try:
            return vibration.diagnose(wave, part).evidence[0].band
        except InvalidInput:
            pass
    top = 0.45 * wave.rate
    return (500.0, top) if top >= 1000.0 else None


def _curve(x: Floats, y: Floats, end: float, *, both: bool = False) -> dict[str, list[float]]:
    """Return at most LINES points up to an end: the highest of each group, so that no line is lost (`both`: lowest too)."""
    inside = (x <= end) if both else (x > 0) & (x <= end)
    x, y = x[inside], y[inside]
    size = -(-len(y) // LINES)
    if size > 1:
        groups = y[: len(y) // size * size].reshape(-1, size)
        at = np.arange(len(groups)) * size
        high = at + groups.argmax(axis=1)
        places = np.sort(np.concatenate([at + groups.argmin(axis=1), high])) if both else high
        x, y = x[places], y[places]
    return {"x": [round(float(one), 5) for one in x], "y": [float(f"{one:.5g}") for one in y]}
