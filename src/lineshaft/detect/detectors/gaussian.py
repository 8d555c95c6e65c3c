"""The default detector: every sensor against what all the others say, by one covariance matrix, in closed form.

With P the inverse of the covariance (correlation) matrix and d a row's deviation, (P d)_i / sqrt(P_ii) is the residual of the
regression of sensor i on all others. The directions in which a healthy machine hardly moves carry the faults, so nothing is cut
off; a noise floor on the diagonal keeps relations that are exact on paper from turning rounding into alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lineshaft.core import Section
from lineshaft.detect.detector import Arrays, Floats, Ints, Weigh

FLOORS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Noise floors that are tried, smallest first, as a share of a sensor's variance."""

ENOUGH = 150_000
"""Of so many rows and more every second (third ...) is looked at to choose settings; the last learning takes them all."""

PIECE = 8192
"""Rows that are summed up at a time."""


class Options(Section):
    """How the default detector learns."""

    noise_floor: float | None = Field(None, gt=0, le=1, description="share of variance; none: chosen on held-out rows")
    growth: float = Field(1.1, gt=1, description="residuals on held-out rows may be so much larger than on training rows")
    trim: float = Field(0.04, ge=0, lt=0.5, description="share of the oddest training rows left out in each round")
    rounds: int = Field(2, ge=0, le=5, description="rounds of leaving out")


class Gaussian:
    """Conditional Gaussian residuals."""

    Options = Options

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options.model_validate({})
        self.mean: Floats = np.zeros(0)
        self.covariance: Floats = np.zeros((0, 0))
        self.noise: Floats = np.zeros(0)
        self.floor = 0.0
        self.charted: Ints = np.zeros(0, np.int64)
        self._inverses: dict[bytes, Floats] = {}

    def fit(self, train: Floats, held: Floats, charted: Ints, weigh: Weigh) -> dict[str, Any]:
        """Learn mean and covariance, leave out the oddest rows twice, choose the noise floor on the held-out rows."""
        self.charted = charted
        train, held = train[:: 1 + len(train) // ENOUGH], held[:: 1 + len(held) // ENOUGH]
        self._learn(train)
        self.floor, growth = self._choose(train, held)
        kept = np.ones(len(train), np.bool_)
        for n in range(self.options.rounds if self.options.trim else 0):
            odd = weigh(self.residuals(train))
            kept = odd <= np.quantile(odd, 1 - self.options.trim * (n + 1))
            self._learn(train[kept])
        if self.options.rounds and self.options.trim:
            self.floor, growth = self._choose(train[kept], held)
        return {"noise_floor": self.floor, "growth": round(growth, 3), "rows": int(kept.sum())}

    def refit(self, rows: Floats) -> None:
        """Learn mean and covariance again from all rows."""
        self._learn(rows)

    def residuals(self, rows: Floats) -> Floats:
        """Return the residual of every charted sensor on all others, in standard deviations."""
        weights, _ = self._weights(np.zeros(rows.shape[1], np.bool_))
        away = (rows - self.mean).T
        if not np.isnan(away.sum()):
            return (weights.T @ away).T
        missing = np.isnan(away)
        away[missing] = 0.0
        found = (weights.T @ away).T
        for pattern, here in _patterns(missing.T, ~_whole(rows)):
            weights, _ = self._weights(pattern)
            found[here] = (weights.T @ away[:, here]).T
            found[np.ix_(here, pattern[self.charted])] = np.nan
        return found

    def expected(self, rows: Floats) -> Floats:
        """Return for each column the conditional mean given all the others of its row."""
        missing = np.isnan(rows)
        said: Floats = np.empty_like(rows)
        for pattern, here in _patterns(missing, np.ones(len(rows), np.bool_)):
            inverse = self._inverse(pattern)
            deviation = np.where(pattern, 0.0, rows[here] - self.mean)
            off = np.asarray(deviation @ inverse / np.diag(inverse), np.float64)
            said[here] = self.mean + deviation - off
            if pattern.any():
                seen = ~pattern
                pull: Floats = inverse[np.ix_(seen, seen)] @ self.covariance[np.ix_(seen, pattern)]
                filled: Floats = self.mean[pattern] + deviation[:, seen] @ pull
                said[np.ix_(here, pattern)] = filled
        return said

    def coarsen(self, noise: Floats) -> tuple[Gaussian, Floats]:
        """Return the same with a higher noise floor for some columns; rounding does not average out, so charts spread more."""
        other = Gaussian(self.options)
        other.restore(self.state())
        other.noise = noise.copy()
        weights, _ = other._weights(np.zeros(len(noise), np.bool_))
        return other, np.sqrt(noise @ weights**2)

    def linear(self) -> tuple[Floats, Floats, Floats]:
        """Return mean, precision (with the noise floor) and covariance: all it takes to compute residuals anywhere."""
        return self.mean, self._inverse(np.zeros(len(self.mean), np.bool_)), self.covariance

    def state(self) -> Arrays:
        """Return mean, covariance, floor and which columns are charted."""
        return {
            "mean": self.mean,
            "covariance": self.covariance,
            "floor": np.array([self.floor]),
            "charted": self.charted,
            "noise": self.noise,
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take mean, covariance, floor and charted columns as they were."""
        self.mean, self.covariance = np.array(state["mean"], float), np.array(state["covariance"], float)
        self.floor, self.charted = float(state["floor"][0]), np.array(state["charted"], np.int64)
        self.noise = np.array(state["noise"], float)
        self._inverses = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave what can be computed again."""
        return {**self.__dict__, "_inverses": {}}

    def _learn(self, rows: Floats) -> None:
        self._inverses = {}
        whole = _whole(rows)
        if whole.all() or whole.sum() > max(10 * rows.shape[1], 0.3 * len(rows)):
            self.mean, self.covariance = _moments(rows, whole)
            return
        every, missing = np.ones(len(rows), np.bool_), np.isnan(rows)
        self.mean, self.covariance = _moments(np.where(missing, np.nanmean(rows, axis=0), rows), every)
        for _ in range(3):
            self._inverses = {}
            self.mean, self.covariance = _moments(np.where(missing, self.expected(rows), rows), every)
        self._inverses = {}

    def _choose(self, train: Floats, held: Floats) -> tuple[float, float]:
        """Return the smallest floor whose residuals hardly grow from training to held-out rows, and the growth."""
        seen, later = _second(train, self.mean), _second(held, self.mean)
        growth, floor = float("inf"), FLOORS[-1]
        floors = FLOORS if self.options.noise_floor is None else (self.options.noise_floor,)
        for floor in floors:
            inverse = np.linalg.inv(_loaded(self.covariance, floor))
            was = np.einsum("ij,jk,ki->i", inverse, seen, inverse)[self.charted]
            now = np.einsum("ij,jk,ki->i", inverse, later, inverse)[self.charted]
            growth = float(np.sqrt(np.median(now / np.maximum(was, 1e-12))))
            if growth < self.options.growth:
                break
        self._inverses = {}
        self.floor = floor
        return floor, growth

    def _inverse(self, pattern: npt.NDArray[np.bool_]) -> Floats:
        """Return the inverse of the covariance of the columns that are there; rows and columns of missing ones say nothing."""
        key = np.packbits(pattern).tobytes()
        if key not in self._inverses:
            if len(self._inverses) > 4096:
                self._inverses.clear()
            loaded = _loaded(self.covariance, self.floor)
            if len(self.noise):
                loaded += np.diag(self.noise)
            loaded[pattern, :] = 0
            loaded[:, pattern] = 0
            loaded[pattern, pattern] = 1
            self._inverses[key] = np.asarray(np.linalg.inv(loaded), np.float64)
        return self._inverses[key]

    def _weights(self, pattern: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        inverse = self._inverse(pattern)
        return inverse[:, self.charted] / np.sqrt(np.diag(inverse)[self.charted]), inverse


def _patterns(missing: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> list[tuple[npt.NDArray[np.bool_], Ints]]:
    """Return every pattern of missing columns with the rows that have it."""
    here = np.flatnonzero(among)
    if not len(here):
        return []
    packed = np.packbits(missing[here], axis=1)
    if packed.shape[1] <= 8:
        packed = np.pad(packed, ((0, 0), (0, 8 - packed.shape[1]))).view(np.uint64)[:, 0]
        _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    else:
        _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(which, kind="stable")
    edges = np.searchsorted(which[order], np.arange(len(first) + 1))
    return [(missing[here[first[n]]], here[order[edges[n] : edges[n + 1]]]) for n in range(len(first))]


def _whole(rows: Floats) -> npt.NDArray[np.bool_]:
    """Return which rows have all their values."""
    found = np.ones(len(rows), np.bool_)
    for lane in rows.T:
        found &= ~np.isnan(lane)
    return found


def _moments(rows: Floats, used: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return mean and covariance of the rows used."""
    about = np.nan_to_num(rows[:PIECE].mean(axis=0), nan=0.0)
    total, products = _sums(rows, used, about)
    count = max(int(used.sum()), 1)
    away = total / count
    return about + away, (products - count * np.outer(away, away)) / max(count - 1, 1)


def _second(rows: Floats, mean: Floats) -> Floats:
    """Return the second moments about a mean; where few rows are whole a missing value counts as the mean."""
    used = _whole(rows)
    if used.sum() <= 0.3 * len(rows):
        rows, used = np.where(np.isnan(rows), mean, rows), np.ones(len(rows), np.bool_)
    return _sums(rows, used, mean)[1] / max(int(used.sum()), 1)


def _sums(rows: Floats, used: npt.NDArray[np.bool_], about: Floats) -> tuple[Floats, Floats]:
    """Return the sums of the rows used, and of their products, about a point; in pieces, so that no copy of all is made."""
    total, products = np.zeros(rows.shape[1]), np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), PIECE):
        part, some = rows[start : start + PIECE], used[start : start + PIECE]
        lanes = np.ascontiguousarray((part if some.all() else part[some]).T) - about[:, None]
        total += lanes.sum(axis=1)
        products += lanes @ lanes.T
    return total, products


def _loaded(covariance: Floats, floor: float) -> Floats:
    """Return the covariance with the noise floor on its diagonal."""
    return covariance + floor * np.eye(len(covariance))


PLUGIN = Gaussian
