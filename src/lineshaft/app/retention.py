"""What is forgotten after its time: logs, judged findings, raw vibration records, what old versions of models had learned.

Nothing goes that an open case or order still refers to, nor anything of an alarm that stands. The lake's copies of these tables
lose the same rows, so that a time that is over is over everywhere. Each batch is one transaction with its row in the audit chain;
files follow by a list written in that transaction, so a stop at any moment leaves nothing that the next run does not finish.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.engine import Connection

from lineshaft import detect
from lineshaft.app.referred import alarms_kept, findings_kept, runs_kept, tower_kept
from lineshaft.core import Database, Section, iso, metadata
from lineshaft.detect import Page
from lineshaft.guard import Guard, Subject
from lineshaft.store import Documents, Tablets

DAY = 86_400_000_000_000
ME = Subject.system("retention")
AT_ONCE = 5_000
BREATH_S = 0.01
"""Between two batches other writers have their turn."""


class RetentionSettings(Section):
    """For how long the node keeps what grows with time; 0 keeps it for ever. Nothing goes that an open case or order refers to.

    Names of persons have a retention of their own: [guard] personal_retention_days. `lineshaft retention` says what would go.
    """

    alarm_log_days: float = Field(1095, ge=0, description="What happened to alarms, in days (three years).")
    tower_days: float = Field(1095, ge=0, description="What was done in cases, by whom or what, in days (three years).")
    etl_days: float = Field(365, ge=0, description="Runs of ETL jobs, in days; at most the last 1,000 of each job in any case.")
    findings_days: float = Field(
        1825, ge=0, description="Findings after they were judged, in days (five years). One nobody judged never goes."
    )
    records_days: float = Field(
        365, ge=0, description="Raw vibration records that nothing refers to, in days after they were taken in (a year)."
    )
    records_keep: int = Field(10, ge=1, description="So many of the newest raw records of each sensor position stay in any case.")
    model_versions: int = Field(
        10,
        ge=0,
        description="So many versions of each model keep what they learned, besides those in use; older ones keep their figures.",
    )


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows a run took away: of the database, and of the lake's copies; and files."""

    alarm_log: int = 0
    tower: int = 0
    etl_runs: int = 0
    findings: int = 0
    records: int = 0
    versions: int = 0
    files: int = 0
    lake: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """What would go of one kind: how many, how many bytes where they are counted, since when the oldest is there."""

    name: str
    rows: int
    size: int
    oldest: int | None


class Part(Protocol):
    """One kind of things that go."""

    name: str

    def page(self, tx: Connection | None = None, mark: Any = None) -> Page:
        """Return what would go after a mark."""
        ...

    def take(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take it away."""
        ...


class Lines:
    """The lines of a log that are past their time."""

    def __init__(self, db: Database, table: str, moment: str, before: int, kept: Callable[[sa.Table], Any]) -> None:
        self.name = table
        self._db, self._table, self._moment, self._before, self._kept = db, metadata.tables[table], moment, before, kept

    def page(self, tx: Connection | None = None, mark: Any = None) -> Page:
        """Return lines that may go, by their ids."""
        table, moment = self._table, self._table.c[self._moment]
        query = sa.select(table.c.id, moment.label("at")).where(moment < self._before, sa.not_(self._kept(table)))
        query = query if mark is None else query.where(table.c.id > mark)
        rows = self._db.rows(query.order_by(table.c.id).limit(AT_ONCE), tx)
        last = rows[-1]["id"] if len(rows) == AT_ONCE else None
        return Page([str(row["id"]) for row in rows], 0, min((int(row["at"]) for row in rows), default=None), last)

    def take(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take lines away."""
        tx.execute(sa.delete(self._table).where(self._table.c.id.in_(list(ids))))


class Retention:
    """Takes away what is past its time; the node calls it once a day."""

    def __init__(self, db: Database, settings: RetentionSettings, documents: Documents) -> None:
        self._db, self._settings, self._documents = db, settings, documents
        self.stopping: Callable[[], bool] = lambda: False

    def due(self, now: int) -> list[Due]:
        """Say what a run would take away now; nothing is written."""
        return [self._due(part) for part in self._parts(now)]

    def _due(self, part: Part) -> Due:
        pages = list(_pages(part))
        oldest = min((page.oldest for page in pages if page.oldest is not None), default=None)
        return Due(part.name, sum(len(page.ids) for page in pages), sum(page.size for page in pages), oldest)

    def run(self, now: int, tablets: Tablets, guard: Guard) -> Forgotten:
        """Forget what is over; running it twice takes nothing more."""
        gone: dict[str, int] = {}
        for part in self._parts(now):
            name = _COUNTED.get(part.name, "versions")
            gone[name] = gone.get(name, 0) + self._forget(part, guard)
        files = self._documents.clear()
        chosen = self._settings
        lake = self._lake(tablets, "alarm_log", "written", now, chosen.alarm_log_days)
        lake += self._lake(tablets, "documents", "created", now, chosen.records_days, "document")
        return Forgotten(**gone, files=files, lake=lake)

    def _parts(self, now: int) -> Iterator[Part]:
        """Return what has a time that may be over, by the settings."""
        db, chosen = self._db, self._settings

        def before(days: float) -> int:
            return now - round(days * DAY)

        for table, moment, days, kept in (
            ("alarm_log", "written", chosen.alarm_log_days, alarms_kept),
            ("tower", "at", chosen.tower_days, tower_kept),
            ("etl_run", "started", chosen.etl_days, runs_kept),
        ):
            if days:
                yield Lines(db, table, moment, before(days), kept)
        if chosen.findings_days:
            yield detect.OldFindings(db, before(chosen.findings_days), now, lambda ids, tx: findings_kept(db, ids, tx))
        if chosen.records_days:
            yield detect.OldRecords(db, self._documents, before(chosen.records_days), chosen.records_keep)
        if chosen.model_versions:
            for kind in detect.KINDS:
                yield detect.OldVersions(db, kind, chosen.model_versions, now)

    def _forget(self, part: Part, guard: Guard) -> int:
        """Take a kind away batch by batch; what is looked at is looked at again in the transaction that removes it."""
        gone, mark, more = 0, None, True
        while more and not self.stopping():
            page = part.page(None, mark)
            if page.ids:
                with self._db.begin() as tx:
                    page = part.page(tx, mark)
                    part.take(tx, page.ids)
                    self._note(tx, guard, part.name, page)
                gone += len(page.ids)
                time.sleep(BREATH_S)
            mark, more = page.mark, page.mark is not None
        return gone

    @staticmethod
    def _note(tx: Connection, guard: Guard, name: str, page: Page) -> None:
        if page.ids:
            said: dict[str, Any] = {"rows": len(page.ids), "oldest": iso(page.oldest or 0)}
            guard.record(tx, ME, "retention.forget", name, {**said, "bytes": page.size} if page.size else said)

    def _lake(self, tablets: Tablets, name: str, moment: str, now: int, days: float, of: str = "") -> int:
        """Take the same rows out of the lake's copy: those past their time that the database has no longer."""
        if not days or tablets.get(name).version < 0:
            return 0
        table, before = metadata.tables[of or name], now - round(days * DAY)
        rows = self._db.rows(sa.select(table.c.id).where(table.c[moment] < before))
        return tablets.expire(name, moment, before, "id", [str(row["id"]) for row in rows])


_COUNTED = {
    "alarm_log": "alarm_log",
    "tower": "tower",
    "etl_run": "etl_runs",
    detect.OldFindings.name: "findings",
    detect.OldRecords.name: "records",
}


def _pages(part: Part) -> Iterator[Page]:
    mark: Any = None
    while True:
        page = part.page(None, mark)
        yield page
        if page.mark is None:
            return
        mark = page.mark
