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


def test_rows_a_door_refused_are_accounted_for_and_survive_a_crash(home: Home):
    store = home.store()
    store.refused("rest", "(refused)", {"unknown-property": 2, "timestamp": 1})
    give(store, 1, [("a", T0, 1.0)])
    store.refused("rest", "(refused)", {"timestamp": 1})
    expected = {"(refused)": (4, 0, 0, 0, {"unknown-property": 2, "timestamp": 2}), "a": (1, 1, 0, 0, {})}
    assert totals(store) == expected
    assert totals(home.crash().store()) == expected
    store = home.crash().store()
    store.flush()
    assert totals(home.crash().store()) == expected
    assert [stored.source for stored in home.crash().store().unprocessed()] in ([], ["m"])


def test_the_gateways_counts_are_balanced_against_ours(store: Store):
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 1, 1.0)])
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 1, 1.0)])  # a redelivery: received again, and duplicate
    rows = store.ledger({("m", "a"): 5, ("m", "new"): 4}, {("m", "a"): 2, ("m", "new"): 4}, {("m", "a"): 1})
    assert [(r.tag, r.received, r.stored, r.duplicate, r.pending, dict(r.rejected), r.balance) for r in rows] == [
        ("a", 7, 2, 2, 2, {"buffer full": 1}, 0),
        ("new", 4, 0, 0, 4, {}, 0),
    ]


def test_a_row_stored_while_the_gateway_still_holds_it_is_not_pending(store: Store):
    give(store, 1, [("a", T0, 1.0), ("a", T0 + 1, 1.0)])
    assert [(r.stored, r.pending, r.balance) for r in store.ledger({("m", "a"): 3}, {("m", "a"): 3})] == [(2, 1, 0)]
    assert [(r.stored, r.pending, r.balance) for r in store.ledger({("m", "a"): 1})] == [(2, 0, -1)]


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


def test_values_that_came_by_no_gateway_balance_beside_the_gateways(home: Home):
    store = home.store()
    give(store, 5, [("a", T0, 1.0)])
    for seq in (-7, -8, -7):
        give(store, seq, [("a", T0 + seq, 2.0), ("a", now_ns() + 7200 * SECOND, 3.0)])
    expected = [("a", 7, 4, 0, {"future": 3}, 0)]

    def told(one: Store) -> list[tuple[str, int, int, int, dict[str, int], int]]:
        rows = one.ledger({("m", "a"): 1})
        return [(r.tag, r.received, r.stored, r.duplicate, dict(r.rejected), r.balance) for r in rows]

    assert told(store) == expected
    assert told(home.crash().store()) == expected
    store = home.crash().store()
    store.flush()
    assert told(home.crash().store()) == expected


def test_a_gateway_is_never_thought_old_because_of_values_from_elsewhere(home: Home):
    store = home.store()
    for seq in range(1000, 1600):
        give(store, seq, [("a", T0 + seq, 1.0)])
    give(store, -1, [("a", T0, 1.0)])
    give(store, 1600, [("a", T0 + 1600, 1.0)])
    assert totals(store)["a"] == (602, 602, 0, 0, {})
