"""What a position says, as properties: the model of every sensor position, and its values for the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from lineshaft.assets import AssetModel
from lineshaft.core import Batch, now_ns, samples
from lineshaft.detect.vibration import ALARM, HEALTHY, MAINTENANCE, WARNING

SOURCE = "condition"
SEVERITY = {HEALTHY: 0, WARNING: 1, ALARM: 2, MAINTENANCE: 3}
MODEL = AssetModel.model_validate(
    {
        "model": "Sensor position",
        "version": 1,
        "description": "What condition monitoring says of one vibration and temperature sensor.",
        "properties": [
            {"name": name, "kind": "measurement", **({"type": kind} if kind != "double" else {}), **more}
            for name, kind, more in (
                ("State", "string", {"description": "healthy, warning, alarm or needs maintenance"}),
                ("Severity", "integer", {"description": "the state as a number, 0 healthy to 3 needs maintenance"}),
                ("Zone", "string", {"description": "zone A to D of the table that fits the machine"}),
                ("Level", "double", {"description": "what was judged: velocity RMS in mm/s, or the sensor's own figure"}),
                ("Deviation", "double", {"description": "spreads above the learned vibration, smoothed"}),
                ("Temperature deviation", "double", {"description": "spreads above the learned temperature, smoothed"}),
                ("Velocity", "double", {"unit": "mm/s", "description": "RMS 10 to 1000 Hz of a raw record"}),
                ("RMS", "double", {"description": "of a raw record, in m/s² (or mm/s of a velocity sensor)"}),
                ("Peak", "double", {"description": "of a raw record, in m/s² (or mm/s of a velocity sensor)"}),
                ("Crest", "double", {"description": "peak over RMS of a raw record"}),
                ("Kurtosis", "double", {"description": "3 for noise, more for shocks"}),
                ("1x", "double", {"unit": "mm/s", "description": "velocity at the running speed"}),
                ("2x", "double", {"unit": "mm/s"}),
                ("3x", "double", {"unit": "mm/s"}),
                ("Bearing", "string", {"description": "which part a raw record points at, and how sure that is"}),
            )
        ],
    }
)
_KINDS = {one.name: one.type for one in MODEL.properties}


class _Numbering:
    """Numbers of our own batches: below 0, each only once, also over restarts."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, now_ns())
            return -self._last


_numbering = _Numbering()


def batch(path: str, rows: list[tuple[int, Mapping[str, Any]]]) -> Batch:
    """Return values of a position, each row at its time; what is None is left out."""
    said = [
        {"tag": f"{path}/{name}", "ts": at, "value": float(value) if _KINDS[name] == "double" else value}
        for at, values in rows
        for name, value in values.items()
        if value is not None
    ]
    return Batch(SOURCE, _numbering.next(), now_ns(), samples(said))
