"""Pages of a list: `limit` items after the one named by `after`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query

from lineshaft.core import InvalidInput

Limit = Annotated[int, Query(ge=1, le=1000, description="How many items at most.", examples=[100])]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before.", examples=[None])]


def page(items: Sequence[dict[str, Any]], limit: int, after: str | None, key: str = "id") -> dict[str, Any]:
    """Cut one page out of a whole list; the token is the key of the last item of a page.

    >>> page([{"id": "a"}, {"id": "b"}, {"id": "c"}], 2, None)
    {'items': [{'id': 'a'}, {'id': 'b'}], 'next': 'b'}
    """
    start = 0
    if after is not None:
        start = next((n + 1 for n, item in enumerate(items) if str(item[key]) == after), -1)
        if start < 0:
            raise InvalidInput(
                "this page's token is unknown", where="after", hint="begin again without `after`", code="page.token"
            )
    cut = list(items[start : start + limit])
    more = start + limit < len(items)
    return {"items": cut, "next": str(cut[-1][key]) if more else None}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a page begins in a list that a room gives newest first: ask it for `before`, and `more` than the limit.

    Items of one moment (to the nanosecond) may lie on both sides of the cut: the room is asked for that moment again, and
    those that were shown - `shown` of them, up to `last` - are left out.
    """

    before: int | None = None
    more: int = 1
    shown: int = 0
    last: str = ""


def spot(after: str | None) -> Spot:
    """Return where a page begins. Raises InvalidInput for what was no `next`."""
    if after is None:
        return Spot()
    moment, _, rest = after.partition(".")
    at = number_after(moment) or 0
    count, _, last = rest.partition(".")
    if not rest:
        return Spot(at)
    if not count.isdigit() or len(count) > 9:
        raise InvalidInput("this page's token is unknown", where="after", hint="begin again without `after`", code="page.token")
    return Spot(at + 1, 1 + int(count), int(count), last)


def page_of(rows: Sequence[Any], limit: int, key: str, begin: Spot | None = None) -> dict[str, Any]:
    """Return a page from a room that was asked for `begin.more` items more than `limit`, before `begin.before`.

    The token names the moment of the last item in full, how many items of it were shown, and the last of them; without
    `begin` it is the number alone, for a list where no two items have the same.
    """
    start = _start(rows, key, begin)
    cut = list(rows[start : start + limit])
    if len(rows) <= start + limit or not cut:
        return {"items": cut, "next": None}
    at = _of(cut[-1], key)
    if begin is None:  # no two items have this number
        return {"items": cut, "next": str(at)}
    shown = sum(_of(one, key) == at for one in rows[: start + limit])
    return {"items": cut, "next": f"{at}.{shown}.{_of(cut[-1], 'id') or ''}"}


def _start(rows: Sequence[Any], key: str, begin: Spot | None) -> int:
    """Return how many of the items were shown already."""
    if begin is None or not begin.shown or begin.before is None:
        return 0
    same = [one for one in rows[: begin.shown] if _of(one, key) == begin.before - 1]
    found = next((n for n, one in enumerate(same) if begin.last and str(_of(one, "id")) == begin.last), None)
    return len(same) if found is None else found + 1


def _of(one: Any, key: str) -> Any:
    """Return a column of a row, or a field of a record."""
    return one.get(key) if isinstance(one, Mapping) else getattr(one, key, None)


def number_after(after: str | None) -> int | None:
    """Return a token that is a number (a time in ns, a row number). Raises InvalidInput for anything else."""
    if after is None:
        return None
    if not after.lstrip("-").isdigit() or len(after) > 20:
        raise InvalidInput("this page's token is unknown", where="after", hint="begin again without `after`", code="page.token")
    return int(after)
