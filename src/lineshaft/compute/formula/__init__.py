"""The formula language: read and checked when it is defined, evaluated on columns of values.

`parse("9/5 * temp_c + 32", {"temp_c": DataType.DOUBLE})` gives a Formula or raises FormulaError with a position and a hint.
A row without a value (an input missing, x/0, log(0), none) gives no data point, never an error value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.compute.formula.check import Checker, Use
from lineshaft.compute.formula.column import LONGEST_TEXT, Bools, Column, Floats, Ints, Objects, column_of, constant
from lineshaft.compute.formula.evaluate import Frame, Rows, evaluate
from lineshaft.compute.formula.functions import Kind
from lineshaft.compute.formula.nodes import Call, Name, Node, Text, walk
from lineshaft.compute.formula.parser import read
from lineshaft.compute.formula.units import check_units
from lineshaft.compute.formula.windowed import CARRYING, WINDOWED, Series, Windows, rises
from lineshaft.core import DataType, FormulaError

__all__ = [
    "Bools",
    "Column",
    "Floats",
    "Formula",
    "Ints",
    "Kind",
    "Objects",
    "Rows",
    "Series",
    "Windows",
    "column_of",
    "constant",
    "parse",
    "rises",
]


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been checked; `variables` are the ones it uses, in the order they appear."""

    text: str
    root: Node
    variables: tuple[str, ...]
    kind: Kind
    functions: frozenset[str]

    @property
    def windowed(self) -> bool:
        """True when it looks at the points of a window."""
        return bool(self.functions & WINDOWED)

    @property
    def carries(self) -> bool:
        """True when it looks at the last point before the window."""
        return bool(self.functions & CARRYING)

    @property
    def looks_ahead(self) -> bool:
        """True when it looks at the first point after the window (linear interpolation)."""
        return any(
            isinstance(node, Call)
            and node.name == "timeweightedavg"
            and any(isinstance(arg, Text) and arg.value.lower() == "linear" for arg in node.args)
            for node in walk(self.root)
        )

    @property
    def bare(self) -> frozenset[str]:
        """The variables that stand outside of any function over a window: their last value in it is taken."""
        inside = {id(part) for node in walk(self.root) if isinstance(node, Call) and node.name in WINDOWED for part in walk(node)}
        found = (node for node in walk(self.root) if isinstance(node, Name) and id(node) not in inside)
        return frozenset(node.name for node in found if node.name in self.variables)

    @property
    def looks_back(self) -> bool:
        """True when it looks at the value before the trigger."""
        return "pretrigger" in self.functions

    def over(self, frame: Frame) -> Column:
        """Evaluate on a frame (rows or windows); what is neither a finite number nor a text of fair length has no value."""
        column = evaluate(self.root, frame)
        if column.is_numbers:
            return column
        fit = (isinstance(cell, float) or (isinstance(cell, str) and len(cell) <= LONGEST_TEXT) for cell in column.values)
        return Column(column.values, column.ok & np.fromiter(fit, np.bool_, len(column.ok)))

    def evaluate(
        self, columns: Mapping[str, npt.NDArray[Any] | Column], *, stamps: Ints | None = None, now: int = 0, size: int = 1
    ) -> Column:
        """Evaluate row by row on arrays of equal length; `size` counts when there is no variable at all."""
        given = {name: column_of(values) for name, values in columns.items()}
        rows = len(next(iter(given.values())).ok) if given else size
        return self.over(Rows(rows, given, stamps, now))


def parse(
    text: str,
    variables: Mapping[str, DataType | None],
    *,
    use: Use = "any",
    pooled: frozenset[str] = frozenset(),
    units: Mapping[str, str] | None = None,
    unit: str = "",
    where: str = "",
    strict: bool = False,
) -> Formula:
    """Read and check a formula. Raises FormulaError with position and hint.

    `variables` are the inputs with their types (None: not known yet); `pooled` those that pool all children; `units` are
    those of the inputs, `unit` is that of the result ("": not known, fits everything). A `strict` formula is a condition: what
    could never have an answer (a text beside a number) is refused.
    """
    try:
        root = read(text)
        kind = Checker(variables, pooled, use, strict).result(root)
        check_units(root, units or {}, unit)
    except FormulaError as error:
        error.where = error.where or where
        raise
    names = dict.fromkeys(node.name for node in walk(root) if isinstance(node, Name) and node.name in variables)
    functions = frozenset(node.name for node in walk(root) if isinstance(node, Call))
    return Formula(text, root, tuple(names), kind, functions)
