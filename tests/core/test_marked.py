from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import ConfigError, Section, dump_marked, fit, parse_marked


class Shift(Section):
    name: str
    start: str = ""


words = st.text(max_size=12)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(words, values, max_size=5))
def test_what_is_written_reads_back_the_same(data: dict[str, object]) -> None:
    text = dump_marked(data) if data else ""
    again = parse_marked(text, "f").data or {}
    assert again == data
    assert (dump_marked(again) if again else "") == text


def test_clock_times_dates_and_no_stay_text() -> None:
    data = parse_marked("a: 06:00\nb: 2026-12-25\nc: no\nd: 007\ne: 1e3\nf: true\ng:\n", "f").data
    assert data == {"a": "06:00", "b": "2026-12-25", "c": "no", "d": "007", "e": 1000.0, "f": True, "g": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "f:2: 'a' is here twice"),
        ("a: &x 1\nb: *x\n", "f:1: anchors and aliases are not taken here"),
        ("a: [1\nb: 2\n", "f:2: this is not YAML"),
        ("? {a: 1}\n: 2\n", "f:1: a key must be a word"),
    ],
)
def test_a_bad_text_names_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_marked(text, "f")
    assert str(caught.value).startswith(message)


def test_deep_nesting_is_refused_not_fatal() -> None:
    with pytest.raises(ConfigError):
        parse_marked("[" * 5000, "f")


def test_fit_names_the_line_and_the_nearest_word() -> None:
    document = parse_marked("name: Early\nstrat: 06:00\n", "calendar.yaml")
    shift, problems = fit(document, Shift, document.data)
    assert shift is None
    assert [str(p) for p in problems] == ["calendar.yaml:2: 'strat' is not known here - did you mean 'start'?"]
