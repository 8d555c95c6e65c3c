"""Alarm definitions as model files write them.

`limit` is a number, or the name of an attribute so that each asset sets its own. `kind: alert` is for maintenance and
stays out of the operator's list; `process` names the process that a new occurrence starts.

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

    @field_validator("on_delay", "off_delay", "stale_after", "missing", "heartbeat", "respond_within")
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
        if text is not None and parse_duration(text) <= 0:
            raise ValueError("is no time at all - write for example 90s, 5m, 1h30m")
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
        if silent and (self.on_delay or self.off_delay):
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
