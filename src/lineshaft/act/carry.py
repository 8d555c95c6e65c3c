"""Carrying an approved write out: noted before, written once, read back, noted after. A write is never repeated by itself.

If the node dies (or the line is cut) between the note and the answer, nobody knows what the machine has got: its value is then
read, not written. If it agrees, the write is done; if not, people are told, and a new proposal is needed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.tables import approvals, machine_writes
from lineshaft.act.tower import Tower
from lineshaft.core import (
    Bus,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    NotFound,
    SystemEvent,
    after_commit,
    bump,
    now_ns,
)
from lineshaft.guard import Command, Guard, Subject

log = logging.getLogger("lineshaft.act")
Value = float | int | bool | str
WRITER = Subject.system("writer")
SAID = {
    "written": "written and read back",
    "dry-run": "checked, not written: the writer is set to dry run",
}


@dataclass(frozen=True, slots=True)
class Touched:
    """What a write did to the machine: the value before, the one read afterwards, whether it is the one asked for."""

    before: Value | None
    after: Value | None
    ok: bool
    dry_run: bool = False


class Hand(Protocol):
    """What reaches machines for act; every method raises a LineshaftError that says why not."""

    def check(self, path: str, value: Value) -> None:
        """Refuse what may not be written: no tag, not allowed, outside limits, locked out, a permissive that does not hold."""
        ...

    def targets(self) -> list[dict[str, Any]]:
        """Return what may be written: property, minimum, maximum, values, every, permissive, dry_run."""
        ...

    async def write(self, path: str, value: Value) -> Touched:
        """Write one value and read it back."""
        ...

    async def read(self, path: str, value: Value) -> Touched:
        """Read the machine's value and compare; nothing is written."""
        ...


class Carrier:
    """One thread that carries approved writes out, one after the other, oldest decision first."""

    def __init__(
        self, db: Database, guard: Guard, tower: Tower, bus: Bus, hand: Hand, within_ns: int, holder: str = "node"
    ) -> None:
        self._db, self._guard, self._tower, self._bus = db, guard, tower, bus
        self._hand, self._within_ns, self._holder = hand, within_ns, holder
        self._dead: set[str] = set()
        self._wake, self._idle, self._ending = threading.Event(), threading.Event(), False
        self._thread: threading.Thread | None = None

    def approved(self, tx: Connection, row: Mapping[str, Any]) -> None:
        """Note, in the decision's transaction, that a value is to be written."""
        proposal = row["proposal"]
        values = {"property": proposal["property"], "value": proposal["value"], "state": "waiting", "approved": now_ns()}
        tx.execute(machine_writes.insert().values(id=row["id"], version=1, why="", **values))
        after_commit(tx, self._look)

    def start(self) -> None:
        """Begin; what a crash cut off is read back, never written again."""
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="writes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the write under way."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None

    def take_over(self, holder: str) -> None:
        """Find out what the writes did that another was at when it died, and carry out what it had not begun."""
        self._dead.add(holder)
        self._look()

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is left to carry out; true at once while it does not run."""
        return self._thread is None or self._idle.wait(timeout)

    def _look(self) -> None:
        self._idle.clear()
        self._wake.set()

    def _run(self) -> None:
        while not self._ending:
            self._wake.clear()
            dead, self._dead = {self._holder, *self._dead}, set()  # one thread writes: what is under way here was cut off
            self._turn(self._confirm, "writing", sa.or_(machine_writes.c.holder.is_(None), machine_writes.c.holder.in_(dead)))
            self._turn(self._carry, "waiting")
            if not self._wake.is_set():
                self._idle.set()
            self._wake.wait()
            self._idle.clear()

    def _turn(self, deed: Any, state: str, also: sa.ColumnElement[bool] | None = None) -> None:
        query = sa.select(machine_writes).where(machine_writes.c.state == state).order_by(machine_writes.c.approved)
        query = query if also is None else query.where(also)
        try:
            for row in self._db.rows(query):
                if not self._ending:
                    deed(row)
        except Exception as error:  # the thread must live: the next decision wakes it again
            log.exception("writes")
            self._tell("writes", f"approved writes cannot be carried out: {error}", active=True)

    def _carry(self, row: dict[str, Any]) -> None:
        path, value = str(row["property"]), row["value"]
        if now_ns() - int(row["approved"]) > self._within_ns:
            self._end(row, "failed", None, "too much time went by since it was approved; a new proposal is needed")
            return
        try:
            self._hand.check(path, value)
            if not self._begin(row):
                return
            touched = asyncio.run(self._hand.write(path, value))
        except (Conflict, Forbidden, InvalidInput, NotFound) as error:  # refused before anything went out
            self._end(row, "failed", None, f"{error.what}{f' ({error.hint})' if error.hint else ''}")
        except Exception as error:  # the answer is lost, the machine may have the value
            log.exception("write to %s", path)
            self._confirm(row, str(error))
        else:
            why = "" if touched.ok or touched.dry_run else f"the machine answers {touched.after!r}, not {value!r}"
            self._end(row, "dry-run" if touched.dry_run else "written" if touched.ok else "failed", touched, why)

    def _confirm(self, row: dict[str, Any], error: str = "the node stopped while writing") -> None:
        """Find out what a write did whose answer is missing."""
        try:
            touched = asyncio.run(self._hand.read(str(row["property"]), row["value"]))
        except Exception as silence:
            log.exception("read back of %s", row["property"])
            self._end(row, "unsure", None, f"{error}; reading back failed: {silence}")
            return
        why = f"{error}; the machine has the value" if touched.ok else f"{error}; the machine answers {touched.after!r}"
        self._end(row, "written" if touched.ok else "failed", touched, why)

    def _begin(self, row: Mapping[str, Any]) -> bool:
        """Note durably that the write begins, before anything goes to the machine; false if another executor has it."""

        def run(tx: Connection) -> dict[str, Any]:
            mine = machine_writes.update().where(machine_writes.c.id == row["id"], machine_writes.c.state == "waiting")
            began = mine.values(state="writing", at=now_ns(), holder=self._holder, version=machine_writes.c.version + 1)
            return {"mine": tx.execute(began).rowcount == 1}

        body = {"property": row["property"], "value": row["value"]}
        key = f"write:{row['id']}:begin:{self._holder}"
        return bool(self._guard.perform(Command(WRITER, "writes.begin", f"write:{row['id']}", body, key), run)["mine"])

    def _end(self, row: Mapping[str, Any], state: str, touched: Touched | None, why: str) -> None:
        before, after = (touched.before, touched.after) if touched else (None, None)
        values = {"state": state, "before": before, "after": after, "why": why, "at": now_ns()}

        def run(tx: Connection) -> dict[str, Any]:
            now = self._db.rows(sa.select(machine_writes).where(machine_writes.c.id == row["id"]), tx)[0]
            bump(tx, machine_writes, row["id"], now["version"], **values)
            about = {"id": self._case_of(tx, str(row["id"])), "asset": str(row["property"]).rpartition("/")[0]}
            what = f"{'wrote' if state == 'written' else 'did not write'} {row['value']} to {row['property']}"
            said = why or SAID.get(state, "")
            self._tower.add(
                tx, about, what, actor=WRITER.id, actor_kind="system", mode="automation", task="write", outcome=f"{state}: {said}"
            )
            return {}

        body = {"property": row["property"], "value": row["value"], "state": state, "after": after, "why": why}
        self._guard.perform(Command(WRITER, "writes.end", f"write:{row['id']}", body, f"write:{row['id']}:end"), run)
        wrong = state in {"failed", "unsure"}
        said = f"a value approved for {row['property']} was not written: {why}" if wrong else "approved writes are carried out"
        self._tell(f"writes:{row['property']}", said, active=wrong)

    def _case_of(self, tx: Connection, approval_id: str) -> str:
        return str(tx.execute(sa.select(approvals.c.case_id).where(approvals.c.id == approval_id)).scalar() or "")

    def _tell(self, key: str, what: str, *, active: bool) -> None:
        hint = "see the page Writes; look at the machine, then propose again" if active else ""
        self._bus.tell(SystemEvent(key, what, "warning", active=active, hint=hint))
