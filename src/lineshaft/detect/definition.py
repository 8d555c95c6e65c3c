"""Alarm definitions as model files write them.

`limit`, `deadband`, the delays and the silences are values, or names of attributes so that each asset sets its own. `kind: alert`
is for maintenance and stays out of the operator's list; `process` names the process that a new occurrence starts.

The condition is one of four: `operator` and `limit` on a property, a formula (`when`), no good value for a time (`missing`), or
a value that stands still for a time (`heartbeat`). `suppress_when` is a formula too: while it holds, the alarm is suppressed by
design. Where `impact` and `respond_within` are given, they make the priority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from lineshaft.assets import Asset, Property
from lineshaft.compute import Formula
from lineshaft.core import InvalidInput, Section, parse_duration
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
    group: str = Field(default="", max_length=100)
    kind: Literal["alarm", "alert"] = "alarm"
    latched: bool = False
    cause: str = ""
    consequence: str = ""
    action: str = ""
    failure_mode: str = Field(default="", max_length=20)
    process: str = Field(default="", max_length=80)
    stale_after: str | float | None = None

    @field_validator("respond_within")
    @classmethod
    def _duration(cls, text: str | float | None) -> str | float | None:
        if text is not None:
            try:
                parse_duration(text)
            except InvalidInput as error:
                raise ValueError(f"{error.what} - {error.hint}") from None
        return text

    @field_validator("stale_after", "missing", "heartbeat", "respond_within")
    @classmethod
    def _some_time(cls, text: str | float | None) -> str | float | None:
        if text is not None and _written_time(text) <= 0:
            raise ValueError("is no time at all - write for example 90s, 5m, 1h30m")
        return text

    @field_validator("on_delay", "off_delay")
    @classmethod
    def _not_negative(cls, text: str | float) -> str | float:
        if _written_time(text) < 0:
            raise ValueError("is negative - 0 or more")
        return text

    @field_validator("deadband")
    @classmethod
    def _band(cls, width: float | str) -> float | str:
        if not isinstance(width, str) and width < 0:
            raise ValueError("is negative - it is how far the value comes back before the alarm ends: 0 or more")
        return width

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        limited = self.operator is not None or self.limit is not None
        silent = self.missing is not None or self.heartbeat is not None
        if sum([limited, bool(self.when), self.missing is not None, self.heartbeat is not None]) != 1:
            said = "has more than one condition" if limited or self.when or silent else "has no condition"
            raise ValueError(f"{said} - give operator and limit, or when (a formula), or missing, or heartbeat")
        if limited and (self.operator is None or self.limit is None):
            lacks = "limit" if self.limit is None else "operator"
            raise ValueError(f"has no {lacks} - for example operator: '>', limit: 7.1 (or the name of an attribute)")
        if not self.when and not self.property:
            raise ValueError("names no property - say whose value it watches: property: Vibration")
        if silent and (_written_time(self.on_delay) or _written_time(self.off_delay)):
            raise ValueError("has a delay beside its silence - leave the delays out: missing and heartbeat are times already")
        if self.deadband and not limited:
            raise ValueError("has a deadband without a limit - leave it out")
        if (self.impact is None) != (self.respond_within is None):
            raise ValueError("has one of impact and respond_within - give both: they make the priority")
        if self.impact is not None and self.priority is not None:
            raise ValueError("has a priority, and impact and respond_within that make another - leave one of them out")
        return self

    def urgency(self) -> int:
        """Return the priority: as written, or made of consequence and time to respond."""
        if self.impact is not None and self.respond_within is not None:
            return priority_of(self.impact, parse_duration(self.respond_within))
        return 3 if self.priority is None else self.priority


def _written_time(text: str | float) -> int:
    """Return a time as written; a word that is none may name an attribute, and is looked up where there is an asset."""
    try:
        return parse_duration(text)
    except InvalidInput:
        return 1


@dataclass(frozen=True, slots=True)
class Written:
    """A formula of a definition on one asset: its variables are properties, or attributes with their values."""

    formula: Formula
    properties: Mapping[str, Property]
    fixed: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Watched:
    """A definition on one asset: which property, with which limit; times in ns (`silence` where that is the condition)."""

    asset: Asset
    definition: AlarmDefinition
    property: Property
    limit: float
    text: str | None = None
    deadband: float = 0.0
    when: Written | None = None
    suppress: Written | None = None
    delays: tuple[int, int] = (0, 0)
    silence: int | None = None
    stale_after: int | None = None

    def operator(self) -> str:
        """How the value is compared; a formula holds (`==` 1), a silence lasts (`>` so many seconds)."""
        if self.definition.operator is not None:
            return self.definition.operator
        return "==" if self.when is not None else ">"

    def unit(self) -> str:
        """Return the unit of value and limit."""
        if self.silence is not None:
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
