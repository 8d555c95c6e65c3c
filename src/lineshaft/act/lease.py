"""The lease of an executor: a row that says it is alive, renewed long before it runs out, in the database's own time.

An executor is one process that moves cases. Each has a row and an id of its own for as long as it lives; on PostgreSQL
several share the cases. A lease that has run out is claimed by one of the others, and only by one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.tables import executors
from lineshaft.core import ConfigError, Database, new_id, now_ns


@dataclass(frozen=True, slots=True)
class Lost:
    """An executor whose lease ran out, claimed for its work to be taken over."""

    id: str
    name: str


class Lease:
    """The row of this process, and what it knows of the others."""

    def __init__(self, db: Database, name: str, lasts_ns: int) -> None:
        self._db, self.name, self._lasts = db, name, lasts_ns
        self.id = f"{name}/{new_id()}"[:100]

    @property
    def lasts_ns(self) -> int:
        """How long a lease lasts without being renewed."""
        return self._lasts

    def take(self) -> bool:
        """Say that this process lives; false while another of the same name may. Those certainly dead are marked so."""
        with self._db.begin() as tx:
            now = self._now(tx)
            rows = [dict(row) for row in tx.execute(sa.select(executors).with_for_update()).mappings()]
            gone = [row["id"] for row in rows if row["id"] != self.id and _is_gone(row)]
            if gone:
                tx.execute(executors.update().where(executors.c.id.in_(gone)).values(until=0))
            rivals = [row for row in rows if row["name"] == self.name and row["id"] not in (self.id, *gone)]
            if any(row["until"] >= now and row["taken_by"] is None for row in rivals):
                return False
            self._write(tx, now)
        return True

    def beat(self) -> None:
        """Renew the lease. One that others thought dead comes back: what it does twice is done once."""
        with self._db.begin() as tx:
            now = self._now(tx)
            mine = executors.update().where(executors.c.id == self.id, executors.c.taken_by.is_(None))
            if not tx.execute(mine.values(until=now + self._lasts)).rowcount:
                tx.execute(executors.delete().where(executors.c.id == self.id))
                self._write(tx, now)

    def give_up(self) -> None:
        """End in good order: nothing is left to take over."""
        with self._db.begin() as tx:
            tx.execute(executors.delete().where(executors.c.id == self.id))

    def claim(self, owners: Collection[str] = ()) -> list[Lost]:
        """Claim the executors whose lease ran out; `owners` are all who began a run, known here or not."""
        with self._db.begin() as tx:
            now = self._now(tx)
            known = set(tx.execute(sa.select(executors.c.id)).scalars())
            for owner in sorted(set(owners) - known):
                self._unknown(tx, owner)
            late = executors.c.until < now
            found: list[Lost] = []
            for row in list(tx.execute(sa.select(executors.c.id, executors.c.name).where(late, executors.c.id != self.id))):
                taken = executors.update().where(executors.c.id == row.id, late)
                if tx.execute(taken.values(taken_by=self.id, until=now + self._lasts)).rowcount == 1:
                    found.append(Lost(row.id, row.name))
        return found

    def taken_over(self, lost: Lost) -> None:
        """Forget an executor whose work is all in other hands."""
        with self._db.begin() as tx:
            tx.execute(executors.delete().where(executors.c.id == lost.id, executors.c.taken_by == self.id))

    def lives(self, name: str) -> bool:
        """Say whether an executor of a name is alive."""
        with self._db.read() as tx:
            live = (executors.c.name == name) & (executors.c.until >= self._now(tx)) & executors.c.taken_by.is_(None)
            return tx.execute(sa.select(executors.c.id).where(live)).first() is not None

    def all(self) -> list[dict[str, Any]]:
        """Return every executor there is a row of: id, name, host, pid, since, until, taken_by."""
        return self._db.rows(sa.select(executors).order_by(executors.c.since, executors.c.id))

    def refuse(self) -> ConfigError:
        """Return what to say when the name is another's."""
        return ConfigError(
            f"another executor called '{self.name}' is alive on this database",
            hint="give each a name of its own: [act] executor in settings.toml, or --name",
            code="act.executor",
        )

    def _write(self, tx: Connection, now: int) -> None:
        host, pid = socket.gethostname()[:200], os.getpid()
        row = {"id": self.id, "name": self.name, "host": host, "pid": pid, "born": _born(pid)}
        tx.execute(executors.insert().values(**row, since=now, until=now + self._lasts, taken_by=None))

    def _unknown(self, tx: Connection, owner: str) -> None:
        """Note an executor that left runs and no row: an older version's, or one taken over while it still began runs."""
        row = sa.text(
            "INSERT INTO executor (id, name, host, pid, born, since, until) "
            "VALUES (:id, :name, '', 0, 0, 0, 0) ON CONFLICT DO NOTHING"
        )
        tx.execute(row, {"id": owner[:100], "name": owner.partition("/")[0][:100]})

    def _now(self, tx: Connection) -> int:
        """Return the database's time: the clocks of two machines need not agree."""
        if self._db.is_sqlite:
            return now_ns()
        return int(tx.execute(sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000")).scalar_one())


def _born(pid: int) -> int:
    """Return when a process began, in ms; 0 if there is none."""
    try:
        return round(psutil.Process(pid).create_time() * 1000)
    except psutil.Error:
        return 0


def _is_gone(row: Mapping[str, Any]) -> bool:
    """Say whether a process of this machine is certainly dead, or was an earlier life of this one."""
    if row["host"] != socket.gethostname()[:200] or row["taken_by"] is not None:
        return False
    return row["pid"] == os.getpid() or abs(_born(row["pid"]) - row["born"]) > 2000
