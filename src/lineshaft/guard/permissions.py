"""Permissions: rules of an administrator that take tables, columns or parts of the plant away from a role, a person or a token.

A rule for a role is for everybody up to that role: what a planner does not see, no operator sees. Nothing can be taken from
an administrator by role, so that nobody locks everybody out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.guard.roles import Role
from lineshaft.guard.subject import Subject, both
from lineshaft.guard.tables import permissions, tokens, users
from lineshaft.guard.users import parse_role
from lineshaft.guard.veil import CLASSES, Sight, Taken, Veil

EFFECTS = ("hide", "mask")


@dataclass(frozen=True, slots=True)
class Permission:
    """One rule. Without `columns` it takes the tables themselves; `assets` keeps a subject to branches of the plant."""

    id: str
    version: int
    who: str
    tables: str
    columns: tuple[str, ...]
    effect: str
    assets: tuple[str, ...]
    note: str
    created: int
    created_by: str

    def concerns(self, subject: Subject) -> bool:
        """Say whether a subject is whom it is for."""
        kind, _, name = self.who.partition(":")
        if kind == "role":
            return _rank(subject.roles) <= list(Role).index(Role(name))
        return kind == ("user" if subject.kind == "person" else subject.kind) and name in {subject.name, subject.id}


class Permissions:
    """The rules of this node, kept in memory; every subject that comes in is given its veil here."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rules: list[Permission] | None = None
        self._changes = 0

    def list(self) -> list[Permission]:
        """Return every rule, oldest first."""
        known, changes = self._rules, self._changes
        if known is None:
            rows = self._db.rows(sa.select(permissions).order_by(permissions.c.created, permissions.c.id))
            known = [_read(row) for row in rows]
            if changes == self._changes:
                self._rules = known
        return known

    @property
    def changes(self) -> int:
        """How often rules were made or ended: whoever holds a subject for long asks again when this has risen."""
        return self._changes

    def changed(self) -> None:
        """Read the rules again: one was made or ended."""
        self._changes += 1
        self._rules = None

    def veiled(self, subject: Subject) -> Subject:
        """Return a subject as the rules leave it: what it does not see, and which part of the plant remains."""
        if subject.kind not in {"person", "token", "agent"}:
            return subject
        mine = [one for one in self.list() if one.concerns(subject)]
        scope = subject.scope
        for one in mine:
            if one.assets:
                scope = both(scope, one.assets)
        tables = tuple(one.tables for one in mine if not one.columns and not one.assets)
        sight = {"mask": Sight.MASKED, "hide": Sight.HIDDEN}
        taken = tuple(Taken(one.tables, name, sight[one.effect]) for one in mine for name in one.columns)
        return replace(subject, scope=scope, veil=Veil(tables, taken))

    def add(self, tx: Connection, rule: Mapping[str, Any], by: Subject) -> str:
        """Make a rule and return its id. Raises InvalidInput for a rule that would do nothing, or too much."""
        columns, assets = [str(one) for one in rule.get("columns") or ()], [str(one) for one in rule.get("assets") or ()]
        effect, tables = str(rule.get("effect") or "hide"), str(rule.get("tables") or "").lower()
        self._check(tx, str(rule["who"]), tables, columns, effect, assets)
        row = {"id": new_id(), "version": 1, "who": rule["who"], "tables": tables or "*", "columns": columns, "effect": effect}
        row |= {"assets": assets, "note": str(rule.get("note") or ""), "created": now_ns(), "created_by": by.id}
        tx.execute(permissions.insert().values(row))
        return str(row["id"])

    def remove(self, tx: Connection, permission_id: str, version: int | None = None) -> None:
        """End a rule."""
        if not tx.execute(sa.select(permissions.c.id).where(permissions.c.id == permission_id)).first():
            raise NotFound(f"there is no permission {permission_id}", code="permission.unknown")
        bump(tx, permissions, permission_id, version)
        tx.execute(permissions.delete().where(permissions.c.id == permission_id))

    def _check(self, tx: Connection, who: str, tables: str, columns: list[str], effect: str, assets: list[str]) -> None:
        kind, _, name = who.partition(":")
        if kind == "role":
            if parse_role(name) is Role.ADMIN:
                hint = "an administrator could not undo it; name persons or tokens instead"
                raise InvalidInput("a rule is never for the role admin", hint=hint, code="permission.admin")
        elif kind != "agent" or not name:  # the register of agents is further down: a rule for one to come waits for it
            _check_who(tx, who, kind, name)
        if effect not in EFFECTS:
            raise InvalidInput(f"'{effect}' is no effect", where="effect", hint="hide or mask", code="permission.effect")
        wrong = next((one for one in columns if one.startswith("@") and one not in CLASSES), None)
        if wrong is not None:
            raise InvalidInput(f"there is no class {wrong}", where="columns", hint=", ".join(CLASSES), code="permission.class")
        if not columns and not assets and tables in {"", "*"}:
            raise InvalidInput("this rule would take every table", where="tables", hint="name a table", code="permission.all")
        if assets and (columns or tables not in {"", "*"}):
            hint = "make one rule for the part of the plant and another for tables and columns"
            raise InvalidInput("a rule limits assets or tables, not both", where="assets", hint=hint, code="permission.both")
        if effect == "mask" and not columns:
            raise InvalidInput("only columns can be masked", where="columns", hint="hide the table", code="permission.mask")


def _rank(roles: Iterable[Role]) -> int:
    ladder = list(Role)
    return max((ladder.index(one) for one in roles), default=-1)


def _read(row: Mapping[str, Any]) -> Permission:
    values: dict[str, Any] = {**row, "columns": tuple(row["columns"]), "assets": tuple(row["assets"])}
    return Permission(**values)


def _check_who(tx: Connection, who: str, kind: str, name: str) -> None:
    if kind not in {"user", "token"} or not name:
        hint = "write role:planner, user:NAME, token:NAME or agent:NAME"
        raise InvalidInput(f"'{who}' is nobody", where="who", hint=hint, code="permission.who")
    table = users if kind == "user" else tokens
    if not tx.execute(sa.select(table.c.id).where(sa.or_(table.c.name == name, table.c.id == name))).first():
        raise InvalidInput(f"there is no {kind} '{name}'", where="who", code="permission.who")
