"""The agency: every actor that is no person passes here - registered, within its tools, its budget and its time, and on record.

Agents of this node and programs from outside (through MCP or REST) alike: `call` is the one way to use a tool.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from lineshaft.act.agency.budget import Amount, Budget
from lineshaft.act.agency.journal import Journal
from lineshaft.act.agency.register import Register
from lineshaft.act.agency.trust import Trust
from lineshaft.core import Bus, Database, Forbidden, LineshaftError
from lineshaft.guard import NOTED, REFUSALS, Guard, Subject

T = TypeVar("T")
ONE_CALL = Amount(calls=1)


class Agency:
    """The register, the purses, the journal and the trust, and the one way to use a tool."""

    def __init__(self, db: Database, guard: Guard, bus: Bus, jobs: Mapping[str, str], endpoints: Sequence[str]) -> None:
        self._db, self._guard = db, guard
        self.register = Register(db, guard, bus, jobs, endpoints)
        self.budget = Budget(db)
        self.journal = Journal(db)
        self.trust = Trust(db)

    def subject(self, name: str) -> Subject:
        """Return a registered agent as the gate knows it."""
        return self.register.subject(name)

    def call(
        self,
        subject: Subject,
        tool: str,
        arguments: Mapping[str, Any],
        run: Callable[[], T],
        *,
        run_id: str | None = None,
        key: str | None = None,
    ) -> T:
        """Use a tool as an agent: let through and counted, then done, then on record.

        Raises Forbidden (audited as refused): `agent.unknown`, `agent.stopped`, `agent.expired`, `agent.tool`, `agent.budget`.
        With a run and a key a call that has ended is answered from the record, never done again.
        """
        with self._db.read() as look:
            kept = self.journal.kept(look, run_id, key)
        if kept is not None and kept["state"] == "ok":
            return kept["answer"]
        call_id = self.begin(subject, "tool", tool, arguments, ONE_CALL, run_id=run_id, key=key)
        noted: list[str] = []
        mark = NOTED.set(noted)
        try:
            answer = run()
        except Exception as error:
            why = error.what if isinstance(error, LineshaftError) else type(error).__name__
            if isinstance(error, REFUSALS) and "refused" not in noted:
                self._audit(subject, tool, arguments, error)
            self._end(call_id, "refused" if isinstance(error, Forbidden) else "failed", None, why)
            raise
        finally:
            NOTED.reset(mark)
        self._end(call_id, "ok", json.loads(json.dumps(answer, default=str)), "")
        return answer

    def begin(
        self,
        subject: Subject,
        kind: str,
        name: str,
        arguments: Mapping[str, Any],
        amount: Amount,
        *,
        run_id: str | None = None,
        key: str | None = None,
    ) -> str:
        """Let a call through, count it and note that it begins; return its id. Raises Forbidden, which is audited."""
        try:
            with self._db.begin() as tx:
                agent = self.register.check(tx, subject.name, name if kind == "tool" else "")
                self.budget.take(tx, agent, amount)
                return self.journal.begin(tx, subject.name, kind, name, arguments, run_id, key)
        except Forbidden as error:
            self.note_refusal(subject, name, arguments, error, run_id)
            raise

    def count(self, subject: Subject, what: str) -> None:
        """Count one request of an agent that came through a door. Raises Forbidden, which is audited."""
        try:
            with self._db.begin() as tx:
                self.budget.take(tx, self.register.check(tx, subject.name, ""), ONE_CALL)
        except Forbidden as error:
            self.note_refusal(subject, what, {}, error)
            raise

    def note_refusal(
        self, subject: Subject, what: str, arguments: Mapping[str, Any], error: LineshaftError, run_id: str | None = None
    ) -> None:
        """Put a refusal on record: in the journal, in the day's count and in the audit."""
        with self._db.begin() as tx:
            self.journal.refused(tx, subject.name, what, arguments, run_id, error.what)
            self.budget.refused(tx, subject.name)
            self._record(tx, subject, what, arguments, error)

    def _audit(self, subject: Subject, what: str, arguments: Mapping[str, Any], error: LineshaftError) -> None:
        """Put a refusal inside a tool on record, where no command has done so."""
        with self._db.begin() as tx:
            self._record(tx, subject, what, arguments, error)

    def _record(
        self, tx: Connection, subject: Subject, what: str, arguments: Mapping[str, Any], error: LineshaftError
    ) -> None:  # fmt: skip
        detail = {"code": error.code, "arguments": json.loads(json.dumps(dict(arguments), default=str))}
        self._guard.record(tx, subject, "agents.use", f"tool:{what}"[:400], detail, "refused")

    def _end(self, call_id: str, state: str, answer: Any, why: str) -> None:
        def write(tx: Connection) -> None:
            self.journal.end(tx, call_id, state, answer, why)

        with self._db.begin() as tx:
            write(tx)
