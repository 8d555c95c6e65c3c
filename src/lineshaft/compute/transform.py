"""Transforms: one value for each new value of an input, in event time, the same whatever order the values arrive in.

At the time of every input point the formula sees the latest good value of each input at or before that time. Values in
order are answered from the last values in memory; a late one recomputes the outputs it touches, up to the next point of
the same input, from the store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np

from lineshaft.compute.channels import Channels, History
from lineshaft.compute.feeding import Feeding
from lineshaft.compute.formula import Bools, Column, Ints, Rows
from lineshaft.compute.plan import Group, Plan
from lineshaft.compute.points import Lookup, Points, merged, none, points
from lineshaft.core import NS

NEVER = np.iinfo(np.int64).min
FOREVER = 2**62
_STEP = 60 * NS
"""How far beyond a late value the store is asked for the next one, at first."""


Failed = Callable[[Group, Exception, int, int], None]
"""Is told of a group whose evaluation failed, and over which time; the others go on."""


def raised(_group: Group, error: Exception, _since: int, _until: int) -> None:
    """Raise the error: what is done where nobody wants to be told."""
    raise error


class Last:
    """The newest point of every channel."""

    def __init__(self, size: int) -> None:
        self.ts = np.full(size, NEVER, np.int64)
        self.number = np.full(size, np.nan)
        self.text = np.full(size, None, np.object_)

    def take(self, fresh: Points) -> None:
        """Take the newest of each channel; a point that is gone is left to the next read of the store."""
        if not len(fresh):
            return
        newest = np.ones(len(fresh), np.bool_)
        newest[:-1] = fresh.channel[1:] != fresh.channel[:-1]
        newest &= (fresh.ts >= self.ts[fresh.channel]) & ~fresh.gone
        channel = fresh.channel[newest]
        self.ts[channel] = fresh.ts[newest]
        self.number[channel] = fresh.number[newest]
        self.text[channel] = fresh.text[newest]

    def forget(self, channels: Ints) -> None:
        """Know nothing of some channels."""
        self.ts[channels] = NEVER

    def points(self, channels: Ints) -> Points:
        """Return the newest points of some channels."""
        known = channels[self.ts[channels] != NEVER]
        return points(known, self.ts[known], self.number[known], self.text[known])


class Transforms:
    """All transforms of the plant; `process` is called for every batch, in the order batches are stored."""

    def __init__(self, plan: Plan, store: History, failed: Failed = raised) -> None:
        self._failed = failed
        self._levels = plan.transforms
        self._channels: Channels = plan.channels
        self._store = store
        self.last = Last(len(plan.channels))
        everything = np.arange(len(plan.channels))
        self.last.take(plan.channels.read(store, everything, FOREVER, FOREVER))
        self._finders = [[Feeding(group) for group in level] for level in self._levels]
        self._readers: list[dict[int, list[int]]] = []
        for level in self._levels:
            readers: dict[int, list[int]] = defaultdict(list)
            for number, group in enumerate(level):
                for channel in np.unique(np.concatenate(list(group.feeds.values()))).tolist():
                    readers[channel].append(number)
            self._readers.append(readers)

    def process(self, fresh: Points) -> Points:
        """Return what the transforms give for new points (and what they take back), level by level."""
        seen = fresh.where(~fresh.gone | (fresh.ts <= self.last.ts[fresh.channel]))
        found: list[Points] = []
        for level, readers in enumerate(self._readers):
            present = np.unique(seen.channel).tolist()
            hit = sorted({number for channel in present for number in readers.get(channel, ())})
            new = [self._guarded(self._finders[level][number], seen) for number in hit]
            found += new
            seen = merged([seen, *new])
        self.last.take(seen)
        self._look_again(seen)
        return merged(found)

    def read_again(self, channels: Ints) -> None:
        """Ask the store for the newest values of channels that were written by somebody else."""
        if len(channels):
            self.last.forget(channels)
            self.last.take(self._channels.read(self._store, channels, FOREVER, FOREVER))

    def _look_again(self, seen: Points) -> None:
        """Ask the store for the newest value of channels whose newest was just taken back."""
        lost = seen.where(seen.gone & (seen.ts == self.last.ts[seen.channel]))
        if not len(lost):
            return
        channels = np.unique(lost.channel)
        stored = self._channels.read(self._store, channels, int(lost.ts.min()) - 1, FOREVER)
        self.last.forget(channels)
        self.last.take(merged([stored, seen.of(channels)]).standing)

    def _guarded(self, finder: Feeding, fresh: Points) -> Points:
        try:
            return self._group(finder, fresh)
        except Exception as error:  # noqa: BLE001 - one formula that fails must not stop the others
            mine = fresh.of(finder.inputs).ts
            self._failed(finder.group, error, int(mine.min()), int(mine.max()))
            return none()

    def _group(self, finder: Feeding, fresh: Points) -> Points:
        group = finder.group
        instance, place = finder.match(fresh.channel)
        ts = fresh.ts[place]
        behind = ts <= self.last.ts[fresh.channel[place]]
        first = np.full(group.size, FOREVER, np.int64)
        np.minimum.at(first, instance, ts)
        newest = np.maximum.reduce([self.last.ts[channels] for channels in group.feeds.values()])
        late = first <= newest if group.formula.looks_back else first < newest
        np.logical_or.at(late, instance, behind)
        late &= first < FOREVER
        slow = late[instance]
        parts = [self._in_order(group, fresh, instance[~slow], ts[~slow])] if not slow.all() else []
        if slow.any():
            parts.append(self._late(group, fresh, instance[slow], place[slow]))
        return merged(parts)

    def _in_order(self, group: Group, fresh: Points, instance: Ints, ts: Ints) -> Points:
        channels = np.unique(np.concatenate([channels[instance] for channels in group.feeds.values()]))
        known = merged([self.last.points(channels), fresh.of(channels)]).standing
        asked, at = different(instance, ts)
        result = evaluated(group, Lookup(known, int(ts.min()), int(ts.max())), asked, at)
        again = self.last.ts[group.out[asked]] == at
        found = outputs(group, asked, at, result)
        return merged([_gone(self.last.points(group.out[asked[again]])), found]) if again.any() else found

    def _late(self, group: Group, fresh: Points, instance: Ints, place: Ints) -> Points:
        """Recompute every output between a late point and the next one of the same input."""
        machines = np.unique(instance)
        feeds = np.unique(np.concatenate([channels[machines] for channels in group.feeds.values()]))
        low = int(fresh.ts[place].min())
        known, high = self._known(feeds, fresh, place, low)
        until = np.full(group.size, NEVER, np.int64)
        np.maximum.at(until, instance, _following(known, fresh, place, high))
        since = np.full(group.size, FOREVER, np.int64)
        np.minimum.at(since, instance, fresh.ts[place])
        owner, at = triggers(group, known, machines)
        asked, at = different(*_within(owner, at, since, until))
        result = evaluated(group, Lookup(known, low, high), asked, at)
        before = self._channels.read(self._store, group.out[machines], low - 1, high)
        return merged([_retracted(group, before, machines, since, until), outputs(group, asked, at, result)])

    def _known(self, feeds: Ints, fresh: Points, place: Ints, low: int) -> tuple[Points, int]:
        """Read the inputs from `low` on, far enough that every late point's next one is among them."""
        limit = max(int(self.last.ts[feeds].max()), int(fresh.ts[place].max()))
        high, step = min(limit, int(fresh.ts[place].max()) + _STEP), _STEP
        own = fresh.of(feeds)
        while True:
            stored = self._channels.read(self._store, feeds, low - 1, high)
            known = merged([stored, own]).standing
            if high >= limit or (_following(known, fresh, place, FOREVER) < FOREVER).all():
                return known, high
            step *= 8
            high = min(limit, high + step)


def different(instance: Ints, ts: Ints) -> tuple[Ints, Ints]:
    """Return each (instance, time) once, in order."""
    order = np.lexsort((ts, instance))
    instance, ts = instance[order], ts[order]
    keep = np.ones(len(ts), np.bool_)
    keep[1:] = (instance[1:] != instance[:-1]) | (ts[1:] != ts[:-1])
    return instance[keep], ts[keep]


def _within(instance: Ints, ts: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints]:
    inside = (ts >= since[instance]) & (ts <= until[instance])
    return instance[inside], ts[inside]


def triggers(group: Group, known: Points, machines: Ints) -> tuple[Ints, Ints]:
    """Return (instance, time) of every input point of some instances."""
    owners: list[Ints] = []
    times: list[Ints] = []
    for channels in group.feeds.values():
        order = np.argsort(channels[machines], kind="stable")
        mine = channels[machines][order]
        low, high = np.searchsorted(known.channel, mine, "left"), np.searchsorted(known.channel, mine, "right")
        for machine, start, end in zip(machines[order].tolist(), low.tolist(), high.tolist(), strict=True):
            owners.append(np.full(end - start, machine))
            times.append(known.ts[start:end])
    return np.concatenate(owners), np.concatenate(times)


def _following(known: Points, fresh: Points, place: Ints, otherwise: int) -> Ints:
    """Return the time of the next point of the same channel after each late one."""
    lookup = Lookup(known, int(fresh.ts[place].min()), int(fresh.ts[place].max()))
    channel = fresh.channel[place]
    following = lookup.place(channel, fresh.ts[place], "right")
    _, end = lookup.bounds(channel)
    if not len(known):
        return np.full(len(place), otherwise)
    return np.where(following < end, known.ts[np.minimum(following, len(known) - 1)], otherwise)


def evaluated(group: Group, lookup: Lookup, instance: Ints, ts: Ints) -> Column:
    """Evaluate the formula at every (instance, time) with the values of all inputs as of that time."""
    columns: dict[str, Column] = {name: column.take(instance) for name, column in group.fixed.items()}
    times: dict[str, Ints] = {}
    before: dict[str, Column] = {}
    earlier: dict[str, Ints] = {}
    for name, channels in group.feeds.items():
        values = lookup.points.column(name in group.texts)
        columns[name], times[name] = _as_of(lookup, values, channels[instance], ts, "right")
        if group.formula.looks_back:
            before[name], earlier[name] = _as_of(lookup, values, channels[instance], ts, "left")
    frame: Mapping[str, Column] = columns
    return group.formula.over(Rows(len(ts), frame, ts, times=times, before=before, before_times=earlier))


def _as_of(lookup: Lookup, values: Column, channel: Ints, ts: Ints, side: str) -> tuple[Column, Ints]:
    place = lookup.place(channel, ts, side) - 1
    first, end = lookup.bounds(channel)
    index = np.where((place >= first) & (end > first), place, -1)
    stamps = lookup.points.ts[np.maximum(index, 0)] if len(lookup.points) else np.zeros(len(ts), np.int64)
    return values.take(index), stamps


def outputs(group: Group, instance: Ints, ts: Ints, result: Column) -> Points:
    """Return results as points of the computed properties; what does not fit the type is no point."""
    if not len(ts):
        return none()
    text = np.full(len(ts), None, np.object_)
    number = np.full(len(ts), np.nan)
    ok: Bools = result.ok
    if group.type.column == "vs":
        ok = ok & np.fromiter((isinstance(cell, str) for cell in result.values), np.bool_, len(ts))
        text[ok] = result.values[ok]
    elif result.is_numbers:
        number[ok] = result.values[ok]
    else:
        ok = ok & np.fromiter((isinstance(cell, float) for cell in result.values), np.bool_, len(ts))
        number[ok] = result.values[ok].astype(np.float64)
    return points(group.out[instance[ok]], ts[ok], number[ok], text[ok])


def _retracted(group: Group, before: Points, machines: Ints, since: Ints, until: Ints) -> Points:
    """Return the earlier outputs of the recomputed stretch as gone: those computed anew overwrite this."""
    order = machines[np.argsort(group.out[machines])]
    owner = order[np.searchsorted(group.out[order], before.channel)] if len(before) else np.zeros(0, np.int64)
    return _gone(before.where((before.ts >= since[owner]) & (before.ts <= until[owner])))


def _gone(found: Points) -> Points:
    return Points(found.channel, found.ts, found.number, found.text, np.ones(len(found), np.bool_))
