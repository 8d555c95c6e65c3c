"""Bindings: which tag of which source gives a property its values, and from when to when.

Series are stored by (source, tag); a binding gives them meaning, also afterwards and with all their history. The spans
of a property never overlap, and a tag means one property at a time, so the way back is a function too.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

DERIVED = "derived"
"""The source name of computed properties; their tag is the property's id."""

ALWAYS = 0
"""Start of a binding that covers all history."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_ns` on and before `end_ns` (None: still) the values come from (source, tag)."""

    source: str
    tag: str
    start_ns: int = ALWAYS
    end_ns: int | None = None

    def covers(self, at: int) -> bool:
        """Say whether the moment lies in the span."""
        return self.start_ns <= at and (self.end_ns is None or at < self.end_ns)


def bound(spans: Sequence[Span], source: str, tag: str, start: int) -> list[Span]:
    """Return the spans after binding a tag from `start` on, up to the next binding made for a later time."""
    end = next((s.start_ns for s in spans if s.start_ns > start), None)
    before = cut(spans, start, end)
    left = [s for s in before if s.start_ns < start]
    right = [s for s in before if s.start_ns > start]
    return merged([*left, Span(source, tag, start, end), *right])


def cut(spans: Sequence[Span], start: int, end: int | None) -> list[Span]:
    """Return the spans with everything from `start` to `end` (None: for ever) taken out."""
    result: list[Span] = []
    for span in spans:
        if span.start_ns < start:
            result.append(replace(span, end_ns=start if span.end_ns is None else min(span.end_ns, start)))
        if end is not None and (span.end_ns is None or span.end_ns > end):
            result.append(replace(span, start_ns=max(span.start_ns, end)))
    return result


def merged(spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, those of the same tag that touch joined to one."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start_ns):
        last = result[-1] if result else None
        if last is not None and (last.source, last.tag, last.end_ns) == (span.source, span.tag, span.start_ns):
            result[-1] = replace(last, end_ns=span.end_ns)
        else:
            result.append(span)
    return result


def overlap(one: Span, other: Span) -> Span | None:
    """Return the part of `one` that lies inside `other`'s time."""
    start = max(one.start_ns, other.start_ns)
    ends = [s.end_ns for s in (one, other) if s.end_ns is not None]
    end = min(ends) if ends else None
    return None if end is not None and end <= start else replace(one, start_ns=start, end_ns=end)


class Meanings:
    """The way back: which property a tag meant at a moment."""

    def __init__(self, spans: Mapping[str, Iterable[Span]]) -> None:
        by_tag: dict[tuple[str, str], list[tuple[int, Span, str]]] = {}
        for property_id, own in spans.items():
            for span in own:
                by_tag.setdefault((span.source, span.tag), []).append((span.start_ns, span, property_id))
        self._by_tag = {key: sorted(entries, key=lambda e: e[0]) for key, entries in by_tag.items()}

    def property_id(self, source: str, tag: str, at: int) -> str | None:
        """Return the id of the property the tag is bound to at that moment."""
        entries = self._by_tag.get((source, tag), [])
        number = bisect.bisect_right(entries, at, key=lambda e: e[0]) - 1
        if number < 0:
            return None
        _, span, property_id = entries[number]
        return property_id if span.covers(at) else None

    def known(self, source: str, tag: str) -> bool:
        """Say whether the tag was ever bound to anything."""
        return (source, tag) in self._by_tag

    def clash(self, property_id: str, span: Span) -> str | None:
        """Return another property that the span's tag belongs to at some time of it."""
        for _, taken, other in self._by_tag.get((span.source, span.tag), []):
            if other != property_id and overlap(taken, span) is not None:
                return other
        return None
