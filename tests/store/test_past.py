"""What became of values over time: the difference of accounts, and the last rows that were rejected."""

from __future__ import annotations

import pytest

from lineshaft.core import now_ns
from lineshaft.store import LedgerRow, Store
from lineshaft.store.past import EVERY, Past
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give

HOUR = 3600 * SECOND


def row(tag: str, received: int, stored: int, pending: int = 0, **rejected: int) -> LedgerRow:
    return LedgerRow("m", tag, received, stored, 0, 0, rejected, pending)


@pytest.fixture
def past(store: Store) -> Past:
    store.sids("m", ["a", "b"])
    return Past(store._journal, store._series)


def test_the_difference_of_two_accounts_is_what_happened_in_between(past: Past):
    assert past.note([row("a", 10, 8, 2), row("b", 5, 5)], T0, DAY)
    assert not past.note([row("a", 11, 9, 2)], T0 + EVERY - 1, DAY)  # too soon
    assert past.note([row("a", 20, 15, 1, future=4), row("b", 9, 9)], T0 + EVERY, DAY)
    first, second = past.trace([row("a", 26, 18, 0, future=6, type=2)], T0, T0 + EVERY + SECOND)
    assert (first.start, first.end) == (T0, T0 + EVERY)
    assert (first.received, first.stored, first.pending, first.rejected) == (10, 7, 1, {"future": 4})
    assert (second.received, second.stored, second.pending, second.rejected) == (6, 3, 0, {"future": 2, "type": 2})


def test_a_whole_source_is_the_sum_of_its_tags(past: Past):
    past.note([row("a", 10, 10), row("b", 5, 5)], T0, DAY)
    (one,) = past.trace([row("a", 20, 20), row("b", 6, 4, future=2)], T0 - HOUR, T0 + HOUR)
    assert (one.received, one.stored, one.rejected) == (11, 9, {"future": 2})


def test_a_stretch_that_began_before_is_told_whole(past: Past):
    past.note([row("a", 10, 10)], T0, DAY)
    past.note([row("a", 20, 20)], T0 + HOUR, DAY)
    assert [(one.start, one.received) for one in past.trace([row("a", 30, 30)], T0 + HOUR + 1, T0 + 2 * HOUR)] == [
        (T0 + HOUR, 10)
    ]


def test_old_accounts_are_thinned_to_hours_and_then_forgotten(past: Past):
    for step in range(12):
        past.note([row("a", step, step)], T0 + step * EVERY, 30 * DAY)
    past.note([row("a", 50, 50)], T0 + 5 * DAY, 30 * DAY)
    found = past.trace([row("a", 60, 60)], T0, T0 + 5 * DAY + SECOND)
    assert [(one.start - T0) // HOUR for one in found] == [0, 1, 120]
    assert sum(one.received for one in found) == 60  # thinned out, nothing is lost
    past.note([row("a", 70, 70)], T0 + 40 * DAY, 30 * DAY)
    assert [one.start for one in past.trace([row("a", 70, 70)], T0, T0 + 40 * DAY + 1)] == [T0 + 40 * DAY]


def test_the_last_rejected_rows_are_shown_as_they_came_also_after_a_restart(home: Home):
    store = home.store()
    future = now_ns() + 7200 * SECOND
    give(store, 1, [("a", future + n, float(n)) for n in range(9)] + [("b", -5, "hot"), ("b", T0, 1.0)])
    found = [(tag, reason, one.ts - future if tag == "a" else one.ts, one.value) for tag, reason, one in store.rejected("m")]
    assert sorted(found) == [
        ("a", "future", 6, "6.0"),
        ("a", "future", 7, "7.0"),
        ("a", "future", 8, "8.0"),
        ("b", "past", -5, "hot"),
    ]
    give(store, 2, [("a", future + 100, 100.0)])
    assert {one.value for _, _, one in store.rejected("m", "a")} >= {"100.0"}
    assert len(store.rejected("m", "a")) == 3
    store.flush()
    again = home.crash().store()
    assert again.rejected("m", "b") == [("b", "past", again.rejected("m", "b")[0][2])]
    assert again.rejected("m", "b")[0][2].value == "hot"
    assert again.rejected("other") == []


def test_what_came_in_the_place_of_another_row_is_counted(home: Home):
    store = home.store()
    give(store, 1, [("a", T0, 1.0), ("a", T0 + SECOND, 2.0), ("a", T0, 3.0), ("b", T0, 1.0)])
    store.flush()
    give(store, 2, [("a", T0, 4.0), ("a", T0 + 2 * SECOND, 5.0)])
    by_tag = {one.tag: (one.stored, store.overwritten(one)) for one in store.ledger()}
    assert by_tag == {"a": (5, 2), "b": (1, 0)}
    store.flush()
    store.compact()
    assert {one.tag: store.overwritten(one) for one in store.ledger()} == {"a": 2, "b": 0}
