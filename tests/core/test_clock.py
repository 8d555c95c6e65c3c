from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import NS, InvalidInput, iso, now_ns, parse_duration, parse_time

MOMENTS = st.integers(0, 4_000_000_000 * NS)


@given(MOMENTS)
def test_a_time_survives_its_text(ns):
    assert parse_time(iso(ns)) == ns


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_a_zone_moves_the_clock_not_the_moment(ns, minutes):
    local = iso(ns + minutes * 60 * NS).removesuffix("Z")
    sign = "-" if minutes < 0 else "+"
    assert parse_time(f"{local}{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}") == ns


@given(st.integers(10**9, 2**63 - 1))
def test_epoch_nanoseconds_are_a_time(ns):
    assert parse_time(ns) == ns
    assert parse_time(str(ns)) == ns


def test_the_forms_people_write():
    noon = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()) * NS
    for text in ("2026-11-20T12:00:00Z", "2026-11-20 12:00Z", "2026-11-20T13:00:00+01:00", "2026-11-20T13:00:00+0100"):
        assert parse_time(text) == noon
    assert parse_time("2026-11-20T12:00:00.000000001z") == noon + 1
    assert parse_time("2026-11-20T12:00:00.5Z") == noon + NS // 2
    assert abs(parse_time("now") - now_ns()) < NS


@pytest.mark.parametrize("text", ["2026-11-20T12:00:00", "2026-11-20", "12:00", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_guess_is_refused_with_its_place(text):
    with pytest.raises(InvalidInput) as caught:
        parse_time(text, where="row 3")
    assert caught.value.code == "time.invalid"
    assert str(caught.value).startswith("row 3: ")


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "min", "h", "d", "w"]))
def test_durations_have_a_unit(number, unit):
    size = {"ms": 10**6, "s": NS, "m": 60 * NS, "min": 60 * NS, "h": 3600 * NS, "d": 86400 * NS, "w": 604800 * NS}[unit]
    assert parse_duration(f"{number}{unit}") == number * size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (90, 90), (0.25, 0.25), ("1h30m", 5400), ("1.5h", 5400), ("PT5M", 300), ("P1DT2H", 93600), ("1 h 5 min", 3900)],
)
def test_the_durations_people_write(text, seconds):
    assert parse_duration(text) == round(seconds * NS)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "5m?", "-5m", "P1M", "P1Y", "P1Y2M3D"])
def test_a_wrong_duration_is_refused(text):
    with pytest.raises(InvalidInput) as caught:
        parse_duration(text)
    assert caught.value.code == "duration.invalid"


@pytest.mark.parametrize("text", ["2999-01-01T00:00:00Z", "1066-10-14T00:00:00Z", "99999999999999999999", 2**63])
def test_a_time_that_does_not_fit_in_64_bits_is_refused(text: str | int) -> None:
    with pytest.raises(InvalidInput, match="too far away"):
        parse_time(text)
