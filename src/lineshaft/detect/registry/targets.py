"""Where a score may be written: properties that nothing else delivers, and why the others are not free."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from lineshaft.assets import Assets, Kind, Property
from lineshaft.core import Conflict, DataType, InvalidInput, LineshaftError

SOURCE = "own models"
OURS = frozenset({"condition", "life", "models"})
"""What the house itself delivers into its properties: one of them that has no value yet waits for its first, and is not free."""


def refusal(assets: Assets, one: Property, written: Collection[str], silent: Callable[[str], bool]) -> LineshaftError | None:
    """Return why no score can be written into a property; None if it is free.

    `written` are the properties other scorers write. `silent` says that a property never had a value: one that is bound to a
    source by a prefix alone is free for a score.
    """
    if one.type is not DataType.DOUBLE or one.kind is not Kind.MEASUREMENT:
        hint = "give the asset model a measurement of type double for it"
        said = one.type if one.kind is Kind.MEASUREMENT else one.kind
        return InvalidInput(f"'{one.path}' cannot hold a score ({said})", where="property", hint=hint, code="registry.property")
    if one.path in written:
        what = f"another scorer writes '{one.path}'"
        return Conflict(what, where="property", hint="end that one first", code="registry.property")
    source = delivering(assets, one)
    if source is None or (source not in OURS and silent(one.path)):
        return None
    hint = "give the asset model a property of its own for the score"
    return Conflict(f"'{one.path}' is delivered by '{source}'", where="property", hint=hint, code="registry.property")


def delivering(assets: Assets, one: Property) -> str | None:
    """Return the source a property is bound to now; None if only scores come into it, or nothing."""
    spans = assets.spans(one.id)
    return next((span.source for span in spans if span.end_ns is None and span.source != SOURCE and span.tag), None)


def candidates(assets: Assets, below: str, search: str, reaches: Callable[[str], bool]) -> list[Property]:
    """Return the numbers a score could be written into, those below a position and those of no source first."""
    words = search.lower().split()
    found = (
        one
        for one in assets.properties()
        if one.kind is Kind.MEASUREMENT and one.type is DataType.DOUBLE and reaches(one.asset_path)
    )
    wanted = [one for one in found if all(word in one.path.lower() for word in words)]
    top = f"{below}/"
    return sorted(wanted, key=lambda one: (not one.path.startswith(top), delivering(assets, one) is not None, one.path))


def judged(
    assets: Assets, some: Iterable[Property], written: Collection[str], latest: Callable[[Sequence[str]], Sequence[Any]]
) -> list[dict[str, Any]]:
    """Say of each property whether it is free for a score, and why not."""
    rows = list(some)
    newest = latest([one.path for one in rows]) if rows else []
    quiet = {one.path for one, value in zip(rows, newest, strict=True) if value is None}
    said = [(one.path, refusal(assets, one, written, quiet.__contains__)) for one in rows]
    return [{"property": path, "free": why is None, "why": "" if why is None else why.what} for path, why in said]
