"""What a process definition knows of the event that opens a case: an alarm's or a finding's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineshaft.core import iso
from lineshaft.detect import AlarmRaised


def of_finding(finding_id: str, row: Mapping[str, Any]) -> tuple[dict[str, Any], str, None]:
    """Return the names of a finding, the id of what opens the case, and no alarm."""
    names = {
        "event": "finding",
        "asset": row["asset"],
        "asset_name": row["asset"].rpartition("/")[2],
        "name": row["kind"],
        "kind": row["kind"],
        "failure_mode": row["failure_mode"],
        "score": row["score"],
        "sensors": [dict(sensor) for sensor in row["sensors"]],
        "evidence": dict(row["evidence"]),
        "at": iso(row["at"]),
    }
    return names, f"finding:{finding_id}", None


def of_alarm(event: AlarmRaised) -> tuple[dict[str, Any], str, str]:
    """Return the names of an alarm, the id of what opens the case, and the alarm."""
    names = {
        "event": "alarm",
        "asset": event.asset_path,
        "asset_name": event.asset_path.rpartition("/")[2],
        "name": event.name,
        "kind": event.kind,
        "failure_mode": event.failure_mode,
        "priority": event.priority,
        "value": event.value,
        "limit": event.limit,
        "unit": event.unit,
        "property": event.property_path,
        "evidence": dict(event.evidence),
        "process": event.process,
        "at": iso(event.at),
    }
    return names, f"alarm:{event.occurrence}", event.alarm_id
