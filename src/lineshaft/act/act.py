"""Act joins the pieces: events open cases, people decide, the engine moves, the clock wakes, the tower lists it all."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act import agents as agent_folder
from lineshaft.act.actions import ACTIONS, purchase_decided
from lineshaft.act.agency import Agency, AgentsSettings, Reach, Staff, tool_doors
from lineshaft.act.approval import Approvals
from lineshaft.act.assistant import Assistant
from lineshaft.act.carry import Carrier, Hand
from lineshaft.act.case import Cases
from lineshaft.act.casebook import CaseBook
from lineshaft.act.clock import Clock
from lineshaft.act.definitions import Definitions
from lineshaft.act.figure import Figures
from lineshaft.act.job import Rooms, RuleAction
from lineshaft.act.labelling import LABEL, Labelling
from lineshaft.act.lease import Lease, Lost
from lineshaft.act.notify import Notifier
from lineshaft.act.opening import of_alarm, of_finding
from lineshaft.act.overseer import Overseer
from lineshaft.act.person import answer, locked
from lineshaft.act.process import Processes, thaw
from lineshaft.act.replay import replay
from lineshaft.act.settings import ActSettings
from lineshaft.act.starts import Starts
from lineshaft.act.stuck import Stuck
from lineshaft.act.sweeper import Sweeper
from lineshaft.act.tables import approvals, cases, tasks
from lineshaft.act.tower import Tower
from lineshaft.act.wanted import WANTED, Wanted
from lineshaft.act.write import WRITE, Writes
from lineshaft.assets import Property
from lineshaft.core import (
    NS,
    Bus,
    Database,
    InvalidInput,
    NotFound,
    Problem,
    SystemEvent,
    after_commit,
    did_you_mean,
    iso,
    now_ns,
    parse_duration,
)
from lineshaft.detect import AlarmChanged, AlarmCleared, AlarmRaised, Detect, FindingRaised
from lineshaft.guard import Guard, Subject
from lineshaft.maintain import Buyer, OrderChanged, Orders, PurchaseChanged, Purchases, SpareLow, Spares
from lineshaft.production import Production, ProductionChanged

BUILT_IN = Path(__file__).parent / "processes"
PURCHASE = "purchase:"
"""What names a purchase without a case where a case is named otherwise."""
LOOK_BACK = 24 * 3600 * NS
"""Findings nobody took are taken up to a day later."""
FORGET_EVERY = 3600 * NS
"""The records of old runs are deleted so often: a chattering alarm wakes its case thousands of times a day."""


@dataclass(frozen=True, slots=True)
class ExecutorLost:
    """Another process that moved cases died; this one has taken its cases over, and brings what it was to bring."""

    name: str


class Act:
    """Cases, approvals and the control tower of the plant."""

    def __init__(  # noqa: PLR0917 - the rooms it works in, in their order
        self,
        home: Path,
        db: Database,
        guard: Guard,
        orders: Orders,
        spares: Spares,
        purchases: Purchases,
        detect: Detect,
        settings: ActSettings | None,
        bus: Bus,
        hand: Hand | None = None,
        production: Production | None = None,
        agents: AgentsSettings | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._db, self._guard, self._bus = db, guard, bus
        self._settings = settings or ActSettings()
        self._rooms = Rooms(orders, spares, purchases, detect, production)
        low, every = parse_duration(self._settings.low_stock_after), parse_duration(self._settings.deliveries_every)
        self._starts = Starts(db, spares, production, low, every)
        self._tower = Tower(db, bus)
        self._book = CaseBook(db)
        self._stuck = Stuck(self._book, bus)
        self.figures = Figures(db)
        self._approvals = Approvals(db, bus)
        self._approvals.decided = self._decided
        self._approvals.person = guard.tokens.made_by
        self._approvals.keyed_by = guard.users.keyed_by
        self._approvals.heard = self._heard
        expiry = self._settings.approval_expiry
        self._writes = Writes(db, self._approvals, expiry, hand)
        within = parse_duration(self._settings.write_within)
        self._buyer = Buyer(guard, purchases, bus)
        self._carrier = Carrier(db, guard, self._tower, bus, hand, within, self._settings.executor) if hand is not None else None
        self._cases = Cases(db, guard, self._rooms, ACTIONS, self._approvals, self._tower, bus, expiry)
        self._cases.unattended_cost = self._settings.unattended_cost
        node, link = self._settings.executor, self._settings.link
        self.notifier = Notifier(db, guard, orders, detect, bus, self._settings.channels, node, link)
        self.notifier.is_open = self._is_open
        self.processes = Processes([BUILT_IN, home / self._settings.processes], list(ACTIONS))
        self._labelling = Labelling(self._approvals, detect, expiry)
        self.wanted = Wanted(self._approvals, orders, expiry)
        self.staff = Staff(db, guard, bus, agents or AgentsSettings(), agent_folder, node)
        self.staff.cases, self.staff.told, self._cases.agents = self._cases, self._on_run, self.staff
        reach = reach or Reach(guard, None, orders, spares, detect)
        self.assistant = Assistant(reach)
        self.overseer = Overseer(self.staff, self._tower)
        self.staff.furnish(reach, tool_doors(guard, self.propose_order, self.propose_purchase, self.cases, self.assistant.find))
        self._engine: Any = None
        self._clock: Clock | None = None
        self._sweeper: Sweeper | None = None
        self._forget_at = 0
        self._definitions = Definitions(db, guard)
        self.reload()

    # -- running

    def reload(self) -> list[Problem]:
        """Read the process definitions again; open cases keep theirs."""
        problems = self.processes.reload()
        self._definitions.note(self.processes.known, problems)
        text = "; ".join(str(problem) for problem in problems)
        self._bus.tell(SystemEvent("act:processes", text or "all processes are in use", active=bool(problems)))
        return problems

    def listen(self) -> None:
        """Connect act to the bus: alarms and findings open cases, orders and alarms wake them."""
        self._bus.on(AlarmRaised, self.on_alarm, "act: an alarm opens a case")
        self._bus.on(FindingRaised, self.on_finding, "act: a finding opens a case")
        self._bus.on(AlarmCleared, self.on_alarm_step, "act: a return to normal verifies")
        self._bus.on(AlarmChanged, self.on_alarm_step, "act: an alarm's input is back")
        self._bus.on(OrderChanged, self.on_order, "act: a step of an order wakes its case")
        self._bus.on(
            PurchaseChanged, self.on_purchase, "act: an approved purchase is brought to the ERP; one ordered wakes its case"
        )
        self._bus.on(ProductionChanged, self.on_production, "act: a verdict wakes the case of a held lot")
        self._bus.on(SpareLow, self.on_spare, "act: a part that is low is bought")
        for event, handler, name in self.notifier.wires():
            self._bus.on(event, handler, name)

    def start_engine(self) -> None:
        """Begin to move cases; those a crash has cut off go on, and alarms nobody took are taken."""
        engine = importlib.import_module("lineshaft.act.engine")  # loads DBOS: 1-2 s that no other command needs
        lease = None if self._db.is_sqlite else Lease(self._db, self._settings.executor, parse_duration(self._settings.lease))
        executor = self._settings.executor if lease is None else lease.id
        self._engine = engine.Engine(self._db.url, executor, self._settings.threads)
        clock = Clock(self._engine.run, self._ring, self._next_due)
        if lease is not None:
            self._sweeper = Sweeper(lease, self._engine, self._take_over)
            self._sweeper.register()
        self._clock, self._cases.on_time = clock, clock.look
        self._engine.start(self)
        clock.start()
        if self._sweeper is not None:
            self._sweeper.start()
        self._buyer.courier.start()
        self.staff.crew.start()
        self.assistant.start()
        self.notifier.start()
        if self._carrier is not None:
            self._carrier.start()
        self.recover()

    def stop(self) -> None:
        """End; nothing is lost."""
        if self._sweeper is not None:
            self._sweeper.stop()
        self.notifier.stop()
        self._buyer.courier.stop()
        self.staff.crew.stop()
        self.assistant.stop()
        if self._carrier is not None:
            self._carrier.stop()
        if self._clock is not None:
            self._clock.stop()
            self._engine.stop()
        self._clock, self._engine, self._sweeper = None, None, None

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait until every case has made all the moves it can; false if that takes longer."""
        quiet = self._clock is None or self._clock.idle(timeout)  # a decision's case moves first: what it approves is bought next
        quiet = quiet and self.staff.crew.settle(timeout) and (self._clock is None or self._clock.idle(timeout))
        bought = self._buyer.courier.settle(timeout)
        carried = self._carrier is None or self._carrier.settle(timeout)
        return quiet and bought and carried and (self._clock is None or self._clock.idle(timeout))

    def recover(self) -> None:
        """Wake every open case that has something to do, and take alarms that were raised when nobody listened."""
        for ref in self._book.open_ones():
            if not self._cases.rests(ref):
                self._wake(ref)
        self._stuck.recall()
        self._take_missed()

    def _take_over(self, lost: Lost) -> None:
        """Go on with what an executor that died has left; another process of its name has taken its errands back itself."""
        if self._sweeper is not None and not self._sweeper.lives(lost.name):
            self._buyer.courier.take_over(lost.name)
            self.staff.crew.take_over(lost.name)
            self._bus.tell(ExecutorLost(lost.name))
            if self._carrier is not None:
                self._carrier.take_over(lost.name)
        self.recover()

    def _take_missed(self) -> None:
        """Open the cases of alarms that stand and that nobody took: nobody listened then, or the database was busy."""
        for row in self._rooms.detect.alarms(kind=None):
            if row["process"] and row["occurrence"] and row["active"] and not self._book.knows(f"alarm:{row['occurrence']}"):
                self._start(*of_alarm(self._rooms.detect.raised(row)))
        self._take_missed_findings()
        self._take_starts()

    def _take_starts(self) -> None:
        """Open the cases of parts that are low and of orders that will be late, where a process asks for them."""
        if not any(start.event in ("spare", "delivery") for one in self.processes.known.values() for start in one.start):
            return
        for names, source in self._starts.look():
            if not self._book.knows(source):
                self._start(names, source, None)

    def _take_missed_findings(self) -> None:
        """Open the cases of findings of the last day that nobody labelled and nobody took, the oldest first."""
        since = now_ns() - LOOK_BACK
        found = [row for row in self._rooms.detect.findings(limit=200) if row["label"] is None and row["at"] >= since]
        missed = self._book.unknown([f"finding:{row['id']}" for row in found]) if found else set[str]()
        for row in reversed(found):
            if f"finding:{row['id']}" in missed:
                self._start(*of_finding(row["id"], row))

    # -- what the engine calls

    def move(self, ref: str) -> tuple[bool, str]:
        """Make the next move of a case."""
        if ref.startswith(PURCHASE):  # a run begun by an older version: the buyer has it now
            return False, ""
        move = self._cases.move(ref)
        return move.more, move.outside

    def send(self, ref: str, task: str) -> str:
        """Reach another system for a task."""
        return self._cases.send(ref, task)

    def sent(self, ref: str, task: str, reference: str) -> None:
        """Note what the other system answered."""
        self._cases.sent(ref, task, reference)

    def fail(self, ref: str, error: str) -> None:
        """Give a case up, saying why, where people see it."""
        self._stuck.tell(ref, error)
        if not ref.startswith(PURCHASE):
            self._cases.fail(ref, error)

    def finished(self, ref: str, well: bool) -> None:
        """Note that a run has ended, well or not: a case that failed says so itself."""
        del well
        if self._clock is not None:
            self._clock.finished(ref)

    # -- events

    def on_alarm(self, event: AlarmRaised) -> None:
        """Open a case for an alarm whose definition names a process."""
        woken = self._start(*of_alarm(event)) if event.process else set[str]()
        for ref in set(self._book.open_ones(cases.c.alarm_id == event.alarm_id)) - woken:
            self._wake(ref)

    def on_finding(self, event: FindingRaised) -> None:
        """Open a case for a finding that a process asks for."""
        names = {name: getattr(event, name) for name in ("kind", "score", "failure_mode", "sensors", "evidence", "at")}
        self._start(*of_finding(event.finding_id, {**names, "asset": event.asset_path}))

    def on_alarm_step(self, event: AlarmCleared | AlarmChanged) -> None:
        """Wake the cases that watch an alarm."""
        for ref in self._book.open_ones(cases.c.alarm_id == event.alarm_id):
            self._wake(ref)

    def on_production(self, _event: ProductionChanged) -> None:
        """Wake the cases that wait for an inspection or a delivery; look at the orders soon."""
        for ref in [*self._book.waiting_for("lot.inspect"), *self._book.waiting_for("delivery.watch")]:
            self._wake(ref)
        self._starts.production_changed()
        self._look()

    def on_spare(self, _event: SpareLow) -> None:
        """Look at the shelves."""
        self._starts.spare_low()
        self._look()

    def answer(self, tx: Connection, case_id: str, task: str, said: Mapping[str, Any], by: Subject) -> dict[str, Any]:
        """Note what a person answers to a task of theirs; the case goes on."""
        case = locked(tx, case_id)
        made = answer(tx, case, thaw(case["definition"]), task, said, by)
        after_commit(tx, lambda: self._wake(str(case["id"])))
        return made

    def cancel(self, tx: Connection, case_id: str, by: Subject, reason: str, version: int | None = None) -> dict[str, Any]:
        """Give a case up: what waits ends, and what was done is taken back where its tasks say how."""
        case = locked(tx, case_id)
        self._cases.cancel(tx, case, by, reason, version)
        return {"case_id": case["id"]}

    def request(self, tx: Connection, process: str, event: Mapping[str, Any], by: Subject) -> dict[str, Any]:
        """Open a case of a process because a person (or script) asks for it; return {case_id, joined}.

        Raises NotFound for an unknown process, InvalidInput for one that nobody may ask for.
        """
        known = self.processes.known.get(process)
        if known is None:
            raise NotFound(
                f"there is no process '{process}'", hint=did_you_mean(process, self.processes.known), code="cases.process"
            )
        names = {**event, "event": "request", "process": process, "requested_by": by.id, "at": iso(now_ns())}
        if known not in self.processes.for_event(names):
            raise InvalidInput(
                f"'{process}' is not begun by a request", hint="its 'start' names what begins it", code="cases.process"
            )
        answer = self._cases.request(tx, known, names, by)
        after_commit(tx, lambda: self._wake(str(answer["case_id"])))
        return answer

    def on_order(self, event: OrderChanged) -> None:
        """Wake the case of an order."""
        self.assistant.feeder.wake(event)
        if event.case_id is not None and event.what != "create":
            self._wake(event.case_id)

    def on_purchase(self, event: PurchaseChanged) -> None:
        """Have an approved purchase brought to the ERP; wake the case of one that is ordered."""
        if event.state == "proposed":
            return
        self._buyer.courier.wake()
        if event.case_id is not None:
            self._wake(event.case_id)

    def _start(self, names: Mapping[str, Any], source_id: str, alarm_id: str | None) -> set[str]:
        """Open the cases of an event, wake them, and return them."""
        opened = [self._cases.open(process, names, source_id, alarm_id) for process in self.processes.for_event(dict(names))]
        refs = {ref for ref in opened if ref is not None}
        for ref in refs:
            self._wake(ref)
        return refs

    def _wake(self, ref: str) -> None:
        if self._clock is not None:
            self._clock.wake(ref)

    # -- approvals

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
        """Approve, reject or edit a proposal; whoever filed or edited it may not decide it."""
        row = self._approvals.decide(tx, approval_id, subject, decision, edit, reason, version)
        about = self._about(tx, row)
        self.overseer.judge(tx, about, row, decision, subject)
        what = {"approve": "approved", "reject": "rejected", "edit": "edited"}[decision]
        kind = "token" if subject.kind == "token" else "person"
        self._tower.add(
            tx,
            about,
            f"{what}: {row['what']}",
            actor=subject.id,
            actor_kind=kind,
            mode="human_assistant",
            task=row["task"],
            outcome=reason,
        )
        self._wake_after(tx, row)
        return row

    def propose_purchase(self, tx: Connection, part: str, quantity: float, by: Subject, reason: str = "") -> dict[str, Any]:
        """File a purchase a person wants; a second person decides it in the same inbox."""
        made = self._rooms.purchases.propose(tx, part, quantity, by, reason=reason)
        names = ("part", "name", "quantity", "unit_cost", "cost", "number")
        proposal = {**{name: made[name] for name in names}, "purchase_id": made["id"]}
        expires = now_ns() + parse_duration(self._settings.approval_expiry)
        self._approvals.file(tx, f"Buy {made['name']}", proposal, by.id, expires, None, "purchase")
        self._look_after(tx)
        return made

    def propose_order(self, tx: Connection, draft: Mapping[str, Any], by: Subject) -> dict[str, Any]:
        """File a work order somebody wants: asset, title, and kind, priority, failure_mode, note; a second person decides."""
        made = self.wanted.propose(tx, draft, by)
        self._look_after(tx)
        return made

    def propose_label(
        self, tx: Connection, finding: Mapping[str, Any], label: str, by: Subject, reason: str = ""
    ) -> dict[str, Any]:
        """File what a finding is said to have turned out to be; a second person decides."""
        made = self._labelling.propose(tx, finding, label, by, reason)
        self._look_after(tx)
        return made

    def propose_write(self, tx: Connection, target: Property, value: object, by: Subject, reason: str = "") -> dict[str, Any]:
        """File a value somebody wants written to a machine; a second person decides."""
        made = self._writes.propose(tx, target, value, by, reason)
        self._look_after(tx)
        return made

    def write_targets(self) -> list[dict[str, Any]]:
        """Return what may be written at all: property, minimum, maximum, values, every, permissive, dry_run."""
        return self._writes.targets()

    def check_write(self, target: Property, value: object) -> object:
        """Return the value as it would be written. Raises with the reason when it may not be; nothing is filed or written."""
        return self._writes.check(target, value)

    def writes(self, state: str | None = None, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return proposals to write to machines, newest first."""
        return self._writes.list(state, limit, before)

    def approvals(self, state: str | None = "open", limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return proposals, newest first."""
        return self._approvals.list(state, limit, before)

    def approval(self, approval_id: str) -> dict[str, Any]:
        """Return one proposal."""
        return self._approvals.get(approval_id)

    def _decided(self, tx: Connection, row: Mapping[str, Any], approved: bool, by: Subject) -> None:
        """Let what was proposed know the decision, in the same transaction."""
        if row["task"] == WRITE and row["case_id"] is None:
            if approved and self._carrier is not None:
                self._carrier.approved(tx, row)
            return
        if row["task"] == LABEL and row["case_id"] is None:
            self._labelling.decided(tx, row, approved, by)
            return
        if row["task"] == WANTED and row["case_id"] is None:
            self.wanted.decided(tx, row, approved, by)
            return
        if row["case_id"] is None:
            purchase_decided(tx, self._rooms, row["proposal"], approved, by)
            return
        query = sa.select(tasks.c.does).where(tasks.c.case_id == row["case_id"], tasks.c.name == row["task"])
        action = ACTIONS.get(str(tx.execute(query).scalar()))
        if isinstance(action, RuleAction) and action.decided is not None:
            action.decided(tx, self._rooms, row["proposal"], approved, by)

    def _heard(self, tx: Connection, row: Mapping[str, Any], state: str) -> None:
        """Have people told of a proposal, or of it no more, in the transaction that files or ends it."""
        if state != "edited":
            self.notifier.approval(tx, {**row, "state": state}, self._place(tx, row))

    def _is_open(self, kind: str, name: str) -> bool:
        table = approvals if kind == "approval" else tasks
        return any(row["state"] == "open" for row in self._db.rows(sa.select(table.c.state).where(table.c.id == name)))

    def _place(self, tx: Connection, row: Mapping[str, Any]) -> str:
        """Return where in the plant a proposal belongs; nothing for one about no place."""
        named = row["proposal"].get("property") or row["proposal"].get("asset")
        if named or not row["case_id"]:
            return str(named or "")
        return str(tx.execute(sa.select(cases.c.asset).where(cases.c.id == row["case_id"])).scalar() or "")

    def _about(self, tx: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
        found = self._db.rows(sa.select(cases).where(cases.c.id == row["case_id"]), tx) if row["case_id"] else []
        return (
            found[0] if found else {"id": "", "asset": str(row["proposal"].get("property") or row["proposal"].get("part") or "")}
        )

    def _wake_after(self, tx: Connection, row: Mapping[str, Any]) -> None:
        if row["task"] == WRITE and row["case_id"] is None:
            return
        if row["case_id"]:
            after_commit(tx, lambda: self._wake(str(row["case_id"])))

    def _look_after(self, tx: Connection) -> None:
        after_commit(tx, self._look)

    def _look(self) -> None:
        if self._clock is not None:
            self._clock.look()

    # -- agents

    @property
    def agency(self) -> Agency:
        """The register of agents, their purses, their journal, and the one way to use a tool."""
        return self.staff.agency

    def _on_run(self, run: Mapping[str, Any]) -> None:
        if run["case_id"]:
            self._wake(str(run["case_id"]))

    # -- time

    def _ring(self) -> None:
        """Do what has fallen due: expire proposals, tell of tasks left open, look again where a task asked for it."""
        now = now_ns()
        late: list[dict[str, Any]] = []
        with self._db.read() as look:
            soon = self._approvals.next_expiry(look)
            waking = [row.case_id for row in look.execute(sa.select(tasks.c.case_id).where(tasks.c.wake_at <= now))]
            overdue = [dict(row) for row in look.execute(sa.select(tasks).where(tasks.c.escalate_at <= now)).mappings()]
        if soon is not None and soon <= now:
            with self._db.begin() as tx:
                late = self._approvals.expire(tx, now)
                for row in late:
                    rule = "rule:expiry"
                    self._tower.add(
                        tx, self._about(tx, row), f"expired: {row['what']}", actor=rule, actor_kind="rule", task=row["task"]
                    )
        for row in overdue:
            self._escalate(row)
        for ref in {*waking, *(row["case_id"] for row in late if row["case_id"])}:
            self._wake(ref)
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY
            self._engine.forget()
        self._take_missed()

    def _escalate(self, task: Mapping[str, Any]) -> None:
        with self._db.begin() as tx:
            case = self._db.rows(sa.select(cases).where(cases.c.id == task["case_id"]), tx)[0]
            told = next((one.get("escalate") for one in case["definition"]["tasks"] if one["id"] == task["name"]), None) or {}
            mine = tasks.update().where(tasks.c.id == task["id"], tasks.c.escalate_at.is_not(None))
            if not tx.execute(mine.values(escalate_at=None)).rowcount:  # another executor has told of it
                return
            self._tower.add(
                tx, case, f"{task['name']}: still open", actor="rule:clock", actor_kind="rule", mode=task["mode"],
                task=task["name"], outcome=f"told: {told.get('to', '')}",
            )  # fmt: skip
            self.notifier.overdue(tx, case, task, str(told.get("to", "")))

    def _next_due(self) -> int | None:
        with self._db.read() as tx:
            moments = [
                self._approvals.next_expiry(tx),
                tx.execute(sa.select(sa.func.min(tasks.c.wake_at)).where(tasks.c.state == "open")).scalar(),
                tx.execute(sa.select(sa.func.min(tasks.c.escalate_at)).where(tasks.c.state == "open")).scalar(),
            ]
        return min((at for at in [*moments, self._starts.next] if at is not None), default=None)

    # -- reading

    def cases(
        self, state: str | None = None, *, asset: str | None = None, limit: int = 100, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Return cases, newest first."""
        return self._book.list(state, asset=asset, limit=limit, before=before)

    def cases_of(self, source_ids: Sequence[str]) -> dict[str, str]:
        """Return the case each source (`finding:ID`, `alarm:OCCURRENCE`) opened or joined."""
        return self._book.of_sources(source_ids) if source_ids else {}

    def case(self, case_id: str) -> dict[str, Any]:
        """Return one case by id or number, with its tasks, notes and frozen definition."""
        return self._book.get(case_id)

    def replay(self, case_id: str) -> list[dict[str, Any]]:
        """Return a case step by step, the oldest first."""
        case = self._book.get(case_id)
        calls = self.agency.journal.list(case_id=case["id"], limit=1000)
        return replay(case, self._tower.lines(1000, case_id=case["id"]), calls)

    def retry(self, tx: Connection, case_id: str, by: Subject) -> None:
        """Let a failed case go on."""
        self._cases.retry(tx, case_id, by)
        after_commit(tx, lambda: self._wake(case_id))

    def tower(self, limit: int = 100, before: int | None = None, case_id: str | None = None) -> list[dict[str, Any]]:
        """Return what was done by whom or what, newest first."""
        return self._tower.lines(limit, before, case_id)
