"""Findings that were judged long ago: they go, and how often their kind was right stays.

Open is what nobody has judged: it never goes. Nor does a finding that something present rests on: an alert that lasts, the
remaining life of an asset, what a sensor position lists, an alarm that stands, or the past a model of the machine learns from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, new_id
from lineshaft.detect.alerts import name_of
from lineshaft.detect.fleet.tables import forecasts
from lineshaft.detect.forgetting.page import AT_ONCE, Page
from lineshaft.detect.forgotten_tables import counts
from lineshaft.detect.machines.lasted import end_of
from lineshaft.detect.model_tables import models, versions
from lineshaft.detect.place_tables import alerts
from lineshaft.detect.position_tables import positions
from lineshaft.detect.tables import alarms, findings

Kept = Callable[[Sequence[str], Connection | None], set[str]]
"""Says which of these findings something open elsewhere refers to: a case, an order, a proposal."""


class OldFindings:
    """Findings judged before a moment."""

    name = "findings"

    def __init__(self, db: Database, before: int, now: int, kept: Kept) -> None:
        self._db, self._before, self._now, self._kept = db, before, now, kept

    def page(self, tx: Connection | None = None, mark: Any = None) -> Page:
        """Return findings that may go, oldest first, after a mark."""
        wanted = (findings.c.id, findings.c.asset, findings.c.kind, findings.c.failure_mode, findings.c.at, findings.c.evidence)
        query = sa.select(*wanted).where(
            findings.c.label.is_not(None), findings.c.at < self._before, findings.c.labelled < self._before
        )
        if mark is not None:
            query = query.where(sa.tuple_(findings.c.at, findings.c.id) > sa.tuple_(*mark))
        rows = self._db.rows(query.order_by(findings.c.at, findings.c.id).limit(AT_ONCE), tx)
        ids = [str(row["id"]) for row in rows]
        kept = (
            self._kept(ids, tx) | self._present(ids, tx) | self._stand(rows, tx) | self._taught(rows, tx) if ids else set[str]()
        )
        going = [row for row in rows if row["id"] not in kept]
        last = (int(rows[-1]["at"]), str(rows[-1]["id"])) if len(rows) == AT_ONCE else None
        return Page([str(row["id"]) for row in going], 0, int(going[0]["at"]) if going else None, last)

    def _present(self, ids: Sequence[str], tx: Connection | None) -> set[str]:
        """Return those that an alert which lasts, a forecast or a sensor position names."""
        lasting = sa.select(alerts.c.finding).where(alerts.c.finding.in_(ids), alerts.c.end.is_(None))
        following = sa.select(versions.c.finding).where(versions.c.finding.in_(ids))
        ending = sa.select(forecasts.c.finding).where(forecasts.c.finding.in_(ids))
        named = {str(row["finding"]) for row in self._db.rows(sa.union_all(lasting, following, ending), tx)}
        listed = self._db.rows(sa.select(positions.c.noticed).where(~positions.c.retired), tx)
        return named | {str(one["finding"]) for row in listed for one in row["noticed"] if one.get("finding")}

    def _stand(self, rows: Sequence[Mapping[str, Any]], tx: Connection | None) -> set[str]:
        """Return those behind an alert that stands."""
        query = sa.select(alarms.c.asset, alarms.c.name, alarms.c.since).where(alarms.c.origin == "finding")
        standing = self._db.rows(query.where(sa.or_(alarms.c.active, alarms.c.state != "normal")), tx)
        since = {(row["asset"], row["name"]): row["since"] or 0 for row in standing}
        named = ((row, (row["asset"], name_of(row["kind"], row["failure_mode"]))) for row in rows)
        return {str(row["id"]) for row, key in named if key in since and row["at"] >= since[key]}

    def _taught(self, rows: Sequence[Mapping[str, Any]], tx: Connection | None) -> set[str]:
        """Return those in the past that a model of the machine or of what it is part of learns from."""
        query = sa.select(models.c.asset, sa.func.max(models.c.lookback).label("longest")).group_by(models.c.asset)
        begin = {row["asset"]: self._now - int(row["longest"]) for row in self._db.rows(query, tx)}
        whose = {row["id"]: [begin[path] for path in _upwards(row["asset"]) if path in begin] for row in rows}
        return {str(row["id"]) for row in rows if whose[row["id"]] and end_of(row) > min(whose[row["id"]])}

    def take(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take findings away, and keep their labels as counts."""
        mine = findings.c.id.in_(list(ids))
        wanted = sa.select(findings.c.asset, findings.c.kind, findings.c.label, findings.c.at).where(mine)
        rows = self._db.rows(wanted, tx)
        newest: dict[tuple[str, str, str], int] = {}
        for row in rows:
            key = (row["asset"], row["kind"], row["label"])
            newest[key] = max(newest.get(key, 0), int(row["at"]))
        for key, number in Counter((row["asset"], row["kind"], row["label"]) for row in rows).items():
            _add(tx, key, number, newest[key])
        tx.execute(findings.delete().where(mine))


def _upwards(path: str) -> list[str]:
    """Return an asset and all it is part of."""
    names = path.split("/")
    return ["/".join(names[:size]) for size in range(len(names), 0, -1)]


def _add(tx: Connection, key: tuple[str, str, str], number: int, newest: int) -> None:
    asset, kind, label = key
    same = (counts.c.asset == asset) & (counts.c.kind == kind) & (counts.c.label == label)
    first = tx.execute(sa.select(counts.c.id).where(same).order_by(counts.c.id)).scalar()
    if first is None:
        row = {"id": new_id(), "version": 1, "asset": asset, "kind": kind, "label": label, "number": number, "newest": newest}
        tx.execute(counts.insert().values(**row))
        return
    later = sa.case((counts.c.newest > newest, counts.c.newest), else_=newest)
    more = {"number": counts.c.number + number, "newest": later, "version": counts.c.version + 1}
    tx.execute(counts.update().where(counts.c.id == first).values(**more))
