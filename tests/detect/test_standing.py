"""What an alarm is after its definition changed or went, after a start, after a failed write, and after values came late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import OperationalError

from lineshaft.core import NS
from lineshaft.detect import AlarmCleared, AlarmRaised, AlarmsSettings
from lineshaft.detect.screen import Screen
from tests.detect.conftest import OPERATOR, PUMP, VIBRATION, Shelf, Watch

HIGH = "  - {name: High, property: Vibration, operator: '>', limit: 7.1}"


def say(watch, at, **values):
    for name, value in values.items():
        watch.feed((at, value), tag=f"Pump/{name}")


def rewrite(watch, *alarms):
    """Change the model of a node that runs, as an engineer does."""
    watch.version = getattr(watch, "version", 1) + 1
    watch.write(*alarms, version=watch.version)
    watch.assets.load(watch.folder)
    watch.detect.reload()


# -- definitions that change


def test_an_alarm_its_design_hid_is_shown_when_the_design_hides_it_no_longer(make):
    watch: Watch = make(HIGH.replace("}", ", suppress_when: 'not Running'}"))
    say(watch, 1, Running=False, Vibration=9.0)
    assert watch.alarm["state"] == "suppressed"
    rewrite(watch, HIGH)
    assert (watch.alarm["state"], watch.alarm["hidden_reason"]) == ("unack", "")
    assert [type(event) for event in watch.told] == [AlarmRaised]


def test_a_formula_whose_inputs_never_spoke_hides_nothing(make):
    watch: Watch = make(HIGH.replace("}", ", suppress_when: 'not Running'}"), numbers=Shelf())
    say(watch, 1, Running=False, Vibration=9.0)
    watch.write(HIGH.replace("}", """, suppress_when: "Mode == 'MANUAL'"}"""), version=2)
    watch.start()
    assert watch.alarm["state"] == "unack"


def test_what_stands_ends_with_its_definition_and_is_judged_anew_when_that_is_back(make):
    watch: Watch = make(HIGH, numbers=Shelf())
    say(watch, 1, Vibration=9.0)
    alarm = watch.alarm
    rewrite(watch)
    with watch.db.read() as look:
        gone = watch.detect._register.get(alarm["id"], look)
    assert (gone["retired"], gone["state"], gone["active"]) == (True, "normal", False)
    assert [type(event) for event in watch.told] == [AlarmRaised, AlarmCleared], "whoever waits for its end hears of it"
    assert watch.detect.history(alarm["id"])[0]["what"] == "retire"
    say(watch, 2, Vibration=1.0)
    rewrite(watch, HIGH)
    assert (watch.alarm["id"], watch.alarm["state"]) == (alarm["id"], "normal"), "it does not stand as it did long ago"
    rewrite(watch)
    say(watch, 3, Vibration=9.0)
    rewrite(watch, HIGH)
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 3 * NS)


def test_out_of_service_outlives_a_definition_that_is_wrong_for_a_while(make):
    watch: Watch = make(HIGH)
    watch.do("out_of_service", "dismantled")
    rewrite(watch)
    rewrite(watch, HIGH)
    assert (watch.alarm["state"], watch.alarm["hidden_reason"]) == ("out-of-service", "dismantled")


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("alarm", ["property: Vibration, operator: '>', limit: LIMIT", "when: Vibration > LIMIT"])
def test_another_limit_judges_the_value_that_stands(make, alarm, restart):
    def defined(limit: float) -> str:
        return f"  - {{name: High, {alarm.replace('LIMIT', str(limit))}}}"

    watch: Watch = make(defined(7.1), numbers=Shelf())
    say(watch, 1, Vibration=3.0)
    say(watch, 2, Vibration=6.0)
    for limit, state in ((5.0, "unack"), (5.5, "unack"), (9.0, "rtn-unack")):
        if restart:
            watch.detect._keep_last()
            watch.version = getattr(watch, "version", 1) + 1
            watch.write(defined(limit), version=watch.version)
            watch.start()
        else:
            rewrite(watch, defined(limit))
        assert watch.alarm["state"] == state, limit
    say(watch, 3, Vibration=9.5)
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 3 * NS), "what comes next is judged as ever"


def test_an_attribute_that_is_a_limit_judges_the_value_that_stands(make):
    watch: Watch = make("  - {name: Hot, when: Temperature > HotAbove}", numbers=Shelf())
    say(watch, 1, Temperature=70.0)
    with watch.db.begin() as tx:
        watch.assets.set_attribute(tx, f"{PUMP}/HotAbove", 60.0)
    watch.detect.reload()
    assert watch.alarm["state"] == "unack"


@pytest.mark.parametrize("text", ["FAULT", "AUTO"])
def test_a_new_definition_judges_a_text_that_stands(make, text):
    watch: Watch = make(numbers=Shelf())
    say(watch, 7, Mode=text)
    watch.write("  - {name: Fault, property: Mode, operator: '==', limit: FAULT}", version=2)
    watch.start()
    raised = (("unack", 7 * NS), ("normal", None))[text != "FAULT"]
    assert (watch.alarm["state"], watch.alarm["raised"]) == raised


# -- late, out of order, and between


def test_late_values_that_stand_still_are_told_once_nothing_more_comes(make, monkeypatch):
    watch: Watch = make("  - {name: Stands, property: Running, operator: '==', limit: false}")
    watch.settings = AlarmsSettings(late_after="60s")
    watch.start()
    monkeypatch.setattr(watch.detect, "_wall", lambda: 1000 * NS)
    say(watch, 300, Running=False)
    watch.now = 59
    watch.detect.tick()
    assert (watch.alarm["state"], watch.told) == ("normal", [])
    watch.now = 61
    watch.detect.tick()
    assert (watch.alarm["state"], watch.alarm["raised"], len(watch.told)) == ("unack", 300 * NS, 1)


def test_what_came_while_its_design_hid_it_is_not_told_though_it_arrives_in_one_piece(make):
    watch: Watch = make(HIGH.replace("}", ", suppress_when: 'not Running'}"))
    say(watch, 1, Running=True, Vibration=1.0)
    rows = [watch.stored((10, False), (20, True), tag="Pump/Running"), watch.stored((11, 9.0), (19, 1.0))]
    whole = rows[0].from_pylist([*rows[0].to_pylist(), *rows[1].to_pylist()], schema=rows[0].schema)
    watch.detect.on_rows(whole)
    assert (watch.alarm["state"], watch.told and [type(one).__name__ for one in watch.told]) == ("normal", ["AlarmCleared"])
    steps = [(line["what"], line["at"] // NS) for line in reversed(watch.detect.history(watch.alarm["id"]))]
    assert steps[1:] == [("suppress", 10), ("raise", 11), ("clear", 19), ("unsuppress", 20), ("unshelve", 20)]


def test_a_text_is_a_sign_of_life(make):
    watch: Watch = make("  - {name: Quiet, property: Mode, missing: 30s}", "  - {name: Stuck, property: Mode, heartbeat: 30s}")
    for at in range(1, 40, 3):
        watch.now = at
        say(watch, at, Mode="AUTO")
        watch.detect.tick()
    assert (watch.named("Quiet")["state"], watch.named("Stuck")["state"]) == ("normal", "unack")
    say(watch, 41, Mode="MANUAL")
    assert watch.named("Stuck")["state"] == "rtn-unack"


# -- over a start, and over a database that takes nothing


def test_a_heartbeat_that_stands_still_stands_still_after_a_start(make):
    watch: Watch = make("  - {name: Stuck, property: Vibration, heartbeat: 30s}", numbers=Shelf())
    say(watch, 1, Vibration=4.2)
    watch.now = 31
    watch.detect.tick()
    assert watch.alarm["state"] == "unack"
    watch.start()
    say(watch, 2, Vibration=4.2)
    assert watch.alarm["state"] == "unack"
    say(watch, 3, Vibration=4.3)
    assert watch.alarm["state"] == "rtn-unack"


@pytest.mark.parametrize(
    ("alarm", "value"), [("missing: 1h", 1.0), ("operator: '>', limit: 7.1, on_delay: 1h", 9.0)], ids=["silence", "delay"]
)
def test_a_time_that_ran_before_a_start_runs_on(make, alarm, value):
    watch: Watch = make(f"  - {{name: Late, property: Vibration, {alarm}}}", numbers=Shelf())
    say(watch, 1000, Vibration=value)
    watch.detect._keep_last()
    watch.start()
    watch.detect._wall = lambda: 2800 * NS  # half an hour later
    watch.detect._screen = Screen([], [])
    watch.detect.reload()
    for now, state in ((1799.0, "normal"), (1801.0, "unack")):
        watch.now = now
        watch.detect.tick()
        assert watch.alarm["state"] == state


def test_a_start_falls_due_after_a_minute_at_the_earliest(make):
    watch: Watch = make("  - {name: Late, property: Vibration, missing: 1h}", numbers=Shelf())
    say(watch, 1000, Vibration=1.0)
    watch.detect._keep_last()
    watch.start()
    watch.now = 59.0
    watch.detect.tick()
    assert watch.alarm["state"] == "normal", "the source is only just connecting again"
    watch.now = 61.0
    watch.detect.tick()
    assert watch.alarm["state"] == "unack"


def test_rows_that_could_not_be_written_are_judged_when_the_database_takes_them(watch, monkeypatch):
    begin = watch.db.begin

    def busy(tx=None):
        raise OperationalError("BEGIN", {}, Exception("database is locked"))

    with monkeypatch.context() as locked:
        locked.setattr(watch.db, "begin", busy)
        with pytest.raises(OperationalError):
            watch.feed((1, 9.0))
        with pytest.raises(OperationalError):
            watch.feed((4, 9.0))
    assert watch.db.begin == begin
    watch.detect.tick()
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 3 * NS)
    watch.feed((5, 1.0), (7, 1.0))
    assert watch.alarm["state"] == "rtn-unack"


def test_rows_that_wait_are_no_more_than_memory_bears(make, monkeypatch):
    watch: Watch = make(VIBRATION)
    monkeypatch.setattr("lineshaft.detect.watch.MOST_WAITING", 10)
    with monkeypatch.context() as locked:
        locked.setattr(watch.db, "begin", lambda: (_ for _ in ()).throw(OperationalError("BEGIN", {}, Exception("locked"))))
        for at in range(30):
            with pytest.raises(OperationalError):
                watch.feed((at + 1, 9.0 if at % 2 else 1.0))
    assert sum(rows.num_rows for rows in watch.detect._waiting) <= 10


def test_two_steps_at_once_follow_one_another(watch):
    watch.feed((1, 9.0), (4, 9.0))
    with ThreadPoolExecutor(1) as other:
        with watch.db.begin() as tx:
            watch.detect.acknowledge(tx, watch.alarm["id"], OPERATOR)
            over = other.submit(watch.feed, (5, 1.0), (7, 1.0))
            wait([over], 0.2)  # it has to wait for the acknowledgement
        over.result(60)
    assert (watch.alarm["state"], watch.alarm["acknowledged_by"]) == ("normal", "olga")


def test_a_flood_is_written_in_parts_and_what_failed_in_the_middle_is_written_once(make, monkeypatch):
    definitions = [f"  - {{name: A{n}, property: Vibration, operator: '>', limit: {n}}}" for n in range(3)]
    formula = "  - {name: F, when: Vibration > 1, suppress_when: not Running}"
    watch: Watch = make(*definitions, formula)
    say(watch, 1, Running=True, Vibration=0.0)
    monkeypatch.setattr("lineshaft.detect.watch.MOST", 2)
    begin, left = watch.db.begin, [1]

    @contextmanager
    def failing(tx=None):
        if tx is None and not left:
            raise OperationalError("BEGIN", {}, Exception("database is locked"))
        if tx is None:
            left.pop()
        with begin(tx) as opened:
            yield opened

    with monkeypatch.context() as locked:
        locked.setattr(watch.db, "begin", failing)
        with pytest.raises(OperationalError):
            say(watch, 2, Vibration=9.0)
    assert sum(isinstance(event, AlarmRaised) for event in watch.told) == 2
    watch.detect.tick()
    rows = [row for row in watch.detect.alarms() if row["asset"] == PUMP]
    assert sorted(row["name"] for row in rows) == ["A0", "A1", "A2", "F"]
    steps = {row["name"]: [line["what"] for line in reversed(watch.detect.history(row["id"]))] for row in rows}
    assert all(found == ["input-good", "raise"] for found in steps.values()), steps
    assert {row["version"] for row in rows} == {3}


def test_how_far_many_alarms_have_seen_is_noted_less_often(watch, monkeypatch):
    monkeypatch.setattr("lineshaft.detect.watch.KEEP_COST", 20.0)
    watch.feed((1, 1.0))

    def noted(now: float, at: float) -> int:
        watch.feed((at, 1.0))
        watch.now = now
        watch.detect.tick()
        return watch.alarm["last"] // NS

    assert [noted(16, 2), noted(32, 3), noted(37, 4), noted(53, 4), noted(58, 5)] == [2, 2, 4, 4, 5]
