"""Is the machine running as it ever ran in training? Judged on the drivers only: a sensor that is off must not close the gate."""

from __future__ import annotations

import numpy as np

from lineshaft.detect.detector import Arrays, Bools, Floats, Ints

MOST = 128
"""Places that describe the known envelope at most."""

MARGIN = 0.75
"""Distance, in standard deviations, at which a driver counts as known beside a known place."""


PIECE = 1024
"""Rows that are asked at a time: their distances to all places fit the processor's cache."""


class Gate:
    """The envelope of the drivers in training: places they were at, and how far around each is known too."""

    def __init__(self) -> None:
        self.places: Floats = np.zeros((0, 0))
        self.reach = 0.0

    def learn(self, drivers: Floats) -> None:
        """Remember where the drivers were; the grid is made coarser until few places say it all."""
        seen = drivers[~np.isnan(drivers).any(axis=1)]
        self.places = np.zeros((0, drivers.shape[1]))
        if not drivers.shape[1] or not len(seen):
            return
        width = 0.25
        cells: Ints = _cells(seen, width)
        while len(cells) > MOST:
            finer, width = width, width * 1.3
            cells = _cells(np.asarray(cells * finer, np.float64), width)
        self.places = np.asarray(cells * width, np.float64)
        self.reach = max(MARGIN, 0.6 * width * float(np.sqrt(drivers.shape[1])))

    def known(self, drivers: Floats) -> Bools:
        """Return for each row whether the drivers are near a known place; a driver without a value is not asked."""
        if not len(self.places):
            return np.ones(len(drivers), np.bool_)
        missing = np.isnan(drivers)
        if missing.any():
            distance = np.zeros((len(drivers), len(self.places)), np.float32)
            for column in range(drivers.shape[1]):
                gap = np.nan_to_num(drivers[:, column, None] - self.places[None, :, column], nan=0.0)
                distance += (gap * gap).astype(np.float32)
            return distance.min(axis=1) <= self.reach**2
        known = np.empty(len(drivers), np.bool_)
        count, width = self.places.shape
        places = np.empty((count, width + 1), np.float32)
        places[:, :width], places[:, width] = -2 * self.places, (self.places * self.places).sum(axis=1)
        for start in range(0, len(drivers), PIECE):
            rows = drivers[start : start + PIECE].T
            lanes = np.ones((width + 1, rows.shape[1]), np.float32)
            lanes[:width] = rows
            nearest = (places @ lanes).min(axis=0)
            lanes *= lanes
            known[start : start + PIECE] = nearest + lanes[:width].sum(axis=0) <= self.reach**2
        return known

    def state(self) -> Arrays:
        """Return the places and the reach."""
        return {"places": self.places, "reach": np.array([self.reach])}

    def restore(self, state: Arrays) -> None:
        """Take places and reach as they were."""
        self.places, self.reach = state["places"], float(state["reach"][0])


def _cells(rows: Floats, width: float) -> Ints:
    """Return the different cells of a grid that rows lie in."""
    cells = np.round(rows / width).astype(np.int64)
    low = cells.min(axis=0)
    sizes = cells.max(axis=0) - low + 1
    if float(np.prod(sizes.astype(np.float64))) > 2**62:
        return np.unique(cells, axis=0)
    _, first = np.unique(np.ravel_multi_index(tuple((cells - low).T), tuple(int(size) for size in sizes)), return_index=True)
    return cells[first]
