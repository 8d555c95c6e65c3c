from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import InvalidInput
from lineshaft.detect import vibration


def tone(frequency, peak, *, rate=10_000, seconds=2.0, unit="m/s2", rpm=None):
    times = np.arange(int(rate * seconds)) / rate
    return vibration.waveform(peak * np.sin(2 * np.pi * frequency * times + 0.3), rate=rate, unit=unit, rpm=rpm)


@given(frequency=st.floats(20, 900), peak=st.floats(0.01, 100))
def test_velocity_of_a_tone_is_its_acceleration_divided_by_omega(frequency, peak):
    expected = peak / np.sqrt(2) / (2 * np.pi * frequency) * 1000
    assert vibration.velocity(tone(frequency, peak)).rms == pytest.approx(expected, rel=2e-3)


def test_what_lies_outside_the_band_does_not_count():
    inside, below, above = tone(100, 1), tone(4, 5), tone(2000, 50)
    both = vibration.waveform(inside.values + below.values + above.values, rate=10_000, unit="m/s2")
    assert vibration.velocity(both).rms == pytest.approx(vibration.velocity(inside).rms, rel=0.01)
    told = vibration.velocity(both)
    assert (told.low, told.high, told.unit, told.standard) == (10, 1000, "mm/s", True)


def test_a_slow_shaft_is_heard_from_2_hz():
    assert vibration.velocity(tone(4, 1, rpm=240)).low == 2
    assert vibration.velocity(tone(4, 1, rpm=240)).rms > 20
    assert vibration.velocity(tone(4, 1)).rms < 1


def test_units_change_nothing_but_the_figure_they_stand_for():
    values = tone(50, 1).values
    as_g = vibration.waveform(values / 9.80665, rate=10_000, unit="g")
    assert vibration.velocity(as_g).rms == pytest.approx(vibration.velocity(tone(50, 1)).rms)
    assert vibration.velocity(tone(50, 10, unit="mm/s")).rms == pytest.approx(10 / np.sqrt(2), rel=1e-3)
    assert vibration.velocity(tone(50, 1, unit="in/s")).rms == pytest.approx(25.4 / np.sqrt(2), rel=1e-3)


def test_too_low_a_rate_is_refused_with_the_reason_and_a_way_out():
    slow = tone(50, 1, rate=1000)
    with pytest.raises(InvalidInput, match="needs at least 2100 samples a second, this record has 1000") as refused:
        vibration.velocity(slow)
    assert refused.value.code == "vibration.rate"
    assert "high=476" in refused.value.hint
    lower = vibration.velocity(slow, high=476)
    assert lower.rms > 0
    assert not lower.standard


def test_too_short_a_record_is_refused():
    with pytest.raises(InvalidInput, match="needs a record of 0"):
        vibration.velocity(tone(50, 1, seconds=0.2))


@pytest.mark.parametrize(
    ("values", "given", "code"),
    [
        (np.ones(1000), {"rate": 1000, "unit": "g"}, "vibration.stuck"),
        ([1.0, 2.0], {"rate": 1000, "unit": "g"}, "vibration.short"),
        ([1.0, float("nan")] * 500, {"rate": 1000, "unit": "g"}, "vibration.samples"),
        (["a"] * 1000, {"rate": 1000, "unit": "g"}, "vibration.samples"),
        (np.ones((1000, 2)), {"rate": 1000, "unit": "g"}, "vibration.samples"),
        (np.arange(1000), {"rate": None, "unit": "g"}, "vibration.rate"),
        (np.arange(1000), {"rate": 1000, "unit": None}, "vibration.unit"),
        (np.arange(1000), {"rate": 1000, "unit": "furlong"}, "vibration.unit"),
        (np.arange(1000), {"rate": 1000, "unit": "g", "rpm": -3}, "vibration.speed"),
    ],
)
def test_a_record_that_cannot_be_used_is_refused(values, given, code):
    with pytest.raises(InvalidInput) as refused:
        vibration.waveform(values, **given)
    assert refused.value.code == code
    assert refused.value.hint


def test_figures_of_a_record():
    wave = tone(30, 1, rpm=1800)
    told = vibration.features(wave)
    assert told.rms == pytest.approx(1 / np.sqrt(2), rel=1e-3)
    assert told.crest == pytest.approx(np.sqrt(2), rel=1e-3)
    assert told.kurtosis == pytest.approx(1.5, rel=1e-3)
    assert told.orders[1] == pytest.approx(told.velocity.rms, rel=1e-3)
    assert told.orders[2] < 0.01 * told.orders[1]
    assert told.bands["10-200 Hz"] == pytest.approx(told.rms, rel=1e-3)
    assert told.bands["200-1000 Hz"] < 1e-3
    assert told.as_dict()["1x"] == told.orders[1]


def test_what_a_record_cannot_show_is_said_not_guessed():
    told = vibration.features(tone(30, 1, rate=1000))
    assert told.velocity is None
    assert "2100 samples" in told.refused["velocity"]
    assert told.orders == {}
    assert "rpm=" in told.refused["orders"]


def test_the_envelope_shows_how_often_a_ringing_is_struck(struck):
    frequencies, lines = vibration.envelope_spectrum(struck(87.0, slip=0), 12_000, 2000, 4000)
    assert frequencies[lines.argmax()] == pytest.approx(87, abs=0.5)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda values: np.clip(values, -1.5, 1.5), "vibration.clipped"),
        (lambda values: np.where(np.arange(len(values)) > 6000, values[6000], values), "vibration.stuck"),
        (lambda values: 2000 * values, "vibration.unit"),
    ],
)
def test_a_signal_that_is_cut_off_stands_still_or_has_another_unit_is_refused(spoil, code):
    values = np.random.default_rng(1).normal(0, 1, 10_000)
    assert vibration.waveform(values, rate=5000, unit="g").seconds == 2
    with pytest.raises(InvalidInput) as refused:
        vibration.waveform(spoil(values), rate=5000, unit="g")
    assert refused.value.code == code
    assert refused.value.hint


def test_the_spectrum_to_look_at_begins_with_the_standard_band():
    for rpm, shown in ((1480, False), (240, True)):
        frequencies, amplitude = vibration.velocity_spectrum(tone(4, 1, rpm=rpm))
        assert (amplitude[np.abs(frequencies - 4) < 1].max() > 1) == shown
