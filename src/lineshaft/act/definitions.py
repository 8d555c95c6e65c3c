"""Which process definitions are in use is on record: who edits a file shows up in the audit as soon as the node reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from lineshaft.act.process import Process
from lineshaft.core import Database, Problem
from lineshaft.guard import Guard, Subject

ACTION = "processes.read"


class Definitions:
    """Notes every change of the definitions in use, and every file that was refused."""

    def __init__(self, db: Database, guard: Guard) -> None:
        self._db, self._guard = db, guard
        self._noted: tuple[dict[str, str], list[str]] | None = None

    def note(self, known: Mapping[str, Process], problems: Sequence[Problem]) -> None:
        """Compare what was read with what was in use before; write down what is new."""
        now = ({name: _digest(one) for name, one in known.items()}, [str(one) for one in problems])
        before = self._noted or self._last()
        self._noted = now
        if now == before:
            return
        names = sorted({*now[0], *before[0]})
        detail = {
            "definitions": now[0],
            "changed": [name for name in names if now[0].get(name) != before[0].get(name)],
            "problems": now[1],
        }
        with self._db.begin() as tx:
            outcome = "refused" if now[1] else "ok"
            self._guard.record(tx, Subject.system("processes"), ACTION, "processes", detail, outcome)

    def _last(self) -> tuple[dict[str, str], list[str]]:
        rows = self._guard.audit(1, action=ACTION)
        detail = rows[0].detail if rows else {}
        return dict(detail.get("definitions") or {}), list(detail.get("problems") or [])


def _digest(process: Process) -> str:
    return hashlib.sha256(json.dumps(process.plain(), sort_keys=True, default=str).encode()).hexdigest()
