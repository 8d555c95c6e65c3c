"""Values of many rows at once with a mask: a row that is not `ok` has no value, and so gives no data point.

Numbers are float64 and always finite where ok; texts, and mixtures of texts and numbers, are object arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]
Objects: TypeAlias = npt.NDArray[np.object_]

LONGEST_TEXT = 1024
"""Characters a text value may have; a longer one is no data point."""


@dataclass(frozen=True, slots=True)
class Column:
    """One value a row, or none where `ok` is False."""

    values: npt.NDArray[Any]
    ok: Bools

    @property
    def is_numbers(self) -> bool:
        """True when every row is a number (texts and mixtures are not)."""
        return self.values.dtype != np.object_

    def take(self, index: Ints) -> Column:
        """Return the rows at `index`; -1 means there is none."""
        if not len(self.values):
            return nothing(len(index))
        safe = np.maximum(index, 0)
        return Column(self.values[safe], self.ok[safe] & (index >= 0))


def nothing(size: int) -> Column:
    """Return rows without any value."""
    return Column(np.zeros(size), np.zeros(size, np.bool_))


def constant(value: float | str, size: int) -> Column:
    """Return the same value in every row."""
    if isinstance(value, str):
        texts = np.empty(size, np.object_)
        texts[:] = value
        return Column(texts, np.ones(size, np.bool_))
    return Column(np.full(size, value, np.float64), np.full(size, bool(np.isfinite(value))))


def numbers(values: npt.ArrayLike, ok: Bools | None = None) -> Column:
    """Return numbers as a column: what is not finite has no value."""
    floats = np.asarray(values, np.float64)
    finite = np.isfinite(floats)
    return Column(floats, finite if ok is None else finite & ok)


def column_of(values: npt.NDArray[Any] | Column) -> Column:
    """Return any array as a column: NaN, None and infinite are no value; booleans are 1 and 0."""
    if isinstance(values, Column):
        return values
    if values.dtype.kind in "biuf":
        return numbers(values.astype(np.float64))
    cells = values.astype(np.object_)
    out = np.empty(len(cells), np.object_)
    ok = np.zeros(len(cells), np.bool_)
    for place, cell in enumerate(cells):
        if isinstance(cell, str):
            out[place], ok[place] = cell, True
        elif isinstance(cell, bool | int | float | np.number | np.bool_):
            out[place] = float(cell)
            ok[place] = bool(np.isfinite(out[place]))
    return Column(out, ok)


def as_numbers(column: Column) -> Column:
    """Return the column with numbers only: rows that hold a text have no value."""
    if column.is_numbers:
        return column
    ok = column.ok & np.fromiter((isinstance(cell, float) for cell in column.values), np.bool_, len(column.values))
    floats = np.zeros(len(column.values))
    floats[ok] = column.values[ok].astype(np.float64)
    return Column(floats, ok)


def truth(column: Column) -> Bools:
    """Return which rows count as true: everything but 0 and the empty text."""
    if column.is_numbers:
        return np.asarray(column.values != 0, np.bool_)
    return np.fromiter((cell not in (0, "") for cell in column.values), np.bool_, len(column.values))


def choose(condition: Bools, yes: Column, no: Column) -> Column:
    """Return `yes` where the condition holds, else `no`; texts and numbers may mix."""
    ok = np.where(condition, yes.ok, no.ok)
    if yes.is_numbers and no.is_numbers:
        return Column(np.where(condition, yes.values, no.values), ok)
    return Column(np.where(condition, yes.values.astype(np.object_), no.values.astype(np.object_)), ok)


def each(rule: Callable[..., Any], *columns: Column, text: bool = True) -> Column:
    """Apply a rule row by row, for texts and dates only; a row where it cannot be applied has no value.

    `text=False` says that the rule always answers a number.
    """
    ok = np.logical_and.reduce([column.ok for column in columns])
    size = len(ok)
    out = np.empty(size, np.object_)
    cells = [column.values.tolist() for column in columns]
    for row in np.flatnonzero(ok).tolist():
        try:
            value = rule(*(cell[row] for cell in cells))
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, ArithmeticError, AttributeError, RecursionError):
            value = None
        if isinstance(value, bool | int):
            value = float(value)
        ok[row] = value is not None and not _unfit(value)
        out[row] = value
    return Column(out, ok) if text else as_numbers(Column(out, ok))


def _unfit(value: object) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST_TEXT
    return isinstance(value, float) and not math.isfinite(value)
