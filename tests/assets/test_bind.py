from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lineshaft.assets.bind import Meanings, Span, bound, cut, merged, overlap

tags = st.sampled_from(["a", "b", "c"])
acts = st.lists(st.tuples(tags, st.integers(0, 50)), max_size=12)


def played(history: list[tuple[str, int]]) -> list[Span]:
    spans: list[Span] = []
    for tag, start in history:
        spans = bound(spans, "plc", tag, start)
    return spans


@given(acts)
def test_spans_of_a_property_never_overlap_and_come_in_order(history: list[tuple[str, int]]) -> None:
    spans = played(history)
    assert all(one.end_ns is not None and one.end_ns <= other.start_ns for one, other in pairwise(spans))
    assert all(s.end_ns is None or s.start_ns < s.end_ns for s in spans)
    assert merged(spans) == spans


@given(acts, tags, st.integers(0, 50), st.integers(0, 60))
def test_binding_changes_only_the_time_up_to_the_next_binding(
    history: list[tuple[str, int]], tag: str, start: int, at: int
) -> None:
    before = played(history)
    after = bound(before, "plc", tag, start)
    end = next((s.start_ns for s in before if s.start_ns > start), None)
    here = [s.tag for s in after if s.covers(at)]
    if at >= start and (end is None or at < end):
        assert here == [tag]
    else:
        assert here == [s.tag for s in before if s.covers(at)]


@given(acts, st.integers(0, 60), st.integers(0, 60), st.integers(0, 80))
def test_cutting_takes_out_just_that_time(history: list[tuple[str, int]], one: int, other: int, at: int) -> None:
    start, end = sorted((one, other))
    spans = played(history)
    left = [s.tag for s in cut(spans, start, end) if s.covers(at)]
    assert left == ([] if start <= at < end else [s.tag for s in spans if s.covers(at)])


@given(st.lists(st.tuples(st.sampled_from("XYZ"), tags, st.integers(0, 50)), max_size=12), st.integers(0, 80))
def test_the_meaning_of_a_tag_is_the_inverse_of_the_spans(history: list[tuple[str, str, int]], at: int) -> None:
    spans: dict[str, list[Span]] = {name: [] for name in "XYZ"}
    for name, tag, start in history:
        new = bound(spans[name], "plc", tag, start)
        if any(Meanings({k: v for k, v in spans.items() if k != name}).clash(name, s) for s in new):
            continue
        spans[name] = new
    meanings = Meanings(spans)
    for tag in "abc":
        owners = [name for name, own in spans.items() for s in own if s.tag == tag and s.covers(at)]
        assert len(owners) <= 1
        assert meanings.property_id("plc", tag, at) == (owners[0] if owners else None)


@given(acts, acts)
def test_overlap_is_what_both_cover(one: list[tuple[str, int]], other: list[tuple[str, int]]) -> None:
    for a in played(one):
        for b in played(other):
            part = overlap(a, b)
            for at in range(61):
                assert (part is not None and part.covers(at)) == (a.covers(at) and b.covers(at))
