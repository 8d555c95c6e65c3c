"""Findings in the life of alarms: each kind of finding of an asset is one alert, until people rationalise it.

A finding that comes while its alert stands adds to it; a new one after the end is a new occurrence. The alert ends when every
finding behind it has its label, or when the asset is verified back in service. That verification settles the alerts of the model
file too whose condition is over; an operators' alarm is left to the operators, whatever maintenance verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Database, new_id, now_ns
from lineshaft.detect.alarm import Register
from lineshaft.detect.condition import Change
from lineshaft.detect.events import FindingLabelled, FindingRaised
from lineshaft.detect.forgotten_tables import counts
from lineshaft.detect.lifecycle import HIDDEN, AlarmState
from lineshaft.detect.roll import area_of
from lineshaft.detect.tables import alarms, findings

RETURN = "rule:return-to-service"


def name_of(kind: str, failure_mode: str) -> str:
    """Return the name of the alert of a kind of finding.

    >>> name_of("anomaly", "VIB")
    'Finding: anomaly (VIB)'
    """
    return f"Finding: {kind}" + (f" ({failure_mode})" if failure_mode else "")


class Alerts:
    """The alerts that findings raise."""

    def __init__(self, db: Database, assets: Assets, register: Register) -> None:
        self._db, self._assets, self._register = db, assets, register

    def found(self, tx: Connection, event: FindingRaised) -> None:
        """Raise the alert of a finding, in the same transaction."""
        row = self._row(tx, event)
        if row["active"]:
            since = event.at if row["since"] is None else min(int(row["since"]), event.at)  # found late, of a time before
            more = {"value": max(event.score, row["value"] or 0.0), "since": since}
            tx.execute(alarms.update().where(alarms.c.id == row["id"]).values(**more))
            return
        self._register.begin(tx, row, event.at, event.score)

    def labelled(self, tx: Connection, event: FindingLabelled) -> None:
        """End the alert once every finding behind it has its label."""
        row = self._find(tx, event.asset_path, name_of(event.kind, event.failure_mode))
        if row is None or not row["active"]:
            return
        query = sa.select(sa.func.count()).select_from(findings)
        same = (findings.c.kind == event.kind) & (findings.c.failure_mode == event.failure_mode) & (findings.c.label.is_(None))
        if tx.execute(query.where(same, findings.c.asset == event.asset_path, findings.c.at >= row["since"])).scalar_one() == 0:
            self._end(tx, row, event.by, event.label)

    def returned(self, tx: Connection, asset: str) -> int:
        """End the alerts of an asset, its parts, and what it is part of: it is verified back in service.

        Returns how many: those of findings, and those whose condition was over and that only waited for a hand.
        """
        query = sa.select(alarms).where(alarms.c.origin == "finding", alarms.c.active)
        rows = [row for row in self._db.rows(query, tx) if _same_machine(row["asset"], asset)]
        for row in rows:
            self._end(tx, row, RETURN, "verified back in service")
        waiting = (AlarmState.RTN_UNACK, AlarmState.LATCHED_UNACK, AlarmState.LATCHED_ACKED)
        past = sa.select(alarms).where(alarms.c.kind == "alert", alarms.c.state.in_(waiting), ~alarms.c.retired)
        over = [row for row in self._db.rows(past, tx) if _same_machine(row["asset"], asset)]
        for row in over:
            self._register.settle(tx, row, RETURN, "verified back in service")
        return len(rows) + len(over)

    def follow(self, tx: Connection) -> None:
        """Let alerts and findings go with assets that have moved or have another name since."""
        tree = self._assets.tree()
        places, levels = {one.id: one for one in tree}, {one.path: one.level for one in tree}
        moved: dict[str, str] = {}
        for row in self._db.rows(sa.select(alarms).where(alarms.c.origin == "finding"), tx):
            asset = places.get(row["asset_id"])
            if asset is not None and asset.path != row["asset"]:
                moved[row["asset"]] = asset.path
                here = {"asset": asset.path, "area": area_of(asset, levels)}
                tx.execute(alarms.update().where(alarms.c.id == row["id"]).values(**here, version=alarms.c.version + 1))
        if moved:  # at once: two assets may have changed places
            for table in (findings, counts):
                told = table.update().where(table.c.asset.in_(list(moved)))
                tx.execute(told.values(asset=sa.case(moved, value=table.c.asset)))

    def _end(self, tx: Connection, row: Mapping[str, Any], by: str, why: str) -> None:
        """End an alert acknowledged: what somebody has judged somebody has seen. An operators' alarm waits for its operator."""
        new = self._register.changed(tx, row, Change(now_ns(), False, 0.0))
        if new["kind"] == "alert" and new["state"] not in HIDDEN and new["state"] != AlarmState.NORMAL:
            self._register.settle(tx, new, by, why)

    def _find(self, tx: Connection, asset: str, name: str) -> dict[str, Any] | None:
        """Return the alert of an asset, held; by the asset's id, as its path may have been another when the alert began."""
        here = (alarms.c.asset == asset) if (known := self._id_of(asset)) is None else (alarms.c.asset_id == known)
        query = sa.select(alarms).where(here, alarms.c.name == name, alarms.c.origin == "finding")
        return next(iter(self._db.rows(query.with_for_update(), tx)), None)

    def _id_of(self, path: str) -> str | None:
        return next((one.id for one in self._assets.tree() if one.path == path), None)

    def _row(self, tx: Connection, event: FindingRaised) -> dict[str, Any]:
        name = name_of(event.kind, event.failure_mode)
        row = self._find(tx, event.asset_path, name)
        if row is not None:
            return row
        tree = self._assets.tree()
        asset = next((one for one in tree if one.path == event.asset_path), None)
        area = event.asset_path if asset is None else area_of(asset, {one.path: one.level for one in tree})
        first = event.sensors[0]["property"] if event.sensors else event.asset_path
        fresh: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "asset_id": str(uuid5(NAMESPACE_URL, event.asset_path)) if asset is None else asset.id,
            "asset": event.asset_path,
            "name": name,
            "kind": "alert",
            "origin": "finding",
            "priority": 4,
            "property": first,
            "operator": ">",
            "limit": 0.0,
            "condition": f"{event.kind} found",
            "area": area,
            "failure_mode": event.failure_mode,
            "input": "good",
        }
        tx.execute(alarms.insert().values(**fresh))
        return self._register.get(fresh["id"], tx)


def _same_machine(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
