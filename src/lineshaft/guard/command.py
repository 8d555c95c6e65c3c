"""One change at a time: gate, repeated-command check, the change and its audit row, all in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from lineshaft.core import Conflict, Database, Forbidden, InvalidInput, LineshaftError, NotFound, Retryable, now_ns, within
from lineshaft.guard.audit import AuditChain, Deed, Outcome, canonical, digest
from lineshaft.guard.subject import Subject
from lineshaft.guard.tables import answers

REFUSALS = (Forbidden, Conflict, InvalidInput, NotFound)
"""The plant said no: who asked may not, or what was asked is late, impossible or does not exist. Anything else failed."""
_NOTHING = "{}"
"""The answer of most commands that nobody waits for; it is kept with the claim of the key, and changed where there is more."""
_SECRETS = frozenset({"password", "secret", "token"})


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants changed: `resource` names the thing, `asset` the place in the plant that the gate decides by.

    `key` is the caller's Idempotency-Key: the same key and body get the same answer, once done.
    """

    subject: Subject
    action: str
    resource: str
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    key: str | None = None
    asset: str = ""


Run = Callable[[Connection], dict[str, Any]]
Follow = Callable[[Connection], "tuple[Command, Run] | None"]
"""Says inside the transaction of a command which one comes right after it, if one does."""

MOST_TOGETHER = 16
"""So many commands share a transaction at the most: others want to write too."""


class Performer:
    """Runs commands; used through `Guard.perform`."""

    def __init__(
        self,
        db: Database,
        chain: AuditChain,
        gate: Callable[[Subject, str, str], None],
        hold: Callable[[Connection, Subject, str], None],
    ) -> None:
        self._db = db
        self._chain = chain
        self._gate = gate
        self._hold = hold

    def perform(self, command: Command, run: Run, follow: Follow | None = None) -> dict[str, Any]:
        """Do a command once and return its answer; a refusal or failure is audited and raised.

        What `follow` names comes right after it in the same transaction, each through the gate, with its own key and its own
        row of the audit; one that cannot be done is undone alone and left to whoever comes to it next.
        """
        if command.key is not None and not 1 <= len(command.key) <= 200:
            raise InvalidInput("an Idempotency-Key has 1 to 200 characters", hint="use a UUID", code="idempotency.key")
        try:
            self._gate(command.subject, command.action, command.asset or command.resource)
            with self._db.begin() as tx:
                return self._once(tx, command, run, follow)
        except REFUSALS as error:
            self._note(command, "refused", error.code)
            raise
        except LineshaftError as error:
            self._note(command, "failed", error.code)
            raise
        except OperationalError as error:
            raise Retryable("the database was busy", hint="repeat the command with the same key", code="database.busy") from error
        except Exception as error:
            self._note(command, "failed", type(error).__name__)
            raise

    def answered(self, command: Command) -> dict[str, Any] | None:
        """Return the kept answer of a repeated command."""
        with self._db.read() as tx:
            kept = self._kept(tx, command)
        return None if kept is None else json.loads(kept)

    def forget_answers(self, tx: Connection, older_than: int) -> int:
        """Delete answers kept for repeated commands."""
        return tx.execute(answers.delete().where(answers.c.at < older_than)).rowcount

    def _once(self, tx: Connection, command: Command, run: Run, follow: Follow | None) -> dict[str, Any]:
        text, new = self._do(tx, command, run)
        if new:
            done = [command, *(self._further(tx, follow) if follow is not None else ())]
            self._chain.record_all(tx, [Deed(one.subject, one.action, one.resource, _detail(one)) for one in done])
        return json.loads(text)

    def _do(self, tx: Connection, command: Command, run: Run) -> tuple[str, bool]:
        """Do a command unless it was done before; return its answer and whether it was new. Its row of the audit is to come."""
        self._hold(tx, command.subject, command.action)  # an agent stopped since the gate commits nothing
        kept = self._claim(tx, command)
        if kept is not None:
            return kept, False
        text = json.dumps(run(tx), ensure_ascii=False, default=str)
        if command.key is not None and text != _NOTHING:
            here = (answers.c.subject_id == command.subject.id) & (answers.c.key == command.key)
            tx.execute(answers.update().where(here).values(answer=_without_secrets(text)))
        return text, True

    def _further(self, tx: Connection, follow: Follow) -> Iterator[Command]:
        """Do what comes after a command, and yield it."""
        for _ in range(MOST_TOGETHER - 1):
            named = follow(tx)
            if named is None:
                return
            command, run = named
            try:
                with within(tx):
                    self._gate(command.subject, command.action, command.asset or command.resource)
                    _, new = self._do(tx, command, run)
            except Exception:  # noqa: BLE001 - whoever does it next, by itself, meets the same and puts it on record
                return
            if not new:
                return
            yield command

    def _claim(self, tx: Connection, command: Command) -> str | None:
        """Take the key for this command, or return the answer it got before. A second one at the same time waits here."""
        if command.key is None:
            return None
        row = {"subject_id": command.subject.id, "key": command.key, "digest": _fingerprint(command), "at": now_ns()}
        claim = sa.text(
            "INSERT INTO command_answer (subject_id, key, digest, answer, at) "
            "VALUES (:subject_id, :key, :digest, :answer, :at) ON CONFLICT DO NOTHING"
        )
        return None if tx.execute(claim, {**row, "answer": _NOTHING}).rowcount == 1 else self._kept(tx, command)

    def _kept(self, tx: Connection, command: Command) -> str | None:
        here = (answers.c.subject_id == command.subject.id) & (answers.c.key == command.key)
        before = tx.execute(sa.select(answers.c.digest, answers.c.answer).where(here)).first()
        if before is None:
            return None
        if before.digest != _fingerprint(command):
            raise Conflict(
                "this Idempotency-Key was used for another command",
                where=command.resource,
                hint="take a fresh key for a new command; repeat a command with exactly the same body",
                code="idempotency.conflict",
            )
        return str(before.answer)

    def _note(self, command: Command, outcome: Outcome, code: str) -> None:
        with self._db.begin() as tx:
            self._chain.record(tx, command.subject, command.action, command.resource, {"code": code, **_detail(command)}, outcome)


def _detail(command: Command) -> dict[str, Any]:
    """Return what the audit keeps of a command: its body without secrets, and nothing of great length."""
    body = _masked(command.body)
    text = canonical(body)
    detail: dict[str, Any] = {"body": body} if len(text) <= 4_000 else {"body_digest": digest(body), "body_length": len(text)}
    return {**detail, "asset": command.asset} if command.asset else detail


def _fingerprint(command: Command) -> str:
    return digest([command.action, command.resource, _masked(command.body)])


def _masked(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "..." if name in _SECRETS else value for name, value in body.items()}


def _without_secrets(text: str) -> str:
    """Keep no secret in a stored answer: a repeated `tokens.edit` tells the id, never the secret again."""
    answer: dict[str, Any] = json.loads(text)
    return json.dumps({name: None if name in _SECRETS else value for name, value in answer.items()}, ensure_ascii=False)
