from __future__ import annotations

import pytest

from lineshaft.guard import Role, Subject, allowed

LOWEST = {
    "read": "viewer",
    "alarms.acknowledge": "operator",
    "values.write": "operator",
    "production.quality": "operator",
    "downtime.code": "operator",
    "work-orders.start": "technician",
    "documents.add": "technician",
    "approvals.decide": "planner",
    "spares.edit": "planner",
    "purchases.propose": "planner",
    "production.edit": "planner",
    "assets.edit": "engineer",
    "findings.label": "engineer",
    "simulator.fault": "engineer",
    "writes.propose": "engineer",
    "users.edit": "admin",
    "tokens.edit": "admin",
    "never.heard-of": "admin",
}


@pytest.mark.parametrize(("action", "lowest"), LOWEST.items())
def test_each_role_has_the_rights_of_those_before_it(action, lowest):
    ladder = list(Role)
    for role in ladder:
        assert allowed([role], "person", action) == (ladder.index(role) >= ladder.index(Role(lowest)))


@pytest.mark.parametrize("kind", ["rule", "agent", "system", "script"])
def test_only_a_person_decides_an_approval(kind):
    assert not allowed([Role.ADMIN], kind, "approvals.decide")
    assert allowed([Role.PLANNER], "token", "approvals.decide")


def test_nobody_without_a_role_may_even_read():
    assert not allowed([], "person", "read")


def test_a_rule_plans_maintenance_and_acknowledges_nothing_for_a_person_that_it_should_not_decide():
    rule = Subject.rule("maintenance")
    assert allowed(rule.roles, rule.kind, "work-orders.create")
    assert allowed(rule.roles, rule.kind, "purchases.propose")
    assert not allowed(rule.roles, rule.kind, "approvals.decide")
    assert not allowed(rule.roles, rule.kind, "users.edit")
