"""What holds actors that are no persons: register, tools, purse, date, switch."""

from __future__ import annotations

import threading

import pytest

from lineshaft.act.agency.budget import Amount
from lineshaft.core import Conflict, Database, Forbidden, InvalidInput, NotFound, now_ns
from lineshaft.guard import Command, Role, Subject
from tests.act.agency.conftest import ERNA, AgentPlant

BOT = Subject.agent("bot", Role.PLANNER)


@pytest.fixture
def plant(database: Database, tmp_path):
    return AgentPlant(database, tmp_path)


def refused(plant, code, deed):
    with pytest.raises(Forbidden) as said:
        deed()
    assert said.value.code == code
    row = plant.guard.audit(limit=1)[0]
    assert (row.outcome, row.subject_kind) == ("refused", "agent")


def use(plant, tool="alarms"):
    return plant.act.agency.call(BOT, tool, {"asset": "x"}, lambda: {"ok": True})


def test_nobody_unknown_acts(plant):
    refused(plant, "agent.unknown", lambda: use(plant))
    refused(plant, "agent.unknown", lambda: plant.guard.perform(Command(BOT, "purchases.propose", "x"), lambda _tx: {}))


def test_an_agent_uses_the_tools_it_was_given_and_each_use_is_on_record(plant):
    plant.hire("bot", "outside", role="planner", tools=["alarms", "plant_*"])
    assert use(plant) == {"ok": True}
    assert use(plant, "plant_values") == {"ok": True}
    refused(plant, "agent.tool", lambda: use(plant, "propose_purchase"))
    calls = plant.act.agency.journal.list(agent="bot")
    assert [(one["name"], one["state"]) for one in calls] == [
        ("propose_purchase", "refused"),
        ("plant_values", "ok"),
        ("alarms", "ok"),
    ]
    assert plant.act.agency.budget.used("bot") == {"calls": 2, "tokens": 0, "money": 0.0, "refused": 1}


def test_a_purse_is_never_overdrawn_however_many_ask_at_once(plant):
    plant.hire("bot", "outside", role="planner", calls_a_day=7)
    done, late = [], []

    def ask():
        for _ in range(5):
            try:
                done.append(use(plant))
            except Forbidden as error:
                late.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(done), set(late), len(late)) == (7, {"agent.budget"}, 13)


def test_tokens_and_money_are_set_aside_before_and_given_back_after(plant):
    plant.hire("bot", "outside", role="planner", tokens_a_day=1000, money_a_day=1.0)
    budget, register = plant.act.agency.budget, plant.act.agency.register
    with plant.db.begin() as tx:
        budget.take(tx, register.get("bot", tx), Amount(tokens=900, money=0.5))
    with plant.db.begin() as tx, pytest.raises(Forbidden, match="tokens of today: 900 of 1000"):
        budget.take(tx, register.get("bot", tx), Amount(tokens=200))
    with plant.db.begin() as tx:
        budget.settle(tx, "bot", Amount(tokens=900, money=0.5), Amount(tokens=100, money=0.1))
        budget.take(tx, register.get("bot", tx), Amount(tokens=900))
    with plant.db.begin() as tx, pytest.raises(Forbidden, match="money"):
        budget.take(tx, register.get("bot", tx), Amount(money=0.95))


def test_the_switch_stops_one_or_all_and_a_command_under_way(plant):
    plant.hire("bot", "outside", role="planner")
    register = plant.act.agency.register
    plant.do("agents.stop", lambda tx: register.stop(tx, "bot", ERNA, "it talks nonsense"))
    refused(plant, "agent.stopped", lambda: use(plant))
    plant.do("agents.stop", lambda tx: register.resume(tx, "bot", ERNA))
    assert use(plant)
    plant.do("agents.stop", lambda tx: register.stop_all(tx, ERNA, "fire drill"))
    refused(plant, "agent.stopped", lambda: use(plant))
    assert not plant.guard.may(BOT, "read")
    plant.do("agents.stop", lambda tx: register.stop_all(tx, ERNA, stopped=False))
    assert plant.guard.may(BOT, "read")


def test_nothing_of_an_agent_is_committed_after_the_switch_has_answered(plant):
    """The gate lets it in; the switch is pulled before its transaction begins."""
    plant.hire("bot", "outside", role="planner")
    register, real = plant.act.agency.register, plant.guard.leash

    def slow(tx, subject, action):
        if tx is None:
            real(tx, subject, action)
            plant.guard.leash = real
            plant.do("agents.stop", lambda inner: register.stop(inner, "bot", ERNA))
            return
        real(tx, subject, action)

    plant.guard.leash = slow
    refused(
        plant,
        "agent.stopped",
        lambda: plant.guard.perform(Command(BOT, "purchases.propose", "x"), lambda _tx: pytest.fail("it ran")),
    )


def test_the_time_of_an_agent_ends(plant):
    plant.hire("bot", "outside", role="planner", expires=now_ns() - 1)
    refused(plant, "agent.expired", lambda: use(plant))


def test_an_agent_has_no_more_than_its_role_here_whatever_it_comes_with(plant):
    plant.hire("bot", "outside", role="viewer")
    planner = Command(BOT, "purchases.propose", "x")
    refused(plant, "gate.forbidden", lambda: plant.guard.perform(planner, lambda _tx: {}))


@pytest.mark.parametrize("who", [BOT, Subject.rule("maintenance"), Subject("olga", "olga", "person", frozenset({Role.PLANNER}))])
def test_only_engineers_register_and_stop_agents(plant, who):
    plant.hire("bot", "outside", role="engineer")
    for action in ("agents.edit", "agents.stop", "agents.token"):
        with pytest.raises(Forbidden):
            plant.guard.perform(Command(who, action, "x"), lambda _tx: {})


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": "not a name!"}, InvalidInput),
        ({"job": "purchasr"}, InvalidInput),
        ({"role": "admin"}, InvalidInput),
        ({"role": "king"}, InvalidInput),
        ({"endpoint": "nowhere"}, InvalidInput),
        ({"calls_a_day": -1}, InvalidInput),
        ({"state": "active"}, InvalidInput),
        ({"name": "bot"}, Conflict),
    ],
)
def test_a_wrong_entry_is_refused(plant, values, error):
    plant.hire("bot", "outside")
    said = {"name": "other", "job": "purchaser", **values}
    with pytest.raises(error):
        plant.hire(said.pop("name"), said.pop("job"), **said)


def test_a_token_of_an_agent_is_stopped_with_it(plant):
    plant.hire("bot", "outside", role="planner", scope=["Works/Line 1"])
    made = {}
    plant.do(
        "agents.token",
        lambda tx: made.update(zip(("id", "secret"), plant.act.agency.register.token(tx, "bot", ERNA), strict=True)),
    )
    subject = plant.guard.authenticate(made["secret"])
    assert (subject.id, subject.kind, subject.scope) == ("agent:bot", "agent", ("Works/Line 1",))
    plant.do("agents.stop", lambda tx: plant.act.agency.register.stop(tx, "bot", ERNA))
    assert not plant.guard.may(subject, "read")
    with pytest.raises(NotFound):
        plant.act.agency.register.get("nobody")
