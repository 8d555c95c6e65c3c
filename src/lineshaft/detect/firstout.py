"""First-out: of alarms that came together in one area, which was first - the likely cause, the rest what followed.

Worked out of the log around the alarms that stand, by the time their conditions began in the plant, so a restart loses nothing,
values that arrive in another order than they happened change nothing, and an alarm that comes again leaves no group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lineshaft.core import NS
from lineshaft.detect.lifecycle import SHOWN

WITHIN = 60 * NS
"""An alarm that begins within this time of the one before it, in the same area, follows from it."""
REACH = 60 * WITHIN
"""So far from an alarm that stands its group is looked for: longer than a flood lasts."""


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
        chain: dict[str, Mapping[str, Any]] = {}
        stands, last, before = False, 0, None
        for row in of_area:
            if chain and row["raised"] - last > within:
                found += _group(area, chain, stands=stands)
                chain, stands = {}, False
                if before is not None and row["raised"] - before["raised"] <= within:  # it had come again meanwhile
                    chain, stands = {str(before["id"]): before}, before["state"] in SHOWN
            before = row
            stands = stands or row["state"] in SHOWN
            if str(row["id"]) not in chain:
                last = int(row["raised"])
            chain[str(row["id"])] = row  # one that chatters is there once, and makes nothing else follow from it
        found += _group(area, chain, stands=stands)
    return sorted(found, key=lambda group: -group.start)


def around(stamps: Iterable[int], reach: int = REACH) -> list[tuple[int, int]]:
    """Return the windows in which groups of alarms that began at these moments are looked for.

    >>> around([100, 105, 300], 10)
    [(90, 115), (290, 310)]
    """
    found: list[tuple[int, int]] = []
    for at in sorted(stamps):
        if found and at - reach <= found[-1][1]:
            found[-1] = (found[-1][0], at + reach)
        else:
            found.append((at - reach, at + reach))
    return found


def _group(area: str, chain: Mapping[str, Mapping[str, Any]], *, stands: bool) -> list[Group]:
    if len(chain) < 2 or not stands:
        return []
    members = tuple(sorted(chain.values(), key=lambda row: (row["raised"], row["id"])))
    return [Group(area, int(members[0]["raised"]), int(members[-1]["raised"]), members)]
