"""How a table is laid before a subject: columns hidden or masked before anything filters, joins or counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineshaft.guard import MASK, Sight, Subject

Columns = Sequence[tuple[str, str]]
"""Names and types of a table's columns."""
_TEXTS = frozenset({"text", "varchar", "string", "large_string"})


def sights(subject: Subject, table: str, columns: Iterable[str], made_of: Iterable[str] = ()) -> dict[str, Sight]:
    """Return how each column is seen; a table made of others keeps what is taken away from theirs, by name."""
    tables = (table, *made_of)
    return {name: max(subject.veil.column(one, name) for one in tables) for name in columns}


def select_list(subject: Subject, table: str, columns: Columns, made_of: Iterable[str] = ()) -> str:
    """Return what stands between SELECT and FROM so that a subject sees only what it may; `*` where nothing is taken."""
    seen = sights(subject, table, [name for name, _ in columns], made_of)
    if not any(seen.values()):
        return "*"
    parts = [_expression(name, kind, seen[name]) for name, kind in columns if seen[name] is not Sight.HIDDEN]
    return ", ".join(parts) or "null as nothing"


def _expression(name: str, kind: str, sight: Sight) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if sight is Sight.SHOWN:
        return quoted
    if kind.lower() in _TEXTS:
        return f"'{MASK}' as {quoted}"
    return f"case when false then {quoted} end as {quoted}"


def prunes(subject: Subject, table: str, columns: Iterable[str]) -> bool:
    """Say whether conditions on these columns may pick rows early: not where the true value is taken away."""
    return not any(sights(subject, table, columns).values())
