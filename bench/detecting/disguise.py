"""The same data told differently: tags renamed, units rescaled, columns shuffled, times shifted, gaps, other types.

What is found must not change, or (with gaps) hardly. A disguise is made of a seed alone, so training and later data get the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Table = dict[str, Any]
START = np.datetime64("2031-05-17T03:04:05", "ns")


def number(name: str) -> int:
    """Return a number that follows from a name alone."""
    return sum((place + 1) * ord(letter) for place, letter in enumerate(name))


@dataclass(frozen=True)
class Disguise:
    """One way to tell the same: what becomes of a table (`later`: it is not trained on), and of a name."""

    label: str
    change: Callable[[Table, bool], Table]
    name: Callable[[str], str] = lambda name: name
    scale: Callable[[str], tuple[float, float]] = lambda _: (1.0, 0.0)

    def __call__(self, table: Table, *, later: bool = False, every: float = 60.0) -> Table:
        """Return the table, disguised; one without a time column gets one, `every` seconds apart."""
        size = len(next(iter(table.values())))
        clock = table.get("time", START + (np.arange(size) * every * 1e9).astype("timedelta64[ns]"))
        return self.change({"time": clock, **{name: values for name, values in table.items() if name != "time"}}, later)


def _each(table: Table, change: Callable[[str, Any], Any]) -> Table:
    return {name: values if name == "time" else change(name, values) for name, values in table.items()}


def _renamed(name: str) -> str:
    return name if name == "time" else f"PLC{number(name) % 7}/DB{number(name)}.{name[::-1]}"


def _scaled(name: str) -> tuple[float, float]:
    return 10.0 ** (number(name) % 13 - 6), float(number(name) % 11 - 5) * 300.0


def _rescaled(table: Table, _: bool) -> Table:
    return _each(table, lambda name, values: values * _scaled(name)[0] + _scaled(name)[1])


def _shuffled(table: Table, _: bool) -> Table:
    return {name: table[name] for name in sorted(table, key=lambda name: (number(name) * 7919) % 1009)}


def _shifted(table: Table, _: bool) -> Table:
    return {**table, "time": table["time"] + np.timedelta64(-8 * 365 * 86_400 + 12_345, "s")}


def _zoned(table: Table, _: bool) -> Table:
    """Times as ISO texts of another zone, with a column of another name."""
    texts = [f"{one}+05:30" for one in np.datetime_as_string(table["time"] + np.timedelta64(330, "m"), unit="ns")]
    return {"Timestamp": np.array(texts), **{name: values for name, values in table.items() if name != "time"}}


def _holed(table: Table, later: bool) -> Table:
    """Take 2 % of all cells and, of every sensor, a stretch of 3 % of the rows."""
    chance = np.random.default_rng([later, 17])

    def holed(_: str, values: Any) -> Any:
        made = np.array(values, float)
        made[chance.random(len(made)) < 0.02] = np.nan
        start = int(chance.integers(0, len(made)))
        made[start : start + max(1, len(made) * 3 // 100)] = np.nan
        return made

    return _each(table, holed)


def _torn(table: Table, later: bool) -> Table:
    """Leave whole rows out: of training three stretches, of what is judged later one row in fifty (empty, not gone)."""
    chance, size = np.random.default_rng([later, 23]), len(table["time"])
    if later:
        empty = chance.random(size) < 0.02
        return _each(table, lambda _, values: np.where(empty, np.nan, values))
    keep = np.ones(size, np.bool_)
    for start in chance.integers(0, size, 3):
        keep[start : start + size // 100] = False
    return {name: values[keep] for name, values in table.items()}


def _integers(table: Table, _: bool) -> Table:
    """Whole numbers, as a controller sends them: finer than any sensor is."""

    def whole(_: str, values: Any) -> Any:
        made = np.rint(values * 1e6)
        return made if np.isnan(made).any() else made.astype(np.int64)

    return _each(table, whole)


def _single(table: Table, _: bool) -> Table:
    """Numbers of half the length."""
    return _each(table, lambda _, values: values.astype(np.float32))


def _unsorted(table: Table, _: bool) -> Table:
    """Rows in any order; the time column says which is right."""
    order = np.random.default_rng(5).permutation(len(table["time"]))
    return {name: values[order] for name, values in table.items()}


PLAIN = Disguise("plain", lambda table, _: table)
DISGUISES = (
    Disguise("tags renamed", lambda t, _: {_renamed(name): values for name, values in t.items()}, _renamed),
    Disguise("units rescaled", _rescaled, scale=_scaled),
    Disguise("columns shuffled", _shuffled),
    Disguise("times shifted", _shifted),
    Disguise("times of another zone, as texts", _zoned),
    Disguise("rows in any order", _unsorted),
    Disguise("whole numbers", _integers, scale=lambda _: (1e6, 0.0)),
    Disguise("numbers of 32 bits", _single),
    Disguise("gaps", _holed),
    Disguise("rows missing", _torn),
)
GAPPED = ("gaps", "rows missing")
"""Disguises that take something away; figures may move a little."""
