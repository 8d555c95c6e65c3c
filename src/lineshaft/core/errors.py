"""The error tree of the house: every error says what is wrong, where, and how to mend it.

LineshaftError
├── ConfigError            a setting, a model or a plugin's options are wrong: a person must mend them
├── InvalidInput           what a caller sent cannot be taken (422 at a web door)
│   └── FormulaError       a formula is wrong at a position
├── NotFound               there is no such thing (404)
├── Conflict               the thing changed meanwhile, or exists already (409)
├── NotAuthenticated       nobody known is asking (401)
├── Forbidden              the gate says no (403)
├── Retryable              may go well later without a person (503)
└── CredentialsError       a machine or an outside system refuses our credentials
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class LineshaftError(Exception):
    """A problem told in one sentence, with the place it is at and a hint how to mend it.

    `code` is stable and machine readable (`alarms.not-active`); the web interface translates by it.
    """

    code = "error"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        hint: str = "",
        code: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.details: dict[str, object] = dict(details or {})
        if code:
            self.code = code

    def __str__(self) -> str:
        """Return the sentence as people read it: where, what, how to mend."""
        place = f"{self.where}: " if self.where else ""
        mend = f" - {self.hint}" if self.hint else ""
        return f"{place}{self.what}{mend}"


class ConfigError(LineshaftError):
    """A setting, a model file or a plugin's options are wrong."""

    code = "config.invalid"


class InvalidInput(LineshaftError):
    """What a caller sent cannot be taken."""

    code = "input.invalid"


class FormulaError(InvalidInput):
    """A formula is wrong; `position` is the 0-based offset of the character that was not expected."""

    code = "formula.invalid"

    def __init__(self, what: str, *, position: int = 0, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint, details={"position": position})
        self.position = position


class NotFound(LineshaftError):
    """There is no such thing."""

    code = "not-found"


class Conflict(LineshaftError):
    """The thing was changed by somebody else meanwhile, or the step is not possible from its state."""

    code = "conflict"


class NotAuthenticated(LineshaftError):
    """Nobody known is asking."""

    code = "not-authenticated"


class Forbidden(LineshaftError):
    """The gate says no."""

    code = "forbidden"


class Retryable(LineshaftError):
    """May go well later without a person doing anything."""

    code = "retry-later"


class CredentialsError(LineshaftError):
    """A machine or an outside system refuses our credentials: retrying does not help."""

    code = "credentials.refused"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest known word, else the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known are: {', '.join(names)}" if names else ""
