"""What a look brings back: a system that answered, what it says of itself, and what is open about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Found:
    """A system that answered: `gaps` are plain sentences on what is open, `facts` what it said, as JSON."""

    protocol: str
    address: str
    name: str = ""
    maker: str = ""
    model: str = ""
    gaps: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@runtime_checkable
class Hears(Protocol):
    """A source that hears systems announce themselves, so that nobody has to be asked."""

    def systems(self) -> list[dict[str, Any]]:
        """Return what it heard: name, address, tags by name, alive."""
        ...


@dataclass(frozen=True, slots=True)
class Gently:
    """How an address is asked: how long a call and a unit may take (s), which units, and `wait` before each question."""

    call: float
    unit: float
    units: tuple[int, ...]
    wait: Callable[[], Awaitable[None]]
