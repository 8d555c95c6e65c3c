"""Settings of the gate: how long sessions, answers and personal data are kept."""

from __future__ import annotations

from pydantic import Field

from lineshaft.core import Section


class GuardSettings(Section):
    """Who may do what: sessions, passwords, retention of who did what."""

    session_hours: float = Field(12, gt=0, description="A browser session ends this many hours after login.")
    password_min_length: int = Field(8, ge=8, description="Shortest password that is taken.")
    personal_retention_days: float = Field(
        730,
        ge=0,
        description="Who did what is forgotten after this many days (the audit chain stays verifiable); 0 keeps it for ever.",
    )
    idempotency_hours: float = Field(
        72, gt=0, description="For this long a repeated command with the same Idempotency-Key gets the same answer."
    )
    login_free_attempts: int = Field(
        5, ge=1, description="Wrong passwords for one name from one address before logins slow down."
    )
