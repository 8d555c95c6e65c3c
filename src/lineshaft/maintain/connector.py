"""What a connector to another system must do: take an approved purchase once, take a work order once, say how it goes there.

A connector may be asked for the same thing again at any time (a node was killed, an answer was lost): it looks for our mark
first and creates only what is not there. It raises `Retryable` for what time mends, `CredentialsError`, `ConfigError` or
`InvalidInput` for what a person must mend; no text of an error holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from lineshaft.core import ConfigError, Section


@dataclass(frozen=True, slots=True)
class Supply:
    """How a purchase stands in the ERP: `ordered`, `received` or `cancelled`, how much came so far, in its own words."""

    state: str
    received: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a work order stands in another maintenance system: our word for its state, its codes, its lines of history."""

    state: str
    codes: Mapping[str, str] = field(default_factory=dict[str, str])
    lines: tuple[tuple[str, str], ...] = ()
    """(id, text) each; a line is taken over once by its id."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What sending would do: `there` carries our mark already, `would` is what would be written, in the other system's fields.

    `now` is what stands in those fields there; nothing where nothing carries our mark.
    """

    there: str = ""
    would: Mapping[str, Any] = field(default_factory=dict[str, Any])
    now: Mapping[str, Any] = field(default_factory=dict[str, Any])


SUPPLY = ("ordered", "received", "cancelled")
PROGRESS = ("open", "assigned", "in_progress", "on_hold", "done", "cancelled")


class Connector:
    """A system that purchases or work orders go to. A plugin overrides what its system can do."""

    Options: ClassVar[type[Section]] = Section
    purchases: ClassVar[bool] = False
    orders: ClassVar[bool] = False
    remote: ClassVar[bool] = True
    """Whether a request may still be on the line after we died: what is done here at once need not be waited for."""

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Order, or return the reference of the order that carries this purchase's mark already."""
        raise ConfigError(f"this system takes no purchases ({purchase['number']})", where="[maintain] erp")

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal | None:
        """Say what ordering would write, only by reading there; None where the system does not tell."""
        del purchase

    def supply(self, purchase: Mapping[str, Any]) -> Supply | None:
        """Say how an ordered purchase stands; None where the system does not tell."""
        del purchase

    def place(self, order: Mapping[str, Any]) -> str:
        """Create a work order there, or return the reference of the one that carries its mark already."""
        raise ConfigError(f"this system takes no work orders ({order['number']})", where="[maintain] cmms")

    def rehearse_order(self, order: Mapping[str, Any]) -> Rehearsal | None:
        """Say what placing a work order would write, only by reading there; None where the system does not tell."""
        del order

    def progress(self, order: Mapping[str, Any], reference: str) -> Progress | None:
        """Say how a placed work order stands; None where the system does not tell."""
        del order, reference

    def check(self) -> str:
        """Reach the system and say in a few words what answered."""
        return ""


class ConnectorPlugin(Protocol):
    """How a plugin is made: from the node's data folder and its options."""

    Options: type[Section]

    def __call__(self, home: Path, options: Any) -> Connector:
        """Make the connector; nothing is reached yet."""
        ...


def short_mark(thing: Mapping[str, Any], length: int) -> str:
    """Return a mark for a field of few characters: the digits of its number, then as much of its id as fits.

    >>> short_mark({"number": "PO-000007", "id": "1f0c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"}, 10)
    '0000071f0c'
    """
    digits = str(thing["number"]).rpartition("-")[2]
    return (digits + str(thing["id"]).replace("-", ""))[:length]


def mark_of(thing: Mapping[str, Any]) -> str:
    """Return what tells our purchase or order from all others in the other system: its number, and the start of its id.

    >>> mark_of({"number": "PO-000007", "id": "1f0c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"})
    'PO-000007/1f0c9a52'
    """
    return f"{thing['number']}/{str(thing['id'])[:8]}"
