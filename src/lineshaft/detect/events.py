"""What detect tells the other rooms; always after the commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """An alarm (operator) or alert (maintenance) began; `occurrence` tells this time from the last."""

    alarm_id: str
    occurrence: str
    asset_id: str
    asset_path: str
    name: str
    priority: int
    kind: str
    property_path: str
    operator: str
    value: float | None
    limit: float | None
    unit: str
    at: int
    failure_mode: str
    process: str
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """The condition of an alarm is over (whether or not anybody acknowledged it)."""

    alarm_id: str
    occurrence: str
    asset_id: str
    asset_path: str
    name: str
    kind: str
    at: int


@dataclass(frozen=True, slots=True)
class AlarmChanged:
    """An alarm took any step of its life: raised, cleared, acknowledged, shelved, reset, input lost or back."""

    alarm_id: str
    asset_path: str
    name: str
    kind: str
    what: str
    state: str


@dataclass(frozen=True, slots=True)
class FindingRaised:
    """A model (or somebody over the API) found something unusual: an alert for maintenance, never an operator's alarm."""

    finding_id: str
    asset_path: str
    kind: str
    score: float
    failure_mode: str
    sensors: tuple[Mapping[str, Any], ...]
    evidence: Mapping[str, Any]
    at: int
    by: str


@dataclass(frozen=True, slots=True)
class FindingLabelled:
    """Somebody said what a finding turned out to be."""

    finding_id: str
    asset_path: str
    kind: str
    failure_mode: str
    label: str
    by: str
