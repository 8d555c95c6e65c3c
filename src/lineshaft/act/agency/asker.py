"""Who asked for a piece of work, kept with it: the agent that does it sees no more than they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineshaft.guard import Sight, Subject, Taken, Veil


def kept(by: Subject) -> dict[str, Any]:
    """Return what somebody sees and reaches, as it is kept."""
    return {"scope": list(by.scope), "veil": [list(by.veil.tables), [list(one) for one in by.veil.columns]]}


def asker(said: Mapping[str, Any]) -> Subject | None:
    """Return the sight of whoever asked for a run, as it was kept with it."""
    sight = said.get("_sight")
    if not sight:
        return None
    tables, columns = sight["veil"]
    veil = Veil(tuple(tables), tuple(Taken(one[0], one[1], Sight(one[2])) for one in columns))
    return Subject("asker", "asker", "person", scope=tuple(sight["scope"]), veil=veil)
