"""Open a record by the ending of its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.vibration.records.channel import Channel
from lineshaft.detect.vibration.records.columns import csv, parquet
from lineshaft.detect.vibration.records.mat import mat
from lineshaft.detect.vibration.records.uff import uff
from lineshaft.detect.vibration.records.wav import wav
from lineshaft.detect.vibration.waveform import Waveform, waveform

FORMATS: dict[str, Callable[[Path], list[Channel]]] = {
    ".csv": csv,
    ".txt": csv,
    ".parquet": parquet,
    ".mat": mat,
    ".wav": wav,
    ".uff": uff,
    ".unv": uff,
}


def channels(path: Path | str) -> list[Channel]:
    """Return all channels of a file, with what the file says about each."""
    path = Path(path)
    if not path.is_file():
        raise InvalidInput("there is no such file", where=str(path), hint="check the path", code="record.missing")
    opened = FORMATS.get(path.suffix.lower())
    if opened is None:
        hint = f"known are {', '.join(FORMATS)}"
        raise InvalidInput(f"files ending in '{path.suffix}' are not read", where=path.name, hint=hint, code="record.format")
    return opened(path)


def read(
    path: Path | str,
    channel: str | None = None,
    *,
    rate: float | None = None,
    unit: str | None = None,
    rpm: float | None = None,
    sensitivity: float = 1.0,
) -> Waveform:
    """Read one channel of a file; what the file does not say (rate, unit, speed) is given.

    `sensitivity` divides the samples: full scale per unit for WAV, volts per g for a recorded voltage.
    """
    found = channels(path)
    names = [one.name for one in found]
    if channel is None and len(found) > 1:
        hint = f"give channel=, one of {', '.join(names)}"
        raise InvalidInput(f"the file has {len(found)} channels", where=Path(path).name, hint=hint, code="record.channel")
    if channel is not None and channel not in names:
        hint = did_you_mean(channel, names)
        raise InvalidInput(f"there is no channel '{channel}'", where=Path(path).name, hint=hint, code="record.channel")
    if not sensitivity:
        raise InvalidInput("a sensitivity of 0 measures nothing", hint="give it as on the sensor", code="record.sensitivity")
    one = found[0] if channel is None else found[names.index(channel)]
    return waveform(
        one.values / sensitivity,
        rate=rate or one.rate,
        unit=unit or one.unit,
        rpm=rpm or one.rpm,
        name=f"{Path(path).name}:{one.name}",
    )
