"""Alarm definitions as model files write them, checked against the model: place, what is wrong, and how to mend it.

`limit` is a number, or the name of an attribute so that each asset sets its own. `kind: alert` is for maintenance and
stays out of the operator's list; `process` names the process that a new occurrence starts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from lineshaft.assets import Asset, Assets, ModelVersion, Property
from lineshaft.core import DataType, InvalidInput, NotFound, Problem, Section, did_you_mean, parse_duration
from lineshaft.detect.condition import EQUAL

Operator = Literal[">", ">=", "<", "<=", "==", "!="]


class AlarmDefinition(Section):
    """One entry of a model's `alarms`."""

    name: str = Field(min_length=1, max_length=200)
    property: str
    operator: Operator
    limit: bool | float | str
    deadband: float = Field(default=0.0, ge=0)
    on_delay: str | float = 0
    off_delay: str | float = 0
    priority: int = Field(default=3, ge=1, le=5)
    kind: Literal["alarm", "alert"] = "alarm"
    latched: bool = False
    cause: str = ""
    consequence: str = ""
    action: str = ""
    failure_mode: str = ""
    process: str = ""
    stale_after: str | float | None = None

    @field_validator("on_delay", "off_delay", "stale_after")
    @classmethod
    def _duration(cls, text: str | float | None) -> str | float | None:
        if text is not None:
            try:
                parse_duration(text)
            except InvalidInput as error:
                raise ValueError(f"{error.what} - {error.hint}") from None
        return text

    def delays(self) -> tuple[int, int]:
        """On and off delay in nanoseconds."""
        return parse_duration(self.on_delay), parse_duration(self.off_delay)


@dataclass(frozen=True, slots=True)
class Watched:
    """A definition on one asset: which property, with which limit."""

    asset: Asset
    definition: AlarmDefinition
    property: Property
    limit: float
    text: str | None = None

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
            what = f"alarm {raw.get('name', number + 1)}: '{field}' " + ("is not known here" if unknown else first["msg"].lower())
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
    one = own.get(definition.property)
    said = f"alarm '{definition.name}'"
    if one is None:
        what = f"{said}: {asset.model} has no property '{definition.property}'"
        problems[where] = Problem(where, what, did_you_mean(definition.property, own))
        return None
    if one.type in (DataType.STRING, DataType.JSON):
        if definition.operator not in EQUAL:
            problems[where] = Problem(where, f"{said}: a text cannot be '{definition.operator}' something", "use == or !=")
            return None
        return Watched(asset, definition, one, 1.0, str(definition.limit))
    raw: object = definition.limit
    if isinstance(raw, str):
        if raw not in asset.attributes:
            what = f"{said}: the limit '{raw}' is neither a number nor an attribute"
            problems[where] = Problem(where, what, did_you_mean(raw, asset.attributes))
            return None
        raw = asset.attributes[raw]
    if not isinstance(raw, int | float) or not math.isfinite(raw):
        problems[f"{where} {asset.path}"] = Problem(where, f"{said}: at {asset.path} the limit is {raw!r}, not a number")
        return None
    return Watched(asset, definition, one, float(raw))
