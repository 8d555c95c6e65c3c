"""Who may do what, in one table: six roles from the glass wall to the key cabinet, each with all rights of those before it.

An action reads `room.verb` (`alarms.acknowledge`); a pattern ends in `*`. What a person must decide (an approval) no rule,
agent or system may ever do, whatever role it carries.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache


class Role(StrEnum):
    """A role on the shop floor, from looking to administering."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    TECHNICIAN = "technician"
    PLANNER = "planner"
    ENGINEER = "engineer"
    ADMIN = "admin"


ACTIONS: dict[Role, tuple[str, ...]] = {
    Role.VIEWER: ("read", "notifications.choose"),
    Role.OPERATOR: (
        "alarms.*",
        "values.write",
        "production.quality",
        "logbook.write",
        "downtime.code",
        "cases.request",
        "cases.answer",
        "images.add",
        "agents.ask",
        "notifications.test",
        "models.predict",
    ),
    Role.TECHNICIAN: (
        *("work-orders.*", "documents.add", "condition.record", "condition.acknowledge", "condition.return"),
        "alarm-service.*",
    ),
    Role.PLANNER: (
        "approvals.decide",
        "spares.*",
        "maintenance.*",
        "purchases.*",
        "production.*",
        "cases.*",
        "agents.judge",
        "sql.query",
        "cost.edit",
        "tiers.run",
        "notifications.*",
    ),
    Role.ENGINEER: (
        *("assets.*", "findings.*", "simulator.*", "writes.*", "compute.*", "store.flush"),
        *("audit.read", "models.*", "catalog.edit", "webhooks.*", "etl.*", "images.delete", "imports.*", "agents.*"),
        *("discovery.*", "edges.*", "sources.*", "devices.*", "rationalisation.add", "condition.*"),
    ),
    Role.ADMIN: ("*",),
}
"""What each role adds to the roles before it."""

PERSONS_ONLY: tuple[str, ...] = ("approvals.decide", "cases.answer", "models.trust")
"""What only a person (or a token a person created for it) may do: a rule never approves its own proposal."""

AGENTS_MAY: tuple[str, ...] = ("read", "sql.query", "cases.request", "writes.check", "*.propose")
"""All that an agent may ever ask for itself, whatever its role: to read, and to lay something before the people."""


@lru_cache(maxsize=64)
def patterns(role: Role) -> tuple[str, ...]:
    """Return every action pattern of a role, those it inherits included.

    >>> patterns(Role.OPERATOR)[0]
    'read'
    """
    ladder = list(Role)
    return tuple(p for step in ladder[: ladder.index(role) + 1] for p in ACTIONS[step])


@lru_cache(maxsize=4096)
def role_allows(role: Role, action: str) -> bool:
    """Say whether one role allows an action.

    >>> role_allows(Role.TECHNICIAN, "work-orders.start"), role_allows(Role.VIEWER, "alarms.reset")
    (True, False)
    """
    return any(fnmatchcase(action, pattern) for pattern in patterns(role))


def allowed(roles: Iterable[Role], kind: str, action: str) -> bool:
    """Say whether a subject of this kind with these roles may do an action, anywhere in the plant."""
    if action in PERSONS_ONLY and kind not in {"person", "token"}:
        return False
    if kind == "agent" and not any(fnmatchcase(action, pattern) for pattern in AGENTS_MAY):
        return False
    return any(role_allows(role, action) for role in roles)


def needed(action: str) -> str:
    """Name the lowest role that allows an action, for the hint of a refusal."""
    return next((role.value for role in Role if role_allows(role, action)), Role.ADMIN.value)
