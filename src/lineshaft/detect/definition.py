"""Alarm definitions as model files write them, checked against the model: place, what is wrong, and how to mend it.

`limit` is a number, or the name of an attribute so that each asset sets its own. `kind: alert` is for maintenance and
stays out of the operator's list; `process` names the process that a new occurrence starts.

The condition is one of four: `operator` and `limit` on a property, a formula (`when`), no good value for a time (`missing`), or
a value that stands still for a time (`heartbeat`). `suppress_when` is a formula too: while it holds, the alarm is suppressed by
design. Where `impact` and `respond_within` are given, they make the priority.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from lineshaft.assets import Asset, Assets, ModelVersion, Property
from lineshaft.compute import Formula, parse
from lineshaft.core import DataType, FormulaError, InvalidInput, NotFound, Problem, Section, did_you_mean, parse_duration
from lineshaft.detect.condition import EQUAL
from lineshaft.detect.rank import Impact, priority_of

Operator = Literal[">", ">=", "<", "<=", "==", "!="]


class AlarmDefinition(Section):
    """One entry of a model's `alarms`."""

    name: str = Field(min_length=1, max_length=200)
    property: str = ""
    operator: Operator | None = None
    limit: bool | float | str | None = None
    when: str = ""
    missing: str | float | None = None
    heartbeat: str | float | None = None
    inputs: dict[str, str] = Field(default_factory=dict[str, str])
    suppress_when: str = ""
    deadband: float | str = 0.0
    on_delay: str | float = 0
    off_delay: str | float = 0
    priority: int | None = Field(default=None, ge=1, le=5)
    impact: Impact | None = None
    respond_within: str | float | None = None
    group: str = ""
    kind: Literal["alarm", "alert"] = "alarm"
    latched: bool = False
    cause: str = ""
    consequence: str = ""
    action: str = ""
    failure_mode: str = ""
    process: str = ""
    stale_after: str | float | None = None

    @field_validator("on_delay", "off_delay", "stale_after", "missing", "heartbeat", "respond_within")
    @classmethod
    def _duration(cls, text: str | float | None) -> str | float | None:
        if text is not None:
            try:
                parse_duration(text)
            except InvalidInput as error:
                raise ValueError(f"{error.what} - {error.hint}") from None
        return text

    @field_validator("deadband")
    @classmethod
    def _band(cls, width: float | str) -> float | str:
        if not isinstance(width, str) and width < 0:
            raise ValueError("a deadband is not negative")
        return width

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        ways = [self.operator is not None or self.limit is not None, bool(self.when), self.missing is not None]
        if sum([*ways, self.heartbeat is not None]) != 1:
            raise ValueError("an alarm has one condition: operator and limit, or when, or missing, or heartbeat")
        if ways[0] and (self.operator is None or self.limit is None):
            raise ValueError("a limit needs its operator, and an operator its limit")
        if not self.when and not self.property:
            raise ValueError("the property is missing")
        if (self.impact is None) != (self.respond_within is None):
            raise ValueError("impact and respond_within go together: they make the priority")
        if self.impact is not None and self.priority is not None:
            raise ValueError("give the priority, or impact and respond_within that make it, not both")
        return self

    def urgency(self) -> int:
        """Return the priority: as written, or made of consequence and time to respond."""
        if self.impact is not None and self.respond_within is not None:
            return priority_of(self.impact, parse_duration(self.respond_within))
        return 3 if self.priority is None else self.priority

    def silence(self) -> int | None:
        """How long (ns) the input may be silent or stand still, None where that is not the condition."""
        after = self.heartbeat if self.missing is None else self.missing
        return None if after is None else parse_duration(after)

    def delays(self) -> tuple[int, int]:
        """On and off delay in nanoseconds."""
        return parse_duration(self.on_delay), parse_duration(self.off_delay)


@dataclass(frozen=True, slots=True)
class Written:
    """A formula of a definition on one asset: its variables are properties, or attributes with their values."""

    formula: Formula
    properties: Mapping[str, Property]
    fixed: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Watched:
    """A definition on one asset: which property, with which limit."""

    asset: Asset
    definition: AlarmDefinition
    property: Property
    limit: float
    text: str | None = None
    deadband: float = 0.0
    when: Written | None = None
    suppress: Written | None = None

    def operator(self) -> str:
        """How the value is compared; a formula holds (`==` 1), a silence lasts (`>` so many seconds)."""
        if self.definition.operator is not None:
            return self.definition.operator
        return "==" if self.when is not None else ">"

    def unit(self) -> str:
        """Return the unit of value and limit."""
        if self.definition.silence() is not None:
            return "s"
        return "" if self.when is not None else self.property.unit or ""

    def condition(self) -> str:
        """Return the condition in words where it is not a limit."""
        if self.when is not None:
            return self.when.formula.text
        if self.definition.missing is not None:
            return f"missing {self.limit:g} s"
        return f"heartbeat {self.limit:g} s" if self.definition.heartbeat is not None else ""

    def key(self) -> tuple[str, str]:
        """Return what names the alarm for ever: the position's id and the definition's name."""
        return self.asset.id, self.definition.name


def definitions(plant: Assets) -> tuple[list[Watched], list[Problem]]:
    """Return every alarm of the plant, and what is wrong with those left out; a wrong one stops no other."""
    found: list[Watched] = []
    problems: dict[str, Problem] = {}
    parsed: dict[str, list[tuple[AlarmDefinition, str]]] = {}
    for asset in plant.tree():
        if not asset.model:
            continue
        try:
            version = plant.model(asset.model)
        except NotFound as error:  # its file is wrong: that was told when it was read
            problems[asset.path] = Problem(asset.path, error.what, error.hint)
            continue
        if version.id not in parsed:
            parsed[version.id] = _parse(version, problems)
        own: dict[str, Property] = {one.name: one for one in plant.properties(asset.id)}
        for definition, where in parsed[version.id]:
            watched = _watch(asset, definition, where, own, problems)
            if watched is not None:
                found.append(watched)
    return found, list(problems.values())


def _parse(version: ModelVersion, problems: dict[str, Problem]) -> list[tuple[AlarmDefinition, str]]:
    known: dict[str, tuple[AlarmDefinition, str]] = {}
    for number, raw in enumerate(version.body.alarms):
        where = version.where("alarms", number)
        try:
            one = AlarmDefinition.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else ""
            unknown = first["type"] == "extra_forbidden"
            hint = did_you_mean(field, AlarmDefinition.model_fields) if unknown else ""
            said = "is not known here" if unknown else first["msg"].removeprefix("Value error, ").lower()
            what = f"alarm {raw.get('name', number + 1)}: " + (f"'{field}' {said}" if field else said)
            problems[where] = Problem(where, what, hint)
            continue
        if one.name in known:
            problems[where] = Problem(where, f"there are two alarms '{one.name}'", "give one of them another name")
            continue
        known[one.name] = (one, where)
    return list(known.values())


def _watch(
    asset: Asset, definition: AlarmDefinition, where: str, own: Mapping[str, Property], problems: dict[str, Problem]
) -> Watched | None:
    """Fit a definition to an asset, or note what is wrong."""
    try:
        return _fit(asset, definition, own)
    except (InvalidInput, FormulaError) as error:
        place = f"{where} {asset.path}" if error.where == asset.path else where
        problems[place] = Problem(where, f"alarm '{definition.name}': {error.what}", error.hint)
        return None


def _fit(asset: Asset, definition: AlarmDefinition, own: Mapping[str, Property]) -> Watched:
    when = _written(asset, definition.when, definition.inputs, own) if definition.when else None
    suppress = _written(asset, definition.suppress_when, definition.inputs, own) if definition.suppress_when else None
    name = definition.property or (next(iter(when.properties.values())).name if when is not None else "")
    one = own.get(name)
    if one is None:
        raise InvalidInput(f"{asset.model} has no property '{name}'", hint=did_you_mean(name, own))
    if when is not None:
        return Watched(asset, definition, one, 1.0, None, 0.0, when, suppress)
    silence = definition.silence()
    if silence is not None:
        return Watched(asset, definition, one, silence / 1e9, suppress=suppress)
    if one.type in (DataType.STRING, DataType.JSON):
        if definition.operator not in EQUAL:
            raise InvalidInput(f"a text cannot be '{definition.operator}' something", hint="use == or !=")
        text = asset.attributes.get(str(definition.limit), definition.limit)
        return Watched(asset, definition, one, 1.0, str(text), suppress=suppress)
    limit, deadband = (_number(asset, said, definition_of) for said, definition_of in _numbers(definition))
    if deadband < 0:
        raise InvalidInput(f"at {asset.path} the deadband is {deadband:g}", hint="not negative", where=asset.path)
    return Watched(asset, definition, one, limit, deadband=deadband, suppress=suppress)


def _numbers(definition: AlarmDefinition) -> tuple[tuple[object, str], tuple[object, str]]:
    return (definition.limit, "limit"), (definition.deadband, "deadband")


def _number(asset: Asset, raw: object, what: str) -> float:
    """Return a number, or the number an attribute of the asset says."""
    if isinstance(raw, str):
        if raw not in asset.attributes:
            hint = did_you_mean(raw, asset.attributes)
            raise InvalidInput(f"the {what} '{raw}' is neither a number nor an attribute", hint=hint)
        raw = asset.attributes[raw]
    if not isinstance(raw, int | float) or not math.isfinite(raw):
        raise InvalidInput(f"at {asset.path} the {what} is {raw!r}, not a number", where=asset.path)
    return float(raw)


def _written(asset: Asset, text: str, inputs: Mapping[str, str], own: Mapping[str, Property]) -> Written:
    """Read a formula: its variables are `inputs`, and properties and attributes of the asset by their names."""
    for name in inputs.values():
        if name not in own and name not in asset.attributes:
            raise InvalidInput(f"{asset.model} has no property '{name}'", hint=did_you_mean(name, own))
    names = {**{name: name for name in (*own, *asset.attributes)}, **inputs}
    known = {variable: own[name] for variable, name in names.items() if name in own and name not in asset.attributes}
    fixed = {variable: asset.attributes[name] for variable, name in names.items() if name in asset.attributes}
    types = {**{variable: one.type for variable, one in known.items()}, **dict.fromkeys(fixed)}
    formula = parse(text, types, use="transform")
    if formula.windowed or formula.looks_back:
        raise InvalidInput("a condition looks at values of now", hint="make a metric or transform of it and set a limit on that")
    if not any(name in known for name in formula.variables):
        raise InvalidInput(f"'{text}' looks at no measured value", hint=did_you_mean(formula.text, known))
    used = {name: known[name] for name in formula.variables if name in known}
    return Written(formula, used, {name: fixed[name] for name in formula.variables if name in fixed})
