"""A part of what is past its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AT_ONCE = 500
"""So many rows go in one transaction: other writers do not wait long."""


@dataclass(frozen=True, slots=True)
class Page:
    """What would go next; `mark` is where the look after it begins, None where nothing is left."""

    ids: list[str] = field(default_factory=list[str])
    size: int = 0
    oldest: int | None = None
    mark: Any = None
