"""The audit chain: every row names the hash of the row before it, so nothing can be edited, deleted or moved unseen.

Who it was and what exactly was sent are in the chain only as a salted digest: they can be forgotten after their retention
without breaking it. One locked head row serialises writers on SQLite and PostgreSQL alike, and shows a cut-off end.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, now_ns
from lineshaft.guard.subject import Subject
from lineshaft.guard.tables import GENESIS, audit, audit_head

Outcome = Literal["ok", "refused", "failed"]
_BLOCK = 5_000
FORGETTABLE = ("person", "token")
"""Kinds of subject whose deeds are personal data."""
NOTED: ContextVar[list[str] | None] = ContextVar("noted", default=None)
"""Where a door wants to know what was put on record while it answered a request: it sets a list, outcomes are added to it."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit: who or what did what to which thing, and how it went."""

    seq: int
    at: int
    subject_id: str | None
    subject_kind: str
    action: str
    resource: str
    outcome: str
    detail: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check of the whole chain found; `first_bad` is the first row that does not fit."""

    rows: int
    ok: bool
    first_bad: int | None
    reason: str
    head: str
    forgotten: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What a row of the audit is to say."""

    subject: Subject
    action: str
    resource: str
    detail: Mapping[str, Any]
    outcome: Outcome = "ok"


def canonical(value: object) -> str:
    """Return JSON that is the same text for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class AuditChain:
    """Writes, reads, checks and forgets."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def record(
        self,
        tx: Connection,
        subject: Subject,
        action: str,
        resource: str,
        detail: Mapping[str, Any] | None = None,
        outcome: Outcome = "ok",
    ) -> int:
        """Append one row inside the caller's transaction and return its number.

        The head row stays locked until that transaction ends: write the audit last.
        """
        return self.record_all(tx, [Deed(subject, action, resource, detail or {}, outcome)])

    def record_all(self, tx: Connection, deeds: Sequence[Deed]) -> int:
        """Append a row for each deed, in their order, as `record` does; return the number of the last."""
        seq, prev = self._lock_head(tx)
        rows: list[dict[str, Any]] = []
        for number, deed in enumerate(deeds, seq + 1):
            rows.append(_row(deed, number, prev))
            prev = rows[-1]["hash"]
        tx.execute(audit.insert(), rows)
        tx.execute(audit_head.update().where(audit_head.c.id == 1).values(seq=rows[-1]["seq"], hash=prev))
        noted = NOTED.get()
        if noted is not None:
            noted.extend(deed.outcome for deed in deeds)
        return seq + len(rows)

    def rows(self, limit: int = 100, before: int | None = None, action: str | None = None) -> list[AuditRow]:
        """Return the newest rows first, older than row `before`, of one action or of one room (`alarms.`)."""
        query = sa.select(audit).order_by(audit.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.seq < before)
        if action:
            query = query.where(audit.c.action.startswith(action, autoescape=True))
        return [_read(row) for row in self._db.rows(query)]

    def verify(self) -> AuditReport:
        """Walk the whole chain and say whether every row is there, in its place and as it was written."""
        with self._db.read() as tx:
            last = sa.select(sa.func.max(audit.c.seq)).scalar_subquery().label("last")  # of the same moment as the head
            head = tx.execute(sa.select(audit_head, last)).mappings().one_or_none()
        if head is None:
            return AuditReport(0, ok=False, first_bad=0, reason="the head of the chain is gone", head="", forgotten=0)
        prev, seq, forgotten, last_forgotten = GENESIS, 0, 0, 0
        for row in self._walk(int(head["seq"])):
            seq += 1
            reason = _wrong(row, seq, prev)
            if reason:
                return AuditReport(seq - 1, ok=False, first_bad=seq, reason=reason, head=head["hash"], forgotten=forgotten)
            if row["salt"] is None:
                forgotten, last_forgotten = forgotten + 1, seq
            prev = row["hash"]
        if seq != head["seq"] or prev != head["hash"]:
            reason = f"the chain ends at row {seq}, its head says {head['seq']}"
            return AuditReport(seq, ok=False, first_bad=seq + 1, reason=reason, head=head["hash"], forgotten=forgotten)
        if (head["last"] or 0) > seq:
            reason = f"there are rows after row {seq}, where the chain ends"
            return AuditReport(seq, ok=False, first_bad=seq + 1, reason=reason, head=head["hash"], forgotten=forgotten)
        if last_forgotten > self._forgotten_through():
            reason = f"row {last_forgotten} lost its subject without a retention run"
            return AuditReport(seq, ok=False, first_bad=last_forgotten, reason=reason, head=prev, forgotten=forgotten)
        return AuditReport(seq, ok=True, first_bad=None, reason="", head=prev, forgotten=forgotten)

    def forget(self, tx: Connection, older_than: int) -> int:
        """Forget who did what before a moment (persons and tokens) and return the number of rows it went from."""
        self._lock_head(tx)
        through = tx.execute(sa.select(sa.func.max(audit.c.seq)).where(audit.c.at < older_than)).scalar()
        if through is None:
            return 0
        clear = (
            audit.update()
            .where(audit.c.seq <= through, audit.c.salt.is_not(None), audit.c.subject_kind.in_(FORGETTABLE))
            .values(subject_id=None, detail=None, salt=None)
        )
        count = tx.execute(clear).rowcount
        if count:
            self.record(tx, Subject.system("retention"), "audit.forget", "audit", {"through": through, "rows": count})
        return count

    def _forgotten_through(self) -> int:
        """Return the last row that a retention run of this chain says it has forgotten."""
        runs = self._db.rows(sa.select(audit.c.detail).where(audit.c.action == "audit.forget", audit.c.subject_kind == "system"))
        return max((int(json.loads(run["detail"])["through"]) for run in runs), default=0)

    def _lock_head(self, tx: Connection) -> tuple[int, str]:
        mine, what = audit_head.c.id == 1, (audit_head.c.seq, audit_head.c.hash)
        lock = audit_head.update().where(mine).values(id=1)
        if tx.dialect.update_returning:
            head = tx.execute(lock.returning(*what)).one()
        else:
            tx.execute(lock)
            head = tx.execute(sa.select(*what).where(mine)).one()
        return int(head.seq), str(head.hash)

    def _walk(self, last: int) -> Iterator[dict[str, Any]]:
        """Yield the rows up to `last` in blocks, so that writers never wait for a whole check."""
        after = -1
        while True:
            query = sa.select(audit).where(audit.c.seq > after, audit.c.seq <= last).order_by(audit.c.seq).limit(_BLOCK)
            block = self._db.rows(query)
            yield from block
            if len(block) < _BLOCK:
                return
            after = block[-1]["seq"]


def _row(deed: Deed, seq: int, prev: str) -> dict[str, Any]:
    salt, text, who = secrets.token_hex(16), canonical(dict(deed.detail)), deed.subject.id[:100]
    row: dict[str, Any] = {
        "seq": seq,
        "at": now_ns(),
        "subject_kind": deed.subject.kind,
        "action": deed.action[:80],
        "resource": deed.resource[:400],
        "outcome": deed.outcome,
        "subject_id": who,
        "detail": text,
        "salt": salt,
        "sealed": digest([salt, who, text]),
        "prev": prev,
    }
    return {**row, "hash": _chained(row)}


def _chained(row: Mapping[str, Any]) -> str:
    names = ("seq", "at", "subject_kind", "action", "resource", "outcome", "sealed", "prev")
    return digest([row[name] for name in names])


def _wrong(row: Mapping[str, Any], seq: int, prev: str) -> str:
    """Say what is wrong with a row at its place in the chain, or nothing."""
    if row["seq"] != seq:
        return f"row {seq} is missing"
    if row["prev"] != prev:
        return f"row {seq} does not follow row {seq - 1}"
    if row["hash"] != _chained(row):
        return f"row {seq} was changed"
    if row["salt"] is None:
        if row["subject_kind"] not in FORGETTABLE or row["subject_id"] is not None or row["detail"] is not None:
            return f"row {seq} lost its subject without a retention run"
    elif row["sealed"] != digest([row["salt"], row["subject_id"], row["detail"]]):
        return f"the subject or detail of row {seq} was changed"
    return ""


def _read(row: Mapping[str, Any]) -> AuditRow:
    detail: dict[str, Any] = json.loads(row["detail"]) if row["detail"] else {}
    return AuditRow(
        seq=row["seq"],
        at=row["at"],
        subject_id=row["subject_id"],
        subject_kind=row["subject_kind"],
        action=row["action"],
        resource=row["resource"],
        outcome=row["outcome"],
        detail=detail,
        hash=row["hash"],
    )
