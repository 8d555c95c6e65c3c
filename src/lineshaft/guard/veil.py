"""What a subject does not see: tables, columns hidden or masked, decided in one place for every way of reading.

Everybody who may read sees all tables of their part of the plant; a permission takes something away. A column is named by
itself (`assigned_to`), by a pattern (`*_cost`), or by what it holds (`@person`, `@cost`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import NamedTuple


class Sight(IntEnum):
    """How a subject sees a column; the higher one wins where two rules meet."""

    SHOWN = 0
    MASKED = 1
    HIDDEN = 2


PERSON, COST = "@person", "@cost"
CLASSES: Mapping[str, tuple[str, ...]] = {
    PERSON: (
        *("acknowledged_by", "actor", "approved_by", "assigned_to", "assignee", "author", "by", "created_by", "decided_by"),
        *("done_by", "entered_by", "found_by", "labelled_by", "login", "operator", "owner_person", "person", "persons"),
        *("proposed_by", "reported_by", "requested_by", "signed_by", "subject", "subject_id", "technician", "technicians"),
        *("verified_by", "waiting_for_person", "shelved_by", "released_by", "applied_by", "holder", "inspector", "who"),
    ),
    COST: (
        *("cost", "costs", "money", "money_per_hour", "price", "rate", "unit_cost", "value_at_risk", "downtime_rate"),
        *("*_cost", "cost_*", "*_costs", "*_price", "*_rate_money", "labour_rate", "hourly_rate"),
    ),
}
"""Names of columns that hold the name of a person, or money."""
MASK = "•••"
"""What stands in place of a masked text; a masked number or time is empty."""


class Taken(NamedTuple):
    """One column taken away: of which tables, which columns, how."""

    tables: str
    columns: str
    sight: Sight


@dataclass(frozen=True, slots=True)
class Veil:
    """All that permissions take away from one subject; an empty one takes nothing."""

    tables: tuple[str, ...] = ()
    columns: tuple[Taken, ...] = ()

    def __bool__(self) -> bool:
        """Say whether it takes anything away."""
        return bool(self.tables or self.columns)

    def sight(self, table: str, column: str = "") -> Sight:
        """Decide how a column of a table is seen; without a column, the table itself (shown or hidden)."""
        if any(fnmatchcase(table, pattern) for pattern in self.tables):
            return Sight.HIDDEN
        if not column:
            return Sight.SHOWN
        return self.column(table, column)

    def column(self, table: str, column: str) -> Sight:
        """Decide how a column is seen by the rules for columns alone."""
        found = [one.sight for one in self.columns if fnmatchcase(table, one.tables) and names(one.columns, column)]
        return max(found, default=Sight.SHOWN)

    def anywhere(self, column: str) -> Sight:
        """Decide how a column is seen where nobody knows of which table it is: as where it is seen least."""
        return max((one.sight for one in self.columns if names(one.columns, column)), default=Sight.SHOWN)

    def touches(self, table: str) -> bool:
        """Say whether any column of a table is taken away."""
        return any(fnmatchcase(table, one.tables) for one in self.columns)


def names(pattern: str, column: str) -> bool:
    """Say whether a pattern or a class names a column.

    >>> names("@person", "assigned_to"), names("unit_*", "unit_cost"), names("@cost", "name")
    (True, True, False)
    """
    return any(fnmatchcase(column, one) for one in CLASSES.get(pattern, (pattern,)))
