"""Logging in and out, users, tokens, and the audit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from lineshaft.core import parse_time
from lineshaft.doors.rest.frame.asking import COOKIE, House, Known, Reader, Sender, bearer_of
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, number_after, page, page_of
from lineshaft.doors.rest.frame.shape import (
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Name,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.guard import Subject, Token, User

router = APIRouter(tags=["guard"])
RoleName = Annotated[str, Field(examples=["planner"])]
Scope = Annotated[list[str], Field(examples=[["Bakery/Line 1"]], description="Branches of the plant; empty is all of it.")]
Digest = Annotated[str, Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])]


class LoginBody(Body):
    """A name and its password."""

    name: Annotated[str, Field(max_length=200, examples=["anna"])]
    password: Annotated[str, Field(max_length=2000, examples=["four words that nobody guesses"])]


class Me(Shape):
    """Who is asking."""

    id: Id
    name: Annotated[str, Field(examples=["anna"])]
    kind: Annotated[str, Field(examples=["person"])]
    roles: Annotated[list[str], Field(examples=[["planner"]])]
    display: Name
    scope: Scope


class LoggedIn(Shape):
    """A session: the token (also set as a cookie) and who it is."""

    token: Annotated[str, Field(examples=["lss_2Qm0"])]
    expires: Moment
    user: Me


class Done(Shape):
    """The command was done."""

    version: Version = 1


class Made(Shape):
    """What was made."""

    id: Id
    version: Version


class UserShape(Shape):
    """A person."""

    id: Id
    name: Annotated[str, Field(examples=["anna"])]
    display: Name
    roles: Annotated[list[str], Field(examples=[["planner"]])]
    scope: Scope
    created: Moment
    disabled: MaybeMoment
    version: Version


class UserBody(Body):
    """A new person."""

    name: Annotated[str, Field(max_length=100, examples=["anna"])]
    password: Annotated[str, Field(max_length=2000, examples=["four words that nobody guesses"])]
    roles: Annotated[list[str], Field(min_length=1, examples=[["planner"]])]
    display: Annotated[str, Field(max_length=200, examples=["Anna Berg"])] = ""
    scope: Scope = Field(default_factory=list[str])


class UserChange(Body):
    """What is to be different about a person; what is not named stays."""

    roles: Annotated[list[str] | None, Field(examples=[["engineer"]])] = None
    password: Annotated[str | None, Field(max_length=2000, examples=["five other words nobody guesses"])] = None
    disabled: Annotated[bool | None, Field(examples=[True])] = None
    version: SeenVersion = None


class TokenShape(Shape):
    """A program's key, without its secret."""

    id: Id
    name: Annotated[str, Field(examples=["historian export"])]
    role: RoleName
    scope: Scope
    created: Moment
    created_by: MaybeName
    expires: MaybeMoment
    disabled: MaybeMoment
    version: Version


class TokenBody(Body):
    """A new token."""

    name: Annotated[str, Field(max_length=100, examples=["historian export"])]
    role: RoleName
    expires: Annotated[str | None, Field(examples=["2027-11-20T00:00:00Z"])] = None
    scope: Scope = Field(default_factory=list[str])


class NewToken(Shape):
    """A token's secret: shown this once (null when the same command is repeated)."""

    id: Id
    secret: Annotated[str | None, Field(examples=["lst_0nLyShOwNoNcE"])]


class AuditShape(Shape):
    """One line of the audit chain."""

    seq: Annotated[int, Field(examples=[412])]
    at: Moment
    subject: MaybeName
    subject_id: Annotated[str | None, Field(examples=["0b9f6a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    subject_kind: Annotated[str, Field(examples=["person"])]
    action: Annotated[str, Field(examples=["approvals.decide"])]
    resource: Annotated[str, Field(examples=["approval:7d1c"])]
    outcome: Annotated[str, Field(examples=["ok"])]
    detail: Annotated[dict[str, Any], Field(examples=[{"body": {"decision": "approve"}}])]
    hash: Digest


class AuditCheck(Shape):
    """What a check of the whole chain found."""

    ok: Annotated[bool, Field(examples=[True])]
    rows: Annotated[int, Field(examples=[412])]
    first_bad: Annotated[int | None, Field(examples=[None])]
    reason: Annotated[str, Field(examples=[""])]
    forgotten: Annotated[int, Field(examples=[0])]
    head: Digest


@router.post("/login")
def login(rooms: House, body: LoginBody, request: Request, response: Response) -> LoggedIn:
    """Log in; the browser gets the session as a cookie that pages cannot read."""
    peer = request.client.host if request.client else ""
    session = rooms.guard.login(body.name, body.password, peer)
    secure = request.url.scheme == "https"
    age = round(rooms.guard.settings.session_hours * 3600)
    response.set_cookie(COOKIE, session.token, max_age=age, httponly=True, samesite="strict", secure=secure, path="/")
    return LoggedIn(token=session.token, expires=str(moment(session.expires)), user=_me(session.subject))


@router.post("/logout")
def logout(rooms: House, subject: Known, request: Request, response: Response) -> Done:
    """End this session; a token is not ended by this (see DELETE tokens/{id})."""
    secret = bearer_of(request.headers.get("Authorization"), request.cookies.get(COOKIE))
    if subject.kind == "person":
        rooms.guard.logout(secret)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return Done()


@router.get("/me")
def me(subject: Known) -> Me:
    """Say who is asking."""
    return _me(subject)


@router.get("/users")
def users(rooms: House, subject: Known, limit: Limit = 100, after: After = None) -> Listed[UserShape]:
    """List the people."""
    rooms.guard.gate(subject, "users.read")
    return Listed[UserShape].model_validate(page([_user(user) for user in rooms.guard.users.list()], limit, after))


@router.post("/users", status_code=201)
def add_user(sender: Sender, body: UserBody) -> Made:
    """Add a person."""
    people = sender.rooms.guard.users

    def add(tx: Any) -> dict[str, Any]:
        about = (body.name, body.password, body.roles, body.display, body.scope)
        made = people.create(tx, *about, by=sender.subject)
        return {"id": made, "version": 1}

    return Made.model_validate(sender.do("users.edit", "user", body.model_dump(), add))


@router.patch("/users/{user_id}")
def change_user(sender: Sender, user_id: str, body: UserChange) -> Done:
    """Change a person's roles or password, let them in no more, or again."""
    people = sender.rooms.guard.users

    def change(tx: Any) -> dict[str, Any]:
        version = body.version
        if body.roles is not None:
            version = people.set_roles(tx, user_id, body.roles, version)
        if body.password is not None:
            version = people.set_password(tx, user_id, body.password, version, sender.subject)
        if body.disabled is not None:
            version = (people.disable if body.disabled else people.enable)(tx, user_id, version)
        return {"version": version or 1}

    return Done.model_validate(sender.do("users.edit", f"user:{user_id}", body.model_dump(), change))


@router.get("/tokens")
def tokens(rooms: House, subject: Known, limit: Limit = 100, after: After = None) -> Listed[TokenShape]:
    """List the tokens, without their secrets."""
    rooms.guard.gate(subject, "tokens.read")
    names = rooms.guard.names()
    items = [_token(token, names) for token in rooms.guard.tokens.list()]
    return Listed[TokenShape].model_validate(page(items, limit, after))


@router.post("/tokens", status_code=201)
def add_token(sender: Sender, body: TokenBody) -> NewToken:
    """Make a token; its secret is in this answer only."""
    expires = parse_time(body.expires, where="expires") if body.expires else None

    def make(tx: Any) -> dict[str, Any]:
        guard = sender.rooms.guard
        token_id, secret = guard.create_token(tx, body.name, body.role, expires=expires, scope=body.scope, by=sender.subject)
        return {"id": token_id, "secret": secret}

    return NewToken.model_validate(sender.do("tokens.edit", "token", body.model_dump(), make))


@router.delete("/tokens/{token_id}")
def end_token(sender: Sender, token_id: str) -> Done:
    """End a token for good."""
    ended = sender.do(
        "tokens.edit", f"token:{token_id}", {}, lambda tx: {"version": sender.rooms.guard.tokens.disable(tx, token_id)}
    )
    return Done.model_validate(ended)


@router.get("/audit")
def audit(
    rooms: House,
    subject: Known,
    limit: Limit = 100,
    after: After = None,
    action: Annotated[str | None, Query(description="One action, or one room's: `alarms.`", examples=["approvals."])] = None,
) -> Listed[AuditShape]:
    """List the audit, newest first."""
    rooms.guard.gate(subject, "audit.read")
    names = rooms.guard.names()
    rows = rooms.guard.audit(limit + 1, number_after(after), action)
    items = [
        {
            "seq": row.seq,
            "at": moment(row.at),
            "subject": called(row.subject_id, names),
            "subject_id": row.subject_id,
            "subject_kind": row.subject_kind,
            "action": row.action,
            "resource": row.resource,
            "outcome": row.outcome,
            "detail": row.detail,
            "hash": row.hash,
        }
        for row in rows
    ]
    return Listed[AuditShape].model_validate(page_of(items, limit, "seq"))


@router.get("/audit/verify")
def verify(rooms: House, subject: Reader) -> AuditCheck:
    """Check the whole audit chain: that no row was edited, deleted or moved."""
    rooms.guard.gate(subject, "audit.read")
    return AuditCheck.model_validate(rooms.guard.verify())


def _me(subject: Subject) -> Me:
    roles = sorted(role.value for role in subject.roles)
    return Me(
        id=subject.id, name=subject.name, kind=subject.kind, roles=roles, display=subject.display, scope=list(subject.scope)
    )


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "display": user.display,
        "roles": sorted(role.value for role in user.roles),
        "scope": list(user.scope),
        "created": moment(user.created),
        "disabled": moment(user.disabled),
        "version": user.version,
    }


def _token(token: Token, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "scope": list(token.scope),
        "created": moment(token.created),
        "created_by": called(token.created_by or None, names),
        "expires": moment(token.expires),
        "disabled": moment(token.disabled),
        "version": token.version,
    }
