"""Values that come late in event time: a line that was cut and drains, single values, a restart, a return to service."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.core import NS
from lineshaft.detect.positions import following
from lineshaft.detect.positions.arriving import Arriving, Span
from lineshaft.detect.positions.ledger import UNKNOWN, Ledger, reach
from tests.detect.positions.test_care import SELF
from tests.detect.positions.test_positions import END, MODEL, PUMP, Node

LEARNED, CUT, BACK = 60, 62, 122


class Edge(Node):
    """A node that hears of its values as they arrive; its clock stands at a minute."""

    minute, hears = 0.0, True

    def open(self) -> None:
        super().open()
        self.positions._clock = lambda: self.at(self.minute)

    def came(self, stored) -> None:
        for one in stored if self.hears else ():
            self.positions.on_rows(one.rows)

    def go(self, minute: float) -> int:
        """Let time go by, and judge."""
        self.minute = minute + 1 / 6
        return self.positions.tick()

    def come(self, first: int, last: int, shake=0.5, warm=48.0, names=("Vibration", "Bearing temperature"), part=None) -> None:
        """Let values of minutes arrive, four a minute; the same minute always holds the same."""
        for name, middle, spread in (("Vibration", shake, 0.01), ("Bearing temperature", warm, 0.2)):
            if name in names:
                minutes = np.concatenate([minute + np.array([-0.4, -0.1, 0.1, 0.4]) for minute in range(first, last)])
                chance = [np.random.default_rng(minute).normal(0, spread, 4) for minute in range(first, last)]
                values = middle + np.concatenate(chance)
                some = slice(None) if part is None else part
                self.say(name, minutes[some].tolist(), values[some].tolist())

    def live(self, first: int, last: int, **what) -> None:
        """Let values come as they are made: of those there is nothing to hear."""
        for minute in range(first, last):
            self.hears = False
            self.come(minute, minute + 1, **what)
            self.hears = True
            self.go(minute + 1)

    def told(self):
        """Return what is told of findings, and what is known: as far as it must be the same whenever values came."""
        noticed = sorted((one["at"], one["cause"], one["severity"], one["scope"]) for one in self.now()["noticed"])
        found = sorted((one.evidence["start_ns"], one.evidence["cause"], one.evidence["severity"]) for one in self.found)
        return noticed, found

    @property
    def late(self):
        return self.now()["seen"]["late"]

    def judged(self, name="Level"):
        """Return the times and values of a result."""
        table = self.store.history(f"{END}/{name}", self.start, self.at(10_000))
        return dict(zip(table["ts"].cast("int64").to_pylist(), table["value"].to_pylist(), strict=True))


@pytest.fixture
def edge(tmp_path):
    made = Edge(tmp_path / "edge")
    made.commission()
    made.come(0, LEARNED)
    made.go(LEARNED)
    yield made
    made.close()


@pytest.fixture
def in_time(tmp_path, edge):
    """Make a node to which everything comes in time."""
    made: list[Edge] = []

    def make(*stretches) -> Edge:
        node = Edge(tmp_path / f"in_time{len(made)}")
        made.append(node)
        node.start = edge.start
        node.commission()
        for first, last, what in ((0, LEARNED, {}), *stretches):
            node.come(first, last, **what)
            node.go(last)
        return node

    yield make
    for node in made:
        node.close()


def shaken(first=80, last=100):
    """Return three stretches of the hour that was cut off, in the middle a fault."""
    return (CUT, first, {}), (first, last, {"shake": 5.0}), (last, BACK, {})


def test_an_hour_drained_in_order_is_judged_as_if_it_had_come_in_time(edge, in_time):
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    assert "no value" in edge.now()["now"]["trouble"]
    for first, last, what in shaken():
        for minute in range(first, last, 2):  # drained in pieces that end within a minute, and looked at in between
            for part in (slice(0, 6), slice(6, 8)):
                edge.come(minute, minute + 2, part=part, **what)
                if minute % 3 == 0:
                    edge.positions.tick()
    edge.minute = BACK + 3
    edge.come(BACK, BACK + 3)
    edge.live(BACK + 3, BACK + 6)
    same = in_time((LEARNED, CUT, {}), *shaken(), (BACK, BACK + 6, {}))
    assert edge.told() == same.told()
    assert len(edge.found) == 3
    assert edge.now()["state"] == same.now()["state"] == "alarm", "a fault that grows quiet is not gone"
    for name in ("Level", "State", "Zone", "Deviation", "Temperature deviation"):
        assert edge.judged(name) == pytest.approx(same.judged(name)), name
    assert {key: edge.now()["memory"][key] for key in ("recent", "open")} == {
        key: same.now()["memory"][key] for key in ("recent", "open")
    }
    assert edge.now()["now"]["trouble"] == ""
    assert edge.late["values"] == 0
    assert edge.late["steps"] == BACK - CUT, "those whose time was over already"


def test_a_backlog_beside_live_values_is_told_and_makes_nothing_worse_now(edge, in_time):
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    edge.live(BACK, BACK + 3)
    assert edge.now()["state"] == "healthy"
    for first, last, what in shaken():
        edge.come(first, last, **what)
        edge.go(edge.minute + 0.1)
    edge.go(edge.minute + 2)  # nothing more comes: the last step is whole
    same = in_time((LEARNED, CUT, {}), *shaken(), (BACK, BACK + 3, {}))
    assert edge.told() == same.told(), "what the hour held is found, each thing once"
    assert [one.evidence["late"] for one in edge.found] == [True] * 3
    assert all(one["late"] for one in edge.now()["noticed"])
    assert edge.judged() == pytest.approx(same.judged())
    assert {at: edge.judged("State")[at] for at in same.judged("State") if at <= edge.at(BACK)} == {
        at: state for at, state in same.judged("State").items() if at <= edge.at(BACK)
    }
    assert edge.now()["state"] == "healthy", "newer values were judged, and are well"
    assert edge.judged("State")[edge.at(BACK + 3)] == "healthy"
    count = len(edge.found)
    edge.come(CUT, BACK)  # delivered again
    edge.live(BACK + 7, BACK + 12)
    assert (len(edge.found), edge.now()["state"]) == (count, "healthy")
    assert (edge.late["values"], edge.late["steps"]) == (0, BACK - CUT)


def test_a_fault_that_began_in_the_backlog_and_lasts_is_found_once(edge, in_time):
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    edge.live(BACK, BACK + 2, shake=5.0)  # too few to last
    assert edge.now()["state"] == "warning"
    edge.come(CUT, BACK, shake=5.0)
    edge.go(BACK + 3.5)
    assert edge.now()["state"] == "alarm", "it holds, now that they have caught up"
    assert edge.judged("State")[edge.at(BACK + 2)] == "alarm"
    edge.live(BACK + 2, BACK + 12, shake=5.0)
    same = in_time((LEARNED, CUT, {}), (CUT, BACK + 12, {"shake": 5.0}))
    assert edge.told()[1] == same.told()[1]
    assert {one.kind for one in edge.found} == {"vibration"}


def test_what_was_found_already_is_not_found_again_by_what_comes_late(edge):
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    edge.live(BACK, BACK + 8, shake=5.0)
    found = len(edge.found)
    assert (found > 1, edge.now()["state"]) == (True, "alarm")
    edge.come(CUT, BACK, shake=5.0)
    edge.go(BACK + 9.5)
    assert len(edge.found) == found, "it only began earlier"
    assert {one["at"] for one in edge.now()["noticed"] if one["scope"] == "persistent" and one.get("late")}


def test_a_value_out_of_order_is_judged_and_one_of_a_judged_step_is_counted(edge):
    edge.live(60, 61)
    edge.live(62, 63)
    edge.minute = 63.2
    edge.come(61, 62, shake=5.0, names=("Vibration",))
    edge.go(63.3)
    assert edge.at(62) not in edge.judged(), "more of that minute may come"
    edge.go(64.5)
    assert edge.judged()[edge.at(62)] == pytest.approx(5, abs=0.1)
    (noticed, *_) = [one for one in edge.now()["noticed"] if one["cause"] == "iso zone"]
    assert (noticed["scope"], noticed["zone"], noticed["late"]) == ("pointwise", "D", True)
    assert (edge.now()["state"], edge.found) == ("healthy", [])
    assert (edge.late["steps"], edge.late["values"]) == (1, 0)
    before = edge.judged()
    edge.say("Vibration", [61.2, 61.25], [90.0, 90.0])
    edge.go(66)
    assert (edge.late["values"], edge.late["value"]) == (2, edge.at(62))
    assert edge.judged() == before
    edge.say("Vibration", [-30.0], [90.0])
    edge.go(68)
    assert edge.late["values"] == 2, "of a time before the position was there"


def test_vibration_may_come_late_while_temperature_does_not(edge, in_time):
    edge.live(LEARNED, 75, names=("Bearing temperature",))
    assert "no vibration" in edge.now()["now"]["trouble"]
    edge.come(LEARNED, 74, shake=5.0, names=("Vibration",))
    edge.go(76.5)
    same = in_time((LEARNED, 74, {"shake": 5.0}))
    assert edge.told() == same.told()
    assert edge.now()["state"] == "alarm"
    assert edge.judged("State")[edge.at(75)] == "alarm", "said at the newest time, too"
    assert edge.now()["now"]["temperature"] == pytest.approx(48, abs=0.5)
    assert edge.now()["now"]["at"] > edge.now()["noticed"][-1]["at"]
    assert edge.now()["memory"]["temperature"]["smooth"] != 0
    assert edge.late["values"] == 0


def test_a_restart_while_it_drains_loses_and_doubles_nothing(edge, in_time):
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    edge.come(CUT, 85, shake=5.0)
    edge.go(BACK + 0.1)
    edge.come(85, 90, shake=5.0)  # stored, and not looked at before the end
    found = list(edge.found)
    edge.close()
    edge.open()
    edge.go(BACK + 0.5)
    edge.come(90, BACK, shake=5.0)
    edge.go(BACK + 2)
    same = in_time((LEARNED, CUT, {}), (CUT, BACK, {"shake": 5.0}))
    edge.found[:0] = found
    assert edge.told() == same.told()
    assert edge.judged() == pytest.approx(same.judged())
    assert edge.late["values"] == 0


def test_what_comes_late_of_the_time_before_a_repair_is_counted_and_not_judged(edge):
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    with edge.db.begin() as tx:
        edge.positions.returned(tx, PUMP, edge.at(BACK))
    edge.go(BACK + 1)
    edge.come(CUT, BACK, shake=5.0)
    edge.go(BACK + 3)
    assert (edge.found, edge.now()["state"], edge.now()["noticed"]) == ([], "healthy", [])
    assert edge.late["values"] == 8 * (BACK - CUT)
    assert edge.late["steps"] == 0


@pytest.mark.slow
def test_while_a_position_learns_it_learns_from_what_comes_late(tmp_path):
    edge = Edge(tmp_path)
    try:
        edge.commission()
        edge.come(0, 10)
        edge.go(10)
        edge.go(40)
        edge.live(40, 42)
        edge.come(10, 40)
        edge.go(43.5)
        told = edge.now()
        assert told["now"]["learned"] == 1.0, "40 of 40"
        assert told["memory"]["vibration"]["middle"] == pytest.approx(np.log(0.5), abs=0.02)
        assert told["noticed"] == []
    finally:
        edge.close()


def test_what_comes_late_of_people_at_the_machine_is_not_judged(edge):
    edge.positions.worked_on = lambda _asset: True
    edge.go(80)
    edge.positions.worked_on = lambda _asset: False
    edge.live(80, 82)
    edge.come(LEARNED, 80, shake=5.0)
    edge.go(84)
    assert (edge.found, edge.now()["state"]) == ([], "healthy")
    edge.positions.worked_on = lambda _asset: True
    edge.come(82, 84, shake=5.0)  # of before people came
    edge.go(84.5)
    assert edge.now()["state"] == "warning"


@pytest.mark.slow
def test_a_battery_that_was_low_is_not_low_now(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.detect.positions.test_positions.MODEL", MODEL + SELF)
    edge = Edge(tmp_path)
    try:
        edge.commission(battery=f"{PUMP}/Battery", signal=f"{PUMP}/RSSI")
        edge.say("Battery", [30], [95.0])
        edge.say("RSSI", [30], [-60.0])
        edge.go(31)
        edge.say("Battery", [20, 21], [12.0, 11.0])
        edge.say("RSSI", [20, 21], [-99.0, -98.0])
        edge.go(33)
        row = edge.now()
        power = edge.positions.power([row])[row["id"]]
        assert (power.battery, power.signal, power.low) == (95.0, -60.0, False)
    finally:
        edge.close()


def test_rows_of_others_are_left_alone_and_two_positions_may_share_a_stream():
    heard = Arriving(lambda: 1000 * NS)
    span = Span(60 * NS, 100 * NS, 300 * NS)
    heard.on_rows(rows([7], [500]))
    heard.listen({("a", "vibration"): (span, [7]), ("b", "temperature"): (span, [7, 9])})
    heard.on_rows(rows([3, 7, 9, 8, 7, 7, 7], [500, 610, 999, 500, 550, 200, 50]))
    assert not heard.take("c")
    for one, name in (("a", "vibration"), ("b", "temperature")):
        hints = heard.take(one)
        assert hints.times == {name: (550 * NS, 610 * NS)}, "999 is of now"
        assert np.concatenate(hints.old).tolist() == [200 * NS], "older than what is remembered, but not than the position"
        assert heard.filling(one, 1000 * NS) == {name: 660 * NS}
        assert heard.filling(one, 1061 * NS) == {name: None}
        assert not heard.take(one), "told once"
        heard.again(one, hints)
        assert heard.take(one).times == hints.times


def rows(sids, seconds):
    return pa.record_batch(
        {"sid": pa.array(sids, pa.int32()), "ts": pa.array([at * NS for at in seconds], pa.timestamp("ns", "UTC"))}
    )


def test_the_account_of_steps_is_kept_short_and_over_a_restart():
    made = Ledger.restore({}, 60 * NS, 90 * NS)
    assert (made.first, made.newest("vibration")) == (120 * NS, 0), "from the first whole step on"
    made.go_on(300 * NS)
    times = np.array([60, 180, 300]) * NS
    made.note("vibration", times, np.array([9, 4, 5]))
    made.late.missed(times[1:], np.array([2, 1]))
    again = Ledger.restore(made.as_dict(), 60 * NS, 300 * NS)
    assert again.of("vibration", times).tolist() == [UNKNOWN, 4, 5]
    assert (again.newest("vibration"), again.newest("temperature")) == (300 * NS, 0)
    assert (again.late.values, again.late.value) == (3, 300 * NS)
    again.go_on(300 * NS + 10_000 * 60 * NS)
    assert len(again.counts["vibration"]) == reach(60 * NS) == 2000
    assert again.of("vibration", times).tolist() == [UNKNOWN] * 3
    assert len(again.as_dict()["counts"]["vibration"]) < 100


@pytest.mark.slow
def test_a_long_backlog_is_judged_in_parts(edge, monkeypatch):
    monkeypatch.setattr(following, "MOST", 7)
    edge.live(LEARNED, CUT)
    edge.go(BACK)
    edge.come(CUT, BACK, shake=5.0)
    edge.go(BACK + 2)
    assert len(edge.judged()) == BACK
    assert len(edge.found) == 3
