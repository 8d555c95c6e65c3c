"""Passwords are kept as Argon2id hashes only; checking an unknown name costs the same time as a known one."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lineshaft.core import InvalidInput

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's small-memory profile (19 MiB, 2 passes): an edge box has other things to do."""

_at_once = threading.BoundedSemaphore(2)
"""A flood of logins may not take all memory and cores from the machines' data."""

_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$ZoI9ob6iWdMm2a349OIpsw$26NjFwXHo4oxdxOqHfoQmEC4zkvMewlHvg+9hMyWgZM"


def hash_password(password: str) -> str:
    """Return the salted hash to keep."""
    with _at_once:
        return _hasher.hash(password)


def check_password(kept: str | None, password: str) -> bool:
    """Say whether the password is right; takes as long when nothing is kept."""
    with _at_once:
        try:
            return _hasher.verify(kept or _NOBODY, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Say whether a kept hash was made with older parameters and should be renewed at this login."""
    return _hasher.check_needs_rehash(kept)


def generate() -> str:
    """Return a fresh password for a first login, easy to read aloud.

    >>> len(generate())
    19
    """
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def refuse_weak(password: str, name: str, min_length: int) -> None:
    """Raise InvalidInput for a password that is too short or is the name itself."""
    if len(password) < min_length:
        raise InvalidInput(
            f"this password has {len(password)} characters",
            hint=f"take at least {min_length}; a sentence is easy to remember",
            code="password.weak",
        )
    if password.lower() == name.lower():
        raise InvalidInput("the password is the name", hint="take another one", code="password.weak")
    if len(password) > 1024:
        raise InvalidInput("this password is longer than 1,024 characters", hint="take a shorter one", code="password.weak")
