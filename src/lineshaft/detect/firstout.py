"""First-out: of alarms that came together in one area, which was first - the likely cause, the rest what followed.

Worked out of the alarms as they stand, by the time their conditions began in the plant, so a restart loses nothing and values
that arrive in another order than they happened change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lineshaft.core import NS
from lineshaft.detect.lifecycle import SHOWN

WITHIN = 60 * NS
"""An alarm that begins within this time of the one before it, in the same area, follows from it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Alarms that came together; `alarms` in the order they began, the first is the first-out."""

    area: str
    start: int
    end: int
    alarms: tuple[Mapping[str, Any], ...]

    @property
    def first(self) -> Mapping[str, Any]:
        """The alarm that began it."""
        return self.alarms[0]


def groups(rows: Sequence[Mapping[str, Any]], within: int = WITHIN) -> list[Group]:
    """Return the groups of two or more alarms of which at least one still stands, newest first.

    An alarm that is normal again and seen still belongs to its group while another of it stands: the first-out stays known.
    """
    raised = sorted((row for row in rows if row["raised"] is not None), key=lambda row: (row["area"], row["raised"], row["id"]))
    found: list[Group] = []
    for area, of_area in groupby(raised, key=lambda row: str(row["area"])):
        chain: list[Mapping[str, Any]] = []
        for row in of_area:
            if chain and row["raised"] - chain[-1]["raised"] > within:
                found += _group(area, chain)
                chain = []
            chain.append(row)
        found += _group(area, chain)
    return sorted(found, key=lambda group: -group.start)


def _group(area: str, chain: Sequence[Mapping[str, Any]]) -> list[Group]:
    if len(chain) < 2 or not any(row["state"] in SHOWN for row in chain):
        return []
    return [Group(area, int(chain[0]["raised"]), int(chain[-1]["raised"]), tuple(chain))]
