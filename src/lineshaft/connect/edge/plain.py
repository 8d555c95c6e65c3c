"""An ONNX model that was not exported here: which sensors are its columns, and which of its numbers is the score, is configured.

Rows in, numbers out, nothing remembered but the rows of its window. What does not fit is told with the shapes of both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from lineshaft.connect.edge.alert import Change
from lineshaft.connect.edge.exported import Floats, Ints, session
from lineshaft.core import Duration, InvalidInput, Section, parse_duration

KINDS = {"tensor(float)": np.float32, "tensor(double)": np.float64}
NOT_NUMBERS = "it gives no plain numbers; from scikit-learn export with options={'zipmap': False}"


class PlainModel(Section):
    """What goes into a plain ONNX model and what comes out."""

    columns: tuple[str, ...] = Field(min_length=1, description="Sensors, in the order of the columns of its input.")
    every: Duration = Field("1s", description="Length of a step: its rows are the means of each step.")
    rows: int = Field(1, ge=1, le=10_000, description="Steps that make one input, the newest last; 1: each step alone.")
    input: str = Field("", description="Name of the input; empty: the only one.")
    output: str = Field("", description="Name of the output that holds the score; empty: the last.")
    pick: int = Field(0, ge=0, description="Which number of the output is the score, from 0 (1: the second class of two).")
    limit: float | None = Field(None, description="A score above this is told in the tag `reason`.")

    @field_validator("columns")
    @classmethod
    def _differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a sensor is named twice")
        return value

    @field_validator("every")
    @classmethod
    def _goes_on(cls, value: str) -> str:
        if parse_duration(value) <= 0:
            raise ValueError("a step takes some time")
        return value


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain model that was opened and fits what was said of it."""

    options: PlainModel
    version: str
    session: Any
    input: str
    output: str
    shape: tuple[int, ...]
    kind: type[np.floating[Any]]
    texts: frozenset[str] = frozenset()
    lasts: frozenset[str] = frozenset()
    name: str = ""
    key: str = ""

    @classmethod
    def load(cls, options: PlainModel, content: bytes) -> Plain:
        """Open a model and try it. Raises InvalidInput for one that does not fit, ConfigError without onnxruntime."""
        opened = session(content)
        inputs = {one.name: one for one in opened.get_inputs()}
        if options.input not in inputs and (options.input or len(inputs) != 1):
            _wrong(f"its inputs are {', '.join(inputs)}", f"name one of them in `input`, not '{options.input}'")
        taken = inputs[options.input] if options.input else next(iter(inputs.values()))
        if taken.type not in KINDS:
            _wrong(f"its input '{taken.name}' is {taken.type}", "float and double are understood")
        outputs = [one.name for one in opened.get_outputs()]
        if options.output and options.output not in outputs:
            _wrong(f"its outputs are {', '.join(outputs)}", f"name one of them in `output`, not '{options.output}'")
        shape = _shape(options, taken.name, list(taken.shape))
        version = hashlib.sha256(content).hexdigest()[:12]
        made = cls(options, version, opened, taken.name, options.output or outputs[-1], shape, KINDS[taken.type])
        made.score(np.zeros((options.rows, len(options.columns))))
        return made

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of what it wants to know."""
        return self.options.columns

    @property
    def every(self) -> int:
        """Length of a step in ns."""
        return parse_duration(self.options.every)

    def follow(self) -> Follower:
        """Return a follower that has seen nothing yet."""
        return Follower(self)

    def score(self, rows: Floats) -> float:
        """Return the score of one input. Raises InvalidInput when the model refuses it or gives something else."""
        try:
            (made,) = self.session.run([self.output], {self.input: rows.reshape(self.shape).astype(self.kind)})
        except Exception as error:
            raise InvalidInput(
                f"the model cannot be run: {error}", hint="compare `columns` and `rows`", code="edge.model"
            ) from error
        if not isinstance(made, np.ndarray):
            _wrong(f"its output '{self.output}' is a {type(made).__name__}", NOT_NUMBERS)
        numbers: npt.NDArray[Any] = made.reshape(-1)
        if numbers.dtype.kind not in "fiub":
            _wrong(f"its output '{self.output}' is {numbers.dtype}", NOT_NUMBERS)
        if self.options.pick >= numbers.size:
            _wrong(f"its output '{self.output}' has {numbers.size} numbers", f"`pick` = {self.options.pick} is none of them")
        return float(numbers[self.options.pick])


@dataclass(slots=True)
class Follower:
    """Follows one machine: rows in, scores and reasons out; a gap or a sensor that is silent begins its window anew."""

    model: Plain
    through: int | None = None
    held: list[list[float]] = field(default_factory=list[list[float]])

    @property
    def changes(self) -> list[Change]:
        """Return none: such a model gives scores alone."""
        return []

    def returned(self, at: int) -> None:
        """Begin the window anew: the machine was verified back in service."""
        del at
        self.held.clear()

    def take(
        self, times: Ints, columns: Mapping[str, npt.NDArray[Any]], bad: Mapping[str, npt.NDArray[np.bool_]] | None = None
    ) -> tuple[Floats, list[str]]:
        """Return score (NaN: not judged) and reason of each step, in order of time; it holds no value, so none ends."""
        del bad
        scores, reasons = np.full(len(times), np.nan), list[str]()
        table = np.column_stack([np.asarray(columns[name], np.float64) for name in self.model.sensors])
        for n, (at, row) in enumerate(zip(times.tolist(), table, strict=True)):
            if self.through is not None and at - self.through != self.model.every:
                self.held.clear()
            self.through = at
            scores[n], reason = self._step(row)
            reasons.append(reason)
        return scores, reasons

    def _step(self, row: Floats) -> tuple[float, str]:
        options = self.model.options
        silent = [name for name, value in zip(options.columns, row, strict=True) if not np.isfinite(value)]
        if silent:
            self.held.clear()
            return np.nan, f"not judged: {', '.join(silent)} said nothing"
        self.held = [*self.held, row.tolist()][-options.rows :]
        if len(self.held) < options.rows:
            return np.nan, f"not judged: {len(self.held)} of {options.rows} steps"
        try:
            score = self.model.score(np.array(self.held))
        except InvalidInput as error:
            return np.nan, f"not judged: {error.what:.200}"
        if not np.isfinite(score):
            return np.nan, "not judged: the model gives no number"
        return score, "above the limit" if options.limit is not None and score > options.limit else ""

    def state(self) -> dict[str, Any]:
        """Return what must be remembered over a restart."""
        return {"through": self.through, "held": self.held}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.through, self.held = state["through"], [list(row) for row in state["held"]]


def _shape(options: PlainModel, name: str, shape: list[Any]) -> tuple[int, ...]:
    """Return how one input lies: [1, columns], [1, rows, columns] or [1, rows x columns]."""
    rows, width = options.rows, len(options.columns)
    lies = (1, rows, width) if len(shape) == 3 else (1, rows * width)
    said = f"{width} columns" + (f" of {rows} steps" if rows > 1 else "")
    fits = len(shape) == len(lies) and all(not isinstance(is_, int) or is_ == may for is_, may in zip(shape, lies, strict=True))
    if not fits:
        _wrong(f"its input '{name}' has the shape {shape}", f"the configuration says {said}, which is {list(lies)}")
    return lies


def _wrong(what: str, hint: str) -> NoReturn:
    raise InvalidInput(f"the model does not fit: {what}", hint=hint, code="edge.model")
