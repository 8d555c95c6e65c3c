"""What something open still refers to, across rooms: it stays however old it is."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, metadata
from lineshaft.maintain import State

_ENDED = [str(one.value) for one in (State.CLOSED, State.CANCELLED, State.REJECTED)]


def _open_cases() -> tuple[sa.Table, sa.ColumnElement[bool]]:
    """Return the cases, and which of them are open: those whose order goes on are, too."""
    cases, order = metadata.tables["cases"], metadata.tables["work_order"]
    worked = sa.select(order.c.case_id).where(order.c.state.not_in(_ENDED), order.c.case_id.is_not(None))
    return cases, sa.or_(cases.c.state == "open", cases.c.id.in_(worked))


def _worked() -> sa.CompoundSelect[tuple[str]]:
    """Return what the orders that go on were made for, and what joined them: `type:id`."""
    order, joined = metadata.tables["work_order"], metadata.tables["work_order_finding"]
    going = order.c.state.not_in(_ENDED)
    made = sa.select(order.c.source_id).where(going, order.c.source_id.is_not(None))
    return sa.union_all(made, sa.select(joined.c.source_id).join(order, order.c.id == joined.c.order_id).where(going))


def alarms_kept(log: sa.Table) -> sa.ColumnElement[bool]:
    """Say which lines of the alarm log stay: of an alarm that stands, or that an open case or order came from."""
    cases, open_ = _open_cases()
    alarm, sources = metadata.tables["alarm"], _worked()
    return sa.or_(
        log.c.alarm_id.in_(sa.select(cases.c.alarm_id).where(open_, cases.c.alarm_id.is_not(None))),
        sa.literal("alarm:").concat(log.c.alarm_id).in_(sources),
        sa.and_(log.c.occurrence.is_not(None), sa.literal("alarm:").concat(log.c.occurrence).in_(sources)),
        log.c.alarm_id.in_(sa.select(alarm.c.id).where(alarm.c.state != "normal")),
    )


def tower_kept(tower: sa.Table) -> sa.ColumnElement[bool]:
    """Say which lines of the control tower stay: of an open case, and of one whose order is still open."""
    cases, open_ = _open_cases()
    return tower.c.case_id.in_(sa.select(cases.c.id).where(open_))


def runs_kept(runs: sa.Table) -> sa.ColumnElement[bool]:
    """Say which runs stay: those that have not ended, and the last of each job."""
    other = runs.alias("other")
    last = sa.select(sa.func.max(other.c.started)).where(other.c.job == runs.c.job).scalar_subquery()
    return sa.or_(runs.c.ended.is_(None), runs.c.started == last)


def findings_kept(db: Database, ids: Sequence[str], tx: Connection | None) -> set[str]:
    """Return which of these findings stay: an open case or order came from them, or a label is proposed for them."""
    cases, open_ = _open_cases()
    named, wanted = [f"finding:{one}" for one in ids], set(ids)
    opened = sa.select(cases.c.source_id).where(cases.c.source_id.in_(named), open_)
    sources = _worked().subquery()
    worked = sa.select(sources.c.source_id).where(sources.c.source_id.in_(named))
    found = {str(row["source_id"]).partition(":")[2] for row in db.rows(sa.union_all(opened, worked), tx)}
    approval = metadata.tables["approval"]
    proposed = db.rows(sa.select(approval.c.proposal).where(approval.c.state == "open"), tx)
    return found | (wanted & {str(row["proposal"].get("finding_id")) for row in proposed})
