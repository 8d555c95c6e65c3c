"""Who is asking, and for a command: with which key. Commands go through the guard's one gate and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from lineshaft.core import Forbidden
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Command, Subject

COOKIE = "lineshaft_session"
CSRF_HEADER = "X-Lineshaft"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def _rooms(request: Request) -> Rooms:
    return request.app.state.rooms


House = Annotated[Rooms, Depends(_rooms)]
"""The rooms, as a parameter of a route."""


def bearer_of(authorization: str | None, cookie: str | None) -> str:
    """Return the secret a request carries: the Authorization header wins over the cookie."""
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        return secret.strip() if scheme.lower() == "bearer" else ""
    return cookie or ""


def _subject(request: Request, rooms: House) -> Subject:
    authorization = request.headers.get("Authorization")
    subject = rooms.guard.authenticate(bearer_of(authorization, request.cookies.get(COOKIE)))
    request.state.subject = subject
    if authorization is None and request.method not in SAFE and request.headers.get(CSRF_HEADER) is None:
        raise Forbidden(
            "a browser session changes things only with our own header",
            where=CSRF_HEADER,
            hint=f"send the header '{CSRF_HEADER}: 1' (this stops other web sites from using your login)",
            code="csrf.missing",
        )
    if subject.kind == "agent":  # each request is one call of its day's budget
        rooms.act.agency.count(subject, f"{request.method} {request.url.path}")
    return subject


Known = Annotated[Subject, Depends(_subject)]
"""Somebody known, whatever they may do."""


def _reader(rooms: House, subject: Known) -> Subject:
    rooms.guard.gate(subject, "read")
    return subject


Reader = Annotated[Subject, Depends(_reader)]
"""Somebody who may read; what they see is filtered by `readable`."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who wants to change something, with the Idempotency-Key of the request."""

    rooms: Rooms
    subject: Subject
    key: str | None

    def do(
        self,
        action: str,
        resource: str,
        body: Mapping[str, Any],
        run: Callable[[Any], dict[str, Any]],
        asset: str = "",
    ) -> dict[str, Any]:
        """Do one command through the gate and return its answer."""
        return self.rooms.guard.perform(Command(self.subject, action, resource, body, self.key, asset), run)

    def do_outside(
        self, action: str, resource: str, body: Mapping[str, Any], work: Callable[[], dict[str, Any]], asset: str = ""
    ) -> dict[str, Any]:
        """Do a command whose work may wait for others, so must not hold a transaction: gate, work, then the record of it."""
        guard, command = self.rooms.guard, Command(self.subject, action, resource, body, self.key, asset)
        if not guard.may(self.subject, action, asset or resource):
            return guard.perform(command, lambda _tx: {})  # refused, and the refusal is audited
        before = guard.answered(command)
        if before is not None:
            return before
        answer = work()
        return guard.perform(command, lambda _tx: answer)


def _asking(
    rooms: House,
    subject: Known,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Repeating a command with the same key and body gets the same answer and is done once.",
            examples=["6f1f2c1e-0b7e-4a9c-9f57-5b5f2d7a4a10"],
        ),
    ] = None,
) -> Asking:
    return Asking(rooms, subject, key)


Sender = Annotated[Asking, Depends(_asking)]
"""The sender of a command, as a parameter of a route."""


def seen(rooms: Rooms, subject: Subject, items: list[dict[str, Any]], path: str = "asset") -> list[dict[str, Any]]:
    """Return those items whose path the subject may read."""
    if not subject.scope:
        return items
    readable = set(rooms.guard.readable(subject, "read", {str(item.get(path) or "") for item in items}))
    return [item for item in items if item.get(path) in readable]
