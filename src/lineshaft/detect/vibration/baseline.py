"""What is usual for one sensor position, learned from its first readings, and how far a reading is from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats

SMOOTH = 0.2
CLIP = 12.0
RUN_IN = 0.1
"""Share of the learning time at its begin that is not learned: machines run in."""


@dataclass(slots=True)
class Baseline:
    """The usual value and spread of one figure; `ratio` is for figures that grow by a factor (vibration), not by a difference.

    `floor` is the least spread: 0.02 is 2 % of vibration, 1 is one kelvin of temperature. So a figure that hardly moves does
    not alarm at a change nobody would care about.
    """

    learn: int
    floor: float
    ratio: bool
    seen: list[float] = field(default_factory=list[float])
    middle: float | None = None
    spread: float = 0.0
    smooth: float = 0.0

    @property
    def learned(self) -> bool:
        """True when enough readings have been seen."""
        return self.middle is not None

    @property
    def usual(self) -> float | None:
        """The usual value, in the figure's own unit."""
        return None if self.middle is None else float(np.exp(self.middle)) if self.ratio else self.middle

    def take(self, value: float) -> tuple[float, float] | None:
        """Take a reading; return how many spreads it lies above the usual, itself and smoothed; None while learning."""
        scaled = float(np.log(max(value, 1e-9))) if self.ratio else value
        if self.middle is None:
            self.seen.append(scaled)
            if len(self.seen) >= self.learn:
                self._settle()
            return None
        above = min(max((scaled - self.middle) / self.spread, -CLIP), CLIP)
        self.smooth += SMOOTH * (above - self.smooth)
        return above, self.smooth

    def _settle(self) -> None:
        known: Floats = np.array(self.seen[int(RUN_IN * len(self.seen)) :])
        self.middle = float(np.median(known))
        self.spread = max(1.4826 * float(np.median(np.abs(known - self.middle))), self.floor)
        self.seen = []

    def forget(self) -> None:
        """Learn anew: the machine was repaired or moved."""
        self.seen, self.middle, self.spread, self.smooth = [], None, 0.0, 0.0

    def quiet(self) -> None:
        """Forget the last readings, keep what is usual."""
        self.smooth = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return what must be remembered over a restart."""
        return {"seen": self.seen, "middle": self.middle, "spread": self.spread, "smooth": self.smooth}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take back what `as_dict` gave."""
        self.seen = list(kept["seen"])
        self.middle, self.spread, self.smooth = kept["middle"], kept["spread"], kept["smooth"]
