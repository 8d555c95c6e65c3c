from __future__ import annotations

from datetime import date, time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.core import NS, parse_time
from lineshaft.production import Calendar, CalendarVersion, Interval, Pause, Planned, Shift
from lineshaft.production.calendar import instant, overlapping

HOUR = 3600 * NS
EVERY = frozenset(range(7))
THREE = (
    Shift("Early", EVERY, time(6), time(14), (Pause(time(10), time(10, 15)),)),
    Shift("Late", EVERY, time(14), time(22)),
    Shift("Night", EVERY, time(22), time(6), (Pause(time(2), time(2, 30)),)),
)


def berlin(*shifts: Shift, valid_from: str = "2020-01-01T00:00:00Z", holidays: tuple[date, ...] = ()) -> CalendarVersion:
    return CalendarVersion(parse_time(valid_from), "Europe/Berlin", shifts, frozenset(holidays))


def hours(calendar: Calendar, start: str, end: str, name: str) -> list[float]:
    return [(s.end - s.start) / HOUR for s in calendar.shifts(parse_time(start), parse_time(end)) if s.name == name]


@pytest.mark.parametrize(
    ("start", "end", "begins", "night"),
    [
        ("2026-03-28T12:00:00Z", "2026-03-29T22:00:00Z", "2026-03-29T04:00:00Z", 7.0),
        ("2026-10-24T12:00:00Z", "2026-10-25T22:00:00Z", "2026-10-25T05:00:00Z", 9.0),
    ],
)
def test_early_shift_is_eight_hours_and_the_night_pays_for_the_clock(start: str, end: str, begins: str, night: float) -> None:
    calendar = Calendar("three", (berlin(*THREE),))
    early = [s for s in calendar.shifts(parse_time(start), parse_time(end)) if s.name == "Early"]
    changed = [s for s in early if s.start == parse_time(begins)]
    assert len(changed) == 1
    assert changed[0].end - changed[0].start == 8 * HOUR
    assert hours(calendar, start, end, "Night")[0] == night


def test_early_shift_begins_at_six_local_time_in_winter_and_in_summer() -> None:
    calendar = Calendar("three", (berlin(*THREE),))
    winter = calendar.shift_at(parse_time("2026-01-15T05:00:00Z"))
    summer = calendar.shift_at(parse_time("2026-07-15T04:00:00Z"))
    assert winter is not None
    assert summer is not None
    assert (winter.name, winter.start) == ("Early", parse_time("2026-01-15T05:00:00Z"))
    assert (summer.name, summer.start) == ("Early", parse_time("2026-07-15T04:00:00Z"))


def test_a_skipped_time_is_the_moment_of_the_change_and_a_doubled_one_the_first() -> None:
    assert instant(date(2026, 3, 29), time(2, 30), "Europe/Berlin") == parse_time("2026-03-29T01:00:00Z")
    assert instant(date(2026, 10, 25), time(2, 30), "Europe/Berlin") == parse_time("2026-10-25T00:30:00Z")
    assert instant(date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe") == parse_time("2026-10-03T15:30:00Z")


def test_a_night_shift_belongs_to_the_day_it_begins_on_also_on_a_holiday() -> None:
    calendar = Calendar("three", (berlin(*THREE, holidays=(date(2026, 12, 25),)),))
    pieces = calendar.planned(parse_time("2026-12-24T21:00:00Z"), parse_time("2026-12-26T06:00:00Z"))
    assert [(p.kind, p.shift) for p in pieces] == [
        (Planned.SHIFT, "Night"),
        (Planned.BREAK, "Night"),
        (Planned.SHIFT, "Night"),
        (Planned.HOLIDAY, "Early"),
        (Planned.HOLIDAY, "Late"),
        (Planned.HOLIDAY, "Night"),
        (Planned.SHIFT, "Early"),
    ]
    assert calendar.shift_at(parse_time("2026-12-25T10:00:00Z")) is None


def test_a_new_version_leaves_the_time_before_alone() -> None:
    old = berlin(Shift("Day", EVERY, time(6), time(14)))
    new = berlin(Shift("Day", EVERY, time(8), time(16)), valid_from="2026-06-01T00:00:00Z")
    before, after = Calendar("a", (old,)), Calendar("a", (old, new))
    span = parse_time("2026-05-01T00:00:00Z"), parse_time("2026-05-31T12:00:00Z")
    assert before.planned(*span) == after.planned(*span)
    first = after.shift_at(parse_time("2026-06-02T06:00:00Z"))
    assert first is not None
    assert first.start == parse_time("2026-06-02T06:00:00Z")


def test_without_a_calendar_all_time_is_planned() -> None:
    assert Calendar().planned(5, 10) == [Interval(5, 10, Planned.SHIFT)]
    assert Calendar().planned(5, 5) == []


def test_two_shifts_of_one_name_keep_their_own_breaks() -> None:
    week = Shift("Early", frozenset(range(4)), time(6), time(14), (Pause(time(10), time(10, 15)),))
    friday = Shift("Early", frozenset({4}), time(6), time(12), (Pause(time(8), time(8, 10)),))
    calendar = Calendar("a", (berlin(week, friday),))
    pieces = calendar.planned(parse_time("2026-06-05T04:00:00Z"), parse_time("2026-06-05T10:00:00Z"))
    assert [p.seconds for p in pieces if p.kind is Planned.BREAK] == [600.0]


def test_overlapping_shifts_are_named() -> None:
    assert overlapping(THREE) is None
    assert overlapping((Shift("A", EVERY, time(6), time(14, 30)), Shift("B", EVERY, time(14), time(22)))) == ("A", "B")
    sunday_night = Shift("N", frozenset({6}), time(22), time(7))
    assert overlapping((sunday_night, Shift("M", frozenset({0}), time(6), time(14)))) == ("N", "M")


clocks = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
pauses = st.builds(Pause, clocks, clocks)
one_shift = st.builds(
    Shift, st.sampled_from("ABC"), st.frozensets(st.integers(0, 6)), clocks, clocks, st.lists(pauses, max_size=3).map(tuple)
)
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago", "UTC"])
moments = st.integers(parse_time("2026-01-01T00:00:00Z"), parse_time("2027-01-01T00:00:00Z"))
days_off = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5)
models = st.builds(CalendarVersion, moments, zones, st.lists(one_shift, max_size=4).map(tuple), days_off)


@settings(max_examples=150, deadline=None)
@given(st.lists(models, min_size=1, max_size=3), moments, st.integers(1, 12 * 24 * HOUR))
def test_the_plan_is_a_partition_of_the_time(versions: list[CalendarVersion], start: int, length: int) -> None:
    calendar = Calendar("x", tuple(sorted(versions, key=lambda v: v.valid_from)))
    pieces = calendar.planned(start, start + length)
    assert pieces[0].start == start
    assert pieces[-1].end == start + length
    assert all(one.end == other.start for one, other in pairwise(pieces))
    assert all(p.start < p.end for p in pieces)


@settings(max_examples=100, deadline=None)
@given(models, moments, st.integers(2, 9 * 24 * HOUR), st.floats(0.01, 0.99))
def test_two_halves_are_planned_like_the_whole(version: CalendarVersion, start: int, length: int, share: float) -> None:
    calendar = Calendar("x", (version,))
    middle = start + max(1, int(length * share))
    seconds = {kind: sum(p.seconds for p in calendar.planned(start, start + length) if p.kind is kind) for kind in Planned}
    halves = [*calendar.planned(start, middle), *calendar.planned(middle, start + length)]
    for kind in Planned:
        assert sum(p.seconds for p in halves if p.kind is kind) == pytest.approx(seconds[kind], abs=1e-3)
