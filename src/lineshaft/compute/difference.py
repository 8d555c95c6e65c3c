"""Computing a stretch of the past once more without writing, and saying what would be different."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lineshaft.compute.channels import History
from lineshaft.compute.feeding import inputs, together
from lineshaft.compute.formula import Bools, Ints
from lineshaft.compute.metric import framed
from lineshaft.compute.plan import Group, Plan
from lineshaft.compute.points import Lookup, Points, merged, none
from lineshaft.compute.transform import FOREVER, different, evaluated, outputs, triggers

_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Change:
    """One computed value that is different from before: None where there was, or is, no value."""

    series: str
    path: str
    ts: int
    old: object
    new: object
    old_version: int
    new_version: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one stretch gives: the rows that are different (gone where a value is taken back), and those they replace."""

    changed: Points
    old: Mapping[tuple[int, int], object]
    compared: int


class Replay:
    """Computes chosen properties over one stretch after the other; what it computed itself it reads from memory."""

    def __init__(self, plan: Plan, store: History, chosen: frozenset[str], start: int, closed: Mapping[str, int]) -> None:
        """Begin at a moment; `closed` says until when each metric is closed: open windows are left to the pipeline."""
        self.plan, self._store, self._start = plan, store, start
        properties = plan.channels.properties
        mine = [channel for channel, one in enumerate(properties) if one.id in chosen]
        self._mine = np.array(mine, np.int64)
        self._closed = np.array([closed.get(one.id, FOREVER) for one in properties], np.int64)
        longest = max((schedule.grid.length for schedule in plan.schedules), default=0)
        self._before = plan.channels.read(store, self._mine, start - 2 * longest, start)

    def carry_on(self, other: Replay) -> None:
        """Take over what a replay with other formulas has computed up to here."""
        numbers = {channel: self.plan.channels.find(one.id) for channel, one in enumerate(other.plan.channels.properties)}
        known = np.array([-1 if numbers[c] is None else numbers[c] for c in other._before.channel.tolist()], np.int64)
        self._before = merged([self._before, other._before.renamed(known)])

    def over(self, low: int, high: int) -> Outcome:
        """Compute (low, high] and compare it with what is written."""
        done = none()
        for level in self.plan.transforms:
            done = merged([done, *(self._transformed(group, low, high, done) for group in level)])
        for level in self.plan.metrics:
            done = merged([done, *(self._measured(group, low, high, done) for group in level)])
        found = self.plan.channels.read(self._store, self._mine, low, high)
        old = found.where((found.ts > low) & (found.ts <= self._closed[found.channel]))
        self._remember(done, low)
        return _compared(old, done)

    def _remember(self, done: Points, low: int) -> None:
        """Keep what was computed in this stretch, and the last point of each channel before it."""
        kept = self._before
        last = np.ones(len(kept), np.bool_)
        last[:-1] = kept.channel[1:] != kept.channel[:-1]
        longest = max((schedule.grid.length for schedule in self.plan.schedules), default=0)
        self._before = merged([kept.where(last | (kept.ts > low - longest)), done.standing])

    def _chosen(self, group: Group) -> Ints:
        return np.flatnonzero(np.isin(group.out, self._mine))

    def _read(self, channels: Ints, low: int, high: int, done: Points) -> Points:
        """Read inputs; of those computed here anew, nothing that stands written after the beginning."""
        stored = self.plan.channels.read(self._store, channels, low, high)
        anew = np.isin(stored.channel, self._mine) & (stored.ts > self._start)
        before = self._before.of(channels)
        return merged([stored.where(~anew), before.where(before.ts <= high), done.of(channels)]).standing

    def _transformed(self, group: Group, low: int, high: int, done: Points) -> Points:
        mine = self._chosen(group)
        if not len(mine):
            return none()
        feeds = together([channels[mine] for channels in group.feeds.values()])
        known = self._read(feeds, low, high, done)
        owner, at = triggers(group, known, mine)
        inside = (at > low) & (at <= high)
        owner, at = different(owner[inside], at[inside])
        if not len(at):
            return none()
        return outputs(group, owner, at, evaluated(group, Lookup(known, low, high), owner, at))

    def _measured(self, group: Group, low: int, high: int, done: Points) -> Points:
        mine = self._chosen(group)
        ends = self.plan.schedules[group.schedule].grid.ends(low, high)
        if not len(mine) or not len(ends):
            return none()
        grid = self.plan.schedules[group.schedule].grid
        starts = grid.starts(ends)
        instance = np.tile(mine, len(ends))
        first, last = np.repeat(starts, len(mine)), np.repeat(ends, len(mine))
        closed = last <= self._closed[group.out[instance]]
        instance, first, last = instance[closed], first[closed], last[closed]
        if not len(instance):
            return none()
        until = FOREVER if group.formula.looks_ahead else high
        known = self._read(inputs(group), int(starts[0]), until, done)
        windows = framed(group, instance, first, last, Lookup(known, int(starts[0]), high))
        begun = np.zeros(len(instance), np.bool_)
        for series in windows.series.values():
            begun |= series.before | (series.high > series.low)
        result = outputs(group, instance, last, group.formula.over(windows))
        return result.where(_among(result, group.out[instance[begun]], last[begun]))


def _among(found: Points, channel: Ints, ts: Ints) -> Bools:
    wanted = set(zip(channel.tolist(), ts.tolist(), strict=True))
    return np.fromiter(
        (key in wanted for key in zip(found.channel.tolist(), found.ts.tolist(), strict=True)), np.bool_, len(found)
    )


def _compared(old: Points, new: Points) -> Outcome:
    """Return what differs: new values, other values, and values that are no longer given."""
    keys = np.concatenate([old.ts, new.ts])
    low, high = (int(keys.min()), int(keys.max())) if len(keys) else (0, 0)
    theirs = _match(old, new, low, high)
    same = theirs >= 0
    if same.any():
        before = old.where(theirs[same])
        close = np.isclose(before.number, new.number[same], rtol=_SAME, atol=0, equal_nan=True)
        same[same] = close & (before.text == new.text[same])
    vanished = old.where(_match(new, old, low, high) < 0)
    gone = Points(vanished.channel, vanished.ts, vanished.number, vanished.text, np.ones(len(vanished), np.bool_))
    changed = merged([new.where(~same), gone])
    replaced = _match(old, changed, low, high)
    values: dict[tuple[int, int], object] = {}
    for number in replaced[replaced >= 0].tolist():
        values[int(old.channel[number]), int(old.ts[number])] = value_of(old, number)
    compared = len(new) + len(vanished)
    return Outcome(changed, values, compared)


def _match(points: Points, asked: Points, low: int, high: int) -> Ints:
    """Return the place of each asked key among the points, -1 where it is not there."""
    if not len(points) or not len(asked):
        return np.full(len(asked), -1, np.int64)
    place = Lookup(points, low, high).place(asked.channel, asked.ts, "left")
    safe = np.minimum(place, len(points) - 1)
    there = (points.channel[safe] == asked.channel) & (points.ts[safe] == asked.ts)
    return np.where(there, safe, -1)


def value_of(points: Points, number: int) -> object:
    """Return the value of one point: a number, a text, or None if it is gone."""
    if points.gone[number]:
        return None
    text = points.text[number]
    return text if isinstance(text, str) else float(points.number[number])


def stretches(start: int, end: int, step: int, cuts: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Cut (start, end] into stretches no longer than a step, and at every cut."""
    edges = sorted({start, end, *(cut for cut in cuts if start < cut < end)})
    found: list[tuple[int, int]] = []
    for low, high in pairwise(edges):
        found += [(at, min(at + step, high)) for at in range(low, high, step)]
    return found
