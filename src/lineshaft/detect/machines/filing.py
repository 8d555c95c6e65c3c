"""Findings of models: each alert of a version is one finding, whoever tells of it and however often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, iso, new_id
from lineshaft.detect.finding import Findings
from lineshaft.detect.model_tables import models, versions
from lineshaft.detect.place_tables import alerts
from lineshaft.detect.tables import findings
from lineshaft.guard import Guard, Subject

ME = Subject.system("models")


class Filing:
    """Files alerts; a version's alert is known by its start."""

    def __init__(self, db: Database, found: Findings, guard: Guard) -> None:
        self._db, self._found, self._guard = db, found, guard

    def alert(self, tx: Connection | None, version_id: str, start: int) -> dict[str, Any] | None:
        """Return what is known of an alert."""
        query = sa.select(alerts).where(alerts.c.version_id == version_id, alerts.c.start == start)
        return next(iter(self._db.rows(query, tx)), None)

    def note(self, tx: Connection, version_id: str, start: int, told: int, source: str = "") -> dict[str, Any]:
        """Note an alert that was not known; return it."""
        row = {"id": new_id(), "version_id": version_id, "start": start, "told": told, "source": source, "end": None}
        tx.execute(alerts.insert().values(**row, finding=None))
        return {**row, "finding": None}

    def unexplained(self, alert: Mapping[str, Any]) -> bool:
        """Say whether an alert's finding does not tell what was observed and expected."""
        evidence = self._evidence(alert["finding"]) if alert["finding"] is not None else None
        return evidence is not None and not evidence.get("explanation")

    def file(self, tx: Connection, model: Mapping[str, Any], version_id: str, number: int, said: Mapping[str, Any]) -> str:
        """File the finding of an alert, unless it has one; return its id.

        `said` has `score`, `at` (its start), `sensors`, `evidence`, and the `source` of an edge.
        """
        source = str(said.get("source", ""))
        row = self.alert(tx, version_id, said["at"]) or self.note(tx, version_id, said["at"], said["at"], source)
        if row["finding"] is not None:
            self.goes_on(tx, row)
            return str(row["finding"])
        who = {"model": model["name"], "model_id": model["id"], "version": number, "lasts": True}
        evidence = {**said["evidence"], **who}
        if source:
            evidence["edge"] = source
        asset, mode = model["asset"], model["failure_mode"]
        given: dict[str, Any] = {"sensors": said["sensors"], "evidence": evidence, "failure_mode": mode, "at": said["at"]}
        filed = self._found.add(tx, asset, "anomaly", said["score"], by=ME, **given)
        tx.execute(alerts.update().where(alerts.c.id == row["id"]).values(finding=filed["id"]))
        about = {"model": model["name"], "version": number, **({"edge": source} if source else {})}
        self._guard.record(tx, ME, "findings.add", f"finding:{filed['id']}", about)
        return str(filed["id"])

    def goes_on(self, tx: Connection, alert: Mapping[str, Any]) -> None:
        """Take the end of an alert back: what came within a day of it is the same one."""
        if alert["end"] is None or alert["finding"] is None:
            return
        tx.execute(alerts.update().where(alerts.c.id == alert["id"]).values(end=None))
        self._write(tx, alert["finding"], lasts=True)

    def strongest(self, tx: Connection, finding: str, step: Mapping[str, Any], until: int) -> None:
        """Put an alert's strongest step so far beside what its finding began with; it has lasted `until` now."""
        known = (self._evidence(finding, tx) or {}).get("strongest") or {}
        if step["score"] < known.get("score", 0.0):
            return
        self._write(tx, finding, strongest=dict(step), end=iso(until), end_ns=until)

    def ended(self, tx: Connection, finding: str, at: int, **more: Any) -> None:
        """Write into a finding's evidence until when it lasted: what is learned from, and what is not, hangs on it."""
        self._write(tx, finding, end=iso(at), end_ns=at, lasts=False, **more)
        tx.execute(alerts.update().where(alerts.c.finding == finding).values(end=at))

    def _write(self, tx: Connection, finding: str, **what: Any) -> None:
        evidence = self._evidence(finding, tx)
        if evidence is not None:
            tx.execute(findings.update().where(findings.c.id == finding).values(evidence={**evidence, **what}))

    def _evidence(self, finding: str, tx: Connection | None = None) -> dict[str, Any] | None:
        """Return a finding's evidence; None for one that was judged long ago and is forgotten."""
        rows = self._db.rows(sa.select(findings.c.evidence).where(findings.c.id == finding), tx)
        return dict(rows[0]["evidence"]) if rows else None

    def left(self) -> list[dict[str, Any]]:
        """Return alerts of this node that last by the book, and whose version was switched off or gave way to another."""
        mine = sa.select(alerts).join(versions, versions.c.id == alerts.c.version_id)
        lasting = mine.where(alerts.c.source == "", alerts.c.end.is_(None), alerts.c.finding.is_not(None))
        query = lasting.join(models, models.c.id == versions.c.model_id)
        return self._db.rows(query.where(sa.or_(models.c.active.is_(None), models.c.active != versions.c.number)))

    def leave(self, tx: Connection, version_id: str, at: int) -> None:
        """End what a version found that nobody follows any more."""
        query = sa.select(alerts).where(alerts.c.version_id == version_id, alerts.c.end.is_(None), alerts.c.finding.is_not(None))
        for alert in self._db.rows(query, tx):
            self.ended(tx, alert["finding"], at)
