"""Rows in, figures out: gaps, gate, residuals and charts, in pieces that fit the processor's cache, with memory between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.detect.anomaly.charts import CLIP, smooth, smooth_seen
from lineshaft.detect.anomaly.columns import Columns, Filler
from lineshaft.detect.anomaly.gate import Gate
from lineshaft.detect.detector import Bools, Detector, Floats, Ints, Single

PIECE = 4096
"""Rows that are worked on at a time."""

NORMAL, ANOMALY, OFF, UNKNOWN_REGIME, BAD_DATA = range(5)
REASONS = ("normal", "anomaly", "off", "unknown_regime", "bad_data")
"""Why a row has the score it has; only normal and anomaly are judged."""


@dataclass(slots=True)
class Limits:
    """What the held-out rows said about the charts: each sensor's spread, and where the thresholds lie."""

    share: float
    spread: Floats = field(default_factory=lambda: np.zeros(0))
    loud: Floats = field(default_factory=lambda: np.ones(0))
    """By how much a sensor is toned down that shouts in normal running (a pump that hardly ever starts)."""
    level: Floats = field(default_factory=lambda: np.ones(1))
    """How far each sensor's own running mean wanders from that of training when all is normal."""
    signed: float = 1.0
    squared: float = 1.0
    longest: int = 0
    """How long, in rows, a sensor may be without a value before its chart is not asked any more."""


@dataclass(slots=True)
class Core:
    """Everything that was learned about a machine."""

    columns: Columns
    detector: Detector
    gate: Gate
    limits: Limits
    fill: int
    missing: float


@dataclass(slots=True)
class Figures:
    """Figures a row, of the rows that were judged."""

    judged: Ints
    reasons: npt.NDArray[np.uint8]
    drift: npt.NDArray[np.float32]
    level: npt.NDArray[np.float32]
    most: Floats
    broad: Floats

    def figure(self, limits: Limits) -> Floats:
        """Return one figure a row: 1 at the threshold, of whichever chart is further."""
        return np.maximum(self.most / limits.signed, self.broad / limits.squared)


class Charts:
    """The two charts of a machine, going on from piece to piece: running means of the residuals and of their squares."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.filler = Filler(core.columns.width, core.fill)
        self.means: Floats = np.zeros(2 * len(core.columns.charted) + 1)
        """Running means: of each sensor's residual, of each sensor itself, and of the squared residuals."""
        self.absent: Ints = np.zeros(len(core.columns.charted), np.int64)

    def reset(self) -> None:
        """Forget what was seen: the machine is back in service."""
        self.means[:] = 0
        self.absent[:] = 0

    def run(self, times: Ints, rows: Callable[[slice], Floats], idle: Bools, strange: Bools) -> Figures:
        """Take rows in the units of the plant; `idle` rows are off, `strange` ones in a state never seen."""
        size, width = len(times), len(self.core.columns.charted)
        reasons = np.full(size, NORMAL, np.uint8)
        drift, level = np.empty((width, size), np.float32).T, np.empty((width, size), np.float32).T
        inverse = 1 / self.core.limits.spread
        most, broad, judged, done = np.empty(size), np.empty(size), np.empty(size, np.int64), 0
        for start in range(0, size, PIECE):
            part = slice(start, min(start + PIECE, size))
            standard = self.core.columns.standard(self.filler.fill(times[part], rows(part)))
            reasons[part] = self._reasons(standard, idle[part], strange[part])
            places = np.flatnonzero(reasons[part] == NORMAL)
            if not len(places):
                continue
            means, own, squares = self._chart(picked(standard, places))
            here = slice(done, done + len(places))
            judged[here], drift[here], level[here], broad[here] = places + start, means, own, squares
            np.abs(np.multiply(means, inverse, out=means), out=means)
            means.max(axis=1, out=most[here])
            done += len(places)
        return Figures(judged[:done], reasons, drift[:done], level[:done], most[:done], broad[:done])

    def _chart(self, standard: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the running means of residuals, of the sensors themselves and of squared residuals for rows that are judged."""
        core, width = self.core, len(self.core.columns.charted)
        both = np.empty((2 * width + 1, len(standard))).T
        off = np.clip(core.detector.residuals(standard), -CLIP, CLIP, out=both[:, :width])
        if (core.limits.loud > 1).any():
            off /= core.limits.loud
        both[:, width : 2 * width] = standard[:, core.columns.charted]
        holes = bool(np.isnan(off.sum()))
        both[:, -1] = np.nanmean(off * off, axis=1) if holes else np.einsum("ij,ij->j", off.T, off.T) / max(width, 1)
        smoother = smooth_seen if holes else smooth
        means = smoother(both, core.limits.share, self.means)
        self.means = means[-1].copy()
        drift, own, broad = means[:, :width], means[:, width : 2 * width], means[:, -1]
        if holes or self.absent.any():
            drift = self._without_absent(drift, np.isnan(off))
        return drift, own, broad

    def _reasons(self, standard: Floats, idle: Bools, strange: Bools) -> npt.NDArray[np.uint8]:
        """Say for each row whether it can be judged."""
        core, columns = self.core, self.core.columns
        reasons = np.full(len(standard), NORMAL, np.uint8)
        places = np.flatnonzero(columns.driving)
        if len(places):
            asked = np.flatnonzero(~idle)
            known = core.gate.known(self._drivers(picked(standard, asked), places))
            reasons[asked[~known]] = UNKNOWN_REGIME
        reasons[strange] = UNKNOWN_REGIME
        if np.isnan(standard.sum()):
            missing = np.isnan(standard[:, : len(columns.names)])
            reasons[missing.mean(axis=1) > core.missing] = BAD_DATA
            reasons[missing[:, columns.charted].all(axis=1)] = BAD_DATA
        reasons[idle] = OFF
        return reasons

    def _drivers(self, standard: Floats, places: Ints) -> Floats:
        """Return the drivers; one that is missing is taken as what the sensors say it must be."""
        drivers = standard[:, places]
        gone = np.flatnonzero(np.isnan(drivers).any(axis=1))
        if len(gone):
            said = self.core.detector.expected(standard[gone])[:, places]
            drivers[gone] = np.where(np.isnan(drivers[gone]), said, drivers[gone])
        return drivers

    def _without_absent(self, means: Floats, missing: Bools) -> Floats:
        """Take the charts of sensors that have been away for long as 0: old evidence is no evidence."""
        out = means.copy()
        for column in np.flatnonzero(missing.any(axis=0) | (self.absent > 0)):
            gone = missing[:, column]
            seen = np.maximum.accumulate(np.where(gone, -1 - self.absent[column], np.arange(len(gone))))
            away = np.arange(len(gone)) - seen
            out[away > self.core.limits.longest, column] = 0
            self.absent[column] = int(away[-1])
        return out

    def state(self) -> dict[str, Any]:
        """Return what must be remembered to go on later."""
        return {
            "value": self.filler.value.tolist(),
            "at": self.filler.at.tolist(),
            "means": self.means.tolist(),
            "absent": self.absent.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.filler.value = np.array(state["value"], np.float64)
        self.filler.at = np.array(state["at"], np.int64)
        self.means, self.absent = np.array(state["means"], np.float64), np.array(state["absent"], np.int64)


def picked(rows: Floats, places: Ints) -> Floats:
    """Return the rows at some places (ascending), their columns one after the other in memory."""
    return rows if len(places) == len(rows) else np.take(rows.T, places, axis=1).T


def parts(drift: Floats | Single, level: Floats | Single, limits: Limits) -> Floats:
    """Return each sensor's part in a row's figure: how far it is from what the others say, times how far it is from its own mean.

    The first alone smears: a sensor that is right is pulled along by one that is wrong. The second alone names whatever the
    load moves. A sensor at fault is far out in both.
    """
    return np.abs(drift / limits.spread) * np.sqrt((level / limits.level) ** 2 + 0.01)
