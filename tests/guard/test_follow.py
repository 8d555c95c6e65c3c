"""Commands that follow one another in one transaction: each through the gate, once, on record; what fails is undone alone."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Database, after_commit, new_id
from lineshaft.guard import Command, Guard, Subject

CLERK = Subject.rule("clerk")


def moves(guard: Guard, database: Database, *names: str, broken: str = "", action: str = "cases.task") -> list[str]:
    """Perform the first name, followed by the others; return what was told after the commit."""
    told: list[str] = []
    left = list(names)
    with database.begin() as tx:
        tx.execute(sa.text("CREATE TABLE IF NOT EXISTS done (name TEXT)"))

    def step(name: str):
        def run(tx) -> dict[str, object]:
            after_commit(tx, lambda: told.append(name))
            tx.execute(sa.text("INSERT INTO done VALUES (:name)"), {"name": name})
            if name == broken:
                tx.execute(sa.text("INSERT INTO done (nothing) VALUES (1)"))  # PostgreSQL would refuse all that follows
            return {}

        verb = action if name != names[0] else "cases.task"
        return Command(CLERK, verb, "CASE-1", {"move": name}, f"case:{name}"), run

    guard.perform(*step(left.pop(0)), lambda _tx: step(left.pop(0)) if left else None)
    return told


def done(database: Database) -> list[str]:
    with database.read() as tx:
        return [row.name for row in tx.execute(sa.text("SELECT name FROM done"))]


def on_record(guard: Guard) -> list[str]:
    return [row.detail["body"]["move"] for row in reversed(guard.audit())]


def test_commands_that_follow_are_each_done_and_on_record(guard: Guard, database: Database):
    assert moves(guard, database, "one", "two", "three") == ["one", "two", "three"]
    assert done(database) == on_record(guard) == ["one", "two", "three"]
    assert guard.verify().ok


def test_one_that_fails_is_undone_alone_and_tells_nothing(guard: Guard, database: Database):
    assert moves(guard, database, "one", "two", "three", broken="two") == ["one"]
    assert done(database) == on_record(guard) == ["one"]
    assert guard.verify().ok
    assert moves(guard, database, "two") == ["two"], "whoever comes to it next does it"


def test_one_that_the_gate_refuses_is_not_done(guard: Guard, database: Database):
    assert moves(guard, database, "one", "two", action="approvals.decide") == ["one"]
    assert done(database) == on_record(guard) == ["one"]


def test_one_that_was_done_before_is_not_done_again(guard: Guard, database: Database):
    moves(guard, database, "two")
    assert moves(guard, database, "one", "two", "three") == ["one"]
    assert moves(guard, database, "one", "two") == [], "nor is the first, nor what would follow it"
    assert done(database) == on_record(guard) == ["two", "one"]


def test_so_many_share_a_transaction_at_the_most(guard: Guard, database: Database):
    assert len(moves(guard, database, *(new_id() for _ in range(40)))) == 16
    assert len(on_record(guard)) == 16
    assert guard.verify().ok
