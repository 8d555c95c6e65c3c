"""Work orders: from a request to closed and coded, one step at a time, each step a line of history.

An order made for a case, an alarm or a finding is made once: asking again returns the one that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Database, InvalidInput, NotFound, after_commit, bump, new_id, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain.checklist import answer, read_steps, refuse_open_steps, write_steps
from lineshaft.maintain.codes import MODES, check_closing
from lineshaft.maintain.events import OrderChanged
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.steps import FINAL, WAITS, State, refuse_impossible, refuse_unknown
from lineshaft.maintain.tables import history, next_number, orders, reservations, spares

KINDS = ("corrective", "preventive", "predictive", "inspection")


class Orders:
    """The work orders of the plant."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._spares = Spares(db, bus)

    def create(
        self,
        tx: Connection,
        by: Subject,
        *,
        asset: str,
        title: str,
        kind: str = "corrective",
        priority: int = 3,
        failure_mode: str = "",
        state: str = State.REQUESTED,
        due: int | None = None,
        source: tuple[str, str] | None = None,
        evidence: Mapping[str, Any] | None = None,
        case_id: str | None = None,
        checklist: Sequence[Mapping[str, Any]] = (),
        note: str = "",
    ) -> dict[str, Any]:
        """Create an order, or return the one that was made for this case or source before."""
        source_id = f"{source[0]}:{source[1]}" if source else None
        found = self._made_before(tx, case_id, source_id)
        if found is not None:
            return self.get(found, tx)
        refuse_unknown("kind of order", kind, KINDS)
        refuse_unknown("state a new order can have", state, (State.REQUESTED, State.TRIAGED, State.PLANNED))
        if not title.strip() or not asset.strip():
            raise InvalidInput("an order needs an asset and a title", code="work-orders.incomplete")
        if failure_mode:
            refuse_unknown("failure mode", failure_mode, tuple(MODES))
        if not 1 <= priority <= 5:
            raise InvalidInput(f"priority {priority}", hint="1 (at once) to 5 (some day)", code="work-orders.priority")
        order_id = new_id()
        row = {
            "id": order_id,
            "version": 1,
            "number": next_number(tx, "WO"),
            "asset": asset,
            "title": title,
            "kind": kind,
            "state": state,
            "priority": priority,
            "failure_mode": failure_mode,
            "created": now_ns(),
            "created_by": by.id,
            "due": due,
            "case_id": case_id,
            "source_type": source[0] if source else "",
            "source_id": source_id,
            "evidence": dict(evidence or {}),
            "closing": {},
        }
        tx.execute(orders.insert().values(**row))
        write_steps(tx, order_id, checklist)
        self._told(tx, row, "create", state, by, note)
        return self.get(order_id, tx)

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
        """Take the tools up again."""
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
        refuse_open_steps(tx, order_id)
        values: dict[str, Any] = {"done": now_ns()}
        if codes:
            values["closing"] = check_closing(codes, complete=False)
        shown = self._step(tx, order_id, "done", by, version, note, **values)
        self._spares.issue_all(tx, order_id, by, used)
        return {**shown, "reserved": self._reserved(tx, [order_id])[order_id]}

    def reopen(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Go back to work: the fault is still there."""
        return self._step(tx, order_id, "reopen", by, version, note, done=None)

    def verify(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Confirm that the asset is back in service and normal."""
        return self._step(tx, order_id, "verify", by, version, note)

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
        """Close with mode, cause and remedy (those given when it was reported done count)."""
        closing = check_closing({**self._row(tx, order_id)["closing"], **(codes or {})})
        return self._step(tx, order_id, "close", by, version, note, closing=closing, closed=now_ns())

    def cancel(self, tx: Connection, order_id: str, by: Subject, *, version: int | None = None, note: str = "") -> dict[str, Any]:
        """Give an order up; its parts go back on the free shelf."""
        shown = self._step(tx, order_id, "cancel", by, version, note, closed=now_ns())
        self._spares.release(tx, order_id, by, "order cancelled")
        return {**shown, "reserved": []}

    def tick(
        self, tx: Connection, order_id: str, step_id: str, result: object, by: Subject, *, version: int | None = None
    ) -> Any:
        """Answer one checklist step: pass or fail, or a number."""
        row = self._row(tx, order_id)
        if row["state"] in FINAL:
            refuse_impossible(row["number"], "start", row["state"])
        answered = answer(tx, order_id, step_id, result, by, version)
        self._told(tx, row, "checklist", row["state"], by, f"{answered['id']}: {result}")
        return self.get(order_id, tx)

    def comment(self, tx: Connection, order_id: str, by: Subject, note: str) -> dict[str, Any]:
        """Add a line to an order's history (a second alarm joins the open order this way)."""
        row = self._row(tx, order_id)
        self._told(tx, row, "note", row["state"], by, note)
        return self.get(order_id, tx)

    def get(self, order_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one order by id or number, with reserved parts, checklist and history."""
        with self._db.read(tx) as own:
            row = self._row(own, order_id)
            full = self._shown(own, [row])[0]
            query = sa.select(history).where(history.c.order_id == row["id"]).order_by(history.c.position)
            names = ("at", "by", "what", "state", "note")
            full["history"] = [{name: line[name] for name in names} for line in own.execute(query).mappings()]
        return full

    def list(
        self, *, state: str | None = None, asset: str | None = None, limit: int = 100, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Return orders, newest first; `state` may be `open`, `before` pages by creation time."""
        query = sa.select(orders).order_by(orders.c.created.desc(), orders.c.number.desc()).limit(limit)
        if state == "open":
            query = query.where(orders.c.state.not_in(list(FINAL)))
        elif state:
            query = query.where(orders.c.state == refuse_unknown("state", state, tuple(State)))
        if asset:
            query = query.where(orders.c.asset == asset)
        if before is not None:
            query = query.where(orders.c.created < before)
        with self._db.read() as tx:
            return self._shown(tx, [dict(row) for row in tx.execute(query).mappings()])

    def _made_before(self, tx: Connection, case_id: str | None, source_id: str | None) -> str | None:
        for column, value in ((orders.c.case_id, case_id), (orders.c.source_id, source_id)):
            if value is not None:
                found = tx.execute(sa.select(orders.c.id).where(column == value)).scalar()
                if found is not None:
                    return str(found)
        return None

    def _row(self, tx: Connection, order_id: str) -> dict[str, Any]:
        query = sa.select(orders).where(sa.or_(orders.c.id == order_id, orders.c.number == order_id))
        row = tx.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"there is no work order {order_id}", code="work-orders.unknown")
        return dict(row)

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
        after_commit(tx, lambda: self._bus.tell(event))

    def _shown(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        ids = [str(row["id"]) for row in rows]
        steps, reserved = read_steps(tx, ids), self._reserved(tx, ids)
        shown: list[dict[str, Any]] = []
        for row in rows:
            _, _, source = (row["source_id"] or "").partition(":")
            one = {key: value for key, value in row.items() if key not in {"source_id", "source_type"}}
            one["source"] = {"type": row["source_type"], "id": source} if source else None
            shown.append({**one, "reserved": reserved[row["id"]], "checklist": steps[row["id"]]})
        return shown

    def _reserved(self, tx: Connection, order_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {order_id: [] for order_id in order_ids}
        query = (
            sa.select(reservations, spares.c.part, spares.c.name, spares.c.bin)
            .join(spares, spares.c.id == reservations.c.spare_id)
            .where(reservations.c.order_id.in_(list(order_ids)), reservations.c.quantity + reservations.c.issued > 0)
            .order_by(spares.c.part)
        )
        for row in tx.execute(query).mappings():
            names = ("part", "name", "bin", "quantity", "issued")
            found[row["order_id"]].append({name: row[name] for name in names})
        return found
