"""Which windows roll-ups may answer, and which must be computed from the rows themselves.

A roll-up knows the rows of the one file it was made from. So a window is computed anew where anything else has a row: a file
without roll-ups, a late row, memory. Everywhere else the roll-ups are the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lineshaft.store.index import HOUR_TABLE, MINUTE_TABLE, SAMPLES_TABLE, File
from lineshaft.store.roll import HOUR, MINUTE, UNITS
from lineshaft.store.stored import Ints

Span = tuple[int, int]
_PARTS = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """A stretch of time taken apart: what the roll-ups `files` answer, and what has to be computed."""

    files: tuple[File, ...]
    rolled: tuple[Span, ...]
    raw: tuple[Span, ...]


def table_for(window: int) -> str | None:
    """Return the coarsest roll-up whole windows can be made of, or None."""
    if window % HOUR == 0:
        return HOUR_TABLE
    return MINUTE_TABLE if window % MINUTE == 0 else None


def reach(
    table: str, files: Sequence[File], rolled: Mapping[str, Mapping[str, File]], span: Span
) -> tuple[list[File], list[File], Span | None]:
    """Return, of files of `samples` near a question: roll-ups, files without, and the whole windows the roll-ups reach."""
    unit, of = UNITS[table], rolled[table]
    main = [file for file in files if file.kind == SAMPLES_TABLE]
    with_, without = [f for f in main if f.name in of], [f for f in main if f.name not in of]
    if not with_:
        return [], without, None
    low, high = min(f.min_ts for f in with_), max(f.max_ts for f in with_)
    start = max(_up(span[0], unit), _up(low, unit) - unit)
    end = min(_down(span[1], unit), _up(high, unit))
    return [of[f.name] for f in with_], without, (start, end) if start < end else None


def plan(table: str, span: Span, whole: Span | None, roll_ups: Sequence[File], dirty: Iterable[Span]) -> Plan:
    """Take a stretch apart. `dirty` are the first and last times (both included) of stretches that have other rows."""
    if whole is None:
        return Plan((), (), (span,))
    unit = UNITS[table]
    taken = ((max(_up(a, unit) - unit, whole[0]), min(_up(b, unit), whole[1])) for a, b in dirty)
    outside = [(span[0], whole[0]), (whole[1], span[1])]
    raw = _joined([*outside, *(one for one in taken if one[0] < one[1])])
    rolled, at = list[Span](), span[0]
    for start, end in [*raw, (span[1], span[1])]:
        if at < start:
            rolled.append((at, start))
        at = max(at, end)
    return Plan(tuple(roll_ups) if rolled else (), tuple(rolled), tuple(raw))


def touched(ts: Ints) -> list[Span]:
    """Return few stretches that hold sorted times: only the widest gaps between them are left out."""
    if not len(ts):
        return []
    gaps = np.diff(ts)
    cuts = np.sort(np.argsort(gaps)[::-1][: _PARTS - 1]) if len(gaps) else np.zeros(0, np.int64)
    starts, ends = np.append(ts[0], ts[cuts + 1]), np.append(ts[cuts], ts[-1])
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return stretches (start, end] that do not touch each other, in order; the nearest are joined where they are many."""
    found: list[Span] = []
    for start, end in sorted(one for one in spans if one[0] < one[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    while len(found) > 2 * _PARTS:
        near = min(range(len(found) - 1), key=lambda n: found[n + 1][0] - found[n][1])
        found[near : near + 2] = [(found[near][0], found[near + 1][1])]
    return found


def _up(ts: int, unit: int) -> int:
    return -(-ts // unit) * unit


def _down(ts: int, unit: int) -> int:
    return ts // unit * unit
