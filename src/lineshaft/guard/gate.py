"""The one gate: who is this, may they do that here, and the record that they did.

Every writer passes here - person, rule, script, agent, outside program - and reads are filtered by the same decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import NS, Database, Forbidden, NotAuthenticated, now_ns
from lineshaft.guard.audit import AuditChain, AuditReport, AuditRow, Outcome
from lineshaft.guard.command import Command, Follow, Performer, Run
from lineshaft.guard.passwords import generate
from lineshaft.guard.permissions import Permissions
from lineshaft.guard.refusals import Refusals
from lineshaft.guard.roles import Role, allowed, needed
from lineshaft.guard.sessions import Session, Sessions
from lineshaft.guard.settings import GuardSettings
from lineshaft.guard.subject import Subject
from lineshaft.guard.tables import tokens as token_table
from lineshaft.guard.tables import users as user_table
from lineshaft.guard.throttle import KEEP, Throttle
from lineshaft.guard.tokens import Tokens
from lineshaft.guard.users import Users

Leash = Callable[["Connection | None", Subject, str], None]
"""Asked about every agent, before a command and once more inside its transaction; raises Forbidden to hold it back."""


def _no_register(_tx: Connection | None, subject: Subject, _action: str) -> None:
    raise Forbidden(f"no agent called {subject.name} is known here", hint="an engineer registers it", code="agent.unknown")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a retention run took away."""

    audit_rows: int
    users: int
    answers: int
    sessions: int


class Guard:
    """Users, tokens, sessions, the gate, and the audit of everything that passed or was refused."""

    def __init__(self, db: Database, settings: GuardSettings | None = None) -> None:
        self.settings = settings or GuardSettings()  # pyright: ignore[reportCallIssue] - every field has a default
        self._db = db
        self.users = Users(db, self.settings)
        self.tokens = Tokens(db)
        self.chain = AuditChain(db)
        self.permissions = Permissions(db)
        self.sessions = Sessions(db, self.settings, self.users, self.tokens, self.permissions)
        self.throttle = Throttle(self.settings.login_free_attempts)
        self._recalled = False
        self.leash: Leash = _no_register
        self._refusals = Refusals(db, self.chain)
        self._performer = Performer(db, self.chain, self.gate, self._hold)

    # -- who is this

    def first_admin(self, password: str | None = None) -> str | None:
        """Create `admin` on a node without users; return the password to print once if it was made up here."""
        with self._db.begin() as tx:
            if tx.execute(sa.select(user_table.c.id).limit(1)).first():
                return None
            made = password or generate()
            admin = self.users.create(tx, "admin", made, [Role.ADMIN], "Administrator")
            self.chain.record(tx, Subject.system("setup"), "users.edit", f"user:{admin}", {"first": True})
        return None if password else made

    def login(self, name: str, password: str, peer: str = "") -> Session:
        """Open a session. Raises NotAuthenticated (audited), or Retryable while wrong passwords slow this name down."""
        self._recall()
        self.throttle.check(name, peer)
        subject = self.sessions.check(name, password)
        if subject is None:
            self.throttle.refused(name, peer)
            with self._db.begin() as tx:
                nobody = Subject("nobody", "nobody", "person")
                self.chain.record(tx, nobody, "login", "", {"name": name[:100], "peer": peer}, "refused")
            raise NotAuthenticated(
                "name or password is wrong", hint="ask an administrator if you forgot it", code="login.refused"
            )
        self.throttle.passed(name, peer)
        with self._db.begin() as tx:
            session = self.sessions.open(tx, subject)
            self.chain.record(tx, subject, "login", "", {"peer": peer})
        return session

    def _recall(self) -> None:
        """Before the first login: let the wrong passwords of the last minutes count, so that a restart helps no guesser."""
        if self._recalled:
            return
        self._recalled = True
        now, names = now_ns(), {row["id"]: row["name"] for row in self._db.rows(sa.select(user_table.c.id, user_table.c.name))}
        rows = [row for row in self.chain.rows(1000, action="login") if now - row.at < KEEP * NS]
        self.throttle.recall(
            (
                str(row.detail.get("name") or names.get(row.subject_id or "", "")),
                str(row.detail.get("peer", "")),
                row.outcome == "ok",
                (now - row.at) / NS,
            )
            for row in reversed(rows)
        )

    def logout(self, token: str) -> None:
        """End a session."""
        with self._db.begin() as tx:
            self.sessions.end(tx, token)

    def authenticate(self, bearer: str) -> Subject:
        """Return who a session's or token's secret stands for. Raises NotAuthenticated."""
        if not bearer:
            raise NotAuthenticated(
                "nobody is logged in", hint="log in, or send 'Authorization: Bearer TOKEN'", code="login.missing"
            )
        return self.sessions.subject(bearer)

    def create_token(self, tx: Connection, name: str, role: str, **options: Any) -> tuple[str, str]:
        """Make an API token and return its id and secret (see Tokens.create_token)."""
        return self.tokens.create_token(tx, name, role, **options)

    def names(self) -> dict[str, str]:
        """Return how people and tokens are called, by id; a forgotten person has no name."""
        people = self._db.rows(sa.select(user_table.c.id, user_table.c.display))
        programs = self._db.rows(sa.select(token_table.c.id, token_table.c.name.label("display")))
        return {row["id"]: row["display"] for row in (*people, *programs)}

    # -- may they

    def may(self, subject: Subject, action: str, resource: str = "") -> bool:
        """Say whether a subject may do an action at a resource (an asset or property path, or nothing for a list)."""
        if not allowed(subject.roles, subject.kind, action):
            return False
        try:
            self._hold(None, subject, action)
        except Forbidden:
            return False
        if not subject.scope:
            return True
        return action == "read" if not resource else subject.reaches(resource)

    def gate(self, subject: Subject, action: str, resource: str = "") -> None:
        """Let the subject pass or raise Forbidden (code `gate.forbidden`) saying which role would."""
        if self.may(subject, action, resource):
            return
        self._hold(None, subject, action)
        if allowed(subject.roles, subject.kind, action):
            hint = f"this login reaches {', '.join(subject.scope)} only"
        elif allowed([Role.ADMIN], subject.kind, action):
            hint = f"this needs the role {needed(action)}"
        else:
            hint = "an agent reads and proposes" if subject.kind == "agent" else "this needs a person"
        raise Forbidden(
            f"{subject.display or subject.name} may not do {action}", where=resource, hint=hint, code="gate.forbidden"
        )

    def _hold(self, tx: Connection | None, subject: Subject, action: str) -> None:
        """Ask the register of agents about an agent; nobody else is on this leash."""
        if subject.kind == "agent":
            self.leash(tx, subject, action)

    def readable(self, subject: Subject, action: str, resources: Iterable[str]) -> list[str]:
        """Return those of the resources that the subject may see."""
        if not allowed(subject.roles, subject.kind, action):
            return []
        return [resource for resource in resources if subject.reaches(resource)]

    # -- and the record of it

    def perform(self, command: Command, run: Run, follow: Follow | None = None) -> dict[str, Any]:
        """Do one command in one transaction: gate, repeated-command check, `run`, answer kept, audit row.

        `follow` may name what comes right after it, and after that: the same for each of them, in the same transaction.
        Raises Forbidden (audited as refused), Conflict for a key used for another body, and whatever `run` raises (failed).
        """
        answer = self._performer.perform(command, run, follow)
        if command.action in {"users.edit", "tokens.edit", "permissions.edit"}:
            self.sessions.changed()
        return answer

    def answered(self, command: Command) -> dict[str, Any] | None:
        """Return the answer a repeated command got before, or None: for work that must not run inside a transaction.

        Do the work, then `perform` with a `run` that only returns the answer. Raises Conflict like `perform`.
        """
        return self._performer.answered(command)

    def record(
        self,
        tx: Connection,
        subject: Subject,
        action: str,
        resource: str,
        detail: Mapping[str, Any] | None = None,
        outcome: Outcome = "ok",
    ) -> int:
        """Append an audit row in the caller's transaction (best as its last step) and return its number."""
        return self.chain.record(tx, subject, action, resource, detail, outcome)

    def refused(self, subject: Subject, action: str, resource: str, detail: Mapping[str, Any], peer: str) -> None:
        """Put a refusal on record that no command was made of; many from one address are a few rows that count."""
        self._refusals.note(subject, action, resource, detail, peer)

    def audit(self, limit: int = 100, before: int | None = None, action: str | None = None) -> list[AuditRow]:
        """Return audit rows, newest first."""
        return self.chain.rows(limit, before, action)

    def verify(self) -> AuditReport:
        """Check the whole audit chain."""
        return self.chain.verify()

    def forget(self, older_than: int) -> Forgotten:
        """Forget persons' names and deeds before a moment (UTC ns); the chain stays verifiable."""
        with self._db.begin() as tx:
            people = self.users.forget(tx, older_than)
            rows = self.chain.forget(tx, older_than)
        self.sessions.changed()
        return Forgotten(rows, people, 0, 0)

    def tidy(self, now: int | None = None) -> Forgotten:
        """Run the retention of everything kept here; the node calls it daily."""
        at = now or now_ns()
        days = self.settings.personal_retention_days
        gone = self.forget(at - round(days * 86_400 * NS)) if days else Forgotten(0, 0, 0, 0)
        with self._db.begin() as tx:
            kept = self._performer.forget_answers(tx, at - round(self.settings.idempotency_hours * 3600 * NS))
            ended = self.sessions.tidy(tx, at)
        return Forgotten(gone.audit_rows, gone.users, kept, ended)
