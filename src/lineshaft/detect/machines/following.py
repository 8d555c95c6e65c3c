"""One version of a model following its machine: takes the store's rows as time goes on, and remembers over a restart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lineshaft.core import Batch, SystemEvent, iso, now_ns, samples
from lineshaft.detect.anomaly import Alert, Model, Scored
from lineshaft.detect.anomaly.scoring import BAD_DATA, UNKNOWN_REGIME
from lineshaft.detect.machines.book import SOURCE
from lineshaft.detect.machines.course import Course, shown, urgency

SETTLE = 10 * 10**9
"""Values of a step may arrive so much later than its end."""

DRIFTED = 0.25
"""Share of a day's rows that training has not seen the like of, from which a model asks to be trained again."""


class Following:
    """The memory of a version at work."""

    def __init__(self, model: Model, row: dict[str, Any]) -> None:
        self.model, self.number = model, int(row["number"])
        self.named = row["about"].get("renamed")
        """The names it uses; when its properties have others, the version is opened anew."""
        self.through, self.alerts, self.finding = int(row["through"]), int(row["alerts"]), row["finding"]
        self.holds: dict[str, int] = row["about"].get("holds", {})
        self.unseen = float(row["now"].get("unseen", 0.0))
        self._follower = model.follow()
        self.course = Course()
        if row["memory"]:
            self._follower.restore(row["memory"])
            self.course = Course(json.loads(row["memory"]).get("course"))

    @property
    def drifted(self) -> bool:
        """True when so much of the last day was unknown to training that the model should learn again."""
        return self.unseen > DRIFTED

    def memory(self) -> str:
        """Return what must be remembered."""
        return self._follower.to_json(course=self.course.as_dict())

    def span(self, every: int, now: int, delay: int = 0) -> tuple[int, int]:
        """Return the time to take next: whole steps whose values have arrived (`delay`: they come so much later).

        After a long rest the last day only.
        """
        end = (now - SETTLE - delay) // every * every
        return max(self.through, end - 86_400 * 10**9), max(end, self.through)

    def reset(self, at: int) -> None:
        """Start the charts anew."""
        self._follower.reset(at)
        self.finding = None

    def take(self, table: dict[str, Any], *, away: bool = False) -> dict[str, Any]:
        """Score the next rows (`away`: people are at the machine); returns what is new: an alert raised, what is now, scores."""
        known = {alert.start for alert in self._follower.watch.alerts}
        scored = self._follower.take(table, away=away)
        self.through = int(table["time"][-1])
        if len(scored):
            self._drifting(scored)
        last = scored.alerts[-1] if scored.alerts else None
        fresh = last is not None and last.start not in known
        self.alerts += fresh
        lasted = last is not None and (last.end is None or (len(scored) > 0 and last.end >= int(scored.times[0])))
        if last is not None and lasted:
            self.course.take(scored, last)
        return {
            "scored": scored,
            "alert": last if lasted else None,
            "new": fresh,
            "before": self._before(scored, fresh=fresh),
            "now": {**self._now(scored), "unseen": round(self.unseen, 4), "drifted": self.drifted},
        }

    def batch(self, model: dict[str, Any], news: dict[str, Any]) -> Batch:
        """Return scores, reasons and shares of the new rows as values of the source `models`."""
        scored: Scored = news["scored"]
        rows: list[dict[str, Any]] = []
        shares = scored.shares
        for place, at in enumerate(scored.times):
            rows.append({"tag": f"{model['name']}/reason", "ts": int(at), "value": str(scored.reason[place])})
            if np.isnan(scored.exceedance[place]):
                continue
            rows.append({"tag": f"{model['name']}/score", "ts": int(at), "value": float(scored.score[place])})
            for column, name in enumerate(scored.sensors):
                rows.append({"tag": f"{model['name']}/share/{name}", "ts": int(at), "value": float(shares[place, column])})
        now = now_ns()
        return Batch(SOURCE, -now, now, samples(rows))

    def _before(self, scored: Scored, *, fresh: bool) -> int:
        """Return when the alert before the last one ended; where there is none, now."""
        earlier = scored.alerts[-2].end if fresh and len(scored.alerts) > 1 else None
        return self.through if earlier is None else earlier

    def raised(self, scored: Scored, alert: Alert) -> dict[str, Any]:
        """Return a finding's contents for an alert: what it began with, and its strongest step so far."""
        began = self.course.beginning
        sensors = [{"property": name, "share": round(share, 4)} for name, share in alert.sensors[:8] if share >= 0.02]
        start, end = alert.start, int(scored.times[-1])
        evidence: dict[str, Any] = {"start": iso(start), "end": iso(end), "start_ns": start, "end_ns": end}
        evidence |= {"explanation": began.get("explanation", [])[:8], "explained_at": began.get("at", iso(start))}
        if self.course.strongest:
            evidence["strongest"] = shown(self.course.strongest)
        return {"score": urgency(alert.peak), "at": start, "sensors": sensors, "evidence": evidence}

    def _drifting(self, scored: Scored) -> None:
        """Keep, over about a day of rows, the share that could not be judged because training has not seen the like."""
        strange = float(np.isin(scored.reasons, (UNKNOWN_REGIME, BAD_DATA)).mean())
        rows = 86_400 * 10**9 / self.model.every
        self.unseen += (strange - self.unseen) * min(1.0, len(scored) / rows)

    @staticmethod
    def _now(scored: Scored) -> dict[str, Any]:
        if not len(scored):
            return {}
        score = float(scored.score[-1])
        reason, at = str(scored.reason[-1]), iso(int(scored.times[-1]))
        return {"at": at, "score": None if np.isnan(score) else round(score, 4), "reason": reason}


def drift(name: str, unseen: float, hint: str) -> SystemEvent:
    """Return the condition of the system that a model no longer knows what it sees, or its end."""
    text = f"the model '{name}' does not know {unseen:.0%} of what it sees in a day"
    return SystemEvent(f"detect:models:drift:{name}", text, "warning", active=unseen > DRIFTED, hint=hint)
