from __future__ import annotations

import contextlib

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from lineshaft.core import Database
from lineshaft.guard import Guard, Role, commands


@pytest.fixture
def run(guard: Guard, tmp_path):
    group = click.Group("lineshaft", commands={c.name: c for c in commands(lambda home: contextlib.nullcontext(guard))})

    def invoke(*args: str):
        return CliRunner().invoke(group, [*args[:2], "--home", str(tmp_path), *args[2:]], catch_exceptions=False)

    return invoke


def test_a_token_is_printed_once_and_works(guard: Guard, run):
    secret = run("token", "create", "--role", "engineer", "--name", "bench").output.strip()
    assert guard.authenticate(secret).roles == {Role.ENGINEER}
    listed = run("token", "list").output
    assert "bench" in listed
    assert secret not in listed
    token_id = guard.tokens.list()[0].id
    assert run("token", "end", token_id).exit_code == 0
    assert "ended" in run("token", "list").output


def test_a_token_can_be_given_an_end(guard: Guard, run):
    run("token", "create", "--role", "viewer", "--name", "guest", "--expires", "90d")
    assert guard.tokens.list()[0].expires is not None
    assert "until" in run("token", "list").output


def test_people_come_and_go(guard: Guard, run):
    assert run("user", "create", "--role", "planner", "--password", "a long password", "bert").exit_code == 0
    assert guard.login("bert", "a long password").subject.roles == {Role.PLANNER}
    assert run("user", "password", "--password", "a newer password", "bert").exit_code == 0
    assert guard.login("bert", "a newer password").subject.name == "bert"
    assert run("user", "disable", "bert").exit_code == 0
    assert "disabled" in run("user", "list").output


def test_audit_verify_passes_and_fails(guard: Guard, database: Database, run):
    run("token", "create", "--role", "viewer", "--name", "t")
    assert run("audit", "verify").exit_code == 0
    assert "tokens.edit" in run("audit", "list").output
    with database.begin() as tx:
        tx.execute(sa.text("UPDATE audit SET outcome = 'refused'"))
    assert run("audit", "verify").exit_code == 1
