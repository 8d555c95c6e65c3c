"""Work orders: from a request to closed and coded, one step at a time, each step a line of history.

An order made for a case, an alarm or a finding is made once: asking again returns the one that is there. A new finding of
the same trouble joins the order that is open for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Bus, Database, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.detect import Detect
from lineshaft.guard import Subject
from lineshaft.maintain import permit
from lineshaft.maintain.avoided import check_avoided
from lineshaft.maintain.checklist import answer, refuse_open_steps, write_steps
from lineshaft.maintain.codes import check_closing
from lineshaft.maintain.events import OrderChanged, ReturnedToService
from lineshaft.maintain.finding import findings_of, note_source, open_for, order_of
from lineshaft.maintain.orderbook import OrderBook
from lineshaft.maintain.place import Places
from lineshaft.maintain.settings import MaintainSettings
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.steps import FINAL, WAITS, State, refuse_impossible, refuse_unknown
from lineshaft.maintain.tables import history, next_number, orders
from lineshaft.maintain.urgency import due_by, priority_of

KINDS = ("corrective", "preventive", "predictive", "inspection")


class Orders(OrderBook):
    """The work orders of the plant."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        settings: MaintainSettings | None = None,
        assets: Assets | None = None,
        detect: Detect | None = None,
    ) -> None:
        super().__init__(db, Places(assets))
        self._bus = bus
        self._settings = settings or MaintainSettings()
        self._detect = detect
        self._spares = Spares(db, bus)

    def create(
        self,
        tx: Connection,
        by: Subject,
        *,
        asset: str,
        title: str,
        kind: str = "corrective",
        priority: int | None = None,
        urgency: int | None = None,
        failure_mode: str = "",
        state: str = State.REQUESTED,
        due: int | None = None,
        source: tuple[str, str] | None = None,
        score: float | None = None,
        sensors: Sequence[Mapping[str, Any]] = (),
        evidence: Mapping[str, Any] | None = None,
        case_id: str | None = None,
        checklist: Sequence[Mapping[str, Any]] = (),
        permits: Sequence[Mapping[str, Any]] = (),
        hours: float | None = None,
        skills: Mapping[str, int] | None = None,
        planned_for: int | None = None,
        instruction: tuple[str, int] | None = None,
        note: str = "",
        merge: bool = False,
    ) -> dict[str, Any]:
        """Create an order, or return the one that was made for this case or source before.

        Priority is criticality (of the asset) times urgency where none is given; due is the priority's service level. With
        `merge`, trouble that has an open order already joins that one.
        """
        source_id = f"{source[0]}:{source[1]}" if source else None
        found = self._made_before(tx, case_id, source_id)
        if found is not None:
            return self.get(found, tx)
        self._refuse_wrong(tx, kind, state, title, asset, failure_mode, priority)
        there = open_for(tx, asset, failure_mode, free=case_id is not None) if merge and failure_mode else None
        if there is not None and source is not None:
            return self.merge(tx, there, by, source, score=score, sensors=sensors, evidence=evidence, case_id=case_id, note=note)
        work: dict[str, Any] = {"asset": asset, "title": title, "kind": kind, "state": state, "failure_mode": failure_mode}
        why: dict[str, Any] = {"case_id": case_id, "score": score, "evidence": dict(evidence or {}), "created_by": by.id}
        needs: dict[str, Any] = {"hours": hours, "skills": dict(skills or {}), "planned_for": planned_for}
        origin = _origin(source, source_id, instruction)
        ranks = self._ranked(asset, priority, urgency, due)
        row: dict[str, Any] = {**ranks, "number": next_number(tx, "WO"), **work, **why, **needs, **origin}
        tx.execute(orders.insert().values(**row))
        if source_id:
            note_source(tx, row["id"], source_id, score=score, failure_mode=failure_mode, sensors=sensors, evidence=evidence)
        write_steps(tx, row["id"], checklist)
        permit.require(tx, row["id"], asset, permits)
        self._told(tx, row, "create", state, by, note)
        return self.get(row["id"], tx)

    def _ranked(self, asset: str, priority: int | None, urgency: int | None, due: int | None) -> dict[str, Any]:
        """Return a new order's id, age, priority and due date."""
        now, criticality = now_ns(), self._places.criticality(asset)
        level = priority or (priority_of(criticality, urgency) if urgency is not None else 3)
        within = self._places.attribute(asset, "RepairWithin")
        latest = due_by(now, level, self._settings.service_levels, within) if due is None else due
        ranks = {"priority": level, "urgency": urgency, "criticality": criticality}
        return {"id": new_id(), "version": 1, "created": now, "closing": {}, "due": latest, **ranks}

    def draft(
        self, asset: str, title: str, kind: str, priority: int | None, failure_mode: str, due: int | None = None
    ) -> dict[str, Any]:
        """Return an order as it would be if it were made now; it has no id, and nothing is written."""
        work = {"asset": asset, "title": title, "kind": kind, "failure_mode": failure_mode, "state": str(State.TRIAGED)}
        return {**self._ranked(asset, priority, None, due), **work, "id": "", "number": "WO-new", "history": []}

    def merge(
        self,
        tx: Connection,
        order_id: str,
        by: Subject,
        source: tuple[str, str],
        *,
        score: float | None = None,
        sensors: Sequence[Mapping[str, Any]] = (),
        evidence: Mapping[str, Any] | None = None,
        case_id: str | None = None,
        priority: int | None = None,
        note: str = "",
    ) -> dict[str, Any]:
        """Let a new alarm or finding join an open order: kept with its sensors and evidence; more urgent makes it more urgent.

        The order keeps its state, its people and its checklist; joining twice changes nothing.
        """
        row = self._row(tx, order_id)
        if score is not None and not 0 <= score <= 1:
            raise InvalidInput(f"a score of {score}", where="score", hint="0 to 1", code="findings.score")
        if row["state"] in FINAL:
            refuse_impossible(row["number"], "start", row["state"])
        fresh = note_source(tx, row["id"], f"{source[0]}:{source[1]}", score=score, sensors=sensors, evidence=evidence)
        if not fresh:
            return self.get(row["id"], tx)
        values: dict[str, Any] = {}
        if score is not None and (row["score"] is None or score > row["score"]):
            values["score"] = score
        if priority is not None and priority < row["priority"]:
            values["priority"] = priority
            values["due"] = min(
                row["due"] or due_by(now_ns(), priority), due_by(now_ns(), priority, self._settings.service_levels)
            )
        if case_id is not None and row["case_id"] is None:
            values["case_id"] = case_id
        if values:
            bump(tx, orders, row["id"], None, **values)
        self._told(tx, {**row, **values}, "merge", row["state"], by, note or f"{source[0]} {source[1]}")
        return self.get(row["id"], tx)

    def _refuse_wrong(
        self, tx: Connection, kind: str, state: str, title: str, asset: str, failure_mode: str, priority: int | None
    ) -> None:
        refuse_unknown("kind of order", kind, KINDS)
        refuse_unknown("state a new order can have", state, (State.REQUESTED, State.TRIAGED, State.PLANNED))
        if not title.strip() or not asset.strip():
            raise InvalidInput("an order needs an asset and a title", code="work-orders.incomplete")
        if failure_mode:
            refuse_unknown("failure mode", failure_mode, tuple(self.codes.lists(tx)["mode"]))
        if priority is not None and not 1 <= priority <= 5:
            raise InvalidInput(f"priority {priority}", hint="1 (at once) to 5 (some day)", code="work-orders.priority")

    def triage(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Accept a request as work to be done."""
        return self._step(tx, order_id, "triage", by, version, note)

    def reject(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Turn a request down."""
        return self._step(tx, order_id, "reject", by, version, note)

    def plan(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Mark that parts, time and hands are found."""
        return self._step(tx, order_id, "plan", by, version, note, waiting_for="")

    def wait(
        self, tx: Connection, order_id: str, by: Subject, reason: str, *, version: int | None = None, note: str = ""
    ) -> dict[str, Any]:
        """Park an order before work begins: for parts, a permit or a planned stop."""
        refuse_unknown("reason to wait", reason, WAITS)
        return self._step(tx, order_id, "wait", by, version, note or reason, waiting_for=reason)

    def assign(
        self, tx: Connection, order_id: str, by: Subject, to: str, *, version: int | None = None, note: str = ""
    ) -> dict[str, Any]:
        """Give the order to a person (the id of a user)."""
        if not to.strip():
            raise InvalidInput("an order is assigned to somebody", where="to", code="work-orders.incomplete")
        return self._step(tx, order_id, "assign", by, version, note or to, assigned_to=to, waiting_for="")

    def start(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Begin the work; whoever begins an order nobody has, has it."""
        row = self._row(tx, order_id)
        refuse_impossible(row["number"], "start", row["state"])
        permit.refuse_start(tx, row["id"], row["number"])
        values: dict[str, Any] = {"started": row["started"] or now_ns(), "waiting_for": ""}
        if row["assigned_to"] is None:
            values["assigned_to"] = by.id
        return self._step(tx, order_id, "start", by, version, note, **values)

    def hold(
        self, tx: Connection, order_id: str, by: Subject, reason: str = "other", *, version: int | None = None, note: str = ""
    ) -> dict[str, Any]:
        """Lay the tools down in the middle of the job: the time until `resume` is waiting, not repair."""
        refuse_unknown("reason to hold", reason, WAITS)
        return self._step(tx, order_id, "hold", by, version, note or reason, waiting_for=reason)

    def resume(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Take the tools up again; a lock or permit asked for meanwhile must stand."""
        row = self._row(tx, order_id)
        refuse_impossible(row["number"], "resume", row["state"])
        permit.refuse_start(tx, row["id"], row["number"])
        return self._step(tx, order_id, "resume", by, version, note, waiting_for="")

    def done(
        self,
        tx: Connection,
        order_id: str,
        by: Subject,
        *,
        used: Mapping[str, float] | None = None,
        codes: Mapping[str, str] | None = None,
        version: int | None = None,
        note: str = "",
    ) -> dict[str, Any]:
        """Report the work done: every checklist step has its answer, the parts used leave the store, the rest is freed."""
        refuse_open_steps(tx, self._row(tx, order_id)["id"])
        values: dict[str, Any] = {"done": now_ns()}
        if codes:
            values["closing"] = check_closing(codes, self.codes.lists(tx), complete=False)
        shown = self._step(tx, order_id, "done", by, version, note, **values)
        self._spares.issue_all(tx, order_id, by, used)
        return {**shown, "reserved": self._reserved(tx, [order_id])[order_id]}

    def reopen(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Go back to work: the fault is still there."""
        return self._step(tx, order_id, "reopen", by, version, note, done=None)

    def verify(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Confirm that the asset is back in service and normal: no lock is on it, and its detectors begin anew from here."""
        row = self._row(tx, order_id)
        refuse_impossible(row["number"], "verify", row["state"])
        permit.refuse_service(tx, row["id"], row["number"])
        shown = self._step(tx, order_id, "verify", by, version, note)
        sources = tuple((one["type"], one["id"]) for one in findings_of(tx, row["id"]))
        event = ReturnedToService(row["id"], row["number"], row["asset"], row["failure_mode"], sources, now_ns(), by.id)
        self._bus.tell_with(tx, event)
        return shown

    def close(
        self,
        tx: Connection,
        order_id: str,
        by: Subject,
        codes: Mapping[str, str] | None = None,
        *,
        version: int | None = None,
        note: str = "",
    ) -> dict[str, Any]:
        """Close with mode, cause and remedy (those given when it was reported done count).

        An order that a finding led to also needs its label, which goes back to every finding of it; findings are told apart:
        confirmed, no fault found, false alarm, neutral.
        """
        row = self._row(tx, order_id)
        closing = self.check_closing(tx, row["id"], {**row["closing"], **(codes or {})})
        shown = self._step(tx, order_id, "close", by, version, note, closing=closing, closed=now_ns())
        if self._detect is not None and "label" in closing:
            for one in findings_of(tx, row["id"]):
                if one["type"] == "finding":
                    with suppress(NotFound):  # a finding of another system, or one that is not kept any more
                        self._detect.label(tx, one["id"], closing["label"], by)
        return shown

    def check_closing(self, tx: Connection, order_id: str, codes: Mapping[str, str]) -> dict[str, str]:
        """Return closing codes that are complete for this order. Raises InvalidInput for what is missing or unknown."""
        labelled = any(one["type"] == "finding" for one in findings_of(tx, order_id))
        return check_closing(codes, self.codes.lists(tx), label=labelled)

    def cancel(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Give an order up; its parts go back on the free shelf."""
        shown = self._step(tx, order_id, "cancel", by, version, note, closed=now_ns())
        self._spares.release(tx, order_id, by, "order cancelled")
        return {**shown, "reserved": []}

    def tick(
        self, tx: Connection, order_id: str, step_id: str, result: object, by: Subject, *, version: int | None = None
    ) -> Any:
        """Answer one checklist step; `version` is the step's. Two people answering different steps never clash."""
        row = self._row(tx, order_id)
        if row["state"] in FINAL:
            refuse_impossible(row["number"], "start", row["state"])
        answered = answer(tx, row["id"], step_id, result, by, version)
        if not answered["same"]:
            self._told(tx, row, "checklist", row["state"], by, f"{answered['id']}: {result}")
        return self.get(order_id, tx)

    def note(self, tx: Connection, order_id: str, what: str, by: Subject, note: str) -> dict[str, Any]:
        """Write a line of history that changes no state (labour, a lock, a part, an attachment) and tell of it."""
        row = self._row(tx, order_id)
        self._told(tx, row, what, row["state"], by, note)
        return self.get(row["id"], tx)

    def set_avoided(
        self, tx: Connection, order_id: str, by: Subject, hours: object, rate: object, assumption: str, version: int | None = None
    ) -> dict[str, Any]:
        """Say what a case avoided, with the assumption in words."""
        row = self._row(tx, order_id)
        said = check_avoided(hours, rate, assumption)
        bump(tx, orders, row["id"], row["version"] if version is None else version, avoided=said)
        return self.note(tx, row["id"], "avoided", by, said["assumption"])

    def comment(self, tx: Connection, order_id: str, by: Subject, note: str) -> dict[str, Any]:
        """Add a line to an order's history (a second alarm joins the open order this way)."""
        row = self._row(tx, order_id)
        if not note.strip():
            raise InvalidInput("a comment has words", where="text", code="work-orders.comment")
        self._told(tx, row, "note", row["state"], by, note)
        return self.get(order_id, tx)

    def _made_before(self, tx: Connection, case_id: str | None, source_id: str | None) -> str | None:
        for column, value in ((orders.c.case_id, case_id), (orders.c.source_id, source_id)):
            if value is not None:
                found = tx.execute(sa.select(orders.c.id).where(column == value)).scalar()
                if found is not None:
                    return str(found)
        return None if source_id is None else order_of(tx, source_id)

    def _step(
        self, tx: Connection, order_id: str, verb: str, by: Subject, version: int | None, note: str, **values: Any
    ) -> dict[str, Any]:
        row = self._row(tx, order_id)
        step = refuse_impossible(row["number"], verb, row["state"])
        bump(tx, orders, row["id"], row["version"] if version is None else version, state=step.target, **values)
        self._told(tx, row, verb, step.target, by, note)
        return self.get(row["id"], tx)

    def _told(self, tx: Connection, row: Mapping[str, Any], what: str, state: str, by: Subject, note: str) -> None:
        """Write the line of history and tell the others once it is committed."""
        last = tx.execute(sa.select(sa.func.max(history.c.position)).where(history.c.order_id == row["id"])).scalar() or 0
        tx.execute(
            history.insert().values(
                id=new_id(),
                order_id=row["id"],
                position=last + 1,
                at=now_ns(),
                by=by.id,
                what=what,
                state=state,
                note=note,
            )
        )
        event = OrderChanged(row["id"], row["number"], row["asset"], what, state, by.id, row["case_id"])
        self._bus.tell_with(tx, event)


def _origin(source: tuple[str, str] | None, source_id: str | None, instruction: tuple[str, int] | None) -> dict[str, Any]:
    name, number = instruction or (None, None)
    kind = source[0] if source else ""
    return {"source_type": kind, "source_id": source_id, "instruction": name, "instruction_number": number}
