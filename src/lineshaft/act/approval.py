"""Approvals: what a rule, an agent or a person proposes, a second person decides; silence is no.

Whoever filed or edited a proposal may not decide it. Editing changes the proposal and leaves it open for somebody else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.tables import approvals
from lineshaft.core import (
    Bus,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    NotFound,
    after_commit,
    bump,
    did_you_mean,
    new_id,
    now_ns,
)
from lineshaft.guard import Subject

DECISIONS = ("approve", "reject", "edit")
FIXED = frozenset({"cost", "unit_cost", "unit", "number", "part", "name", "property", "asset", "proposed_by", "verdict", "why"})
"""What no edit changes: a proposal for something else is a new proposal."""
SILENCE = "nobody decided in time: silence is no"


@dataclass(frozen=True, slots=True)
class ApprovalChanged:
    """A proposal was filed, edited, decided, or ran out."""

    approval_id: str
    case_id: str
    state: str
    what: str


class Approvals:
    """The inbox of proposals."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self.person: Callable[[Connection, str], str] = lambda _tx, subject_id: subject_id
        """Who stands behind an id: a token is nobody else than the person who made it."""
        self.keyed_by: Callable[[Connection, str, int], str | None] = lambda _tx, _person, _since: None
        """Who else set a person's password since a moment."""
        self.decided: Callable[[Connection, Mapping[str, Any], bool, Subject], None] | None = None
        self.heard: Callable[[Connection, Mapping[str, Any], str], None] | None = None
        """Told of every proposal and what becomes of it, in the same transaction."""

    def file(
        self, tx: Connection, what: str, proposal: Mapping[str, Any], by: str, expires: int, case_id: str | None, task: str
    ) -> str:
        """Lay a proposal before the people."""
        row = {
            "id": new_id(),
            "version": 1,
            "case_id": case_id,
            "task": task,
            "what": what[:300],
            "proposal": dict(proposal),
            "proposed_by": by,
            "edited_by": [],
            "state": "open",
            "expires": expires,
            "created": now_ns(),
        }
        tx.execute(approvals.insert().values(**row))
        self._tell(tx, row, "open")
        return str(row["id"])

    def decide(
        self,
        tx: Connection,
        approval_id: str,
        subject: Subject,
        decision: str,
        edit: Mapping[str, Any] | None = None,
        reason: str = "",
        version: int | None = None,
    ) -> dict[str, Any]:
        """Approve, reject (with a reason) or edit. Raises Forbidden for one's own proposal, Conflict when it is too late."""
        row = self._locked(tx, approval_id)
        if decision not in DECISIONS:
            raise InvalidInput(f"'{decision}' is no decision", hint=did_you_mean(decision, DECISIONS), code="approval.decision")
        if subject.kind not in ("person", "token"):
            raise Forbidden(f"a {subject.kind} cannot decide", hint="a person must", code="approval.person")
        person = self.person(tx, subject.id)
        if subject.kind == "token" and person == subject.id:
            hint = "make one as the person who is to answer for it (POST tokens), or log in"
            raise Forbidden("nobody is known to stand behind this token", hint=hint, code="approval.person")
        self._refuse_late(row)
        seen = row["version"] if version is None else version
        if decision == "edit":
            return self._edit(tx, row, subject, edit, seen)
        own = {self.person(tx, one) for one in (row["proposed_by"], *row["edited_by"])}
        if person in own:
            raise Forbidden("you made or changed this proposal", hint="a second person must decide", code="approval.own-proposal")
        self._refuse_own_account(tx, row, person, own)
        if edit:
            raise InvalidInput(
                "a decision takes the proposal as it stands",
                where="edit",
                hint="send the decision 'edit' first; then somebody else approves",
                code="approval.edit-first",
            )
        state = "approved" if decision == "approve" else "rejected"
        values = {"state": state, "decided_by": subject.id, "decided": now_ns(), "reason": reason}
        bump(tx, approvals, row["id"], seen, **values)
        if self.decided is not None:
            self.decided(tx, row, state == "approved", subject)
        self._tell(tx, row, state)
        return self.get(row["id"], tx)

    def expire(self, tx: Connection, now: int) -> list[dict[str, Any]]:
        """End what nobody decided in time; return those."""
        query = sa.select(approvals).where(approvals.c.state == "open", approvals.c.expires <= now).with_for_update()
        late = [dict(row) for row in tx.execute(query).mappings()]
        for row in late:
            self._end(tx, row, SILENCE)
        return late

    def withdraw(self, tx: Connection, case_id: str, reason: str) -> None:
        """End the open proposals of a case that is over."""
        query = sa.select(approvals).where(approvals.c.state == "open", approvals.c.case_id == case_id).with_for_update()
        for row in tx.execute(query).mappings().all():
            self._end(tx, dict(row), reason)

    def get(self, approval_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one approval."""
        rows = self._db.rows(sa.select(approvals).where(approvals.c.id == approval_id), tx)
        if not rows:
            raise NotFound(f"there is no approval {approval_id}", code="approval.unknown")
        return rows[0]

    def of_task(self, tx: Connection, case_id: str, task: str) -> dict[str, Any] | None:
        """Return the approval a task waits for."""
        query = sa.select(approvals).where(approvals.c.case_id == case_id, approvals.c.task == task)
        rows = self._db.rows(query, tx)
        return rows[0] if rows else None

    def list(self, state: str | None = "open", limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return approvals, newest first."""
        query = sa.select(approvals).order_by(approvals.c.created.desc(), approvals.c.id).limit(limit)
        if state:
            query = query.where(approvals.c.state == state)
        if before is not None:
            query = query.where(approvals.c.created < before)
        return self._db.rows(query)

    def next_expiry(self, tx: Connection) -> int | None:
        """Return when the next open proposal runs out."""
        return tx.execute(sa.select(sa.func.min(approvals.c.expires)).where(approvals.c.state == "open")).scalar()

    def _edit(
        self, tx: Connection, row: Mapping[str, Any], subject: Subject, edit: Mapping[str, Any] | None, version: int
    ) -> dict[str, Any]:
        if not edit:
            raise InvalidInput("an edit names what changes", where="edit", code="approval.edit")
        edited = revised(row["proposal"], edit)
        editors = [*row["edited_by"], *([] if subject.id in row["edited_by"] else [subject.id])]
        bump(tx, approvals, row["id"], version, proposal=edited, edited_by=editors)
        self._tell(tx, row, "edited")
        return self.get(row["id"], tx)

    def _locked(self, tx: Connection, approval_id: str) -> dict[str, Any]:
        query = sa.select(approvals).where(approvals.c.id == approval_id).with_for_update()
        row = tx.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"there is no approval {approval_id}", code="approval.unknown")
        return dict(row)

    def _refuse_own_account(self, tx: Connection, row: Mapping[str, Any], person: str, own: set[str]) -> None:
        """Refuse an account whose password whoever made the proposal has set since: it may be the same person."""
        keeper = self.keyed_by(tx, person, row["created"])
        if keeper is not None and self.person(tx, keeper) in own:
            what = "whoever made or changed this proposal has set this account's password since"
            raise Forbidden(what, hint="a second person must decide", code="approval.own-account")

    def _refuse_late(self, row: Mapping[str, Any]) -> None:
        if row["state"] == "expired" or (row["state"] == "open" and row["expires"] <= now_ns()):
            raise Conflict(SILENCE, hint="a new proposal is needed", code="approval.expired")
        if row["state"] != "open":
            raise Conflict(f"this was {row['state']} already", code="approval.decided", details={"state": row["state"]})

    def _end(self, tx: Connection, row: Mapping[str, Any], reason: str) -> None:
        bump(tx, approvals, row["id"], row["version"], state="expired", decided=now_ns(), reason=reason)
        if self.decided is not None:
            self.decided(tx, row, False, Subject.rule("expiry"))
        self._tell(tx, row, "expired")

    def _tell(self, tx: Connection, row: Mapping[str, Any], state: str) -> None:
        if self.heard is not None:
            self.heard(tx, row, state)
        event = ApprovalChanged(row["id"], row["case_id"] or "", state, row["what"])
        after_commit(tx, lambda: self._bus.tell(event))


def revised(proposal: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a proposal with changes, people's and agents' alike. Raises InvalidInput for what no edit changes."""
    for name, value in changes.items():
        old = proposal.get(name)
        if name not in proposal or name.endswith("id") or name in FIXED:
            raise InvalidInput(f"'{name}' of this proposal cannot be edited", where=name, code="approval.edit")
        if not _may_replace(name, old, value):
            raise InvalidInput(f"'{value}' cannot stand for '{name}'", where=name, code="approval.edit")
    edited = {**proposal, **changes}
    if "lines" in changes:
        edited["lines"] = _lines(proposal["lines"], changes["lines"])
        edited["cost"] = round(sum(float(line["cost"]) for line in edited["lines"]), 2)
    if _is_number(edited.get("quantity")) and _is_number(edited.get("unit_cost")):
        edited["cost"] = round(edited["quantity"] * edited["unit_cost"], 2)
    return edited


def _lines(old: list[dict[str, Any]], new: list[Any]) -> list[dict[str, Any]]:
    """Return the lines of a purchase with other quantities; nothing else of a line can be edited, and none is added or lost."""
    if len(new) != len(old) or not all(isinstance(line, dict) for line in new):
        raise InvalidInput("an edit keeps every line", where="lines", hint="reject a proposal to drop one", code="approval.edit")
    edited: list[dict[str, Any]] = []
    for before, after in zip(old, new, strict=True):
        quantity = after.get("quantity", before["quantity"])
        fixed = {name: value for name, value in after.items() if name not in {"quantity", "cost"}}
        if any(before.get(name) != value for name, value in fixed.items()) or not _may_replace("quantity", 0, quantity):
            what = f"only the quantity of {before['part']} can be edited"
            raise InvalidInput(what, where="lines", code="approval.edit")
        edited.append({**before, "quantity": quantity, "cost": round(quantity * before["unit_cost"], 2)})
    return edited


def _may_replace(name: str, old: Any, new: Any) -> bool:
    if not _is_number(old):
        return type(old) is type(new)
    return _is_number(new) and math.isfinite(new) and (name != "quantity" or 0 < new < 1e9)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
