from __future__ import annotations

from lineshaft.core import now_ns
from lineshaft.store import Store
from tests.store.conftest import Home
from tests.store.giving import SECOND, T0, give


def totals(store: Store) -> dict[str, tuple[int, int, int, int, dict[str, int]]]:
    return {row.tag: (row.received, row.stored, row.duplicate, row.balance, dict(row.rejected)) for row in store.ledger()}


def test_every_row_is_accounted_for_through_flush_and_restart(home: Home):
    store = home.store()
    future = now_ns() + 7200 * SECOND
    give(store, 1, [("a", T0, 1.0), ("a", T0, 2.0), ("a", future, 3.0), ("b", -5, 1.0)])
    give(store, 1, [("a", T0, 1.0), ("a", T0, 2.0), ("a", future, 3.0), ("b", -5, 1.0)])
    expected = {"a": (6, 2, 3, 0, {"future": 1}), "b": (2, 0, 1, 0, {"past": 1})}
    assert totals(store) == expected
    assert totals(home.crash().store()) == expected
    store = home.crash().store()
    store.flush()
    assert totals(store) == expected
    give(store, 2, [("b", T0, 1.0)])
    expected["b"] = (3, 1, 1, 0, {"past": 1})
    assert totals(home.crash().store()) == expected


def test_the_gateways_counts_are_balanced_against_ours(store: Store):
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 1, 1.0)])
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 1, 1.0)])  # a redelivery: received again, and duplicate
    rows = store.ledger({("m", "a"): 5, ("m", "new"): 4}, {("m", "a"): 2, ("m", "new"): 4}, {("m", "a"): 1})
    assert [(r.tag, r.received, r.stored, r.duplicate, r.pending, dict(r.rejected), r.balance) for r in rows] == [
        ("a", 7, 2, 2, 2, {"buffer full": 1}, 0),
        ("new", 4, 0, 0, 4, {}, 0),
    ]


def test_a_lasting_imbalance_is_a_system_event_and_a_moment_is_not(home: Home):
    store = home.store()
    give(store, 1, [("a", T0, 1.0)])
    off = store.ledger({("m", "a"): 3})
    assert [row.balance for row in off] == [2]
    assert store.check_ledger(off) == []
    assert store.check_ledger(store.ledger({("m", "a"): 1})) == []
    for _ in range(2):
        store.check_ledger(off)
    assert home.events == []
    assert store.check_ledger(off) == off
    assert home.events[-1].key == "store:ledger"
    assert "m a is off by 2" in home.events[-1].message
    store.check_ledger(store.ledger({("m", "a"): 1}))
    assert not home.events[-1].active
