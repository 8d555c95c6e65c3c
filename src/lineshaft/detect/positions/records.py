"""Files of raw vibration, read and looked at in a process of their own: which channels there are, what one shows, its spectra."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from lineshaft.detect import vibration
from lineshaft.detect.positions import recording
from lineshaft.detect.positions.reader import Read, Reader
from lineshaft.detect.settings import ConditionSettings
from lineshaft.detect.vibration import Bearing, Diagnosis, Features, Position, Waveform

_FEATURES = TypeAdapter(Features)
_DIAGNOSIS = TypeAdapter(Diagnosis | None)


class Records:
    """What is asked of files of raw vibration; none is opened in the process that asks."""

    def __init__(self, settings: ConditionSettings | None = None) -> None:
        self._reader = Reader(settings)

    def channels(self, path: Path) -> list[dict[str, Any]]:
        """Return the channels of a file, and what it says of each; what it does not say is None."""
        found: list[dict[str, Any]] = self._reader.read(_channels, path)[0]
        return found

    def look(
        self, path: Path, channel: str | None, said: dict[str, Any], position: Position, rpm: float | None
    ) -> recording.Looked:
        """Read a channel (rate, unit, rpm, sensitivity as said) and look at it; `rpm` is the speed if nobody else says it."""
        told, samples = self._reader.read(_look, path, channel, said, position, rpm)
        features, diagnosis = _FEATURES.validate_python(told["features"]), _DIAGNOSIS.validate_python(told["diagnosis"])
        return recording.Looked(Waveform(samples, **told["wave"]), features, diagnosis, told["refused"])

    def spectra(self, content: bytes, part: Bearing | None) -> dict[str, Any]:
        """Return the spectra of a record that was kept."""
        with tempfile.TemporaryDirectory(prefix="lineshaft-") as folder:
            path = Path(folder) / "record.parquet"
            path.write_bytes(content)
            found: dict[str, Any] = self._reader.read(_spectra, path, part)[0]
            return found


def _channels(path: Path) -> Read:
    found = vibration.channels(path)
    rows = [{"name": one.name, "samples": len(one.values), "rate": one.rate, "unit": one.unit, "rpm": one.rpm} for one in found]
    return rows, np.empty(0)


def _look(path: Path, channel: str | None, said: dict[str, Any], position: Position, rpm: float | None) -> Read:
    wave = vibration.read(path, channel, **said)
    if wave.rpm is None and rpm is not None:
        wave = vibration.with_speed(wave, rpm)
    looked = recording.look(wave, position)
    told = {
        "wave": {name: getattr(wave, name) for name in ("rate", "quantity", "unit", "rpm", "start", "name")},
        "features": asdict(looked.features),
        "diagnosis": None if looked.diagnosis is None else asdict(looked.diagnosis),
        "refused": looked.refused,
    }
    return told, wave.values


def _spectra(path: Path, part: Bearing | None) -> Read:
    return recording.spectra(recording.opened(path.read_bytes()), part), np.empty(0)
