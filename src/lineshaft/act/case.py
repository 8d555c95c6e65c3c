"""Cases: the durable run of a process for one event, moved on one task at a time.

Every move passes the gate: the task's row, what the task did in other rooms, and its audit row commit together under a key of
their own, so repeating a move after a crash does nothing twice. Moves that wait for nothing share one transaction; one of them
that fails is undone alone. Between moves a case is rows on
disk: a thousand cases waiting for people cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.agency import diff
from lineshaft.act.approval import Approvals, revised
from lineshaft.act.expression import Expression
from lineshaft.act.job import Action, Agents, Job, OutsideAction, Rooms, RuleAction, Settled, WaitAction, Wake
from lineshaft.act.matrix import Mode, level, mode_of
from lineshaft.act.moving import Move, Step, command_of, end_of, filled, is_over, is_ready, kind_of, said_of, task_of
from lineshaft.act.process import Process, Task, thaw
from lineshaft.act.tables import cases, notes, tasks
from lineshaft.act.tower import Tower
from lineshaft.act.undo import COMPENSATIONS, UNDOER
from lineshaft.core import Bus, Conflict, Database, Forbidden, NotFound, after_commit, bump, new_id, now_ns, parse_duration
from lineshaft.guard import Command, Guard, Subject, allowed
from lineshaft.maintain import next_number

AGENTS_DO = (Mode.AGENT, Mode.AGENT_HUMAN)


@dataclass(frozen=True, slots=True)
class CaseChanged:
    """A case was opened, moved on, or ended."""

    case_id: str
    number: str
    asset: str
    state: str
    what: str


class Cases:
    """All cases, and how they move."""

    def __init__(
        self,
        db: Database,
        guard: Guard,
        rooms: Rooms,
        actions: Mapping[str, Action],
        approvals: Approvals,
        tower: Tower,
        bus: Bus,
        expiry: str,
    ) -> None:
        self._db, self._guard, self._rooms, self._actions = db, guard, rooms, actions
        self._approvals, self._tower, self._bus, self._expiry = approvals, tower, bus, expiry
        self.on_time: Callable[[], None] = lambda: None
        self.agents: Agents | None = None
        self.unattended_cost = 50.0
        """From this amount on a person decides, whatever a process definition says."""

    # -- opening

    def open(self, process: Process, event: Mapping[str, Any], source_id: str, alarm_id: str | None) -> str | None:
        """Open a case for an event, or note the event in the case that is open for the same trouble; return its id."""
        rule = Subject.rule(process.process)
        body = {"process": process.process, "version": process.version, "source": source_id}
        command = Command(rule, "cases.open", source_id, body, f"case:{process.process}:{source_id}", str(event["asset"]))
        return self._guard.perform(command, lambda tx: self._open(tx, process, event, source_id, alarm_id, rule))["case_id"]

    def request(self, tx: Connection, process: Process, event: Mapping[str, Any], by: Subject) -> dict[str, Any]:
        """Open a case because somebody asks for it, in the asker's own command; return its id and whether one was open."""
        return self._open(tx, process, event, f"request:{new_id()}", None, by)

    def _open(
        self, tx: Connection, process: Process, event: Mapping[str, Any], source_id: str, alarm_id: str | None, rule: Subject
    ) -> dict[str, Any]:
        number = next_number(tx, "CASE")  # also makes openers queue: two cannot both find no open case
        key = f"{process.process}:{filled(process.one_open_case_per, event)}"
        query = sa.select(cases).where(sa.or_(cases.c.source_id == source_id, cases.c.open_key == key))
        found = {row["source_id"] == source_id: dict(row) for row in tx.execute(query).mappings()}
        if True in found:
            return {"case_id": str(found[True]["id"]), "joined": False}
        if False in found:
            self._join(tx, found[False], event, source_id, rule)
            return {"case_id": found[False]["id"], "joined": True}
        row = {
            "id": new_id(),
            "version": 1,
            "number": number,
            "process": process.process,
            "process_version": process.version,
            "definition": process.plain(),
            "open_key": key,
            "source_id": source_id,
            "asset": event["asset"],
            "alarm_id": alarm_id,
            "title": f"{event['name']} ({event['asset_name']})"[:300],
            "state": "open",
            "opened": now_ns(),
            "event": dict(event),
            "gives": {},
        }
        tx.execute(cases.insert().values(**row))
        self._line(tx, row, rule.id, "case opened", outcome=str(row["title"]))
        self._tell(tx, row, "open", "opened")
        return {"case_id": row["id"], "joined": False}

    def _join(self, tx: Connection, case: Mapping[str, Any], event: Mapping[str, Any], source_id: str, rule: Subject) -> None:
        if tx.execute(sa.select(notes.c.id).where(notes.c.source_id == source_id)).first() is not None:
            return
        text = f"{event['event']} again: {event['name']}"
        tx.execute(
            notes.insert().values(id=new_id(), case_id=case["id"], at=now_ns(), by=rule.id, text=text, source_id=source_id)
        )
        if case["work_order_id"]:
            self._join_order(tx, str(case["work_order_id"]), event, source_id, rule, text)
        self._line(tx, case, rule.id, "joined the open case", outcome=text)
        self._tell(tx, case, case["state"], "joined")

    def _join_order(
        self, tx: Connection, order_id: str, event: Mapping[str, Any], source_id: str, rule: Subject, text: str
    ) -> None:
        """Let the event join the case's order with what it saw; an order that is finished by now only notes it."""
        kind, _, source = source_id.partition(":")
        orders = self._rooms.orders
        seen: dict[str, Any] = {"score": event.get("score"), "sensors": event.get("sensors") or ()}
        try:
            orders.merge(tx, order_id, rule, (kind, source), **seen, evidence=event.get("evidence"), note=text)
        except Conflict:
            orders.comment(tx, order_id, rule, text)

    # -- moving

    def move(self, case_id: str) -> Move:
        """Make the next move of a case, if there is one."""
        case, rows = self._state(case_id)
        if case["state"] != "open":
            return Move(False)
        process = thaw(case["definition"])
        for number, task in enumerate(process.tasks):
            row = rows.get(task.id)
            if row is None and is_ready(process, number, rows):
                return self._begin(case, task, number)
            if row is not None and row["state"] == "open":
                move = self._go_on(case, task, row)
                if move is not None:
                    return move
        if is_over(process, rows):
            self._perform(case, *self._ending(process))
        return Move(False)

    def _ending(self, process: Process) -> Step:
        return "finish", Subject.rule(process.process), "cases.close", self._finish

    def rests(self, case_id: str) -> bool:
        """Say whether a case certainly has no move to make: everything it waits for is still to come. Nothing is written."""
        case, rows = self._state(case_id)
        process = thaw(case["definition"])
        if any(task.id not in rows and is_ready(process, number, rows) for number, task in enumerate(process.tasks)):
            return False
        waiting = [task for task in process.tasks if task.id in rows and rows[task.id]["state"] == "open"]
        with self._db.read() as tx:
            return bool(waiting) and all(self._waits(tx, case, task, rows[task.id]) for task in waiting)

    def _waits(self, tx: Connection, case: Mapping[str, Any], task: Task, row: Mapping[str, Any]) -> bool:
        action = self._actions[task.does]
        if isinstance(action, WaitAction):
            look = action.look(tx, self._job(case, task, row))
            return not isinstance(look, Settled) and (look.at if isinstance(look, Wake) else None) == row["wake_at"]
        approval = self._approvals.of_task(tx, case["id"], task.id)
        return approval is not None and approval["state"] == "open"

    def send(self, case_id: str, name: str) -> str:
        """Reach the other system for a task; may be repeated."""
        case, rows = self._state(case_id)
        task = task_of(case, name)
        action = self._actions[task.does]
        if not isinstance(action, OutsideAction):
            raise Conflict(f"task '{name}' does nothing outside")
        return action.send(self._job(case, task, rows.get(name)))

    def sent(self, case_id: str, name: str, reference: str) -> None:
        """Note that the other system has it."""
        case, _ = self._state(case_id)
        task = task_of(case, name)
        action = self._actions[task.does]
        if not isinstance(action, OutsideAction):
            raise Conflict(f"task '{name}' does nothing outside")
        carry = action.carry

        def run(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            row = self._row(tx, case_id, name)
            if row is not None and row["state"] == "open":
                output = carry(tx, self._job(now, task, row), reference)
                self._settle(tx, now, task, row, Settled("done", action.rule.id, output))
            return {}

        self._perform(case, f"{name}:sent", action.rule, action.verb, run)

    def fail(self, case_id: str, error: str) -> None:
        """End a case that cannot go on, saying why; a person may retry it."""

        def run(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            if now["state"] == "open":
                bump(tx, cases, case_id, None, state="failed", outcome=error)
                self._line(tx, now, "system:act", "case failed", outcome=error)
                self._tell(tx, now, "failed", "failed")
            return {}

        case, _ = self._state(case_id)
        self._perform(case, f"fail:{case['version']}", Subject.system("act"), "cases.fail", run)

    def retry(self, tx: Connection, case_id: str, by: Subject) -> None:
        """Let a failed case go on from where it stopped."""
        case = self._locked(tx, case_id)
        if case["state"] != "failed":
            raise Conflict(f"{case['number']} is {case['state']}, not failed", code="cases.step")
        bump(tx, cases, case_id, case["version"], state="open", outcome="")
        self._line(tx, case, by.id, "case retried")
        self._tell(tx, case, "open", "retried")

    def _begin(self, case: Mapping[str, Any], task: Task, position: int) -> Move:
        key, rule, verb, begin = self._beginning(task, position)

        def run(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            if now["state"] != "open" or self._row(tx, now["id"], task.id) is not None:
                return {}
            return begin(tx, now)

        self._perform(case, key, rule, verb, run)
        return Move(True)

    def _beginning(self, task: Task, position: int) -> Step:
        """Return the step that begins a task of an open case."""
        action = self._actions[task.does]

        def run(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            job = self._job(now, task, None)
            if task.when and not Expression(task.when).value(job.names):
                self._insert(tx, job, self._new(tx, job, position, "skipped", {}))
                return {}
            proposal = action.propose(tx, job) if isinstance(action, RuleAction) else {}
            row = self._new(tx, job, position, "open", proposal)
            if row["mode"] == Mode.AUTOMATION and isinstance(action, RuleAction):
                self._do_at_once(tx, job, row, action)
                return {}
            self._insert(tx, job, row)
            if isinstance(action, RuleAction) and self._hand_over(tx, job, row):
                pass  # an agent works on it
            elif not isinstance(action, WaitAction) and row["mode"] != Mode.AUTOMATION:
                self._ask(tx, job, proposal, action.rule)
            return {}

        return f"{task.id}:begin", action.rule, action.verb if isinstance(action, RuleAction) else "cases.task", run

    def _do_at_once(self, tx: Connection, job: Job, row: dict[str, Any], action: RuleAction) -> None:
        """Carry out a task that nobody is asked about: it is written once, as it ended."""
        settled = Settled("done", action.rule.id, action.carry(tx, job, row["input"]))
        tx.execute(tasks.insert().values(**{**row, **end_of(settled)}))
        self._settled(tx, job.case, job.task, row, settled)

    def _go_on(self, case: Mapping[str, Any], task: Task, row: Mapping[str, Any]) -> Move | None:
        """Move an open task on if what it waited for has come."""
        action = self._actions[task.does]
        if isinstance(action, WaitAction):
            return self._look(case, task, row, action)
        with self._db.read() as tx:
            approval = self._approvals.of_task(tx, case["id"], task.id)
        if approval is not None and approval["state"] == "open":
            return None
        if approval is not None and approval["state"] != "approved":
            by = approval["decided_by"] or "rule:expiry"
            output = {"approved": False, "decision": approval["state"], "reason": approval["reason"]}
            self._close_task(case, task, Settled("rejected", by, output), Subject.rule("matrix"))
            return Move(True)
        if isinstance(action, OutsideAction):
            return Move(True, task.id)
        if approval is None:
            return None
        proposal, decided_by = approval["proposal"], str(approval["decided_by"])

        def run(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            fresh = self._row(tx, now["id"], task.id)
            if fresh is not None and fresh["state"] == "open":
                output = action.carry(tx, self._job(now, task, fresh), proposal)
                self._settle(tx, now, task, fresh, Settled("done", decided_by, {"approved": True, **output}))
            return {}

        self._perform(case, f"{task.id}:carry", action.rule, action.verb, run)
        return Move(True)

    def _look(self, case: Mapping[str, Any], task: Task, row: Mapping[str, Any], action: WaitAction) -> Move | None:
        with self._db.read() as tx:
            look = action.look(tx, self._job(case, task, row))
        if isinstance(look, Settled):
            self._close_task(case, task, look, action.rule if look.act else Subject.rule("foreman"), action)
            return Move(True)
        at = look.at if isinstance(look, Wake) else None
        if at != row["wake_at"]:
            with self._db.begin() as tx:
                tx.execute(tasks.update().where(tasks.c.id == row["id"]).values(wake_at=at))
                after_commit(tx, self.on_time)
        return None

    def _close_task(
        self, case: Mapping[str, Any], task: Task, settled: Settled, rule: Subject, action: WaitAction | None = None
    ) -> None:
        def run(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            row = self._row(tx, now["id"], task.id)
            if row is None or row["state"] != "open":
                return {}
            again = settled if action is None else action.look(tx, self._job(now, task, row))
            if isinstance(again, Settled):
                if again.act is not None:
                    again.act(tx)
                self._settle(tx, now, task, row, again)
            return {}

        verb = action.verb if action is not None and settled.act is not None else "cases.task"
        self._perform(case, f"{task.id}:settle:{case['version']}", rule, verb, run)

    # -- agents

    def _hand_over(self, tx: Connection, job: Job, row: Mapping[str, Any]) -> bool:
        """Give an agent's task to the agent that does it; false if there is none that can."""
        if self.agents is None or row["mode"] not in AGENTS_DO:
            return False
        taken, name, why = self.agents.take(tx, job, row)
        if name:
            what = f"{job.task.title or job.task.id}: {'handed to the agent' if taken else 'not handed to the agent'}"
            self._line(tx, job.case, f"agent:{name}", what, row, outcome=why)
        return taken

    def agent_proposes(self, run: Mapping[str, Any], agent: Subject, changes: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        """Take an agent's answer as a change of the rule's draft: laid before a person, or carried out where trust is earned.

        Raises Forbidden when the agent may not (any more), InvalidInput when it changes what no edit changes.
        """
        case, _ = self._state(run["case_id"])
        task = task_of(case, run["task"])
        action, agents = self._actions[task.does], self.agents
        if not isinstance(action, RuleAction) or agents is None:
            raise Conflict(f"task '{task.id}' is no agent's")
        if not allowed(agent.roles, "rule", action.verb):
            raise Forbidden(f"{agent.name} may not do {action.verb}", hint="its role does not allow it", code="gate.forbidden")

        def run_it(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            row = self._row(tx, now["id"], task.id)
            if row is None or row["state"] != "open" or now["state"] != "open":
                agents.ended(tx, run, "stopped", why="nobody waits for it any more")
                return {}
            proposal = revised(row["input"], changes)
            agents.ended(tx, run, "done", output=dict(said), diff=[*diff(row["input"], proposal)])
            row = self._judged_again(tx, self._job(now, task, row), row, proposal)
            self._proposed(tx, self._job(now, task, row), action, agent, run)
            return {}

        self._perform(case, f"{task.id}:agent:{run['id']}", agent, f"{action.verb.partition('.')[0]}.propose", run_it)

    def _judged_again(self, tx: Connection, job: Job, row: Mapping[str, Any], proposal: dict[str, Any]) -> dict[str, Any]:
        """Keep an agent's proposal and judge its risk anew: a costlier proposal than the rule's may need a person."""
        names = {**job.names, "proposal": proposal}
        complexity, risk = level(job.task.complexity, names), self._risk(tx, job, names)
        values = {"input": proposal, "risk": risk, "mode": mode_of(complexity, risk, job.task.physical).value}
        bump(tx, tasks, row["id"], None, **values)
        return {**row, **values}

    def _proposed(self, tx: Connection, job: Job, action: RuleAction, agent: Subject, run: Mapping[str, Any]) -> None:
        row, proposal, agents = job.row or {}, (job.row or {})["input"], self.agents
        title = job.task.title or job.task.id
        if row["mode"] == Mode.AGENT and agents is not None and agents.alone(tx, job.case, run):
            if action.decided is not None:
                action.decided(tx, job.rooms, proposal, True, Subject.rule("matrix"))
            output = action.carry(tx, job, proposal)
            self._settle(tx, job.case, job.task, row, Settled("done", agent.id, {"delegated": True, **output}))
            return
        self._ask(tx, job, proposal, agent)
        self._line(tx, job.case, agent.id, f"{title}: proposed", row)
        self._tell(tx, job.case, "open", f"{job.task.id}:proposed")

    def agent_fell(self, run: Mapping[str, Any], why: str) -> None:
        """Give an agent's task to a person, with the rule's draft and the reason."""
        case, _ = self._state(run["case_id"])
        task, agents = task_of(case, run["task"]), self.agents
        action = self._actions[task.does]

        def run_it(tx: Connection, now: dict[str, Any]) -> dict[str, Any]:
            if agents is None or not agents.ended(tx, run, "fell", why=why):
                return {}
            row = self._row(tx, now["id"], task.id)
            if row is not None and row["state"] == "open" and now["state"] == "open":
                self._ask(tx, self._job(now, task, row), row["input"], action.rule)
                self._line(tx, now, f"agent:{run['agent']}", f"{task.title or task.id}: falls to a person", row, outcome=why)
                self._tell(tx, now, "open", f"{task.id}:fell")
            return {}

        self._perform(case, f"{task.id}:fell:{run['id']}", Subject.rule("matrix"), "cases.task", run_it)

    # -- rows

    def _risk(self, tx: Connection, job: Job, names: Mapping[str, Any]) -> str:
        """Return the risk of a task: as its definition says, and never less than what its action is held to."""
        said = level(job.task.risk, names)
        floor = getattr(self._actions.get(job.task.does), "floor", "")
        if said == "high" or not floor:
            return said
        cost = names["proposal"].get("cost")
        if floor == "cost" and isinstance(cost, int | float) and cost < self.unattended_cost:
            return said
        detail = {"code": "matrix.floor", "task": job.task.id, "does": job.task.does, "said": said, "cost": cost}
        self._guard.record(tx, Subject.rule("matrix"), "cases.task", str(job.case["number"]), detail, "refused")
        return "high"

    def _perform(
        self,
        case: Mapping[str, Any],
        key: str,
        by: Subject,
        verb: str,
        run: Callable[[Connection, dict[str, Any]], dict[str, Any]],
    ) -> None:
        """Run one move as a command of a rule, with the case's row locked; moves that need nothing but the database follow it."""
        command = command_of(case, key, by, verb)
        self._guard.perform(command, lambda tx: run(tx, self._locked(tx, case["id"])), lambda tx: self._next(tx, case["id"]))

    def _next(self, tx: Connection, case_id: str) -> tuple[Command, Callable[[Connection], dict[str, Any]]] | None:
        """Return the move after the one just made, where it begins a task or ends the case: it shares its transaction.

        The case's row is locked; each move has its own key, passes the gate and is a row of the audit, as if it came alone.
        """
        case, rows = self._state(case_id, tx)
        if case["state"] != "open" or any(row["state"] == "open" for row in rows.values()):
            return None
        process = thaw(case["definition"])
        ready = (number for number, task in enumerate(process.tasks) if task.id not in rows and is_ready(process, number, rows))
        number = next(ready, None)
        if number is None and not is_over(process, rows):
            return None
        step = self._ending(process) if number is None else self._beginning(process.tasks[number], number)
        key, by, verb, run = step
        return command_of(case, key, by, verb), lambda tx: run(tx, case)

    def _new(self, tx: Connection, job: Job, position: int, state: str, proposal: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a task as it begins: how complex and risky it is, and so who does it."""
        task, now = job.task, now_ns()
        names = {**job.names, "proposal": proposal}
        complexity, risk = level(task.complexity, names), self._risk(tx, job, names)
        return {
            "id": new_id(),
            "version": 1,
            "case_id": job.case["id"],
            "name": task.id,
            "position": position,
            "does": task.does,
            "mode": mode_of(complexity, risk, task.a_persons).value,
            "complexity": complexity,
            "risk": risk,
            "physical": task.physical,
            "role": task.role,
            "state": state,
            "actor": None,
            "actor_kind": None,
            "opened": now,
            "closed": now if state != "open" else None,
            "due": None if task.due is None else now + parse_duration(task.due),
            "escalate_at": None if task.escalate is None else now + parse_duration(task.escalate.after),
            "wake_at": None,
            "input": dict(proposal),
            "output": {},
        }

    def _insert(self, tx: Connection, job: Job, row: dict[str, Any]) -> None:
        """Write a task that waits or is skipped."""
        task = job.task
        tx.execute(tasks.insert().values(**row))
        bump(tx, cases, job.case["id"], None)
        if row["state"] == "open":
            after_commit(tx, self.on_time)
            self._line(tx, job.case, "system:act", f"{task.title or task.id}: waits", row)
        self._tell(tx, job.case, "open", f"{task.id}:{row['state']}")

    def _settle(self, tx: Connection, case: Mapping[str, Any], task: Task, row: Mapping[str, Any], settled: Settled) -> None:
        bump(tx, tasks, row["id"], None, **end_of(settled))
        self._settled(tx, case, task, row, settled)

    def _settled(self, tx: Connection, case: Mapping[str, Any], task: Task, row: Mapping[str, Any], settled: Settled) -> None:
        """Let the case know how a task ended."""
        changed: dict[str, Any] = {}
        output = dict(settled.output)
        if task.gives:
            changed["gives"] = {**case["gives"], task.gives: output}
        if "work_order_id" in output:
            changed["work_order_id"] = output["work_order_id"]
        if settled.back_in_service or settled.state == "cancelled":
            changed["open_key"] = None
        bump(tx, cases, case["id"], None, **changed)
        title = task.title or task.id
        self._line(tx, case, settled.actor, title, row, outcome=said_of(settled))
        self._tell(tx, case, "open", f"{task.id}:{settled.state}")
        if settled.state == "cancelled":
            self._end(tx, self._locked(tx, case["id"]), "cancelled", f"{title}: {said_of(settled)}")

    def _ask(self, tx: Connection, job: Job, proposal: Mapping[str, Any], rule: Subject) -> None:
        task = job.task
        expires = now_ns() + parse_duration(task.expires if task.expires is not None else self._expiry)
        what = f"{task.title or task.id}: {job.case['asset']}"
        asked = str(proposal.get("proposed_by") or rule.id)  # whoever stands behind a proposal does not approve it
        self._approvals.file(tx, what, proposal, asked, expires, job.case["id"], task.id)
        after_commit(tx, self.on_time)

    def _finish(self, tx: Connection, case: dict[str, Any]) -> dict[str, Any]:
        if case["state"] == "open":
            self._end(tx, case, "done", "")
        return {}

    def _end(self, tx: Connection, case: Mapping[str, Any], state: str, outcome: str) -> None:
        open_tasks = tasks.update().where(tasks.c.case_id == case["id"], tasks.c.state == "open")
        tx.execute(open_tasks.values(state="cancelled", closed=now_ns(), wake_at=None, escalate_at=None))
        if state == "cancelled":
            self._take_back(tx, case)
        self._approvals.withdraw(tx, case["id"], f"the case is {state}")
        bump(tx, cases, case["id"], None, state=state, closed=now_ns(), open_key=None, outcome=outcome)
        self._line(tx, case, f"rule:{case['process']}", f"case {state}", outcome=outcome)
        self._tell(tx, case, state, state)

    def cancel(self, tx: Connection, case: Mapping[str, Any], by: Subject, reason: str, version: int | None = None) -> None:
        """Give an open or failed case up because a person says so; what it did is taken back where its tasks say how."""
        if case["state"] not in ("open", "failed"):
            raise Conflict(f"{case['number']} is {case['state']}", hint="only a case that is not over can end", code="cases.step")
        bump(tx, cases, case["id"], version)
        self._line(tx, case, by.id, "case given up", outcome=reason)
        self._end(tx, case, "cancelled", reason)

    def _take_back(self, tx: Connection, case: Mapping[str, Any]) -> None:
        """Run the compensations of the tasks that were done, the last one first."""
        query = sa.select(tasks).where(tasks.c.case_id == case["id"], tasks.c.state == "done").order_by(tasks.c.position.desc())
        wanted = {task.id: task for task in thaw(dict(case["definition"])).tasks if task.compensation}
        for row in [dict(row) for row in tx.execute(query).mappings() if row["name"] in wanted]:
            task = wanted[row["name"]]
            undo = COMPENSATIONS.get(task.compensation)
            said = undo(tx, self._job(case, task, row), row["output"]) if undo is not None else ""
            if said:
                self._line(tx, case, UNDOER.id, f"taken back: {task.title or task.id}", row, outcome=said)

    def _state(self, case_id: str, tx: Connection | None = None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        with self._db.read(tx) as own:
            found = own.execute(sa.select(cases).where(cases.c.id == case_id)).mappings().first()
            if found is None:
                raise NotFound(f"there is no case {case_id}", code="cases.unknown")
            rows = own.execute(sa.select(tasks).where(tasks.c.case_id == case_id)).mappings()
            return dict(found), {row["name"]: dict(row) for row in rows}

    def _locked(self, tx: Connection, case_id: str) -> dict[str, Any]:
        row = tx.execute(sa.select(cases).where(cases.c.id == case_id).with_for_update()).mappings().first()
        if row is None:
            raise NotFound(f"there is no case {case_id}", code="cases.unknown")
        return dict(row)

    def _row(self, tx: Connection, case_id: str, name: str) -> dict[str, Any] | None:
        query = sa.select(tasks).where(tasks.c.case_id == case_id, tasks.c.name == name)
        row = tx.execute(query).mappings().first()
        return None if row is None else dict(row)

    def _job(self, case: Mapping[str, Any], task: Task, row: Mapping[str, Any] | None) -> Job:
        return Job(case, task, {**case["event"], **case["gives"]}, self._rooms, row)

    def _line(
        self,
        tx: Connection,
        case: Mapping[str, Any],
        actor: str,
        what: str,
        row: Mapping[str, Any] | None = None,
        outcome: str = "",
    ) -> None:
        task = row or {}
        self._tower.add(
            tx,
            case,
            what,
            actor=actor,
            actor_kind=kind_of(actor),
            mode=str(task.get("mode", Mode.AUTOMATION.value)),
            task=str(task.get("name", "")),
            outcome=outcome,
        )

    def _tell(self, tx: Connection, case: Mapping[str, Any], state: str, what: str) -> None:
        event = CaseChanged(case["id"], case["number"], case["asset"], state, what)
        self._bus.tell_with(tx, event)
