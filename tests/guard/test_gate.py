from __future__ import annotations

import pytest

from lineshaft.core import Database, Forbidden, NotAuthenticated, Retryable, now_ns
from lineshaft.guard import Guard, Role, Subject

LINE_1 = Subject("u1", "olli", "person", frozenset({Role.OPERATOR}), "Olli", ("Bakery/Line 1",))


def test_there_is_no_default_password(guard: Guard):
    made = guard.first_admin()
    assert made is not None
    assert len(made) >= 16
    assert guard.login("admin", made).subject.roles == {Role.ADMIN}
    assert guard.first_admin() is None
    assert [u.name for u in guard.users.list()] == ["admin"]


def test_a_given_first_password_is_not_printed(guard: Guard):
    assert guard.first_admin("from the environment") is None
    assert guard.login("admin", "from the environment").subject.name == "admin"


def test_a_session_ends_at_logout(guard: Guard, anna: Subject):
    session = guard.login("anna", "a long password")
    assert guard.authenticate(session.token) == anna
    assert anna.display == "Anna Berg"
    guard.logout(session.token)
    with pytest.raises(NotAuthenticated):
        guard.authenticate(session.token)


def test_a_session_ends_after_its_hours(guard: Guard, anna: Subject, monkeypatch):
    session = guard.login("anna", "a long password")
    guard.authenticate(session.token)
    monkeypatch.setattr("lineshaft.guard.sessions.now_ns", lambda: session.expires + 1)
    with pytest.raises(NotAuthenticated) as told:
        guard.authenticate(session.token)
    assert told.value.code == "login.expired"
    assert guard.tidy(session.expires + 1).sessions >= 1


@pytest.mark.parametrize("bearer", ["", "lss_nonsense", "lst_nonsense", "x" * 5000, "ä\0"])
def test_nobody_known_is_refused(guard: Guard, bearer):
    with pytest.raises(NotAuthenticated):
        guard.authenticate(bearer)


def test_a_wrong_password_is_audited_without_the_password(guard: Guard, anna: Subject):
    for name in ("anna", "nobody"):
        with pytest.raises(NotAuthenticated) as told:
            guard.login(name, "wrong password", peer="10.0.0.9")
        assert told.value.code == "login.refused"
    rows = guard.audit(action="login")
    assert [(r.outcome, r.detail["name"], r.detail["peer"]) for r in rows[:2]] == [
        ("refused", "nobody", "10.0.0.9"),
        ("refused", "anna", "10.0.0.9"),
    ]
    assert "wrong password" not in str(rows)


def test_guessing_slows_down_and_the_right_password_elsewhere_still_works(guard: Guard, anna: Subject):
    for _ in range(guard.settings.login_free_attempts):
        with pytest.raises(NotAuthenticated):
            guard.login("anna", "guess", peer="10.0.0.9")
    with pytest.raises(Retryable) as told:
        guard.login("anna", "a long password", peer="10.0.0.9")
    assert told.value.code == "login.slow-down"
    assert guard.login("anna", "a long password", peer="10.0.0.1").subject == anna


def test_a_restart_helps_no_guesser(guard: Guard, anna: Subject, database: Database):
    with database.begin() as tx:
        for _ in range(10):
            nobody = Subject("nobody", "nobody", "person")
            guard.chain.record(tx, nobody, "login", "", {"name": "anna", "peer": "10.0.0.9"}, "refused")
    again = Guard(database)
    with pytest.raises(Retryable) as told:
        again.login("anna", "a long password", peer="10.0.0.9")
    assert told.value.code == "login.slow-down"
    assert again.login("anna", "a long password", peer="10.0.0.1").subject == anna


def test_the_gate_says_which_role_would_do(guard: Guard, anna: Subject):
    guard.gate(anna, "approvals.decide")
    with pytest.raises(Forbidden) as told:
        guard.gate(anna, "simulator.fault")
    assert told.value.code == "gate.forbidden"
    assert told.value.hint == "this needs the role engineer"
    with pytest.raises(Forbidden) as told:
        guard.gate(Subject.system("node"), "approvals.decide")
    assert told.value.hint == "this needs a person"


def test_a_scope_limits_changes_and_filters_reads(guard: Guard):
    assert guard.may(LINE_1, "alarms.acknowledge", "Bakery/Line 1/Oven")
    assert not guard.may(LINE_1, "alarms.acknowledge", "Bakery/Line 10/Oven")
    assert not guard.may(LINE_1, "values.write")
    assert guard.may(LINE_1, "read")
    seen = guard.readable(LINE_1, "read", ["Bakery/Line 1", "Bakery/Line 1/Oven/Power", "Bakery/Line 2", "Bakery"])
    assert seen == ["Bakery/Line 1", "Bakery/Line 1/Oven/Power"]
    assert guard.readable(Subject("x", "x", "person"), "read", ["Bakery"]) == []
    with pytest.raises(Forbidden) as told:
        guard.gate(LINE_1, "alarms.reset", "Bakery/Line 2/Oven")
    assert "Bakery/Line 1" in told.value.hint


def test_retention_forgets_names_and_deeds_and_the_chain_still_verifies(guard: Guard, database: Database, anna: Subject):
    guard.first_admin("the first password")
    with database.begin() as tx:
        guard.users.create(tx, "boss", "another password", ["admin"])
        guard.record(tx, anna, "approvals.decide", "approval:1", {"reason": "Anna knows the supplier"})
        guard.users.disable(tx, anna.id)
    gone = guard.forget(now_ns() + 1)
    assert gone.users == 1
    assert gone.audit_rows >= 1
    report = guard.verify()
    assert report.ok
    assert report.forgotten == gone.audit_rows
    told = [row for row in guard.audit() if row.action == "approvals.decide"]
    assert (told[0].subject_id, told[0].detail) == (None, {})
    assert "anna" not in {u.name for u in guard.users.list()}
    assert guard.forget(now_ns() + 1).audit_rows == 0


def test_tidy_keeps_what_is_young(guard: Guard, anna: Subject):
    gone = guard.tidy()
    assert (gone.audit_rows, gone.users, gone.answers, gone.sessions) == (0, 0, 0, 0)
    assert guard.verify().ok


def test_names_are_known_by_id(guard: Guard, database: Database, anna: Subject):
    with database.begin() as tx:
        token_id, _ = guard.create_token(tx, "historian", "viewer")
    assert guard.names()[anna.id] == "Anna Berg"
    assert guard.names()[token_id] == "historian"
