"""The register of agents: who there is, what each may touch and use, until when, and the switch that stops one or all.

The register holds the gate's leash: an agent that is unknown, stopped or past its date is refused before a command and once
more inside its transaction, so that after the switch has answered nothing of that agent's is committed any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.agency.tables import agents, switch
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
from lineshaft.guard import AGENTS_MAY, Guard, Role, Subject, allowed

OUTSIDE = "outside"
"""The job of a program of somebody else's that acts through a door (MCP, REST)."""
LIMITED = ("calls_a_day", "tokens_a_day", "money_a_day")
CHANGEABLE = frozenset({"title", "endpoint", "model", "role", "scope", "tools", *LIMITED, "dry_run", "expires"})


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """An agent was registered, changed, stopped or let go on; `name` is `*` for all of them."""

    name: str
    state: str
    what: str


class Register:
    """Every agent of the plant."""

    def __init__(self, db: Database, guard: Guard, bus: Bus, jobs: Mapping[str, str], endpoints: Sequence[str]) -> None:
        self._db, self._guard, self._bus = db, guard, bus
        self._jobs, self._endpoints = jobs, endpoints
        guard.leash = self.leash
        self.stopped: Callable[[str], None] = lambda _name: None
        """Told after an agent (or `*`) was stopped: what it is doing is cut off."""

    # -- what the gate asks

    def leash(self, tx: Connection | None, subject: Subject, action: str) -> None:
        """Hold an agent back that is unknown, stopped, past its date, or has lost the role it comes with."""
        with self._db.read(tx) as look:
            agent = self._row(look, subject.name, lock=tx is not None)
            self._refuse(look, subject.name, agent, lock=tx is not None)
        if agent is not None and not allowed([Role(agent["role"])], "agent", action):
            raise Forbidden(
                f"{subject.name} may not do {action}", hint=f"agents may: {', '.join(AGENTS_MAY)}", code="gate.forbidden"
            )

    def check(self, tx: Connection, name: str, tool: str) -> dict[str, Any]:
        """Return an agent that may use a tool now. Raises Forbidden saying why not."""
        agent = self._row(tx, name, lock=True)
        self._refuse(tx, name, agent, lock=True)
        if agent is None:
            raise NotFound(f"there is no agent '{name}'", code="agent.unknown")
        if tool and not any(fnmatchcase(tool, pattern) for pattern in agent["tools"]):
            hint = f"it has: {', '.join(agent['tools']) or 'none'}"
            raise Forbidden(f"{name} may not use the tool {tool}", hint=hint, code="agent.tool")
        return agent

    def _refuse(self, tx: Connection, name: str, agent: Mapping[str, Any] | None, *, lock: bool = False) -> None:
        if agent is None:
            raise Forbidden(f"no agent called {name} is known here", hint="an engineer registers it", code="agent.unknown")
        all_of_them = self._all(tx, lock=lock)
        if all_of_them["stopped"]:
            raise Forbidden(
                f"all agents are stopped: {all_of_them['why']}", hint="an engineer lets them go on", code="agent.stopped"
            )
        if agent["state"] != "active":
            raise Forbidden(f"{name} is stopped: {agent['why']}", hint="an engineer lets it go on", code="agent.stopped")
        if agent["expires"] is not None and agent["expires"] <= now_ns():
            raise Forbidden(f"the time of {name} is over", hint="an engineer sets a new date", code="agent.expired")

    # -- reading

    def list(self) -> list[dict[str, Any]]:
        """Return every agent by name."""
        return self._db.rows(sa.select(agents).order_by(agents.c.name))

    def get(self, name: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one agent. Raises NotFound."""
        rows = self._db.rows(sa.select(agents).where(agents.c.name == name), tx)
        if not rows:
            known = [row["name"] for row in self.list()]
            raise NotFound(f"there is no agent '{name}'", hint=did_you_mean(name, known), code="agent.unknown")
        return rows[0]

    def with_job(self, tx: Connection, job: str) -> list[dict[str, Any]]:
        """Return the agents of a job, the oldest first, whether they may act now or not."""
        return self._db.rows(sa.select(agents).where(agents.c.job == job).order_by(agents.c.created, agents.c.name), tx)

    def subject(self, name: str) -> Subject:
        """Return an agent as the gate knows it, with what permissions take away."""
        row = self.get(name)
        return self._guard.permissions.veiled(Subject.agent(name, Role(row["role"]), tuple(row["scope"])))

    def all_stopped(self, tx: Connection | None = None) -> dict[str, Any]:
        """Return the switch for all: stopped, at, by, why."""
        with self._db.read(tx) as look:
            return self._all(look)

    def is_stopped(self, name: str) -> bool:
        """Say whether an agent may not act now, for whatever reason."""
        with self._db.read() as tx:
            try:
                self._refuse(tx, name, self._row(tx, name))
            except Forbidden:
                return True
        return False

    # -- changing (the caller wraps it in `guard.perform`, action `agents.edit` or `agents.stop`)

    def hire(self, tx: Connection, name: str, job: str, by: Subject, **values: Any) -> dict[str, Any]:
        """Register an agent."""
        clean = name.strip().lower()
        if not clean or len(clean) > 60 or not clean.replace("-", "").replace("_", "").isalnum():
            raise InvalidInput("an agent's name has 1 to 60 letters, digits, - or _", where="name", code="agent.name")
        if self._row(tx, clean) is not None:
            raise Conflict(f"there is an agent '{clean}' already", code="agent.name")
        if job != OUTSIDE and job not in self._jobs:
            raise InvalidInput(
                f"no agent does '{job}'", where="job", hint=did_you_mean(job, [*self._jobs, OUTSIDE]), code="agent.job"
            )
        role = str(values.pop("role", "") or self._jobs.get(job) or "viewer")
        row: dict[str, Any] = {
            "title": "",
            "endpoint": "",
            "model": "",
            "scope": [],
            "tools": ["*"],
            "dry_run": False,
            "expires": None,
        }
        row |= dict.fromkeys(LIMITED) | self._checked({"role": role, **values})
        now = now_ns()
        row |= {"id": new_id(), "version": 1, "name": clean, "job": job, "state": "active", "why": ""}
        row |= {"created": now, "created_by": by.id, "changed_by": by.id}
        tx.execute(agents.insert().values(**row))
        self._tell(tx, clean, "active", "registered")
        return self.get(clean, tx)

    def change(self, tx: Connection, name: str, by: Subject, version: int | None = None, **values: Any) -> dict[str, Any]:
        """Change what an agent may touch and use, or with which model it works."""
        row = self.get(name, tx)
        bump(tx, agents, row["id"], version, changed_by=by.id, **self._checked(values))
        self._tell(tx, name, row["state"], "changed")
        return self.get(name, tx)

    def stop(self, tx: Connection, name: str, by: Subject, why: str = "") -> None:
        """Stop one agent: what it is doing is cut off, nothing of it is committed after this."""
        row = self.get(name, tx)
        bump(tx, agents, row["id"], None, state="stopped", why=why[:300] or "stopped by hand", changed_by=by.id)
        self._tell(tx, name, "stopped", "stopped")
        after_commit(tx, lambda: self.stopped(name))

    def resume(self, tx: Connection, name: str, by: Subject) -> None:
        """Let a stopped agent go on."""
        row = self.get(name, tx)
        bump(tx, agents, row["id"], None, state="active", why="", changed_by=by.id)
        self._tell(tx, name, "active", "resumed")

    def stop_all(self, tx: Connection, by: Subject, why: str = "", *, stopped: bool = True) -> None:
        """Stop every agent there is and will be, or let them go on (each keeps its own state)."""
        said = why[:300] or ("stopped by hand" if stopped else "")
        tx.execute(switch.update().values(stopped=stopped, at=now_ns(), by=by.id, why=said))
        self._tell(tx, "*", "stopped" if stopped else "active", "stopped" if stopped else "resumed")
        if stopped:
            after_commit(tx, lambda: self.stopped("*"))

    def token(self, tx: Connection, name: str, by: Subject, expires: int | None = None) -> tuple[str, str]:
        """Make a key for an agent from outside; return its id and its secret, the only time it is seen."""
        row = self.get(name, tx)
        options = {"expires": expires or row["expires"], "scope": row["scope"], "by": by, "agent": name}
        return self._guard.create_token(tx, f"agent {name}", row["role"], **options)

    # -- rows

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        known = {name: value for name, value in values.items() if name in CHANGEABLE}
        unknown = sorted(set(values) - CHANGEABLE)
        if unknown:
            raise InvalidInput(f"'{unknown[0]}' of an agent cannot be set", where=unknown[0], code="agent.field")
        if "role" in known:
            self._check_role(str(known["role"]))
        if known.get("endpoint") and known["endpoint"] not in self._endpoints:
            hint = did_you_mean(known["endpoint"], self._endpoints) or "name it in settings.toml: [agents]"
            raise InvalidInput(f"there is no endpoint '{known['endpoint']}'", where="endpoint", hint=hint, code="agent.endpoint")
        for name in LIMITED:
            if known.get(name) is not None and known[name] < 0:
                raise InvalidInput("a budget is 0 or more", where=name, code="agent.budget")
        return known

    @staticmethod
    def _check_role(role: str) -> None:
        if role not in {one.value for one in Role} or role == Role.ADMIN.value:
            roles = [one.value for one in Role if one is not Role.ADMIN]
            raise InvalidInput(f"an agent cannot be '{role}'", where="role", hint=", ".join(roles), code="agent.role")

    @staticmethod
    def _row(tx: Connection, name: str, *, lock: bool = False) -> dict[str, Any] | None:
        query = sa.select(agents).where(agents.c.name == name)
        row = tx.execute(query.with_for_update() if lock else query).mappings().first()
        return None if row is None else dict(row)

    @staticmethod
    def _all(tx: Connection, *, lock: bool = False) -> dict[str, Any]:
        query = sa.select(switch.c.stopped, switch.c.at, switch.c.by, switch.c.why)
        return dict(tx.execute(query.with_for_update(read=True) if lock else query).mappings().one())

    def _tell(self, tx: Connection, name: str, state: str, what: str) -> None:
        after_commit(tx, lambda: self._bus.tell(AgentChanged(name, state, what)))
