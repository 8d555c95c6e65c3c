"""Every sensor against its own past, blind to the others: the yardstick for whatever claims to be better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.core import Section
from lineshaft.detect.detector import Arrays, Floats, Ints, Weigh


class Options(Section):
    """There is nothing to set."""


class Univariate:
    """Each sensor's distance from its own mean, in its own standard deviations."""

    Options = Options

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options.model_validate({})
        self.mean: Floats = np.zeros(0)
        self.spread: Floats = np.ones(0)
        self.charted: Ints = np.zeros(0, np.int64)

    def fit(self, train: Floats, held: Floats, charted: Ints, weigh: Weigh) -> dict[str, Any]:
        """Learn mean and spread of every column."""
        del held, weigh
        self.charted = charted
        self.refit(train)
        return {"rows": len(train)}

    def refit(self, rows: Floats) -> None:
        """Learn again from all rows."""
        self.mean, self.spread = np.nanmean(rows, axis=0), np.maximum(np.nanstd(rows, axis=0), 1e-6)

    def residuals(self, rows: Floats) -> Floats:
        """Return each charted sensor's distance from its mean."""
        return ((rows - self.mean) / self.spread)[:, self.charted]

    def expected(self, rows: Floats) -> Floats:
        """Return the mean, whatever the others say."""
        return np.broadcast_to(self.mean, rows.shape).copy()

    def coarsen(self, noise: Floats) -> tuple[Univariate, Floats]:
        """Return the same with the noise added to each spread."""
        other = Univariate(self.options)
        other.restore(self.state())
        other.spread = np.sqrt(self.spread**2 + noise)
        return other, (np.sqrt(noise) / other.spread)[self.charted]

    def linear(self) -> tuple[Floats, Floats, Floats]:
        """Return mean, precision and covariance: no sensor knows of another."""
        return self.mean, np.diag(1 / self.spread**2), np.diag(self.spread**2)

    def state(self) -> Arrays:
        """Return mean, spread and which columns are charted."""
        return {"mean": self.mean, "spread": self.spread, "charted": self.charted}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take them as they were."""
        self.mean, self.spread = np.array(state["mean"], float), np.array(state["spread"], float)
        self.charted = np.array(state["charted"], np.int64)


PLUGIN = Univariate
