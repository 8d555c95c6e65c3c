from __future__ import annotations

import pytest

from lineshaft.core import Conflict, Database, InvalidInput, NotAuthenticated, NotFound
from lineshaft.guard import Command, Guard, Role, Subject


def test_a_person_is_kept_with_a_salted_hash_only(guard: Guard, database: Database):
    with database.begin() as tx:
        for name in ("a", "b"):
            guard.users.create(tx, name, "the same password", ["viewer"])
        hashes = [row[0] for row in tx.exec_driver_sql("SELECT password FROM users")]
    assert all(h.startswith("$argon2id$") for h in hashes)
    assert len(set(hashes)) == 2


@pytest.mark.parametrize(
    ("name", "password", "roles", "code"),
    [
        ("x", "short", ["viewer"], "password.weak"),
        ("longish-name", "Longish-Name", ["viewer"], "password.weak"),
        ("x", "y" * 1025, ["viewer"], "password.weak"),
        ("", "a long password", ["viewer"], "user.name"),
        ("x", "a long password", [], "role.none"),
        ("x", "a long password", ["enginer"], "role.unknown"),
    ],
)
def test_bad_input_says_how_to_mend_it(guard: Guard, database: Database, name, password, roles, code):
    with database.begin() as tx, pytest.raises(InvalidInput) as told:
        guard.users.create(tx, name, password, roles)
    assert told.value.code == code


def test_names_are_unique_and_a_wrong_one_is_corrected(guard: Guard, database: Database, anna: Subject):
    with database.begin() as tx, pytest.raises(Conflict):
        guard.users.create(tx, "anna", "a long password", ["viewer"])
    with pytest.raises(NotFound) as told:
        guard.users.by_name("anne")
    assert told.value.hint == "did you mean 'anna'?"


def test_disabling_ends_sessions_at_once(guard: Guard, database: Database, anna: Subject):
    session = guard.login("anna", "a long password")
    guard.authenticate(session.token)
    boss = Subject.system("node")
    guard.perform(Command(boss, "users.edit", f"user:{anna.id}"), lambda tx: {"version": guard.users.disable(tx, anna.id)})
    with pytest.raises(NotAuthenticated):
        guard.authenticate(session.token)
    with pytest.raises(NotAuthenticated):
        guard.login("anna", "a long password")
    with database.begin() as tx:
        guard.users.enable(tx, anna.id)
    assert guard.login("anna", "a long password").subject == anna


def test_a_new_password_replaces_the_old_one(guard: Guard, database: Database, anna: Subject):
    with database.begin() as tx:
        assert guard.users.set_password(tx, anna.id, "a newer password", version=1) == 2
        with pytest.raises(Conflict):
            guard.users.set_password(tx, anna.id, "the third password", version=1)
    with pytest.raises(NotAuthenticated):
        guard.login("anna", "a long password")
    assert guard.login("anna", "a newer password").subject == anna


def test_the_last_administrator_stays(guard: Guard, database: Database):
    guard.first_admin("the first password")
    with database.begin() as tx:
        anna_id = guard.users.create(tx, "anna", "a long password", ["planner"])
    admin = guard.users.by_name("admin")
    with database.begin() as tx:
        for leave in (lambda: guard.users.disable(tx, admin.id), lambda: guard.users.set_roles(tx, admin.id, ["viewer"])):
            with pytest.raises(Conflict) as told:
                leave()
            assert told.value.code == "user.last-admin"
        guard.users.set_roles(tx, anna_id, ["admin"])
        guard.users.disable(tx, admin.id)
    assert guard.users.by_name("anna").roles == {Role.ADMIN}


def test_unknown_people_are_named(guard: Guard, database: Database):
    with database.begin() as tx, pytest.raises(NotFound):
        guard.users.disable(tx, "nobody")
