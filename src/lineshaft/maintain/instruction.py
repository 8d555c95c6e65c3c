"""Work instructions: illustrated steps, versioned; an order keeps the version it was made with, whatever is written later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, NotFound, did_you_mean, new_id, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain.checklist import KINDS
from lineshaft.maintain.records import instructions

STEP = ("text", "kind", "lower", "upper", "unit", "image", "warning")


class Instructions:
    """All work instructions with all their versions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, tx: Connection, name: str, content: Mapping[str, Any], by: Subject) -> dict[str, Any]:
        """Write an instruction; a new version only where something is different.

        `content` is `{title, model?, hours?, skills?, permits?, parts?, steps: [...]}`, a step one of `STEP`'s fields.
        """
        clean = {**content, "steps": [_step(one, number) for number, one in enumerate(content.get("steps") or [], start=1)]}
        if not name.strip() or not str(clean.get("title") or "").strip() or not clean["steps"]:
            raise InvalidInput("an instruction needs a name, a title and steps", where=name, code="instructions.incomplete")
        digest = hashlib.sha256(json.dumps(clean, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        last = self._last(tx, name)
        if last is not None and last["digest"] == digest:
            return last
        row = {
            "id": new_id(),
            "version": 1,
            "name": name,
            "number": 1 if last is None else last["number"] + 1,
            "title": str(clean["title"])[:300],
            "content": clean,
            "digest": digest,
            "at": now_ns(),
            "by": by.id,
        }
        tx.execute(instructions.insert().values(**row))
        return row

    def get(self, name: str, number: int | None = None, tx: Connection | None = None) -> dict[str, Any]:
        """Return one version of an instruction, the newest by default."""
        query = sa.select(instructions).where(instructions.c.name == name).order_by(instructions.c.number.desc())
        rows = self._db.rows(query if number is None else query.where(instructions.c.number == number), tx)
        if not rows:
            known = {row["name"] for row in self._db.rows(sa.select(instructions.c.name), tx)}
            what = name if number is None else f"{name} version {number}"
            raise NotFound(f"there is no instruction '{what}'", hint=did_you_mean(name, known), code="instructions.unknown")
        return rows[0]

    def list(self) -> list[dict[str, Any]]:
        """Return the newest version of every instruction, by name."""
        rows = self._db.rows(sa.select(instructions).order_by(instructions.c.name, instructions.c.number))
        return list({row["name"]: row for row in rows}.values())

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return every version of one, newest first, without its steps."""
        c = instructions.c
        query = sa.select(c.number, c.title, c.at, c.by).where(c.name == name).order_by(c.number.desc())
        return self._db.rows(query)

    def for_order(self, name: str, tx: Connection) -> dict[str, Any]:
        """Return what an order takes from the newest version: its pin, steps, permits, hours and skills."""
        row = self.get(name, None, tx)
        content: Mapping[str, Any] = row["content"]
        return {
            "instruction": (row["name"], row["number"]),
            "checklist": content["steps"],
            "permits": content.get("permits") or [],
            "hours": content.get("hours"),
            "skills": content.get("skills") or {},
        }

    def _last(self, tx: Connection, name: str) -> dict[str, Any] | None:
        query = sa.select(instructions).where(instructions.c.name == name).order_by(instructions.c.number.desc()).limit(1)
        row = tx.execute(query).mappings().first()
        return None if row is None else dict(row)


def steps_of_table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return steps from rows of a table (CSV): empty cells are no value.

    >>> steps_of_table([{"text": "Measure", "kind": "number", "upper": "2.8", "unit": "mm/s", "image": ""}])
    [{'text': 'Measure', 'kind': 'number', 'upper': 2.8, 'unit': 'mm/s'}]
    """
    found: list[dict[str, Any]] = []
    for row in rows:
        one: dict[str, Any] = {name: row[name] for name in STEP if row.get(name) not in (None, "")}
        for name in ("lower", "upper"):
            if isinstance(one.get(name), str):
                one[name] = float(one[name])
        found.append(one)
    return found


def _step(one: Mapping[str, Any], number: int) -> dict[str, Any]:
    unknown = set(one) - set(STEP)
    if unknown:
        word = min(unknown)
        raise InvalidInput(f"'{word}' is not part of a step", where=f"step {number}", hint=did_you_mean(word, STEP))
    kind = str(one.get("kind") or "check")
    if kind not in KINDS or not str(one.get("text") or "").strip():
        raise InvalidInput("a step has a text and a known kind", where=f"step {number}", hint=", ".join(KINDS))
    return {**{name: value for name, value in one.items() if value is not None}, "kind": kind}
