"""What old versions of models had learned: it goes, and their rows with figures, data window and origin stay.

A version that works, worked before, is tried, stands by at an edge, or is one of the newest of its model keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database
from lineshaft.detect import model_tables
from lineshaft.detect.fleet import tables as life
from lineshaft.detect.forgetting.page import AT_ONCE, Page
from lineshaft.detect.gone import FORGOTTEN
from lineshaft.detect.place_tables import places
from lineshaft.detect.registry import tables as own

Row = dict[str, Any]
Placed = Callable[[Database, Connection | None, Row], set[int]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of models: where their versions are, what is taken away, and which versions are in use beyond the model's row."""

    name: str
    models: sa.Table
    versions: sa.Table
    model: str
    content: str
    used: tuple[str, ...]
    placed: Placed
    left: dict[str, Any] = field(default_factory=dict[str, Any])


def _at_edges(db: Database, tx: Connection | None, model: Row) -> set[int]:
    each = model_tables.versions
    query = sa.select(each.c.number).join(places, places.c.version_id == each.c.id).where(each.c.model_id == model["id"])
    return {int(row["number"]) for row in db.rows(query, tx)}


def _nowhere(db: Database, tx: Connection | None, model: Row) -> set[int]:
    del db, tx, model
    return set()


def _staged(db: Database, tx: Connection | None, model: Row) -> set[int]:
    """Return versions in production or staging, those a scorer stays with, and the last archived one: it may come back."""
    mine = own.versions.c.model_id == model["id"]
    rows = db.rows(sa.select(own.versions.c.number, own.versions.c.stage).where(mine), tx)
    named = db.rows(sa.select(own.scorers.c.number).where(own.scorers.c.model_id == model["id"]), tx)
    archived = [int(row["number"]) for row in rows if row["stage"] == "archived"]
    used = {int(row["number"]) for row in rows if row["stage"] in ("production", "staging")}
    return used | {int(row["number"]) for row in named if row["number"] is not None} | set(archived and [max(archived)])


KINDS = (
    Kind(
        "versions of models of machines",
        model_tables.models,
        model_tables.versions,
        "model_id",
        "blob",
        ("active", "shadow", "previous"),
        _at_edges,
        {"blob": None, "state": FORGOTTEN, "memory": ""},
    ),
    Kind(
        "versions of remaining life",
        life.fleets,
        life.versions,
        "fleet_id",
        "blob",
        ("active",),
        _nowhere,
        {"blob": None, "state": FORGOTTEN},
    ),
    Kind("versions of own models", own.models, own.versions, "model_id", "content", ("previous",), _staged, {"content": b""}),
)


class OldVersions:
    """Versions of one kind of models beyond the newest of each."""

    def __init__(self, db: Database, kind: Kind, newest: int, now: int) -> None:
        self._db, self._kind, self._newest, self._now = db, kind, newest, now
        self.name = kind.name

    def page(self, tx: Connection | None = None, mark: Any = None) -> Page:
        """Return versions of the next model that has some to go; a mark is the last model that was looked at."""
        models, at = self._kind.models, mark
        query = sa.select(models.c.id, *(models.c[name] for name in self._kind.used)).order_by(models.c.id).limit(1)
        while found := self._db.rows(query if at is None else query.where(models.c.id > at), tx):
            (model,) = found
            if tx is not None:  # nobody puts one of its versions to work meanwhile
                held = sa.select(models.c.id, *(models.c[name] for name in self._kind.used)).where(models.c.id == model["id"])
                model = self._db.rows(held.with_for_update(), tx)[0]
            at = model["id"]
            going = self._going(model, tx)
            if going:
                return Page([one["id"] for one in going], sum(one["size"] for one in going), going[-1]["moment"], at)
        return Page()

    def _going(self, model: Row, tx: Connection | None) -> list[Row]:
        """Return a model's versions that may go, the newest first."""
        kind, each = self._kind, self._kind.versions
        content = each.c[kind.content]
        moment = each.c.begun if "begun" in each.c else each.c.created
        columns = (each.c.id, each.c.number, sa.func.length(content).label("size"), moment.label("moment"))
        there = sa.select(*columns).where(each.c[kind.model] == model["id"], content.is_not(None), each.c.forgotten.is_(None))
        rows = self._db.rows(there.order_by(each.c.number.desc()), tx)
        if len(rows) <= self._newest:
            return []
        used = {model[name] for name in kind.used} | kind.placed(self._db, tx, model)
        return [row for row in rows[self._newest :] if row["number"] not in used][:AT_ONCE]

    def take(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take away what versions had learned; their rows stay."""
        each = self._kind.versions
        tx.execute(each.update().where(each.c.id.in_(list(ids))).values(forgotten=self._now, **self._kind.left))
