from __future__ import annotations

import pytest

from lineshaft.core import NS, Conflict, Database, InvalidInput, NotAuthenticated, NotFound, now_ns
from lineshaft.guard import Command, Guard, Role, Subject


def test_a_token_stands_for_its_role(guard: Guard, database: Database):
    with database.begin() as tx:
        token_id, secret = guard.create_token(tx, "historian", "engineer", by=Subject.system("node"))
    subject = guard.authenticate(secret)
    assert (subject.id, subject.kind, subject.roles, subject.name) == (token_id, "token", {Role.ENGINEER}, "historian")
    (token,) = guard.tokens.list()
    assert token.created_by == "system:node"
    assert secret not in str(token)


def test_an_ended_token_is_refused_at_once(guard: Guard, database: Database):
    with database.begin() as tx:
        token_id, secret = guard.create_token(tx, "t", "viewer")
    guard.authenticate(secret)
    boss = Subject.system("node")
    guard.perform(Command(boss, "tokens.edit", f"token:{token_id}"), lambda tx: {"v": guard.tokens.disable(tx, token_id)})
    with pytest.raises(NotAuthenticated):
        guard.authenticate(secret)
    with database.begin() as tx:
        with pytest.raises(Conflict):
            guard.tokens.disable(tx, token_id)
        with pytest.raises(NotFound):
            guard.tokens.disable(tx, "nothing")


def test_a_token_expires(guard: Guard, database: Database, monkeypatch):
    with database.begin() as tx:
        _, secret = guard.create_token(tx, "t", "viewer", expires=now_ns() + 60 * NS)
    guard.authenticate(secret)
    monkeypatch.setattr("lineshaft.guard.sessions.now_ns", lambda: now_ns() + 61 * NS)
    with pytest.raises(NotAuthenticated) as told:
        guard.authenticate(secret)
    assert told.value.code == "login.expired"


@pytest.mark.parametrize(("name", "role", "expires"), [("", "viewer", None), ("t", "vewer", None), ("t", "viewer", 5)])
def test_bad_input_is_told(guard: Guard, database: Database, name, role, expires):
    with database.begin() as tx, pytest.raises(InvalidInput):
        guard.create_token(tx, name, role, expires=expires)
