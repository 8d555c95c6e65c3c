"""Remaining life of turbofan engines (C-MAPSS), by their protocol: one forecast an engine at its last cycle."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from bench.detecting import public
from lineshaft.detect import life

CAP = 125
"""The protocol's cap of what is learned, in cycles."""


@dataclass(frozen=True)
class Told:
    """RMSE against true and against capped labels, share within the 80 % interval, late forecasts, time to fit."""

    raw: float
    capped: float
    coverage: float
    coverage_test: float
    coverage_unseen: float
    late: float
    fit_s: float
    open_ends: float


def measure(name: str) -> Told:
    """Learn from the engines that failed and forecast the others."""
    return judged(*public.cmapss(name))


def judged(train: dict, test: dict, left: np.ndarray) -> Told:
    """Learn from one table and forecast the engines of another, in the order in which they come."""
    begin = time.process_time()
    model = life.fit(train, cap=CAP)
    fit_s = time.process_time() - begin
    said = model.predict(test)
    guess = np.array([one.remaining for one in said])
    inside = np.array([one.low <= true and (one.high is None or true <= one.high) for one, true in zip(said, left, strict=True)])
    unseen, lives = model.about["quality"]["coverage"], model.about["failures"]
    return Told(
        raw=float(np.sqrt(np.mean((guess - left) ** 2))),
        capped=float(np.sqrt(np.mean((guess - np.minimum(left, CAP)) ** 2))),
        coverage=float((unseen * lives + inside.sum()) / (lives + len(left))),
        coverage_test=float(inside.mean()),
        coverage_unseen=float(unseen),
        late=float(np.mean(guess > np.minimum(left, CAP))),
        fit_s=fit_s,
        open_ends=float(np.mean([one.more_than for one in said])),
    )
