"""Agents at the gate: on a leash, whatever role they carry."""

from __future__ import annotations

import pytest

from lineshaft.core import Database, Forbidden
from lineshaft.guard import AGENTS_MAY, MIGRATIONS, Command, Guard, Role, Subject, allowed

ROBOT = Subject.agent("robot", Role.ENGINEER)


@pytest.fixture
def guard(database: Database) -> Guard:
    database.migrate({"guard": MIGRATIONS})
    return Guard(database)


@pytest.mark.parametrize(
    "action",
    [
        *(
            "approvals.decide",
            "agents.edit",
            "agents.stop",
            "tokens.edit",
            "users.edit",
            "permissions.edit",
            "work-orders.create",
        ),
        *(
            "work-orders.close",
            "purchases.approve",
            "alarms.acknowledge",
            "values.write",
            "assets.edit",
            "etl.run",
            "writes.begin",
        ),
    ],
)
def test_an_agent_reads_and_proposes_and_nothing_else(action):
    for role in Role:
        assert not allowed([role], "agent", action)


def test_what_an_agent_may_still_needs_its_role():
    assert allowed([Role.VIEWER], "agent", "read")
    assert allowed([Role.ENGINEER], "agent", "writes.propose")
    assert not allowed([Role.TECHNICIAN], "agent", "writes.propose")
    assert "approvals.decide" not in AGENTS_MAY


def test_without_a_register_no_agent_is_known(guard: Guard):
    assert not guard.may(ROBOT, "read")
    with pytest.raises(Forbidden) as refused:
        guard.perform(Command(ROBOT, "writes.propose", "x"), lambda _tx: {})
    assert refused.value.code == "agent.unknown"
    row = guard.audit(limit=1)[0]
    assert (row.outcome, row.subject_kind) == ("refused", "agent")


def test_one_stopped_between_the_gate_and_the_transaction_commits_nothing(guard: Guard):
    asked = []

    def leash(tx, subject, action):
        asked.append((tx is not None, action))
        if tx is not None:
            raise Forbidden(f"{subject.name} is stopped", code="agent.stopped")

    guard.leash = leash
    with pytest.raises(Forbidden, match="stopped"):
        guard.perform(Command(ROBOT, "writes.propose", "x"), lambda _tx: pytest.fail("it ran"))
    assert (True, "writes.propose") in asked
    assert guard.audit(limit=1)[0].outcome == "refused"


def test_nobody_else_is_on_the_leash(guard: Guard):
    guard.perform(Command(Subject.rule("triage"), "cases.task", "x"), lambda _tx: {})
    assert guard.may(Subject.system("setup"), "users.edit")


def test_the_token_of_an_agent_is_that_agent(guard: Guard):
    guard.leash = lambda _tx, _subject, _action: None
    with guard._db.begin() as tx:
        _, secret = guard.create_token(tx, "agent robot", "planner", scope=["Bakery/Line 1"], agent="robot")
        guard.permissions.add(tx, {"who": "agent:robot", "tables": "purchases"}, Subject.system("setup"))
    guard.sessions.changed()
    found = guard.authenticate(secret)
    assert (found.id, found.kind, found.scope) == ("agent:robot", "agent", ("Bakery/Line 1",))
    assert found.veil.tables == ("purchases",)
    assert not guard.may(found, "approvals.decide")
    assert guard.sessions.named("token:agent robot") is None  # nothing runs on behalf of a token that is an agent
