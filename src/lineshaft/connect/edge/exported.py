"""A model of a machine beside the machine: an exported file run on the edge, with the scores the plant would give.

Needs only NumPy and onnxruntime. What was remembered (charts, last values) goes in and comes out with every piece of rows.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.connect.edge.alert import Alerts, Change
from lineshaft.connect.edge.holding import Holding
from lineshaft.connect.onnx_file import opened
from lineshaft.core import NS, ConfigError, InvalidInput

FORMAT = "lineshaft.anomaly.1"
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model: what it is called, which columns it asks for, how far rows are apart."""

    name: str
    version: int
    sensors: tuple[str, ...]
    """Names of the columns it takes, in order; texts are given as texts."""
    judged: tuple[str, ...]
    every: int
    manifest: dict[str, Any]
    session: Any

    @property
    def key(self) -> str:
        """What the plant knows the model by; empty in a file of an earlier version."""
        return str(self.manifest.get("id", ""))

    @property
    def texts(self) -> frozenset[str]:
        """Names of the columns that are texts."""
        return frozenset(self.manifest["texts"])

    @classmethod
    def load(cls, content: bytes) -> Exported:
        """Read an exported file. Raises InvalidInput for a file that is none, ConfigError without onnxruntime."""
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as file:
                manifest = json.loads(file.read("manifest.json"))
                graph = file.read("model.onnx")
            if manifest.get("format") != FORMAT:
                raise InvalidInput(f"the file's format is {manifest.get('format')}", hint=f"this version reads {FORMAT}")
            every, sensors, judged = int(manifest["every_s"] * NS), manifest["inputs"], manifest["sensors"]
            made = (str(manifest["name"]), int(manifest["version"]), tuple(sensors), tuple(judged), every)
        except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            hint = "a plain ONNX file is described by [detectors.onnx]: its columns, and which number is the score"
            raise InvalidInput(f"this is not an exported model: {error}", hint=hint, code="edge.model") from error
        return cls(*made, manifest, session(graph))

    @property
    def lasts(self) -> frozenset[str]:
        """Names of the columns whose last value in a step counts: switches."""
        return frozenset(self.manifest.get("lasts", ()))

    def follow(self) -> Follower:
        """Return a follower that has seen nothing yet."""
        return Follower(self)


class Follower:
    """Follows one machine: rows in, scores and reasons out; remembers what it must."""

    def __init__(self, model: Exported) -> None:
        self.model = model
        self.through: int | None = None
        self.shares: Floats = np.zeros((0, len(model.judged)))
        """Each judged sensor's share in the rows taken last (they sum to 1), NaN where a row was not judged."""
        self._memory = {name: _array(values) for name, values in model.manifest["memory"].items()}
        rule = model.manifest.get("rule")  # a file of an earlier version has none: its scores alone are told
        self.alerts = Alerts(rule, model.judged) if rule else None
        self.changes: list[Change] = []
        """Alerts that were raised or ended in the rows taken last."""
        self._holding = Holding(model.manifest.get("lanes", {}))

    def take(self, times: Ints, columns: Mapping[str, Any], bad: Mapping[str, Any] | None = None) -> tuple[Floats, list[str]]:
        """Return score (0 to 1, .5 is the threshold, NaN: not judged) and reason of rows, one each `every`, in order of time.

        The reason is `anomaly` while an alert is open, as at the plant; `alerts` has the last one. `bad` says of a sensor in
        which rows nothing but bad values came: what a value holds ends there.
        """
        self.changes = []
        if not len(times):
            return np.zeros(0), []
        rows = np.full((len(times), len(self.model.sensors)), np.nan)
        for place, name in enumerate(self.model.sensors):
            if name in columns:
                rows[:, place] = self._numbers(name, columns[name])
        scores, reasons, shares = list[Floats](), list[str](), list[Floats]()
        for part, ended in self._holding.parts(len(times), bad or {}):
            self._holding.end(ended, self._memory)
            score, reason = self._part(times[part], rows[part])
            scores.append(score)
            reasons += reason
            shares.append(self.shares)
        self.shares = np.concatenate(shares)
        return np.concatenate(scores), reasons

    def _part(self, times: Ints, rows: Floats) -> tuple[Floats, list[str]]:
        """Run the graph over rows in which nothing is told beside the values."""
        since = times[0] - self.model.every if self.through is None else self.through
        seconds = np.diff(times.astype(np.int64), prepend=np.int64(since)).astype(np.float64)[:, None] / NS
        told = ["score", "reason", "shares", *(["weights"] if self.alerts else [])]
        feed = {**{f"{name}_before": values for name, values in self._memory.items()}, "rows": rows, "seconds": seconds}
        found = self.model.session.run([*(f"{name}_after" for name in self._memory), *told], feed)
        memory, (score, reason, self.shares, *weights) = found[: len(self._memory)], found[len(self._memory) :]
        self._memory = dict(zip(self._memory, memory, strict=True))
        self.through = int(times[-1])
        line = score[:, 0]
        odd = self.alerts.take(times, line / (1 - line), weights[0]) if self.alerts else line > 0.5
        self.changes += self.alerts.changes if self.alerts else []
        words = self.model.manifest["reasons"]
        return line, [words[1] if one else words[int(code)] for one, code in zip(odd, reason[:, 0], strict=True)]

    def reset(self, at: int | None = None) -> None:
        """Start the charts anew: the machine was repaired; an open alert is over."""
        self.changes = self.alerts.reset(self.through or 0 if at is None else at) if self.alerts is not None else []
        for name in ("means", "absent"):
            self._memory[name] = np.zeros_like(self._memory[name])

    def returned(self, at: int) -> None:
        """Start anew, as the machine was verified back in service then; an alert that began since is of the time after it."""
        last = self.alerts.last if self.alerts is not None and self.alerts.open else None
        self.changes = []
        if last is None or last.start <= at:
            self.reset(at)

    def state(self) -> dict[str, Any]:
        """Return what must be remembered over a restart, as plain values."""
        memory = {name: [None if np.isnan(one) else one for one in values.tolist()] for name, values in self._memory.items()}
        alerts = None if self.alerts is None else self.alerts.state()
        return {"through": self.through, "memory": memory, "alerts": alerts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.through = state["through"]
        if self.alerts is not None and state.get("alerts"):
            self.alerts.restore(state["alerts"])
        self._memory = {name: _array(values) for name, values in state["memory"].items()}

    def _numbers(self, name: str, values: Any) -> Floats:
        levels = self.model.manifest["texts"].get(name)
        if levels is None:
            return np.asarray(values, np.float64)
        place = {level: float(number) for number, level in enumerate(levels)}
        return np.array([np.nan if one is None else place.get(str(one), -1.0) for one in values])


def _array(values: list[float | None]) -> Floats:
    return np.array([np.nan if one is None else one for one in values], np.float64)


def session(graph: bytes) -> Any:
    """Open an ONNX graph. Raises InvalidInput for one that cannot be read, ConfigError without onnxruntime."""
    try:
        return opened(graph)
    except ImportError as error:
        raise ConfigError("to run models the package onnxruntime is needed", hint="pip install 'lineshaft[onnx]'") from error
    except ValueError as error:
        raise InvalidInput(f"onnxruntime cannot read the model: {error}", code="edge.model") from error
