"""`lineshaft token | user | audit`: keys, people and the audit chain, from the command line of whoever owns the machine."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import Connection

from lineshaft.core import iso, now_ns, parse_duration
from lineshaft.guard.command import Command
from lineshaft.guard.gate import Guard
from lineshaft.guard.roles import Role
from lineshaft.guard.subject import Subject

OpenGuard = Callable[[Path], AbstractContextManager[Guard]]
"""Opens the guard of a home; the composition root hands it in, as only it knows where a home's database is."""

_home = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="LINESHAFT_HOME",
    default=Path(".lineshaft"),
    show_default=True,
    help="The node's data folder.",
)
_role = click.option("--role", "roles", type=click.Choice([r.value for r in Role]), multiple=True, required=True, help="A role.")


def commands(open_guard: OpenGuard) -> list[click.Command]:
    """Return the command groups `token`, `user` and `audit`."""
    return [_token(open_guard), _user(open_guard), _audit(open_guard)]


def _do(
    guard: Guard, action: str, resource: str, body: dict[str, Any], run: Callable[[Connection], dict[str, Any]]
) -> dict[str, Any]:
    """Run one command as the owner of the machine, through the same gate and audit as everybody."""
    who = Subject.system(f"command line of {getpass.getuser()}")
    return guard.perform(Command(who, action, resource, body), run)


def _token(open_guard: OpenGuard) -> click.Group:
    @click.group("token")
    def token() -> None:
        """Give programs their keys and end them."""

    @token.command("create")
    @_home
    @click.option("--role", type=click.Choice([r.value for r in Role]), required=True, help="What the token may do.")
    @click.option("--name", required=True, help="What it is for.")
    @click.option("--expires", default=None, help="For how long it is valid, for example 90d.")
    def create(home: Path, role: str, name: str, expires: str | None) -> None:
        """Make a token and print it: this is the only time it is shown."""
        until = now_ns() + parse_duration(expires, where="--expires") if expires else None

        def make(tx: Connection) -> dict[str, Any]:
            token_id, secret = guard.create_token(tx, name, role, expires=until)
            return {"id": token_id, "secret": secret}

        with open_guard(home) as guard:
            made = _do(guard, "tokens.edit", "token", {"name": name, "role": role, "expires": until}, make)
        click.echo(made["secret"])

    @token.command("list")
    @_home
    def list_(home: Path) -> None:
        """List the tokens."""
        with open_guard(home) as guard:
            for t in guard.tokens.list():
                state = "ended" if t.disabled else f"until {iso(t.expires)}" if t.expires else "valid"
                click.echo(f"{t.id}  {t.role.value:<10}  {state:<26}  {t.name}")

    @token.command("end")
    @_home
    @click.argument("token_id")
    def end(home: Path, token_id: str) -> None:
        """End a token for good."""
        with open_guard(home) as guard:
            _do(guard, "tokens.edit", f"token:{token_id}", {}, lambda tx: {"version": guard.tokens.disable(tx, token_id)})
        click.echo(f"token {token_id} has ended")

    return token


def _user(open_guard: OpenGuard) -> click.Group:
    @click.group("user")
    def user() -> None:
        """Let people in and out."""

    @user.command("create")
    @_home
    @_role
    @click.option("--display", default="", help="How the person is called on screen.")
    @click.password_option(envvar="LINESHAFT_USER_PASSWORD", help="Asked for if not given.")
    @click.argument("name")
    def create(home: Path, roles: tuple[str, ...], display: str, password: str, name: str) -> None:
        """Add a person."""

        def make(tx: Connection) -> dict[str, Any]:
            return {"id": guard.users.create(tx, name, password, roles, display)}

        with open_guard(home) as guard:
            made = _do(guard, "users.edit", "user", {"name": name, "roles": list(roles)}, make)
        click.echo(f"user {name} has the id {made['id']}")

    @user.command("list")
    @_home
    def list_(home: Path) -> None:
        """List the people."""
        with open_guard(home) as guard:
            for u in guard.users.list():
                roles = ",".join(sorted(role.value for role in u.roles))
                click.echo(f"{u.id}  {u.name:<20}  {roles:<20}  {'disabled' if u.disabled else 'active'}")

    @user.command("password")
    @_home
    @click.password_option(envvar="LINESHAFT_USER_PASSWORD", help="Asked for if not given.")
    @click.argument("name")
    def password(home: Path, password: str, name: str) -> None:
        """Give a person a new password and end their sessions."""
        with open_guard(home) as guard:
            one = guard.users.by_name(name)
            _do(guard, "users.edit", f"user:{one.id}", {}, lambda tx: {"version": guard.users.set_password(tx, one.id, password)})
        click.echo(f"{name} has a new password")

    @user.command("disable")
    @_home
    @click.argument("name")
    def disable(home: Path, name: str) -> None:
        """Let a person in no more."""
        with open_guard(home) as guard:
            one = guard.users.by_name(name)
            _do(
                guard, "users.edit", f"user:{one.id}", {"disabled": True}, lambda tx: {"version": guard.users.disable(tx, one.id)}
            )
        click.echo(f"{name} is disabled")

    return user


def _audit(open_guard: OpenGuard) -> click.Group:
    @click.group("audit")
    def audit() -> None:
        """Read and check the audit chain."""

    @audit.command("verify")
    @_home
    def verify(home: Path) -> None:
        """Check that no row was edited, deleted or moved; exit code 1 if one was."""
        with open_guard(home) as guard:
            report = guard.verify()
        if not report.ok:
            click.echo(f"the audit chain is broken at row {report.first_bad}: {report.reason}", err=True)
            sys.exit(1)
        click.echo(f"{report.rows} rows, all in order; head {report.head}")

    @audit.command("list")
    @_home
    @click.option("--limit", default=50, show_default=True, help="How many rows, newest first.")
    def list_(home: Path, limit: int) -> None:
        """Print the newest rows."""
        with open_guard(home) as guard:
            names = guard.names()
            for row in guard.audit(limit):
                who = names.get(row.subject_id or "", row.subject_id or "(forgotten)")
                click.echo(f"{row.seq:>8}  {iso(row.at):<30}  {row.outcome:<8}  {row.action:<24}  {row.resource}  {who}")

    return audit
