"""What a detector is: it learns how the sensors of a machine hang together, and says how far each one is off.

A detector sees standardised values (mean 0, spread 1 in normal running; NaN where a value is missing) and knows neither tags,
units nor time. Smoothing, thresholds, regimes and alerts are the same for all detectors and are none of its business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Single = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]
Weigh = Callable[[Floats], Floats]
"""Takes the residuals of consecutive rows, gives one figure a row: how unusual the row is, smoothed over time."""


class Detector(Protocol):
    """Says how far every sensor is from what the others say it should be."""

    def fit(self, train: Floats, held: Floats, charted: Ints, weigh: Weigh) -> dict[str, Any]:
        """Learn from rows of normal running; `held` are later rows to choose settings on; `charted` the columns to judge.

        Returns what was chosen, in words and numbers that fit into JSON. `weigh` serves to leave out the oddest training rows.
        """
        ...

    def refit(self, rows: Floats) -> None:
        """Learn again from all rows, with the settings that were chosen."""
        ...

    def residuals(self, rows: Floats) -> Floats:
        """Return one column a charted sensor, about 1 in size when all is normal, NaN where the sensor's value is missing."""
        ...

    def expected(self, rows: Floats) -> Floats:
        """Return for every column what the other columns say its value should be (also where it is missing)."""
        ...

    def coarsen(self, noise: Floats) -> tuple[Detector, Floats]:
        """Return this detector for values with so much more noise (variances a column), and what it adds to each residual."""
        ...

    def state(self) -> Arrays:
        """Return everything that was learned, as plain arrays."""
        ...

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Be again the detector whose state this was."""
        ...
