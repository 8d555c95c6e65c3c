"""What people know about an asset's past: times that were an anomaly (with a fault code), normal, or say neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, NotFound, iso, new_id, now_ns
from lineshaft.detect.anomaly.labels import label
from lineshaft.detect.machines.labelfile import Said
from lineshaft.detect.machines.lasted import Lasted, lasted
from lineshaft.detect.model_tables import labels
from lineshaft.guard import Subject

OF_FINDING = {"confirmed": "anomaly", "false_alarm": "normal", "neutral": "neutral", "no_fault_found": "neutral", None: "neutral"}
"""What a finding's label says about its time; one that nobody has judged yet is not learned from."""


class Labels:
    """Labels of assets, given by hand or by way of findings."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, tx: Connection, asset: str, by: Subject, wanted: dict[str, Any]) -> dict[str, Any]:
        """Say what a time was. Raises InvalidInput for a kind that is none, or a time that has not been."""
        made = label((wanted["start"], wanted["end"], wanted.get("kind") or "anomaly", wanted.get("code") or ""))
        if made.end > now_ns():
            hint = "label what has happened; is the time in another time zone?"
            raise InvalidInput(f"the label ends at {iso(made.end)}, in the future", where="end", hint=hint, code="labels.range")
        row = {
            "id": new_id(),
            "version": 1,
            "asset": asset,
            "start": made.start,
            "end": made.end,
            "kind": made.kind,
            "code": made.code,
            "note": str(wanted.get("note") or ""),
            "by": by.id,
            "at": now_ns(),
        }
        tx.execute(labels.insert().values(**row))
        return row

    def get(self, label_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one label. Raises NotFound."""
        rows = self._db.rows(sa.select(labels).where(labels.c.id == label_id), tx)
        if not rows:
            raise NotFound(f"there is no label {label_id}", code="labels.unknown")
        return rows[0]

    def remove(self, tx: Connection, label_id: str) -> None:
        """Take a label back."""
        self.get(label_id, tx)
        tx.execute(labels.delete().where(labels.c.id == label_id))

    def list(
        self, asset: str | None = None, *, start: int | None = None, end: int | None = None, kind: str = "", code: str = ""
    ) -> list[dict[str, Any]]:
        """Return labels given by hand, newest time first; those that touch a time, of a kind, with a fault code."""
        query = sa.select(labels).order_by(labels.c.start.desc(), labels.c.id)
        asked = {labels.c.asset: asset, labels.c.kind: kind, labels.c.code: code}
        for column, wanted in asked.items():
            query = query.where(column == wanted) if wanted else query
        query = query if start is None else query.where(labels.c.end > start)
        return self._db.rows(query if end is None else query.where(labels.c.start <= end))

    def take(self, tx: Connection, said: Sequence[Said], by: Subject) -> dict[str, int]:
        """Take labels of a file in, each once; what is wrong with one is said with its line, and none is taken."""
        known = {_key(row) for row in self._db.rows(sa.select(labels), tx)}
        before, added = len(known), 0
        for one in said:
            row = {"start": one.start, "end": one.end, "kind": one.kind, "code": one.code, "note": one.note}
            if _key({**row, "asset": one.asset}) in known:
                continue
            try:
                known.add(_key(self.add(tx, one.asset, by, row)))
            except InvalidInput as error:
                raise InvalidInput(error.what, where=f"line {one.line}", hint=error.hint, code=error.code) from error
            added = len(known) - before
        return {"added": added, "known": len(said) - added}

    def outside(self, asset: str, start: int, end: int) -> list[str]:
        """Say which labels given by hand are not in a time that is learned from; empty where all are."""
        left = [one for one in self.list(asset) if one["start"] >= end or one["end"] <= start]
        if not left:
            return []
        which = f"{len(left)} labels of this asset are" if len(left) > 1 else "a label of this asset is"
        newest = iso(int(left[0]["start"]))
        return [f"{which} outside the time that was learned from (the newest begins {newest}): look back further to use it"]

    def known(self, asset: str, start: int, end: int) -> list[tuple[int, int, str, str]]:
        """Return what is known about a time of an asset, as `fit` and `evaluate` take it.

        What was found of its parts is not learned either, and is not held against a model that did not see it.
        """
        found = [(one["start"], one["end"], one["kind"], one["code"]) for one in self.list(asset)]
        for one in lasted(self._db, asset, start, end):
            said = OF_FINDING.get(one.label)
            if one.asset != asset:
                said = None if said == "normal" else "neutral"
            if said is not None:
                found.append((one.start, one.end, said, one.code))
        return [one for one in found if one[0] < end and one[1] > start]

    def unjudged(self, asset: str, start: int, end: int) -> list[Lasted]:
        """Return the findings of an asset and its parts in a time that nobody has judged, the newest first."""
        return lasted(self._db, asset, start, end, unjudged=True)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("asset", "start", "end", "kind", "code"))
