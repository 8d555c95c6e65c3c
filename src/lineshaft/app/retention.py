"""What is forgotten after its time: the alarm log, the control tower's list and the history of ETL runs.

Nothing goes that an open case or order still refers to, nor anything of an alarm that stands. The lake's copies of these tables
lose the same rows, so that a time that is over is over everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import Field

from lineshaft.core import Database, Section, metadata
from lineshaft.maintain import State
from lineshaft.store import Store

DAY = 86_400_000_000_000
_ENDED = [str(one.value) for one in (State.CLOSED, State.CANCELLED, State.REJECTED)]


class RetentionSettings(Section):
    """For how long the node's logs are kept; 0 keeps one for ever. Nothing goes that an open case or order refers to.

    Names of persons have a retention of their own: [guard] personal_retention_days.
    """

    alarm_log_days: float = Field(1095, ge=0, description="What happened to alarms, in days (three years).")
    tower_days: float = Field(1095, ge=0, description="What was done in cases, by whom or what, in days (three years).")
    etl_days: float = Field(365, ge=0, description="Runs of ETL jobs, in days; at most the last 1,000 of each job in any case.")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows a run took away: of the database, and of the lake's copies."""

    alarm_log: int
    tower: int
    etl_runs: int
    lake: int


class Retention:
    """Takes away what is past its time; the node calls it once a day."""

    def __init__(self, db: Database, store: Store, settings: RetentionSettings) -> None:
        self._db, self._store, self._settings = db, store, settings

    def run(self, now: int) -> Forgotten:
        """Forget what is over; running it twice takes nothing more."""
        chosen = self._settings
        alarms = self._delete("alarm_log", "written", now, chosen.alarm_log_days, _alarms_kept)
        tower = self._delete("tower", "at", now, chosen.tower_days, _tower_kept)
        runs = self._delete("etl_run", "started", now, chosen.etl_days, _runs_kept)
        lake = self._lake("alarm_log", "written", now, chosen.alarm_log_days)
        return Forgotten(alarms, tower, runs, lake)

    def _delete(self, name: str, moment: str, now: int, days: float, kept: Any) -> int:
        if not days:
            return 0
        table = metadata.tables[name]
        over = sa.and_(table.c[moment] < now - round(days * DAY), sa.not_(kept(table)))
        with self._db.begin() as tx:
            return tx.execute(sa.delete(table).where(over)).rowcount

    def _lake(self, name: str, moment: str, now: int, days: float) -> int:
        """Take the same rows out of the lake's copy: those past their time that the database has no longer."""
        tablets = self._store.sql.tablets
        if not days or tablets.get(name).version < 0:
            return 0
        table, before = metadata.tables[name], now - round(days * DAY)
        rows = self._db.rows(sa.select(table.c.id).where(table.c[moment] < before))
        return tablets.expire(name, moment, before, "id", [str(row["id"]) for row in rows])


def _open_cases() -> tuple[sa.Table, sa.ColumnElement[bool]]:
    cases = metadata.tables["cases"]
    return cases, cases.c.state == "open"


def _alarms_kept(log: sa.Table) -> sa.ColumnElement[bool]:
    """Say which lines stay: of an alarm that stands, or that an open case or order came from."""
    cases, open_ = _open_cases()
    alarm, order = metadata.tables["alarm"], metadata.tables["work_order"]
    going = order.c.state.not_in(_ENDED)
    sources = sa.select(order.c.source_id).where(going, order.c.source_id.is_not(None))
    return sa.or_(
        log.c.alarm_id.in_(sa.select(cases.c.alarm_id).where(open_, cases.c.alarm_id.is_not(None))),
        log.c.alarm_id.in_(sources),
        sa.and_(log.c.occurrence.is_not(None), log.c.occurrence.in_(sources)),
        log.c.alarm_id.in_(sa.select(alarm.c.id).where(alarm.c.state != "normal")),
    )


def _tower_kept(tower: sa.Table) -> sa.ColumnElement[bool]:
    """Say which lines stay: of an open case, and of one whose order is still open."""
    cases, open_ = _open_cases()
    order = metadata.tables["work_order"]
    going = order.c.state.not_in(_ENDED)
    worked = sa.select(order.c.case_id).where(going, order.c.case_id.is_not(None))
    return sa.or_(tower.c.case_id.in_(sa.select(cases.c.id).where(open_)), tower.c.case_id.in_(worked))


def _runs_kept(runs: sa.Table) -> sa.ColumnElement[bool]:
    """Say which runs stay: those that have not ended, and the last of each job."""
    other = runs.alias("other")
    last = sa.select(sa.func.max(other.c.started)).where(other.c.job == runs.c.job).scalar_subquery()
    return sa.or_(runs.c.ended.is_(None), runs.c.started == last)
