"""Pages of lists whose items share a nanosecond: nothing is left out and nothing told twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lineshaft.core import InvalidInput
from lineshaft.doors.rest.frame.paging import page_of, spot

T0 = 1_767_225_600_123_456_789
ROWS = [{"id": f"i{n:02}", "at": T0 - at} for n, at in enumerate([0, 0, 0, 1, 2, 2, 2, 2, 3, 900, 900, 1000])]


def room(rows: list[dict[str, Any]], limit: int, before: int | None) -> list[dict[str, Any]]:
    """A room's list: newest first, by id within a moment."""
    found = sorted((row for row in rows if before is None or row["at"] < before), key=lambda row: (-row["at"], row["id"]))
    return found[:limit]


@pytest.mark.parametrize("limit", range(1, 14))
def test_every_item_comes_once(limit: int):
    found: list[str] = []
    after: str | None = None
    for _ in range(20):
        begin = spot(after)
        page = page_of(room(ROWS, limit + begin.more, begin.before), limit, "at", begin)
        found += [row["id"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert found == [row["id"] for row in ROWS]


def test_what_left_the_list_meanwhile_takes_no_other_with_it():
    rows = list(ROWS)
    begin = spot(None)
    first = page_of(room(rows, 6 + begin.more, begin.before), 6, "at", begin)
    rows.remove(rows[4])  # of the moment that the page ended in
    begin = spot(first["next"])
    second = page_of(room(rows, 20 + begin.more, begin.before), 20, "at", begin)
    assert [row["id"] for row in second["items"]] == [f"i{n:02}" for n in range(6, 12)]


def test_new_items_do_not_shift_a_page():
    begin = spot(None)
    first = page_of(room(ROWS, 5 + begin.more, begin.before), 5, "at", begin)
    rows = [*({"id": f"new{n}", "at": T0 + 1 + random.randrange(9)} for n in range(4)), *ROWS]
    begin = spot(first["next"])
    second = page_of(room(rows, 20 + begin.more, begin.before), 20, "at", begin)
    assert [row["id"] for row in second["items"]] == [f"i{n:02}" for n in range(5, 12)]


@pytest.mark.parametrize("token", ["x", "1.x.y", "1.99999999999999.i", "99999999999999999999999"])
def test_what_was_no_token_is_refused(token: str):
    with pytest.raises(InvalidInput, match="token is unknown"):
        spot(token)
