"""Permissions: what an administrator takes away from a role, a person or a token - tables, columns, parts of the plant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Known, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import Body, Id, Listed, Moment, Shape, Version, moment
from lineshaft.guard import Permission

router = APIRouter(tags=["guard"])
Who = Annotated[str, Field(max_length=200, examples=["role:planner"], description="role:ROLE, user:NAME or token:NAME")]
Tables = Annotated[str, Field(max_length=200, examples=["purchases"], description="A table of the catalog, or a pattern (`*`).")]
Columns = Annotated[
    list[Annotated[str, Field(max_length=100)]],
    Field(max_length=100, examples=[["@cost"]], description="Names, patterns, `@person` or `@cost`; none takes the table."),
]
Effect = Annotated[str, Field(examples=["mask"], description="hide or mask")]
Branches = Annotated[list[Annotated[str, Field(max_length=400)]], Field(max_length=100, examples=[[]])]
Why = Annotated[str, Field(max_length=1000, examples=["prices are agreed with suppliers"])]


class PermissionShape(Shape):
    """One rule."""

    id: Id
    who: Who
    tables: Tables
    columns: Columns
    effect: Effect
    assets: Branches
    note: Why
    created: Moment
    created_by: Annotated[str | None, Field(examples=["Anna Berg"])]
    version: Version


class PermissionBody(Body):
    """A new rule: tables or columns to take away, or the parts of the plant that remain."""

    who: Who
    tables: Tables = ""
    columns: Columns = Field(default_factory=list[str])
    effect: Effect = "hide"
    assets: Branches = Field(default_factory=list[str])
    note: Why = ""


class PermissionDone(Shape):
    """The rule that was made or ended."""

    id: Id


@router.get("/permissions")
def permissions(rooms: House, subject: Known, limit: Limit = 100, after: After = None) -> Listed[PermissionShape]:
    """List the rules."""
    rooms.guard.gate(subject, "permissions.read")
    names = rooms.guard.names()
    items = [_rule(one, names) for one in rooms.guard.permissions.list()]
    return Listed[PermissionShape].model_validate(page(items, limit, after))


@router.post("/permissions", status_code=201)
def add(sender: Sender, body: PermissionBody) -> PermissionDone:
    """Take something away; it holds from the next request on."""
    rules, subject = sender.rooms.guard.permissions, sender.subject

    def run(tx: Any) -> dict[str, Any]:
        return {"id": rules.add(tx, body.model_dump(), subject)}

    return PermissionDone.model_validate(sender.do("permissions.edit", "permission", body.model_dump(), run))


@router.delete("/permissions/{permission_id}")
def end(sender: Sender, permission_id: str) -> PermissionDone:
    """End a rule: what it took away is seen again."""

    def run(tx: Any) -> dict[str, Any]:
        sender.rooms.guard.permissions.remove(tx, permission_id)
        return {"id": permission_id}

    return PermissionDone.model_validate(sender.do("permissions.edit", f"permission:{permission_id}", {}, run))


def _rule(one: Permission, names: dict[str, str]) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in ("id", "who", "tables", "effect", "note", "version")}
    lists = {"columns": list(one.columns), "assets": list(one.assets)}
    return {**plain, **lists, "created": moment(one.created), "created_by": called(one.created_by or None, names)}
