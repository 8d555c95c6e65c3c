"""Would the model have been of use? Its alerts over a past time, held against what people know about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lineshaft.core import NS, iso
from lineshaft.detect.anomaly.alerts import Alert
from lineshaft.detect.anomaly.labels import Label, label
from lineshaft.detect.anomaly.model import Model
from lineshaft.detect.anomaly.scored import Scored

MONTH = 30 * 24 * 3600 * NS


@dataclass(frozen=True, slots=True)
class Found:
    """A labelled anomaly, and the first alert in it (one that was raised shortly before and lasts counts too)."""

    label: Label
    alert: Alert | None
    lead: float
    """The share of the anomaly that was still to come when the alert was raised."""

    def as_dict(self) -> dict[str, Any]:
        """Return the label, with the time of its alert."""
        raised = iso(self.alert.start) if self.alert else None
        said = {"start": iso(self.label.start), "end": iso(self.label.end), "code": self.label.code}
        return {**said, "raised": raised, "lead": round(self.lead, 4) if self.alert else None}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Alerts over a past time: which anomalies were found and how early, and which alerts were false."""

    scored: Scored
    months: float
    found: tuple[Found, ...]
    false_alarms: tuple[Alert, ...]
    unlabelled: bool

    @property
    def alerts(self) -> list[Alert]:
        """Return all alerts of the time."""
        return self.scored.alerts

    @property
    def recall(self) -> float | None:
        """Return the share of labelled anomalies that were found; None without labels."""
        return sum(one.alert is not None for one in self.found) / len(self.found) if self.found else None

    @property
    def lead(self) -> float | None:
        """Return the mean lead of the anomalies that were found, as a share of their time."""
        leads = [one.lead for one in self.found if one.alert is not None]
        return float(np.mean(leads)) if leads else None

    @property
    def false_alarms_per_month(self) -> float:
        """Return false alarms in 30 days of running; without labels every alert counts."""
        return len(self.false_alarms) / self.months if self.months else 0.0

    def __str__(self) -> str:
        """Say in words what would have been."""
        days = self.months * 30
        count = len(self.alerts)
        said = [f"this model would have raised {count} alert{'' if count == 1 else 's'} in {days:.0f} days of running"]
        said += [f"  {iso(one.start)} to {iso(one.end) if one.end else 'now'}: {_sensors(one)}" for one in self.alerts]
        if self.found:
            hits = sum(one.alert is not None for one in self.found)
            said.append(f"{hits} of {len(self.found)} labelled anomalies found, {len(self.false_alarms)} false alarms")
            missed = [one.label.code or iso(one.label.start) for one in self.found if one.alert is None]
            said += [f"  not found: {', '.join(missed)}"] if missed else []
        return "\n".join(said)

    def as_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain values."""
        return {
            "days": round(self.months * 30, 2),
            "alerts": [
                {
                    "start": iso(one.start),
                    "end": iso(one.end) if one.end else None,
                    "peak": round(one.peak / (1 + one.peak), 4),
                    "sensors": [{"name": name, "share": round(share, 4)} for name, share in one.sensors],
                    "false": any(one is other for other in self.false_alarms) if not self.unlabelled else None,
                }
                for one in self.alerts
            ],
            "anomalies": len(self.found),
            "found": sum(one.alert is not None for one in self.found),
            "labels": [one.as_dict() for one in self.found],
            "false_alarms": len(self.false_alarms),
            "lead": self.lead,
            "false_alarms_per_month": None if self.unlabelled else self.false_alarms_per_month,
            "time_in": self.scored.time_in(),
        }


def evaluate(
    model: Model, table: Any, *, labels: Sequence[Label | tuple[Any, ...]] = (), resets: Sequence[Any] = ()
) -> Evaluation:
    """Score a past time and hold the alerts against labels; without labels, show what would have been raised."""
    scored = model.score(table, resets=list(resets))
    known = [label(one, place, scored.readings.unit) for place, one in enumerate(labels)]
    anomalies = [one for one in known if one.kind == "anomaly"]
    now = int(scored.times[-1]) if len(scored) else 0
    found = tuple(_found(one, scored.alerts, now) for one in anomalies)
    neutral = [one for one in known if one.kind == "neutral"]
    false = tuple(alert for alert in scored.alerts if not any(_overlap(alert, one, now) for one in [*anomalies, *neutral]))
    judged = int((~np.isnan(scored.exceedance)).sum())
    return Evaluation(scored, judged * model.every / MONTH, found, false, not known)


def _found(one: Label, alerts: Sequence[Alert], now: int) -> Found:
    first = next((alert for alert in alerts if _overlap(alert, one, now)), None)
    lead = (one.end - max(first.start, one.start)) / (one.end - one.start) if first else 0.0
    return Found(one, first, lead)


def _overlap(alert: Alert, one: Label, now: int) -> bool:
    return alert.start <= one.end and (alert.end or now) >= one.start


def _sensors(alert: Alert) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in alert.sensors[:3])
