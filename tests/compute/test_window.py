from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.compute import Grid
from lineshaft.compute.window import Shifts, check_zone
from lineshaft.core import NS, InvalidInput, iso, parse_time
from lineshaft.production import Calendar, CalendarEntry

M, H, D = 60 * NS, 3600 * NS, 86_400 * NS


def ends(grid, start, end):
    return [iso(int(e)) for e in grid.ends(parse_time(start), parse_time(end))]


def test_a_moment_on_the_end_belongs_to_the_window():
    grid = Grid(M, 10 * NS)
    assert grid.end_of(10 * NS) == 10 * NS
    assert grid.end_of(10 * NS + 1) == 70 * NS
    assert grid.start_of(70 * NS) == 10 * NS
    assert grid.ends(0, 130 * NS).tolist() == [10 * NS, 70 * NS, 130 * NS]
    assert grid.ends(10 * NS, 69 * NS).tolist() == []


def test_weeks_end_on_monday():
    grid = Grid(7 * D)
    assert ends(grid, "2026-11-16T00:00:00Z", "2026-12-01T00:00:00Z") == ["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"]


def test_the_early_shift_stays_one_through_both_changes_of_the_clock():
    shifts = Grid(8 * H, 6 * H, "Europe/Berlin")
    assert ends(shifts, "2026-03-28T12:00:00Z", "2026-03-29T13:00:00Z") == [
        "2026-03-28T13:00:00Z",  # 14:00 winter time
        "2026-03-28T21:00:00Z",
        "2026-03-29T04:00:00Z",  # the night is 7 hours long
        "2026-03-29T12:00:00Z",  # 14:00 summer time
    ]
    night = parse_time("2026-10-25T05:00:00Z")
    assert night - shifts.start_of(night) == 9 * H
    assert shifts.end_of(night - 1) == night
    days = Grid(D, 6 * H, "Europe/Berlin")
    assert ends(days, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z") == ["2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z"]


def test_an_hour_follows_the_zones_minutes():
    assert ends(Grid(H, 0, "Asia/Kolkata"), "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z") == [
        "2026-01-01T00:30:00Z",
        "2026-01-01T01:30:00Z",
    ]
    assert ends(Grid(M, 0, "Europe/Berlin"), "2026-10-25T00:59:00Z", "2026-10-25T01:01:00Z") == [
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:01:00Z",
    ]


def early() -> Calendar:
    week = CalendarEntry.model_validate(
        {
            "calendar": "Early-Late",
            "timezone": "Europe/Berlin",
            "shifts": [
                {"name": "Early", "days": [*DAYS], "start": "06:00", "end": "14:00"},
                {"name": "Night", "days": ["sat"], "start": "22:00", "end": "06:00"},
            ],
            "holidays": ["2026-12-25"],
        }
    )
    return Calendar("Early-Late", (week.version(0),))


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_windows_that_are_shifts_follow_the_calendar_through_both_changes_of_the_clock():
    shifts = Shifts(early())
    spring = shifts.ends(parse_time("2026-03-28T00:00:00Z"), parse_time("2026-03-29T23:00:00Z"))
    assert [iso(int(e)) for e in spring] == ["2026-03-28T13:00:00Z", "2026-03-29T04:00:00Z", "2026-03-29T12:00:00Z"]
    assert ((spring - shifts.starts(spring)) // H).tolist() == [8, 7, 8]
    autumn = shifts.ends(parse_time("2026-10-24T13:00:00Z"), parse_time("2026-10-25T23:00:00Z"))
    assert [iso(int(e)) for e in autumn] == ["2026-10-25T05:00:00Z", "2026-10-25T13:00:00Z"]
    assert ((autumn - shifts.starts(autumn)) // H).tolist() == [9, 8]


def test_what_lies_between_two_shifts_is_in_no_window():
    shifts = Shifts(early())
    noon = parse_time("2026-12-24T15:00:00Z")
    following = shifts.end_of(noon)
    assert iso(following) == "2026-12-26T13:00:00Z", "nobody works on the 25th"
    assert iso(shifts.start_of(following)) == "2026-12-26T05:00:00Z"
    assert shifts.ends(noon, noon + D).tolist() == []
    assert shifts.end_of(following) == following


def test_a_zone_nobody_knows_is_told():
    with pytest.raises(InvalidInput, match="not a time zone"):
        check_zone("Europe/Berlim")


GRIDS = st.builds(
    Grid,
    st.sampled_from([M, 5 * M, 7 * M, H, 8 * H, 12 * H, D, 7 * D]),
    st.sampled_from([0, 10 * NS, 6 * H]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
AROUND = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda d: int(d.replace(tzinfo=UTC).timestamp()) * NS)  # noqa: DTZ001


@given(GRIDS, AROUND, st.integers(0, 3 * D))
def test_windows_touch_and_never_overlap(grid, start, length):
    found = grid.ends(start, start + length)
    assert np.all((found > start) & (found <= start + length))
    starts = grid.starts(found)
    assert np.array_equal(starts[1:], found[:-1])
    for end in found[:3].tolist():
        assert grid.end_of(end) == end
        assert grid.end_of(grid.start_of(end) + 1) == end
    assert grid.end_of(start) >= start
