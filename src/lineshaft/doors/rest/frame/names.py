"""How people, tokens and rules are called on screen: rooms keep ids, so that a person can be forgotten."""

from __future__ import annotations

from collections.abc import Mapping

_OWN = frozenset({"rule", "system", "agent", "script"})


def called(subject_id: str | None, names: Mapping[str, str]) -> str | None:
    """Return how a subject is called; a rule or part of the node by its own name, a forgotten person not at all."""
    if subject_id is None:
        return None
    kind, _, name = subject_id.partition(":")
    return names.get(subject_id) or (name if kind in {"rule", "system", "agent", "script"} else subject_id)
