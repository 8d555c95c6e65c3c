"""Few failures, no sensors: how long such assets last, from the maintenance history alone.

A Weibull distribution: not one best curve but all curves, weighted by how well they explain the ages at failure and the ages of
those that still run. So three failures give a wide interval and thirty a narrow one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.detector import Bools, Floats

FEWEST = 3
SHAPES = np.geomspace(0.5, 12, 70)
USUAL_SHAPE, SPREAD = 2.0, 0.7
"""Before any data: parts that wear have shapes of 1 to 4 (spread of the logarithm)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One life without sensors: how old the asset became, and whether it failed then (else it runs on, or was replaced)."""

    asset: str
    age: float
    failed: bool


@dataclass(slots=True)
class Weibull:
    """Weights of shapes and scales."""

    scales: Floats
    weights: Floats
    failures: int
    running: int

    @classmethod
    def fit(cls, records: list[Record]) -> Weibull:
        """Learn from ages. Raises InvalidInput for too few failures."""
        ages = np.array([record.age for record in records], np.float64)
        failed = np.array([record.failed for record in records], np.bool_)
        sound = np.isfinite(ages) & (ages > 0)
        ages, failed = ages[sound], failed[sound]
        if failed.sum() < FEWEST:
            hint = "file work orders for failures, or give a health index with its limit"
            raise InvalidInput(
                f"{int(failed.sum())} failures are too few for a distribution", hint=hint, code="life.few-failures"
            )
        middle = float(np.median(ages[failed]))
        scales = middle * np.geomspace(0.2, 12, 110)
        likely = _likelihood(ages, failed, scales)
        return cls(scales, likely, int(failed.sum()), int((~failed).sum()))

    @property
    def shape(self) -> float:
        """Return the usual shape: below 1 early failures, 1 chance, above 1 wear."""
        return float(np.exp((self.weights.sum(axis=1) * np.log(SHAPES)).sum()))

    @property
    def scale(self) -> float:
        """Return the age 63 % have failed by."""
        return float(np.exp((self.weights.sum(axis=0) * np.log(self.scales)).sum()))

    def survival(self, age: float, more: Floats) -> Floats:
        """Return the chance that an asset of this age lasts so much longer."""
        shape = SHAPES[:, None, None]
        begun = (age / self.scales[None, :, None]) ** shape
        later = ((age + more[None, None, :]) / self.scales[None, :, None]) ** shape
        return (self.weights[:, :, None] * np.exp(np.clip(begun - later, -700, 0))).sum(axis=(0, 1))

    def quantiles(self, age: float, chances: tuple[float, ...]) -> list[float]:
        """Return what is left with these chances of failing before."""
        more = np.concatenate([[0.0], np.geomspace(1e-4, 40, 400) * self.scale])
        gone = 1 - self.survival(age, more)
        return [float(np.interp(chance, gone, more, right=np.inf)) for chance in chances]

    def state(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "scales": self.scales.tolist(),
            "weights": self.weights.tolist(),
            "failures": self.failures,
            "running": self.running,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Weibull:
        """Be again what `state` returned."""
        return cls(np.array(state["scales"]), np.array(state["weights"]), state["failures"], state["running"])


def _likelihood(ages: Floats, failed: Bools, scales: Floats) -> Floats:
    """Return how likely each pair of shape and scale is; sums to 1."""
    shape = SHAPES[:, None]
    total = np.zeros((len(SHAPES), len(scales)))
    for age, ended in zip(ages, failed, strict=True):
        relative = np.log(age / scales)[None, :]
        total -= np.exp(np.clip(shape * relative, -700, 700))
        if ended:
            total += np.log(shape / age) + shape * relative
    total -= 0.5 * ((np.log(SHAPES) - np.log(USUAL_SHAPE)) / SPREAD)[:, None] ** 2
    weights = np.exp(total - total.max())
    return weights / weights.sum()
