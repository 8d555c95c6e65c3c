"""What is on its way to another system: every attempt noted before it is made, so that nothing is lost or done twice.

An errand is claimed by one node at a time. One whose node died in the middle rests until whatever was on the line then has
arrived or not; only then the other system is asked whether it has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import NS, Database, LineshaftError, Retryable, metadata, now_ns

outgoing = sa.Table(
    "outgoing",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", sa.BigInteger, index=True),
    sa.Column("begun", sa.BigInteger),
    sa.Column("holder", sa.String(100)),
    sa.Column("held_until", sa.BigInteger),
    sa.Column("error", sa.String(1000), nullable=False, default=""),
    sa.Column("code", sa.String(60), nullable=False, default=""),
    sa.Column("hint", sa.String(500), nullable=False, default=""),
    sa.Column("reference", sa.String(200), nullable=False, default=""),
    sa.Column("told", sa.JSON, nullable=False),
)
"""`id` is the purchase's, the work order's or the delivery's; `next_at` is empty while nothing is to be done."""

deliveries = sa.Table(
    "webhook_delivery",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("hook", sa.String(64), nullable=False, index=True),
    sa.Column("event_id", sa.String(36), nullable=False),
    sa.Column("type", sa.String(80), nullable=False),
    sa.Column("subject", sa.String(500), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("status", sa.Integer),
    sa.Column("delivered", sa.BigInteger),
)
"""What a webhook was to be told: waiting, delivered or given up; its attempts are in `outgoing`."""

LEASE = 600 * NS
FIRST_WAIT, LONGEST_WAIT, PERSON_WAIT = 2.0, 900.0, 900.0
"""Seconds: after a first failure, at most, and where a person has something to mend first."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to bring to another system now."""

    id: str
    attempts: int
    reference: str
    told: Mapping[str, Any]


class Outgoing:
    """The errands of one kind."""

    def __init__(self, db: Database, kind: str, holder: str, in_flight_s: float = 5.0) -> None:
        self._db, self._kind, self._holder = db, kind, holder
        self._in_flight = round(in_flight_s * NS)

    def file(self, tx: Connection, errand_id: str, at: int | None = None) -> None:
        """Note an errand; it is due at once, or at `at`. Filing it again makes it due again."""
        due = now_ns() if at is None else at
        hit = tx.execute(outgoing.update().where(outgoing.c.id == errand_id).values(next_at=due))
        if not hit.rowcount:
            tx.execute(
                outgoing.insert().values(
                    id=errand_id, kind=self._kind, attempts=0, next_at=due, error="", code="", hint="", reference="", told={}
                )
            )

    def take_back(self, holder: str | None = None) -> None:
        """Free what this node (or another) held when it died: due again once nothing of that attempt can be on the line."""
        mine = (outgoing.c.kind == self._kind) & (outgoing.c.holder == (holder or self._holder))
        with self._db.begin() as tx:
            for row in list(tx.execute(sa.select(outgoing.c.id, outgoing.c.begun, outgoing.c.next_at).where(mine))):
                at = None if row.next_at is None else max(row.next_at, (row.begun or 0) + self._in_flight)
                freed = outgoing.update().where(outgoing.c.id == row.id)
                tx.execute(freed.values(holder=None, held_until=None, begun=None, next_at=at))

    def claim(self) -> Errand | None:
        """Take the next errand that is due, if there is one and nobody else has it."""
        now = now_ns()
        free = sa.or_(outgoing.c.held_until.is_(None), outgoing.c.held_until < now)
        due = (outgoing.c.kind == self._kind) & (outgoing.c.next_at <= now) & free
        query = sa.select(outgoing.c.id).where(due).order_by(outgoing.c.next_at, outgoing.c.id).limit(1)
        with self._db.read() as look:
            found = look.execute(query).scalar()
        if found is None:
            return None
        with self._db.begin() as tx:
            taken = tx.execute(
                outgoing.update()
                .where(outgoing.c.id == found, due)
                .values(holder=self._holder, held_until=now + LEASE, begun=now, attempts=outgoing.c.attempts + 1)
            )
            if taken.rowcount != 1:
                return None
            row = tx.execute(sa.select(outgoing).where(outgoing.c.id == found)).mappings().one()
            return Errand(row["id"], row["attempts"], row["reference"], row["told"])

    def arrived(self, errand_id: str, *, again_at: int | None, told: Mapping[str, Any], reference: str = "") -> None:
        """Note that it went well, what was told, and when to ask again (never, if None)."""
        values: dict[str, Any] = {"next_at": again_at, "told": dict(told), "attempts": 0, "error": "", "code": "", "hint": ""}
        self._end(errand_id, {**values, **({"reference": reference[:200]} if reference else {})})

    def failed(self, errand: Errand, error: LineshaftError) -> float:
        """Note what went wrong and when it is tried again; return the seconds until then."""
        wait = wait_after(errand.attempts) if isinstance(error, Retryable) else PERSON_WAIT
        if error.code == "erp.away":  # what it did not answer it may still be doing
            wait = max(wait, self._in_flight / NS)
        said = f"{error.where}: {error.what}" if error.where else error.what
        self._end(
            errand.id,
            {"next_at": now_ns() + round(wait * NS), "error": said[:1000], "code": error.code[:60], "hint": error.hint[:500]},
        )
        return wait

    def again(self, tx: Connection, errand_id: str) -> bool:
        """Make an errand due now; false if there is none."""
        where = (outgoing.c.id == errand_id) & (outgoing.c.kind == self._kind)
        return tx.execute(outgoing.update().where(where).values(next_at=now_ns())).rowcount == 1

    def of(self, errand_ids: Iterable[str], tx: Connection | None = None) -> dict[str, dict[str, Any]]:
        """Return errands by id."""
        rows = self._db.rows(sa.select(outgoing).where(outgoing.c.id.in_(list(errand_ids))), tx)
        return {row["id"]: row for row in rows}

    def next_due(self) -> int | None:
        """Return when the next errand is due."""
        query = sa.select(sa.func.min(outgoing.c.next_at)).where(outgoing.c.kind == self._kind, outgoing.c.held_until.is_(None))
        with self._db.read() as look:
            return look.execute(query).scalar()

    def _end(self, errand_id: str, values: Mapping[str, Any]) -> None:
        with self._db.begin() as tx:
            tx.execute(
                outgoing.update().where(outgoing.c.id == errand_id).values(**values, holder=None, held_until=None, begun=None)
            )


def wait_after(attempts: int) -> float:
    """Return the seconds to wait after so many failures: twice as long each time, a quarter of an hour at most.

    >>> [wait_after(n) for n in (1, 2, 3, 20)]
    [2.0, 4.0, 8.0, 900.0]
    """
    return min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20))
