"""The staff: which agent takes which task, how its work comes back, and what people's decisions say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from lineshaft.act.agency.agency import Agency
from lineshaft.act.agency.asker import kept
from lineshaft.act.agency.crew import Crew
from lineshaft.act.agency.reach import Reach
from lineshaft.act.agency.runs import Runs, diff
from lineshaft.act.agency.settings import AgentsSettings
from lineshaft.act.agency.toolbox import Doors, Tool, toolbox
from lineshaft.act.agency.trade import Trade
from lineshaft.core import Bus, Database, Forbidden, InvalidInput, NotFound, Registry, after_commit
from lineshaft.guard import Guard, Subject

Row = Mapping[str, Any]
GUIDE = "guide"
"""The job of wording answers at the machine."""


class Work(Protocol):
    """What is known of a case's task that is handed over."""

    @property
    def case(self) -> Row:
        """The case."""
        ...

    @property
    def names(self) -> Row:
        """What the event and the tasks before it gave."""
        ...


class Cases(Protocol):
    """Where the work on a case's task goes back to."""

    def agent_proposes(self, run: Row, agent: Subject, changes: Row, said: Row) -> None:
        """Take an agent's answer."""
        ...

    def agent_fell(self, run: Row, why: str) -> None:
        """Give the task to a person."""
        ...


class Staff:
    """The agents of this node."""

    def __init__(
        self, db: Database, guard: Guard, bus: Bus, settings: AgentsSettings, folder: ModuleType, executor: str
    ) -> None:  # fmt: skip
        self._db, self.settings = db, settings
        registry = Registry("lineshaft.agents", folder)
        self.trades: dict[str, Trade] = {name: registry.load(name) for name in registry}
        self._by_deed = {deed: trade for trade in self.trades.values() for deed in trade.does}
        self.agency = Agency(db, guard, bus, {name: one.role for name, one in self.trades.items()}, list(settings.endpoints))
        self.runs = Runs(db, executor)
        self.tools: dict[str, Tool] = {}
        self.crew = Crew(db, self.agency, self.runs, settings, self.trades, self.tools, self)
        self.agency.register.stopped = self.crew.cut
        self.cases: Cases | None = None
        self.told: Callable[[Row], None] = lambda _run: None
        """Told after a run has ended: its case may go on."""

    def furnish(self, reach: Reach, doors: Doors) -> None:
        """Give the agents their tools."""
        self.tools.update(toolbox(reach, doors))

    # -- what a case asks

    def take(self, tx: Connection, job: Work, row: Row) -> tuple[bool, str, str]:
        """Say whether an agent takes a task, which one, and if it cannot, why not."""
        trade = self._by_deed.get(str(row["does"]))
        if trade is None:
            return False, "", ""
        agent, why = self._able(tx, trade.name)
        if agent is None:
            return False, "", ""
        about = {"case_id": job.case["id"], "process": job.case["process"], "task": row["name"], "asset": job.case["asset"]}
        said = {
            "wanted": f"Task '{row['name']}' of case {job.case['number']} waits for you. The draft is what a rule proposes.",
            "case": {name: job.case[name] for name in ("number", "process", "asset", "title")},
            "known": dict(job.names),
            "draft": dict(row["input"]),
        }
        run_id = self.runs.open(tx, agent, f"rule:{job.case['process']}", said, **about)
        if why:
            self.runs.close(tx, run_id, "fell", why=why)
            return False, agent["name"], why
        after_commit(tx, self.crew.wake)
        if agent["dry_run"]:
            return False, agent["name"], "dry run: a person does the task, the agent's proposal is only looked at"
        return True, agent["name"], ""

    def ended(self, tx: Connection, run: Row, state: str, **values: Any) -> bool:
        """Note how a run ended; false if it had ended before."""
        return self.runs.close(tx, run["id"], state, **values)

    def alone(self, tx: Connection, case: Row, run: Row) -> bool:
        """Say whether the agent's proposal is carried out without asking this time."""
        fingerprint = self.runs.get(run["id"], tx)["fingerprint"]
        alone = self.agency.trust.may_alone(tx, run["agent"], case["process"], run["task"], fingerprint)
        if alone:
            self.runs.was_alone(tx, run["id"])
        return alone

    def judged(self, tx: Connection, approval: Row, decision: str, by: Subject) -> tuple[str, str]:
        """Note what a person decided about an agent's proposal; return the agent and what that changed."""
        run = self.runs.of_task(tx, str(approval["case_id"]), str(approval["task"])) if approval["case_id"] else None
        if run is None or run["state"] != "done" or run["dry_run"]:
            return "", ""
        return run["agent"], self.agency.trust.judged(tx, run, approval, decision, by.id)

    # -- what people ask

    def ask(self, tx: Connection, name: str, by: Subject, wanted: str, **said: Any) -> dict[str, Any]:
        """Ask an agent for a piece of work outside of any case; it sees no more than the one who asks."""
        self.agency.register.get(name, tx)
        agent = self.agency.register.check(tx, name, "")
        if agent["job"] not in self.trades:
            raise InvalidInput(f"{name} works elsewhere", hint="ask it there", code="agent.job")
        self.crew.endpoint_of(agent)
        about = {"asset": str(said.get("asset") or ""), "task": "", "process": ""}
        run_id = self.runs.open(tx, agent, by.id, {"wanted": wanted, **said, "_sight": kept(by)}, **about)
        after_commit(tx, self.crew.wake)
        return self.runs.get(run_id, tx)

    def guide(self) -> str | None:
        """Return the agent that words answers at the machine, if one can work now."""
        with self._db.read() as tx:
            agent, why = self._able(tx, GUIDE)
        return None if agent is None or why else str(agent["name"])

    def ask_guide(self, tx: Connection, by: Subject, question: str, **said: Any) -> dict[str, Any]:
        """Have the guide word an answer. Raises NotFound when no agent can."""
        agent, why = self._able(tx, GUIDE)
        if agent is None or why:
            raise NotFound(why or "no agent words answers here", hint="register one with the job 'guide'", code="agent.endpoint")
        return self.ask(tx, agent["name"], by, question or "What should I look at?", **said)

    def answer(self, run_id: str, who: Subject) -> dict[str, Any]:
        """Return a run to the one who asked for it. Raises NotFound for anybody else."""
        run = self.runs.get(run_id)
        if run["job"] != GUIDE or run["asked_by"] != who.id:
            raise NotFound(f"there is no answer {run_id} to a question of yours", code="agent.run")
        return run

    def object_to(self, tx: Connection, run_id: str, by: Subject) -> tuple[dict[str, Any], str]:
        """Note that a person disagrees with what an agent did alone; return its run and what that changed."""
        run = self.runs.get(run_id, tx)
        if not run["alone"]:
            raise InvalidInput("this was no deed of an agent's own", hint="decide about its proposal", code="agent.run")
        return run, self.agency.trust.objected(tx, run, by.id)

    # -- how work ends

    def proposes(self, run: Row, trade: Trade, agent: Subject, reply: Row) -> None:
        """Take an agent's answer: into its case, or to the one who asked."""
        if run["case_id"] is None or self.cases is None:
            with self._db.begin() as tx:
                self.runs.close(tx, run["id"], "done", output=dict(reply))
        elif run["dry_run"]:
            self._looked_at(run, trade, reply)
        else:
            draft = run["input"]["draft"]
            changes = trade.changes(trade.reply.model_validate(reply), draft) if trade.changes else {}
            try:
                self.cases.agent_proposes(run, agent, changes, reply)
            except Forbidden as error:
                self.agency.note_refusal(agent, f"task:{run['task']}", changes, error, str(run["id"]))
                raise
        self.told(run)

    def falls(self, run: Row, why: str) -> None:
        """Give the task to a person, or tell the one who asked why there is no answer."""
        if run["case_id"] is None or run["dry_run"] or self.cases is None:
            with self._db.begin() as tx:
                self.runs.close(tx, run["id"], "fell", why=why)
        else:
            self.cases.agent_fell(run, why)
        self.told(run)

    def _looked_at(self, run: Row, trade: Trade, reply: Row) -> None:
        """Keep what an agent in dry run would have changed."""
        draft = run["input"]["draft"]
        changes = trade.changes(trade.reply.model_validate(reply), draft) if trade.changes else {}
        with self._db.begin() as tx:
            self.runs.close(tx, run["id"], "done", output=dict(reply), diff=diff(draft, {**draft, **changes}))

    def _able(self, tx: Connection, job: str) -> tuple[dict[str, Any] | None, str]:
        """Return the first agent of a job that can work now; one that cannot, with the reason, if there is no other."""
        last: tuple[dict[str, Any] | None, str] = None, ""
        for agent in self.agency.register.with_job(tx, job):
            try:
                self.agency.register.check(tx, agent["name"], "")
                self.crew.endpoint_of(agent)
            except (Forbidden, NotFound) as error:
                last = agent, error.what
            else:
                return agent, ""
        return last
