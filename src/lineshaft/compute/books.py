"""What compute writes down: how far windows are closed, which are still to be recomputed, which formula made which rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lineshaft.assets import Property
from lineshaft.compute.tables import closed, formula_versions, touched
from lineshaft.core import Database, new_id


@dataclass(frozen=True, slots=True)
class FormulaVersion:
    """The formula of a computed property, valid for rows from `valid_from` on."""

    property_id: str
    version: int
    model: str
    model_version: int
    formula: str
    inputs: Mapping[str, Any]
    valid_from: int


class Books:
    """The tables of compute."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def marks(self) -> dict[str, int]:
        """Return until when the windows of each schedule are closed."""
        return {row["schedule"]: row["until"] for row in self._db.rows(sa.select(closed))}

    def touched(self) -> dict[str, tuple[int, int]]:
        """Return the late values by property whose windows are not recomputed yet."""
        return {row["property_id"]: (row["since"], row["until"]) for row in self._db.rows(sa.select(touched))}

    def settle(self, marks: Mapping[str, int], done: Iterable[str], waiting: Mapping[str, tuple[int, int]]) -> None:
        """Write marks, forget what has been recomputed, remember what waits; one transaction."""
        finished = [one for one in done if one not in waiting]
        if not (marks or finished or waiting):
            return
        with self._db.begin() as tx:
            for key, until in marks.items():
                _put(tx, closed, closed.c.schedule, key, until=until)
            for property_id, (since, until) in waiting.items():
                _put(tx, touched, touched.c.property_id, property_id, since=since, until=until)
            if finished:
                tx.execute(touched.delete().where(touched.c.property_id.in_(finished)))

    def versions(self, property_id: str) -> list[FormulaVersion]:
        """Return the formulas a property ever had, oldest first."""
        query = sa.select(formula_versions).where(formula_versions.c.property_id == property_id)
        rows = self._db.rows(query.order_by(formula_versions.c.version))
        return [FormulaVersion(**{name: value for name, value in row.items() if name != "id"}) for row in rows]

    def note_formulas(self, properties: Iterable[Property], now: int) -> int:
        """Write a new version for every property whose formula differs from its last one; return how many."""
        t = formula_versions
        newest: dict[str, dict[str, Any]] = {}
        for row in self._db.rows(sa.select(t).order_by(t.c.version)):
            newest[row["property_id"]] = row
        fresh: list[dict[str, object]] = []
        for one in properties:
            inputs = {name: wanted.model_dump() for name, wanted in one.inputs.items()}
            last = newest.get(one.id)
            if last and (last["model_version"], last["formula"], last["inputs"]) == (one.model_version, one.formula, inputs):
                continue
            fresh.append(
                {
                    "id": new_id(),
                    "version": last["version"] + 1 if last else 1,
                    "property_id": one.id,
                    "model": one.model,
                    "model_version": one.model_version,
                    "formula": one.formula,
                    "inputs": inputs,
                    "valid_from": now if last else 0,
                }
            )
        if fresh:
            with self._db.begin() as tx:
                tx.execute(t.insert(), fresh)
        return len(fresh)


def _put(tx: sa.Connection, table: sa.Table, key: sa.Column[Any], value: str, **columns: object) -> None:
    if tx.execute(table.update().where(key == value).values(**columns)).rowcount == 0:
        tx.execute(table.insert().values({key.name: value, **columns}))
