"""A version whose learned content was taken away to save room is refused, with the reason and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineshaft.core import Conflict, iso

FORGOTTEN = "forgotten"
"""The state of such a version; its figures and its origin are still there."""


def refuse_forgotten(version: Mapping[str, Any], way_out: str) -> None:
    """Raise Conflict for a version that lost what it had learned."""
    if version["forgotten"] is not None:
        what = f"what version {version['number']} had learned was taken away on {iso(version['forgotten'])[:10]} to save room"
        raise Conflict(what, hint=way_out, code="models.forgotten")
