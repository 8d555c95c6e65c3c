"""Tables as people hand them in: clocks of any kind, words among numbers, decimal commas, indexes; no wrong guess in silence."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import anomaly
from lineshaft.detect.anomaly.reading import read

from .conftest import MINUTE, START, machine


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.DataFrame(machine(1500))


@pytest.fixture(scope="module")
def later() -> pd.DataFrame:
    return pd.DataFrame(machine(600, start=1500, fault=(200, "sensor 1", 9.0)))


@pytest.fixture(scope="module")
def plain(frame, later) -> anomaly.Scored:
    return anomaly.fit(frame).score(later)


def epoch(frame: pd.DataFrame) -> pd.Series:
    return frame.time.astype("int64")


CLOCKS = {
    "seconds": lambda d: d.assign(time=epoch(d) // 10**9),
    "milliseconds": lambda d: d.assign(time=epoch(d) // 10**6),
    "seconds with a fraction": lambda d: d.assign(time=epoch(d) / 1e9),
    "milliseconds as texts": lambda d: d.assign(time=(epoch(d) // 10**6).astype(str)),
    "texts with an offset": lambda d: d.assign(time=[f"{at:%Y-%m-%dT%H:%M:%S}+0530" for at in d.time + timedelta(minutes=330)]),
    "texts that say UTC": lambda d: d.assign(time=[f"{at:%Y-%m-%d %H:%M:%S},000 UTC" for at in d.time]),
    "texts of another name": lambda d: d.assign(time=d.time.astype(str)).rename(columns={"time": "Zeitstempel"}),
    "seconds of another name": lambda d: d.assign(time=epoch(d) // 10**9).rename(columns={"time": "t_unix"}),
    "an index of texts": lambda d: d.assign(time=d.time.astype(str)).set_index("time"),
    "an index of texts without a name": lambda d: (
        d.set_index(pd.Index(d.time.astype(str))).drop(columns="time").rename_axis(None)
    ),
    "an index of periods": lambda d: d.set_index(pd.PeriodIndex(d.time, freq="min")).drop(columns="time"),
    "another zone": lambda d: d.assign(time=d.time.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")),
    "another date before it": lambda d: pd.concat(
        [pd.DataFrame({"service": pd.to_datetime(["2022-01-01"] * len(d))}), d], axis=1
    ),
}


@pytest.mark.parametrize("told", CLOCKS.values(), ids=CLOCKS)
def test_any_clock_gives_the_same_scores_at_the_same_times(told, frame, later, plain):
    scored = anomaly.fit(told(frame)).score(told(later))
    np.testing.assert_array_equal(scored.times, plain.times)
    np.testing.assert_allclose(scored.exceedance, plain.exceedance, rtol=1e-9)
    assert [one.start for one in scored.alerts] == [one.start for one in plain.alerts]
    assert plain.alerts


def test_what_was_found_out_about_the_clock_is_said(frame):
    assert "taken as seconds since 1970" in str(anomaly.check(CLOCKS["seconds"](frame)))
    assert "'Zeitstempel' is taken as the time: its texts are times" in str(anomaly.check(CLOCKS["texts of another name"](frame)))


def test_numbers_that_are_no_times_are_refused_instead_of_taken_as_nanoseconds(frame):
    for numbers in (np.arange(1500), np.arange(1500) * 0.1):
        with pytest.raises(InvalidInput, match="no times since 1970") as told:
            anomaly.fit(frame.assign(time=numbers))
        assert "leave the column out" in told.value.hint


def test_repairs_and_labels_are_told_in_the_tables_own_unit(frame, later):
    seconds = CLOCKS["seconds"]
    table = seconds(frame)
    model = anomaly.fit(table, labels=[(int(table.time[100]), int(table.time[199]))])
    assert model.about["left_out"]["labelled"] == 100
    repaired = int(seconds(later).time[450])
    assert model.score(seconds(later), resets=[repaired]).alerts[0].end == repaired * 10**9


def test_rows_without_times_go_on_where_the_last_ended(frame, later):
    model = anomaly.fit(frame.drop(columns="time"))
    bare = later.drop(columns="time")
    follower, together = model.follow(), model.score(bare)
    parts = [follower.take(bare[:250]), follower.take(bare[250:])]
    np.testing.assert_allclose(np.concatenate([one.exceedance for one in parts]), together.exceedance)
    np.testing.assert_array_equal(np.concatenate([one.times for one in parts]), together.times)


def worded(frame: pd.DataFrame) -> pd.DataFrame:
    made = frame.astype(dict.fromkeys(frame.columns[1:], object))
    for place, name in enumerate(frame.columns[1:]):
        made.loc[np.arange(len(frame)) % 97 == place, name] = "Bad Input"
        made.loc[np.arange(len(frame)) % 211 == place, name] = None
    return made


def test_words_among_numbers_count_as_missing_and_are_said(frame, later):
    report = anomaly.check(worded(frame))
    flaw = next(one for one in report.sensor("sensor 1").flaws if one.code == "words")
    assert "Bad Input" in flaw.what
    assert set(report.used) == set(frame.columns) - {"time"}
    scored = anomaly.fit(worded(frame)).score(worded(later))
    assert scored.alerts[0].sensors[0][0] == "sensor 1"
    assert any("'load': 6 words count as missing" in note for note in scored.notes)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (lambda value: f"{value:.5f}".replace(".", ","), "with a decimal comma"),
        (lambda value: f"{value * 1e4:,.5f}", "as text"),
        (lambda value: f" {value:.5f} ", "as text"),
    ],
    ids=["decimal comma", "commas between thousands", "blanks"],
)
def test_numbers_as_people_write_them(written, said, frame, later, plain):
    def told(table):
        return table.assign(**{name: table[name].map(written) for name in table.columns[1:]})

    assert f"numbers written {said}" in str(anomaly.check(told(frame)))
    np.testing.assert_allclose(anomaly.fit(told(frame)).score(told(later)).exceedance, plain.exceedance, atol=0.01)


def test_a_comma_that_may_mean_either_is_no_number():
    assert read({"a": ["1,234", "5,678", "9,012"]}).texts
    assert read({"a": ["1,234", "5,67", "9,012"]}).numbers["a"].tolist() == [1.234, 5.67, 9.012]
    assert read({"a": ["1.234,5", "0,67", "9"]}).numbers["a"].tolist() == [1234.5, 0.67, 9.0]


def test_codes_of_a_state_stay_texts_and_are_known_again_whatever_type_they_come_in(frame):
    codes = np.array(["12", "13", "7A"], object)[np.arange(1500) // 100 % 3]
    model = anomaly.fit(frame.assign(recipe=codes), states=["recipe"])
    now = frame[:300].reset_index(drop=True)
    assert (model.score(now.assign(recipe=12)).reason != "unknown_regime").all()
    assert (model.score(now.assign(recipe=1)).reason == "unknown_regime").all()
    assert (model.score(now.assign(recipe="7A")).reason != "unknown_regime").all()


def test_columns_of_one_name_and_columns_in_levels(frame):
    doubled = pd.concat([frame, frame[["load"]]], axis=1)
    with pytest.raises(InvalidInput, match="two columns have the same name"):
        anomaly.fit(doubled)
    levels = frame.set_index("time")
    levels.columns = pd.MultiIndex.from_product([["M1"], levels.columns])
    assert "M1/load" in anomaly.check(levels).used


def test_what_is_odd_about_a_table_to_score_is_said(frame, later):
    model = anomaly.fit(frame, drivers=["speed"])
    scored = model.score(later.drop(columns=["sensor 3", "speed"]))
    assert "not in the table, so not judged: sensor 3" in scored.notes
    assert any("'speed'" in note and "not known" in note for note in scored.notes)
    assert "! not in the table" in repr(scored)
    assert repr(model.score(later)).startswith("600 rows")


def test_rows_at_another_pace_are_refused_or_said(frame, later):
    model = anomaly.fit(frame)
    quick = later.assign(time=START + (2000 + np.arange(600)) * np.timedelta64(1, "s"))
    with pytest.raises(InvalidInput, match="rows come every 1 s") as told:
        model.score(quick)
    assert "means over 60 s" in told.value.hint
    slow = later.assign(time=START + 1500 * MINUTE + np.arange(600) * np.timedelta64(600, "s"))
    assert any("every 600 s" in note for note in model.score(slow).notes)
    halved = later[np.random.default_rng(1).random(600) < 0.5]
    assert not model.score(halved).notes, "rows lost on the way are no other pace"


def test_settings_may_be_one_name_and_wrong_ones_say_where(frame):
    assert "load" not in anomaly.fit(frame, drivers="load").sensors
    with pytest.raises(InvalidInput, match="every") as told:
        anomaly.fit(frame, every=60)
    assert "'60s'" in told.value.hint


def test_what_stood_still_in_training_and_moves_now_is_said(frame, later):
    model = anomaly.fit(frame.assign(standby=0.0, fixed=7.25))
    assert not model.score(later.assign(standby=0.0, fixed=7.25)).notes
    scored = anomaly.load(model.to_bytes()).score(later.assign(standby=np.arange(600) > 500, fixed=7.25))
    assert scored.notes == ("'standby': stood still in training; what a change of it does was not learned",)
