from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from lineshaft.core import Conflict, Database, Forbidden, InvalidInput, NotFound
from lineshaft.guard import Command, Guard, Subject


class Counter:
    """Counts how often a command's work was done, in the database so that a rollback undoes it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.begin() as tx:
            tx.execute(sa.text("CREATE TABLE counter (n INTEGER)"))
            tx.execute(sa.text("INSERT INTO counter VALUES (0)"))

    def __call__(self, tx) -> dict[str, object]:
        tx.execute(sa.text("UPDATE counter SET n = n + 1"))
        return {"n": tx.execute(sa.text("SELECT n FROM counter")).scalar(), "at": None}

    @property
    def value(self) -> int:
        with self.database.begin() as tx:
            return int(tx.execute(sa.text("SELECT n FROM counter")).scalar_one())


@pytest.fixture
def work(database: Database) -> Counter:
    return Counter(database)


def test_a_command_is_done_and_audited_in_one_transaction(guard: Guard, anna: Subject, work: Counter):
    answer = guard.perform(Command(anna, "spares.edit", "spare:7", {"minimum": 3}, asset="Bakery"), work)
    assert answer == {"n": 1, "at": None}
    row = guard.audit(limit=1)[0]
    assert (row.subject_id, row.action, row.resource, row.outcome) == (anna.id, "spares.edit", "spare:7", "ok")
    assert row.detail == {"body": {"minimum": 3}, "asset": "Bakery"}


def test_the_same_key_gets_the_same_answer_and_works_once(guard: Guard, anna: Subject, work: Counter):
    command = Command(anna, "spares.edit", "spare:7", {"minimum": 3}, key="k1")
    assert guard.perform(command, work) == guard.perform(command, work) == {"n": 1, "at": None}
    assert work.value == 1
    assert len(guard.audit(action="spares.edit")) == 1
    fresh = Command(anna, "spares.edit", "spare:7", {"minimum": 3}, key="k2")
    assert guard.perform(fresh, work)["n"] == 2


@pytest.mark.parametrize(
    "other",
    [
        ("spares.edit", "spare:7", {"minimum": 4}),
        ("spares.edit", "spare:8", {"minimum": 3}),
        ("spares.receive", "spare:7", {"minimum": 3}),
    ],
)
def test_the_same_key_for_another_command_is_a_conflict(guard: Guard, anna: Subject, work: Counter, other):
    guard.perform(Command(anna, "spares.edit", "spare:7", {"minimum": 3}, key="k1"), work)
    with pytest.raises(Conflict) as told:
        guard.perform(Command(anna, *other, key="k1"), work)
    assert told.value.code == "idempotency.conflict"
    assert work.value == 1


def test_keys_of_different_people_do_not_meet(guard: Guard, anna: Subject, work: Counter):
    guard.perform(Command(anna, "spares.edit", "s", {}, key="k1"), work)
    other = Command(Subject.system("node"), "spares.edit", "other", {}, key="k1")
    assert guard.perform(other, work)["n"] == 2


def test_a_failed_command_may_be_repeated_with_its_key(guard: Guard, anna: Subject, work: Counter):
    command = Command(anna, "spares.edit", "spare:7", {}, key="k1")

    def fails(tx) -> dict[str, object]:
        work(tx)
        raise NotFound("there is no such spare", code="spare.unknown")

    with pytest.raises(NotFound):
        guard.perform(command, fails)
    assert work.value == 0
    row = guard.audit(limit=1)[0]
    assert (row.outcome, row.detail["code"]) == ("refused", "spare.unknown")
    assert guard.perform(command, work)["n"] == 1


def test_a_defect_of_ours_is_audited_as_failed(guard: Guard, anna: Subject):
    def breaks(_tx) -> dict[str, object]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guard.perform(Command(anna, "spares.edit", "spare:7"), breaks)
    assert guard.audit(limit=1)[0].detail["code"] == "ZeroDivisionError"


def test_a_refusal_is_audited_and_nothing_is_done(guard: Guard, anna: Subject, work: Counter):
    with pytest.raises(Forbidden):
        guard.perform(Command(anna, "users.edit", "user", {"name": "x", "password": "very secret"}), work)
    assert work.value == 0
    row = guard.audit(limit=1)[0]
    assert (row.outcome, row.detail["code"]) == ("refused", "gate.forbidden")
    assert row.detail["body"] == {"name": "x", "password": "..."}


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_strange_key_is_refused(guard: Guard, anna: Subject, work: Counter, key):
    with pytest.raises(InvalidInput):
        guard.perform(Command(anna, "spares.edit", "s", {}, key=key), work)


def test_a_secret_is_in_the_first_answer_only(guard: Guard, database: Database):
    boss = Subject.system("node")

    def make(tx) -> dict[str, object]:
        token_id, secret = guard.create_token(tx, "historian", "viewer")
        return {"id": token_id, "secret": secret}

    command = Command(boss, "tokens.edit", "token", {"name": "historian"}, key="k")
    first, again = guard.perform(command, make), guard.perform(command, make)
    assert again == {"id": first["id"], "secret": None}
    with database.begin() as tx:
        everything = str([tx.execute(sa.text(f"SELECT * FROM {name}")).all() for name in ("audit", "token", "command_answer")])
    assert str(first["secret"]) not in everything


def test_a_long_body_is_audited_by_its_digest(guard: Guard, anna: Subject, work: Counter):
    guard.perform(Command(anna, "spares.edit", "s", {"text": "x" * 5000}), work)
    assert set(guard.audit(limit=1)[0].detail) == {"body_digest", "body_length"}


def test_many_at_once_with_one_key_do_it_once(guard: Guard, anna: Subject, work: Counter):
    answers: list[object] = []

    def send(key: str) -> None:
        try:
            answers.append(guard.perform(Command(anna, "spares.edit", "s", {"a": 1}, key=key), work))
        except Exception as error:  # noqa: BLE001
            answers.append(error)

    threads = [threading.Thread(target=send, args=(f"k{n % 3}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(a) for a in answers) == sorted(str({"n": n, "at": None}) for n in (1, 2, 3) for _ in range(4))
    assert work.value == 3
    assert guard.verify().ok


def test_kept_answers_have_a_retention_of_their_own(guard: Guard, anna: Subject, work: Counter):
    command = Command(anna, "spares.edit", "s", {}, key="k1")
    guard.perform(command, work)
    later = guard.audit(limit=1)[0].at + round(guard.settings.idempotency_hours * 3600e9) + 10**9
    assert guard.tidy(later).answers == 1
    assert guard.perform(command, work)["n"] == 2
