"""What every kind of model is, once it is open: names of inputs and outputs, and a function over columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.core import InvalidInput

Columns = Mapping[str, npt.NDArray[Any]]
SAFE = ("onnx", "lightgbm")
CODE = ("sklearn", "python")
KINDS = (*SAFE, *CODE)
"""Kinds that can only compute, and kinds whose content is code: whoever opens it runs it."""
PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open model."""

    inputs: list[str]
    outputs: list[str]
    library: str
    run: Callable[[Columns], Mapping[str, Any]]

    def predict(self, columns: Columns) -> dict[str, npt.NDArray[Any]]:
        """Return a column an output. Raises InvalidInput if the model gives something else than a value a row."""
        size = len(next(iter(columns.values()))) if columns else 0
        return {name: flat(name, values, size) for name, values in self.run(columns).items()}


def open_model(kind: str, content: bytes, inputs: Sequence[str]) -> Opened:
    """Open a model: only ever called in a process of its own."""
    opened: Opened = import_module(f"lineshaft.detect.registry.kinds.{kind}").open_model(content, list(inputs))
    if not opened.inputs:
        raise InvalidInput("the model does not say what its inputs are called", where="inputs", hint="name them, in its order")
    return opened


def flat(name: str, values: Any, size: int) -> npt.NDArray[Any]:
    """Return one value a row."""
    column = np.asarray(values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.shape != (size,):
        raise InvalidInput(
            f"the output '{name}' has the shape {column.shape} for {size} rows",
            hint="a model gives one value a row for each of its outputs",
            code="registry.output",
        )
    return column


def several(name: str, values: Any) -> dict[str, Any]:
    """Return the columns of an output that may be wide as outputs of their own."""
    matrix = np.asarray(values)
    if matrix.ndim != 2 or matrix.shape[1] == 1:
        return {name: matrix}
    return {f"{name} {place}": matrix[:, place] for place in range(matrix.shape[1])}


def matrix(columns: Columns, inputs: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the inputs side by side."""
    return np.column_stack([np.asarray(columns[name], np.float64) for name in inputs])


def named(known: Sequence[str], inputs: Sequence[str], width: int | None = None) -> list[str]:
    """Return the names of the inputs: those given, else those the model knows. Raises InvalidInput if they do not fit."""
    size = width if width is not None else len(known)
    if inputs:
        if size and len(inputs) != size:
            raise InvalidInput(
                f"{len(inputs)} inputs are named, the model has {size}",
                where="inputs",
                hint=f"it knows: {', '.join(known)}" if known else "name all, in the model's order",
                code="registry.inputs",
            )
        return list(inputs)
    return list(known)


def absent(library: str, extra: str = "models") -> InvalidInput:
    """Return the refusal for a kind whose library is not installed."""
    return InvalidInput(f"{library} is not installed", hint=f"pip install 'lineshaft[{extra}]'", code="registry.library")
