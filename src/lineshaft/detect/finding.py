"""Findings: what a model or a person over the API found unusual, with the sensors' shares, the evidence, and its label.

A finding is an alert for maintenance, never an operator's alarm. Its label says what it turned out to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns
from lineshaft.detect.events import FindingLabelled, FindingRaised
from lineshaft.detect.forgotten_tables import counts
from lineshaft.detect.tables import findings
from lineshaft.guard import Subject

LABELS = ("confirmed", "no_fault_found", "false_alarm", "neutral")
"""What a finding turned out to be; no fault found is not a false alarm."""


class Findings:
    """All findings."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus

    def add(
        self,
        tx: Connection,
        asset: str,
        kind: str,
        score: float,
        *,
        by: Subject,
        sensors: Sequence[Mapping[str, Any]] = (),
        evidence: Mapping[str, Any] | None = None,
        failure_mode: str = "",
        at: int | None = None,
    ) -> dict[str, Any]:
        """File a finding: score 0 to 1, sensors `{property, share}`."""
        if isinstance(score, bool) or not 0 <= score <= 1:
            raise InvalidInput(f"a score of {score}", where="score", hint="a number from 0 to 1", code="findings.score")
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "asset": asset,
            "kind": kind,
            "score": float(score),
            "sensors": [_sensor(one) for one in sensors],
            "failure_mode": failure_mode,
            "evidence": dict(evidence or {}),
            "at": now_ns() if at is None else at,
            "by": by.id,
        }
        tx.execute(findings.insert().values(**row))
        event = FindingRaised(
            row["id"],
            asset,
            kind,
            row["score"],
            failure_mode,
            tuple(row["sensors"]),
            row["evidence"],
            row["at"],
            by.id,
        )
        self._bus.tell_with(tx, event)
        return self.get(row["id"], tx)

    def get(self, finding_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one finding."""
        rows = self._db.rows(sa.select(findings).where(findings.c.id == finding_id), tx)
        if not rows:
            hint = "one judged long ago is forgotten ([retention] findings_days); its label still counts in the precision"
            raise NotFound(f"there is no finding {finding_id}", hint=hint, code="findings.unknown")
        return rows[0]

    def list(
        self,
        *,
        asset: str | None = None,
        limit: int = 100,
        before: int | None = None,
        scope: Sequence[str] = (),
        after: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return findings that began before and after a time, newest first; `scope`: the branches that count, all if empty."""
        query = sa.select(findings).order_by(findings.c.at.desc(), findings.c.id).limit(limit)
        if asset is not None:
            query = query.where(findings.c.asset == asset)
        if before is not None:
            query = query.where(findings.c.at < before)
        if after is not None:
            query = query.where(findings.c.at > after)
        if scope:
            below = [findings.c.asset.startswith(f"{branch}/", autoescape=True) for branch in scope]
            query = query.where(sa.or_(findings.c.asset.in_(list(scope)), *below))
        return self._db.rows(query)

    def label(self, tx: Connection, finding_id: str, label: str, by: Subject, version: int | None = None) -> dict[str, Any]:
        """Say what a finding turned out to be."""
        if label not in LABELS:
            raise InvalidInput(f"'{label}' is no label", hint=did_you_mean(label, LABELS), code="findings.label")
        self.get(finding_id, tx)
        bump(tx, findings, finding_id, version, label=label, labelled_by=by.id, labelled=now_ns())
        new = self.get(finding_id, tx)
        self._bus.tell_with(tx, FindingLabelled(finding_id, new["asset"], new["kind"], new["failure_mode"], label, by.id))
        return new

    def precision(self) -> list[dict[str, Any]]:
        """Return, by asset and kind, how many findings turned out to be what, and the share that was right.

        Neutral and unlabelled ones count for nothing. `no fault found` is no false alarm: `precision` leaves it out, and
        `precision_at_least` counts it as wrong; the truth lies between. None where nobody has judged yet. Findings that
        retention took away count as they were judged.
        """
        query = sa.select(findings.c.asset, findings.c.kind, findings.c.label, sa.func.count().label("number"))
        there = query.group_by(findings.c.asset, findings.c.kind, findings.c.label)
        gone = sa.select(counts.c.asset, counts.c.kind, counts.c.label, counts.c.number)
        table: dict[tuple[str, str], dict[str, int]] = {}
        for row in self._db.rows(sa.union_all(there, gone)):
            each = table.setdefault((row["asset"], row["kind"]), dict.fromkeys((*LABELS, "open"), 0))
            each[row["label"] or "open"] += int(row["number"])
        return [{"asset": asset, "kind": kind, **each, **_shares(each)} for (asset, kind), each in sorted(table.items())]


def _sensor(one: Mapping[str, Any]) -> dict[str, Any]:
    share = one.get("share", 0)
    if "property" not in one or isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share):
        raise InvalidInput("a sensor is {property, share}", where="sensors", code="findings.sensors")
    return {**one, "property": str(one["property"]), "share": float(share)}


def _shares(counts: Mapping[str, int]) -> dict[str, float | None]:
    right, wrong, unclear = counts["confirmed"], counts["false_alarm"], counts["no_fault_found"]
    judged, all_judged = right + wrong, right + wrong + unclear
    return {
        "precision": right / judged if judged else None,
        "precision_at_least": right / all_judged if all_judged else None,
    }
