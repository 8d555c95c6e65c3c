"""What storage costs, computed again by hand from the files that are really there."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from lineshaft.core import Conflict, InvalidInput
from lineshaft.store import Change, Costs, CostSettings, Scale, Store, TiersSettings
from lineshaft.store.tables import storage_sizes
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give

HOUR = 3600 * SECOND
NOW = T0 + 6 * HOUR


def filled(home: Home, hours: int = 6, every: int = 10) -> Store:
    """A store that got 10 tags every `every` seconds for so long, all of it in the lake."""
    store = home.store()
    rows = [
        (f"t{tag}", T0 + second * SECOND, float(second % 97 + tag))
        for second in range(0, hours * 3600, every)
        for tag in range(10)
    ]
    give(store, 1, rows)
    store.flush()
    return store


def size_of(home: Home, table: str) -> int:
    return sum(path.stat().st_size for path in (home.path / "lake" / table).rglob("*.parquet"))


def test_without_data_there_is_no_value(store: Store):
    found = store.cost.prognosis(NOW)
    assert found.pace.rows_per_s is None
    assert found.months == ()
    assert found.what_if == ()


def test_data_of_a_minute_is_not_enough_to_say_how_it_grows(home: Home):
    store = home.store()
    give(store, 1, [("t", T0 + n * SECOND, 1.0) for n in range(60)])
    store.flush()
    found = store.cost.prognosis(T0 + 60 * SECOND)
    assert found.pace.rows_per_s is None
    assert found.months == ()
    assert "samples" in found.unmeasured


def test_growth_is_what_was_measured(home: Home):
    store = filled(home)
    found = store.cost.prognosis(NOW)
    assert found.pace.rows_per_s == pytest.approx(1.0, rel=0.01)  # 10 tags every 10 s
    size = size_of(home, "samples")
    assert found.pace.bytes_per_row == pytest.approx(size / 21_600)
    samples = next(line for line in found.lines if line.table == "samples")
    assert (samples.tier, samples.size, samples.rows) == ("local", size, 21_600)
    assert samples.rate.day == pytest.approx(86_400 * size / 21_600, rel=0.01)
    now, month, _, year = found.per_table["samples", "local"]
    assert now == size
    assert month == pytest.approx(size + 30 * samples.rate.day)
    assert year == pytest.approx(size + 360 * samples.rate.day)


def test_money_is_size_times_price(home: Home):
    store = filled(home)
    found = store.cost.prognosis(NOW)
    prices = found.terms.prices
    by_hand = sum(line.size * prices[line.tier] for line in found.lines) / 1e9
    assert found.now.money == pytest.approx(by_hand)
    assert found.months[-1].days == 360
    assert found.months[-1].money > found.months[0].money > found.now.money
    journal = (home.path / "journal.db").stat().st_size + (home.path / "journal.db-wal").stat().st_size
    assert next(line.size for line in found.lines if line.table == "(journal)") == journal


def test_values_of_long_ago_do_not_make_the_growth_of_now(home: Home):
    store = filled(home)
    give(store, 2, [("old", T0 - 400 * DAY + n * SECOND, 1.0) for n in range(50_000)])
    store.flush()
    assert store.cost.prognosis(NOW).pace.rows_per_s == pytest.approx(1.0, rel=0.01)


def test_a_plant_that_stands_still_grows_slower(home: Home):
    store = filled(home)
    assert store.cost.prognosis(NOW + 18 * HOUR).pace.rows_per_s == pytest.approx(0.25, rel=0.01)


def test_files_that_were_replaced_are_counted_until_they_are_swept(home: Home):
    store = filled(home)
    give(store, 2, [("t0", T0 + n * SECOND, 5.0) for n in range(1, 4)])
    store.flush()
    before = {line.table: line.size for line in store.cost.prognosis(NOW).lines}
    assert "(replaced files)" not in before
    store.compact()
    found = {line.table: line for line in store.cost.prognosis(NOW).lines}
    assert found["(replaced files)"].size >= before["samples"]
    assert found["(replaced files)"].rate.day == 0.0  # as many come as are swept
    assert found["minute"].size == size_of(home, "minute")
    assert found["minute"].rate.day == pytest.approx(size_of(home, "minute") * 4, rel=0.05)  # six hours of a day
    store.sweep(2**62)
    assert "(replaced files)" not in {line.table for line in store.cost.prognosis(NOW).lines}


def test_a_named_table_grows_as_its_noted_sizes_say(home: Home):
    store = filled(home)
    rows = pa.table({"n": list(range(5000))})
    store.sql.tablets.write("shifts", Change(rows, "append"))
    first = next(line for line in store.cost.prognosis(NOW).lines if line.table == "shifts")
    assert first.rate.day is None  # seen only once
    store.cost.note(NOW)
    store.sql.tablets.write("shifts", Change(rows, "append"))
    later = next(line for line in store.cost.prognosis(NOW + 12 * HOUR).lines if line.table == "shifts")
    assert later.size == 2 * first.size
    assert later.rate.day == pytest.approx(2 * first.size)  # one more in half a day


def test_a_tier_rule_moves_what_is_older(home: Home):
    store = filled(home)
    plain = store.cost.prognosis(NOW)
    store.cost.rules = lambda: {"samples": 30}
    ruled = store.cost.prognosis(NOW)
    rate = next(line for line in plain.lines if line.table == "samples").rate.day or 0.0
    assert ruled.now == plain.now
    assert ruled.months[11].sizes["object"] == pytest.approx(size_of(home, "samples") + 330 * rate)
    assert ruled.months[11].sizes["local"] == pytest.approx(plain.months[11].sizes["local"] - ruled.months[11].sizes["object"])
    assert ruled.months[11].money < plain.months[11].money
    by_age = {one.older_than: one.money for one in plain.what_if}
    assert by_age[7] < by_age[30] < by_age[90] < plain.months[11].money
    assert by_age[365] == pytest.approx(plain.months[11].money)


def test_a_budget_warns_before_it_is_exceeded_and_ends_by_itself(home: Home):
    store = filled(home)
    rate = next(line for line in store.cost.prognosis(NOW).lines if line.table == "samples").rate.day or 0.0
    local = store.cost.prognosis(NOW).now.sizes["local"]
    with home.db.begin() as tx:
        store.cost.edit(tx, {"budget": {"local": (local + 20.5 * rate) / 1e9}})
    (event,) = store.cost.warn(NOW)
    assert (event.key, event.severity, event.active) == ("cost:budget:local", "warning", True)
    assert "exceeded on 2026-01-22 (in 21 days)" in event.message
    assert "tier rule" in event.hint
    assert home.events[-1] == event
    with home.db.begin() as tx:
        store.cost.edit(tx, {"budget": {"local": (local + 100 * rate) / 1e9}}, 1)
    assert store.cost.warn(NOW) == []  # too far ahead
    assert (home.events[-1].key, home.events[-1].active) == ("cost:budget:local", False)
    with home.db.begin() as tx:
        store.cost.edit(tx, {"budget": {"local": local / 2e9, "money": 0.0}}, 2)
    assert {(one.key, one.severity) for one in store.cost.warn(NOW)} == {
        ("cost:budget:local", "error"),
        ("cost:budget:money", "error"),
    }
    with home.db.begin() as tx:
        store.cost.edit(tx, {"budget": {"local": None, "money": None}}, 3)
    assert store.cost.warn(NOW) == []
    assert [one.active for one in home.events[-2:]] == [False, False]


def test_prices_are_the_settings_until_somebody_writes_others(home: Home):
    home.store()
    settings = CostSettings(currency="EUR", price_local=0.2, budget_money=50)
    costs = Costs(Scale.outside(home.path), home.db, settings, 0)
    assert (costs.terms().currency, costs.terms().prices["local"], costs.terms().money) == ("EUR", 0.2, 50)
    with home.db.begin() as tx:
        assert costs.edit(tx, {"prices": {"local": 0.1}}) == 1
        with pytest.raises(Conflict):
            costs.edit(tx, {"prices": {"local": 0.3}}, 7)
        with pytest.raises(InvalidInput):
            costs.edit(tx, {"prices": {"hot": -1.0}}, 1)
        assert costs.edit(tx, {"budget": {"money": None}, "currency": "CHF"}, 1) == 2
    terms = costs.terms()
    assert (terms.currency, terms.prices["local"], terms.prices["hot"], terms.money) == ("CHF", 0.1, 0.08, None)


def test_sizes_are_noted_and_thinned_out(home: Home):
    store = filled(home)
    for step in range(40):
        store.cost.note(NOW + step * 600 * SECOND)
    assert len(store.cost.history(0)) == 40
    store.cost.note(NOW + 10 * DAY)
    moments = [at for at, _ in store.cost.history(0)]
    assert len(moments) == 8  # seven hours, each its first, and now
    store.cost.note(NOW + 60 * DAY)
    assert len(store.cost.history(0)) == 3
    assert store.cost.history(0)[0][1]["local"] >= size_of(home, "samples")
    assert home.db.rows(sa.select(sa.func.count().label("n")).select_from(storage_sizes))[0]["n"] > 3


def test_it_is_seen_from_outside_while_the_node_runs(home: Home):
    inside = filled(home)
    outside = Costs(Scale.outside(home.path), home.db, CostSettings(), 7 * DAY)
    mine, theirs = inside.cost.prognosis(NOW), outside.prognosis(NOW)
    assert theirs.pace.rows_per_s == pytest.approx(mine.pace.rows_per_s, rel=0.01)
    sizes = {line.table: line.size for line in theirs.lines}
    assert sizes["samples"] == size_of(home, "samples")
    assert "(memory)" not in sizes
    assert Path(home.path / "journal.db").exists()


def test_the_tiers_rules_and_what_lies_elsewhere_are_counted(home: Home):
    rules = [{"table": "samples", "older": "30d"}, {"table": "minute", "older": "2w"}]
    settings = TiersSettings.model_validate({"bucket": "archive", "endpoint": "http://127.0.0.1:9", "rules": rules})
    store = Store(home.path, None, home.db, bus=home.bus, tiers=settings)
    home._open.append(store)
    give(store, 1, [("t", T0 + n * 10 * SECOND, float(n)) for n in range(360)])
    store.flush()
    here = store.cost.prognosis(NOW)
    assert here.rules == {"samples": 30, "minute": 14}
    assert here.now.sizes["object"] == 0
    size = size_of(home, "samples")
    rate = next(line for line in here.lines if line.table == "samples").rate.day or 0.0
    assert here.months[11].sizes["object"] == pytest.approx(size + 330 * rate)
    store._index.elsewhere = lambda file: file.kind == "samples"
    there = store.cost.prognosis(NOW)
    assert there.now.sizes["object"] == size
    assert there.now.money == pytest.approx(here.now.money - size * (0.045 - 0.023) / 1e9, rel=1e-3)


def test_files_that_went_to_object_storage_are_seen_from_outside(home: Home):
    filled(home)
    (path,) = (home.path / "lake" / "samples").rglob("day=*/*.parquet")
    name, size = path.relative_to(home.path / "lake" / "samples").as_posix(), path.stat().st_size
    with sqlite3.connect(home.path / "journal.db") as journal:
        journal.execute("insert into objects values('samples', ?, 'k', 'there', ?, '', '', 1)", (name, size))
    outside = Costs(Scale.outside(home.path), home.db, CostSettings(), 7 * DAY)
    assert outside.prognosis(NOW).now.sizes["object"] == 0  # it was brought back: it is here too
    path.unlink()
    assert outside.prognosis(NOW).now.sizes["object"] == size
