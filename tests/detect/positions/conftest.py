from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def struck():
    """Make a record of shocks at a frequency that ring at 3 kHz in noise, as a damaged race does."""

    def make(frequency, *, rate=12_000, seconds=5.0, noise=0.3, slip=0.004, seed=1):
        draw = np.random.default_rng(seed)
        values = draw.normal(0, noise, int(rate * seconds))
        ring = np.exp(-np.arange(100) / 15) * np.sin(2 * np.pi * 3000 * np.arange(100) / rate)
        at = 0.0
        while (at := at + (1 + draw.normal(0, slip)) / frequency) < seconds - 0.02:
            values[int(at * rate) : int(at * rate) + 100] += 3 * ring
        return values

    return make
