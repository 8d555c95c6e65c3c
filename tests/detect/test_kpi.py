"""Alarm figures counted by hand beside the node's: what was annunciated counts, in event time, per operator."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import NS, InvalidInput
from lineshaft.detect import alarm as register
from lineshaft.detect.benchmark import BOUNDS, judge
from lineshaft.detect.kpi import PERIOD, Flood, Span, _counts
from lineshaft.detect.tables import _order, _widen
from tests.detect.conftest import OPERATOR, PUMP, Watch

TWELVE = [f"  - {{name: A{n:02}, property: Vibration, operator: '>', limit: {10 + n}}}" for n in range(12)]
ALERT = "  - {name: Warm, property: Temperature, operator: '>', limit: 50, kind: alert}"
TWO_HOURS = (0, 7200 * NS)


@pytest.fixture
def busy(make, monkeypatch) -> Watch:
    """Twelve alarms at 10 min that go after 5 s; one of them again at 1300, 1320 and 1340 s; it is acknowledged at 1400 s."""
    watch: Watch = make(*TWELVE, ALERT)
    ticks = itertools.count(1340 * NS)
    monkeypatch.setattr(register, "now_ns", lambda: next(ticks))
    watch.feed((600, 100.0), (605, 0.0))
    watch.feed((1300, 10.5), (1310, 0.0), (1320, 10.5), (1330, 0.0), (1340, 10.5))
    watch.feed((700, 90.0), tag="Pump/Temperature")
    monkeypatch.setattr(register, "now_ns", lambda: 1400 * NS)
    with watch.db.begin() as tx:
        watch.detect.acknowledge(tx, watch.named("A00")["id"], OPERATOR)
    return watch


def test_the_figures_are_those_counted_by_hand(busy):
    found = busy.detect.kpis(*TWO_HOURS)
    assert (found.alarms, found.per_hour, found.peak_10min) == (15, 7.5, 12)
    assert found.periods == (12, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert found.floods == (Flood(0, 600 * NS, 12, 12),)
    assert [(one.name, one.count) for one in found.top][:2] == [("A00", 4), ("A01", 1)]
    assert len(found.top) == 10
    assert [(one.name, one.count) for one in found.chattering] == [("A00", 3)]
    assert [(one.name, one.count) for one in found.fleeting][:2] == [("A00", 3), ("A01", 1)]
    assert len(found.fleeting) == 12
    assert found.acknowledged_after == pytest.approx(60)
    assert found.priorities == {3: 15}
    assert [(one.area, one.alarms, one.peak_10min) for one in found.areas] == [("Bakery", 15, 12)]
    assert found.stale == ()


def test_each_figure_stands_beside_its_benchmark(busy):
    marks = {one.name: (one.value, one.verdict) for one in busy.detect.kpis(*TWO_HOURS).benchmarks}
    assert set(marks) == set(BOUNDS)
    assert marks["per_day"] == (180, "manageable")
    assert marks["per_hour"] == (7.5, "manageable")
    assert marks["peak_10min"] == (12, "over")
    assert marks["hours_over_30"] == (0, "good")
    assert marks["periods_over_10"] == (pytest.approx(1 / 12), "over")
    assert marks["flood_share"] == (pytest.approx(1 / 12), "over")
    assert marks["top_share"] == (pytest.approx(13 / 15), "over")
    assert marks["chattering"] == (1, "over")
    assert marks["stale"] == (0, "good")


def test_two_operators_share_the_alarms(busy):
    found = busy.detect.kpis(*TWO_HOURS, positions=2)
    assert (found.per_hour, found.peak_10min, found.floods) == (3.75, 6, ())


def test_only_the_assets_asked_for_count(busy):
    assert busy.detect.kpis(*TWO_HOURS, assets=["Bakery/Pump 2"]).alarms == 0
    assert busy.detect.kpis(*TWO_HOURS, assets=[PUMP]).alarms == 15


def test_an_alarm_that_stands_for_a_day_is_stale_while_it_is_in_the_list(busy, monkeypatch):
    day = 86_400
    assert busy.detect.kpis(0, (600 + day - 1) * NS).stale == ()
    gone = busy.detect.kpis(0, (1340 + day - 1) * NS).stale
    assert sorted(one.name for one in gone) == [f"A{n:02}" for n in range(1, 12)], "gone, and nobody acknowledged them"
    (*_, stale) = busy.detect.kpis(0, (1340 + day) * NS).stale
    assert (stale.name, stale.raised) == ("A00", 1340 * NS)
    monkeypatch.setattr(register, "now_ns", lambda: 1500 * NS)
    with busy.db.begin() as tx:
        busy.detect.out_of_service(tx, busy.named("A00")["id"], OPERATOR, "dismantled")
    found = busy.detect.kpis(0, (1340 + day) * NS)
    assert "A00" not in {one.name for one in found.stale}
    assert found.out_of_service == 1


def test_what_nobody_was_shown_does_not_count(make):
    watch: Watch = make(TWELVE[0], ALERT)
    with watch.db.begin() as tx:
        watch.detect.out_of_service(tx, watch.named("A00")["id"], OPERATOR, "dismantled")
    watch.feed((600, 100.0))
    watch.feed((700, 90.0), tag="Pump/Temperature")
    found = watch.detect.kpis(*TWO_HOURS)
    assert (found.alarms, found.top, found.acknowledged_after) == (0, (), None)
    assert {one.name: one.verdict for one in found.benchmarks}["top_share"] == "unknown"


@pytest.mark.parametrize(("start", "end", "positions"), [(0, 300, 1), (0, 500 * 86_400, 1), (0, 7200, 0)])
def test_a_span_that_says_nothing_is_refused(watch, start, end, positions):
    with pytest.raises(InvalidInput) as refused:
        watch.detect.kpis(start * NS, end * NS, positions=positions)
    assert refused.value.code.startswith("alarm-kpis.")


@given(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(1, n * PERIOD // NS), max_size=30))),
    st.integers(0, 599),
)
def test_every_alarm_of_the_span_is_in_exactly_one_period(case, odd):
    number, seconds = case
    span = Span(-odd * NS, number * PERIOD)
    stamps = np.array([one * NS for one in seconds], np.int64)
    counts = _counts(stamps, span, PERIOD)
    assert len(counts) == number + (odd > 0)
    for place, count in enumerate(counts):
        end = span.end - (len(counts) - 1 - place) * PERIOD
        assert count == int(((stamps > end - PERIOD) & (stamps <= end)).sum())


def test_a_figure_nobody_knows_has_no_verdict():
    assert judge("top_share", None).verdict == "unknown"


def test_a_database_from_before_gets_the_columns_and_keeps_its_alarms(watch):
    watch.feed((1, 9.0), (4, 9.0))
    before = watch.alarm
    with watch.db.begin() as tx:
        tx.execute(sa.text("DROP TABLE alarm_rationalisation"))
        for table, columns in {
            "alarm": (
                "condition",
                "origin",
                "area",
                "impact",
                "respond_within",
                "rationalised",
                "since",
                "tripped",
                "suppressing",
            ),
            "alarm_log": ("kind", "priority"),
        }.items():
            for column in columns:
                tx.execute(sa.text(f'ALTER TABLE {table} DROP COLUMN "{column}"'))
        _widen(tx)
        _widen(tx)
    watch.start()
    after = watch.alarm
    assert (after["id"], after["state"], after["area"], after["origin"]) == (before["id"], "unack", "Bakery", "model")
    assert watch.detect.kpis(*TWO_HOURS).priorities == {1: 1}
    watch.feed((5, 1.0), (7, 1.0))
    assert watch.alarm["state"] == "rtn-unack"


def hear(watch, monkeypatch, at, *rows):
    """Values that come at a moment of our clock."""
    monkeypatch.setattr(register, "now_ns", lambda: at * NS)
    watch.feed(*rows)


def step(watch, monkeypatch, at, verb, *args):
    monkeypatch.setattr(register, "now_ns", lambda: at * NS)
    watch.do(verb, *args)


def test_what_came_late_was_told_late_and_is_acknowledged_from_then(make, monkeypatch):
    watch: Watch = make(TWELVE[0])
    hear(watch, monkeypatch, 4000, (600, 100.0))
    step(watch, monkeypatch, 4030, "acknowledge")
    assert watch.detect.kpis(*TWO_HOURS).acknowledged_after == 30


def test_a_beginning_that_nobody_saw_makes_no_acknowledgement_earlier_than_its_alarm(make, monkeypatch):
    watch: Watch = make(TWELVE[0])
    hear(watch, monkeypatch, 600, (600, 100.0))
    step(watch, monkeypatch, 620, "acknowledge")
    step(watch, monkeypatch, 630, "shelve", 3000 * NS, "sensor is being changed")
    hear(watch, monkeypatch, 1000, (1000, 0.0), (1001, 100.0))
    assert watch.detect.kpis(*TWO_HOURS).acknowledged_after == 20


@pytest.mark.parametrize("verb", ["shelve", "out_of_service"])
def test_an_alarm_that_its_operator_put_away_was_not_fleeting(make, monkeypatch, verb):
    watch: Watch = make(TWELVE[0])
    hear(watch, monkeypatch, 600, (600, 100.0))
    step(watch, monkeypatch, 605, verb, *([3000 * NS] if verb == "shelve" else []), "sensor is being changed")
    hear(watch, monkeypatch, 610, (610, 0.0))
    assert watch.detect.kpis(*TWO_HOURS).fleeting == ()


def test_stale_alarms_are_found_in_one_question_however_many_there_are(make, monkeypatch):
    watch: Watch = make(*TWELVE)
    hear(watch, monkeypatch, 600, (600, 100.0))
    asked: list[str] = []
    sa.event.listen(watch.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    found = watch.detect.kpis(0, (600 + 86_400) * NS)
    assert len(found.stale) == 12
    assert len([one for one in asked if one.startswith("SELECT")]) == 2


def test_a_log_from_before_gets_its_indices(make):
    watch: Watch = make(TWELVE[0])
    with watch.db.begin() as tx:
        for name in ("ix_alarm_log_of_alarm", "ix_alarm_log_as_noted"):
            tx.execute(sa.text(f"DROP INDEX {name}"))
        tx.execute(sa.text("CREATE INDEX ix_alarm_log_alarm_id ON alarm_log (alarm_id)"))
        _order(tx)
        _order(tx)
        names = {index["name"] for index in sa.inspect(tx).get_indexes("alarm_log")}
    assert names == {"ix_alarm_log_at", "ix_alarm_log_of_alarm", "ix_alarm_log_as_noted"}
