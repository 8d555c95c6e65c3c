"""Guard: who may do what, and the record of who did.

Users, API tokens and sessions say who is asking (`authenticate`); one `gate` decides and filters reads; `perform` does a
change in one transaction with its Idempotency-Key and its row in the hash-chained audit. Names live in `users`, so that
retention can forget a person without breaking the chain.
"""

from lineshaft.guard.audit import NOTED, AuditReport, AuditRow
from lineshaft.guard.cli import commands
from lineshaft.guard.command import REFUSALS, Command
from lineshaft.guard.gate import Forgotten, Guard
from lineshaft.guard.permissions import Permission
from lineshaft.guard.roles import AGENTS_MAY, Role, allowed
from lineshaft.guard.sessions import Session
from lineshaft.guard.settings import GuardSettings
from lineshaft.guard.subject import Kind, Subject
from lineshaft.guard.tables import MIGRATIONS
from lineshaft.guard.tokens import Token
from lineshaft.guard.users import User
from lineshaft.guard.veil import MASK, Sight, Taken, Veil

__all__ = [
    "AGENTS_MAY",
    "MASK",
    "MIGRATIONS",
    "NOTED",
    "REFUSALS",
    "AuditReport",
    "AuditRow",
    "Command",
    "Forgotten",
    "Guard",
    "GuardSettings",
    "Kind",
    "Permission",
    "Role",
    "Session",
    "Sight",
    "Subject",
    "Taken",
    "Token",
    "User",
    "Veil",
    "allowed",
    "commands",
]
