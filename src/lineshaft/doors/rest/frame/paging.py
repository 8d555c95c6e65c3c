"""Pages of a list: `limit` items after the one named by `after`."""

from __future__ import annotations

from collections.abc import Sequence
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


def page_of(items: Sequence[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """Return a page from a room that was asked for one item more than `limit`."""
    cut = list(items[:limit])
    return {"items": cut, "next": str(cut[-1][key]) if len(items) > limit else None}


def number_after(after: str | None) -> int | None:
    """Return a token that is a number (a time in ns, a row number). Raises InvalidInput for anything else."""
    if after is None:
        return None
    if not after.lstrip("-").isdigit() or len(after) > 20:
        raise InvalidInput("this page's token is unknown", where="after", hint="begin again without `after`", code="page.token")
    return int(after)


def pair_after(after: str | None) -> tuple[int, str] | None:
    """Return a token that is a number and a key (a time in ns, and the id of the item there). Raises InvalidInput."""
    if after is None:
        return None
    number, _, key = after.partition(".")
    return (number_after(number) or 0), key
