"""Asset models: what a kind of machine has (attributes, measurements, transforms, metrics), in versions with a valid-from.

A model file is a promise about figures: changing one needs a higher version number, so that every derived value can name
the version it was made with. `oee` and `alarms` are kept as written; compute and detect read them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from lineshaft.core import DataType, InvalidInput, Section, check_unit, parse_duration, parse_time

T = TypeVar("T")
SHIFT = "shift"
"""A metric's window that is as long as the shift of the line's calendar."""
SEPARATOR = "/"
"""Stands between the names of a path: `Bakery/Line 1/Oven/Temperature`."""


class Kind(StrEnum):
    """What a property is: set by hand, measured, or computed per value or per window."""

    ATTRIBUTE = "attribute"
    MEASUREMENT = "measurement"
    TRANSFORM = "transform"
    METRIC = "metric"


class Input(Section):
    """Where a variable of a formula comes from: a property of this asset, or of all its children pooled."""

    property: str
    children: bool = False


class ChildInput(Section):
    """`{children: Power}`: the property of all children of the asset, pooled."""

    children: str


class PropertyDefinition(Section):
    """One property of a model, as the model file writes it."""

    name: str
    kind: Kind
    was: str | None = Field(None, description="the name it had in the version before: the same property, with all its history")
    type: DataType = DataType.DOUBLE
    unit: str = ""
    description: str = ""
    default: Any = None
    counter: bool = Field(False, description="a running total: it only grows, but may be reset or roll over")
    formula: str = ""
    inputs: dict[str, str | ChildInput] = Field(default_factory=dict)
    window: str | float | None = None
    offset: str | float | None = None

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        return check_name(name)

    @field_validator("unit")
    @classmethod
    def _unit(cls, unit: str) -> str:
        return say(lambda: check_unit(unit))

    @field_validator("window", "offset")
    @classmethod
    def _duration(cls, text: str | float | None, info: ValidationInfo) -> str | float | None:
        if text is not None and not (text == SHIFT and info.field_name == "window"):
            say(lambda: parse_duration(text))
        return text

    @model_validator(mode="after")
    def _fits_its_kind(self) -> PropertyDefinition:
        derived = self.kind in {Kind.TRANSFORM, Kind.METRIC}
        if derived and not self.formula:
            raise ValueError(f"the {self.kind} '{self.name}' has no formula - write formula: \"...\" and inputs: {{...}}")
        if not derived and (self.formula or self.inputs):
            raise ValueError(f"the {self.kind} '{self.name}' has a formula - kind: transform (per value) or metric (per window)")
        if self.kind is Kind.METRIC and not self.window_ns and not self.by_shift:
            raise ValueError(f"the metric '{self.name}' has no window - for example window: 1m, or window: shift")
        if self.by_shift and self.offset is not None:
            raise ValueError(f"the metric '{self.name}' has an offset - a shift begins when the calendar says")
        if self.kind is not Kind.METRIC and (self.window is not None or self.offset is not None):
            raise ValueError(f"the {self.kind} '{self.name}' has a window - only a metric is computed per window")
        if self.kind is not Kind.ATTRIBUTE and self.default is not None:
            raise ValueError(f"the {self.kind} '{self.name}' has a default - only an attribute has one")
        if self.default is not None and not of_type(self.default, self.type):
            raise ValueError(f"the default of '{self.name}' is {self.default!r}, which is not of type {self.type}")
        if self.kind is Kind.ATTRIBUTE and self.was is not None:
            raise ValueError(
                f"the attribute '{self.name}' was another - plant.yaml says its values: write them under the new name"
            )
        return self

    @property
    def window_ns(self) -> int:
        """Length of a metric's window in nanoseconds, 0 for other kinds and for shifts."""
        return 0 if self.window is None or self.by_shift else parse_duration(self.window)

    @property
    def by_shift(self) -> bool:
        """True when each shift of the line's calendar is one window."""
        return self.window == SHIFT

    @property
    def offset_ns(self) -> int:
        """Shift of a metric's windows in nanoseconds."""
        return 0 if self.offset is None else parse_duration(self.offset)

    @property
    def sources(self) -> dict[str, Input]:
        """Where each variable of the formula comes from."""
        return {
            variable: Input(property=text) if isinstance(text, str) else Input(property=text.children, children=True)
            for variable, text in self.inputs.items()
        }


class AssetModel(Section):
    """One version of a kind of machine, as one model file writes it."""

    model: str
    version: int = Field(1, ge=1)
    valid_from: str | None = None
    description: str = ""
    properties: list[PropertyDefinition] = Field(default_factory=list[PropertyDefinition])
    oee: dict[str, Any] | None = None
    alarms: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])

    @field_validator("model")
    @classmethod
    def _name(cls, name: str) -> str:
        return check_name(name)

    @field_validator("valid_from")
    @classmethod
    def _time(cls, text: str | None) -> str | None:
        if text is not None:
            say(lambda: str(parse_time(text)))
        return text

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all properties, in the order of the file."""
        return tuple(p.name for p in self.properties)

    def definition(self, name: str) -> PropertyDefinition | None:
        """Return the property called `name`."""
        return next((p for p in self.properties if p.name == name), None)


class ModelVersion(Section):
    """A model as the register keeps it: since when it is valid and where its file is (for messages of other rooms)."""

    id: str
    body: AssetModel
    valid_from: int
    file: str = ""
    lines: dict[str, int] = Field(default_factory=dict)

    def where(self, section: Literal["oee", "alarms", "properties"], number: int | None = None) -> str:
        """Return `models/pump.yaml:12`: the line of the section, or of its entry `number`."""
        for key in ([f"{section}.{number}"] if number is not None else []) + [section]:
            if key in self.lines:
                return f"{self.file}:{self.lines[key]}"
        return self.file or f"model {self.body.model}"


def check_name(name: str) -> str:
    """Return the name if it can stand in a path. Raises ValueError otherwise."""
    if not name.strip() or name != name.strip() or SEPARATOR in name or not name.isprintable() or len(name) > 256:
        raise ValueError(f"'{name}' cannot be a name - 1 to 256 printable characters without '/', no blank at either end")
    return name


def of_type(value: object, kind: DataType) -> bool:
    """Say whether a value written by hand is of the type."""
    if kind is DataType.JSON:
        return True
    if isinstance(value, bool):
        return kind is DataType.BOOLEAN
    allowed: dict[DataType, tuple[type, ...]] = {
        DataType.DOUBLE: (int, float),
        DataType.INTEGER: (int,),
        DataType.BOOLEAN: (bool,),
        DataType.STRING: (str,),
    }
    return isinstance(value, allowed[kind])


def say(check: Callable[[], T]) -> T:
    """Run a check of the ground floor so that pydantic collects its sentence."""
    try:
        return check()
    except InvalidInput as error:
        raise ValueError(f"{error.what} - {error.hint}" if error.hint else error.what) from None
