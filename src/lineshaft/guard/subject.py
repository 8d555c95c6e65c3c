"""Who is asking: a person, a token, a rule, a script, an agent or the node itself, with roles and a part of the plant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from lineshaft.guard.roles import Role
from lineshaft.guard.veil import Sight, Veil

NOWHERE = "//"
"""A branch of the plant that nothing lies in."""

Kind = Literal["person", "token", "rule", "script", "agent", "system"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody or something known to the gate.

    `scope` limits a subject to branches of the plant (`Bakery/Line 1`); empty means the whole plant. `veil` is what
    permissions take away.
    """

    id: str
    name: str
    kind: Kind
    roles: frozenset[Role] = field(default_factory=frozenset[Role])
    display: str = ""
    scope: tuple[str, ...] = ()
    veil: Veil = field(default_factory=Veil)

    @staticmethod
    def system(name: str) -> Subject:
        """Return the node itself (start-up, retention, the command line of whoever owns the machine)."""
        return Subject(f"system:{name}", name, "system", frozenset({Role.ADMIN}), name)

    @staticmethod
    def rule(name: str) -> Subject:
        """Return a process or rule: it plans and orders maintenance, and never acknowledges or approves for a person."""
        return Subject(f"rule:{name}", name, "rule", frozenset({Role.TECHNICIAN, Role.PLANNER}), name)

    @staticmethod
    def agent(name: str, role: Role, scope: tuple[str, ...] = ()) -> Subject:
        """Return an agent: it reads and proposes, and does nothing that its register does not let it."""
        return Subject(f"agent:{name}", name, "agent", frozenset({role}), name, scope)

    def reaches(self, path: str) -> bool:
        """Say whether an asset or property path lies in the subject's part of the plant."""
        return not self.scope or any(path == branch or path.startswith(branch + "/") for branch in self.scope)

    def narrowed(self, other: Subject) -> Subject:
        """Return the subject as it is when it works for another one: it sees and reaches no more than that one does."""
        veil = Veil(self.veil.tables + other.veil.tables, self.veil.columns + other.veil.columns)
        return replace(self, scope=both(self.scope, other.scope) if other.scope else self.scope, veil=veil)

    def sight(self, table: str, column: str = "") -> Sight:
        """Say how the subject sees a column of a table, or the table itself: the one decision behind every way of reading."""
        return self.veil.sight(table, column)


def both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the branches that lie in both; where there are none, a branch that nothing lies in.

    >>> both(("Bakery",), ("Bakery/Line 1",)), both(("A",), ("B",))
    (('Bakery/Line 1',), ('//',))
    """
    if not one:
        return other
    found = [a for a in one for b in other if a == b or a.startswith(b + "/")]
    found += [b for a in one for b in other if b.startswith(a + "/")]
    return tuple(dict.fromkeys(found)) or (NOWHERE,)
