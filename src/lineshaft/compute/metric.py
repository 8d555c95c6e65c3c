"""Metrics: one value a window, when the time of the values has passed its end; late values recompute what they touch.

A late value touches the window it lies in and, where the formula carries values forward, those up to the next point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lineshaft.compute.channels import Channels, History
from lineshaft.compute.feeding import Feeding, together
from lineshaft.compute.formula import Column, Ints, Series, Windows
from lineshaft.compute.plan import Group, Plan
from lineshaft.compute.points import Lookup, Points, merged, none
from lineshaft.compute.transform import FOREVER, NEVER, Failed, outputs, raised
from lineshaft.core import NS

Touched = dict[int, tuple[int, int]]
"""By channel: the time of the first and of the last late value."""
_ROWS = 50_000
"""Windows evaluated at once."""
_STEP = 3600 * NS


class Metrics:
    """All metrics of the plan with the marks up to which their windows are closed."""

    def __init__(self, plan: Plan, store: History, marks: Mapping[str, int], failed: Failed = raised) -> None:
        self._failed = failed
        self._schedules = plan.schedules
        self._channels: Channels = plan.channels
        self._store = store
        self.marks = [marks.get(schedule.key, NEVER) for schedule in plan.schedules]
        self._levels = [_by_schedule(level) for level in plan.metrics]
        self._readers: dict[int, set[int]] = defaultdict(set)
        self._ahead = np.zeros(len(plan.channels), np.bool_)
        for feeding in self._all():
            for channel in feeding.inputs.tolist():
                self._readers[channel].add(feeding.group.schedule)
                self._ahead[channel] |= feeding.group.formula.looks_ahead
        self._begins = self._feeding()

    def _all(self) -> Iterator[Feeding]:
        for level in self._levels:
            for feedings in level.values():
                yield from feedings

    def _feeding(self) -> dict[int, set[int]]:
        """Return which schedules a value of a channel feeds, directly or through other metrics."""
        roots: dict[int, set[int]] = {}
        found: dict[int, set[int]] = defaultdict(set)
        for feeding in self._all():
            origin: set[int] = set().union(*(roots.get(channel, {channel}) for channel in feeding.inputs.tolist()))
            for channel in feeding.group.out.tolist():
                roots[channel] = roots.get(channel, set()) | origin
            for channel in origin:
                found[channel].add(feeding.group.schedule)
        return found

    def closed(self) -> dict[str, int]:
        """Return until when the windows of each metric are closed, by property."""
        properties = self._channels.properties
        return {
            properties[channel].id: self.marks[feeding.group.schedule]
            for feeding in self._all()
            for channel in feeding.group.out.tolist()
        }

    def begin(self, fresh: Points) -> None:
        """Let schedules that never closed a window begin with the first value that feeds them."""
        for number, schedule in enumerate(self._schedules):
            if self.marks[number] != NEVER:
                continue
            mine = [channel for channel in np.unique(fresh.channel).tolist() if number in self._begins.get(channel, ())]
            if mine:
                first = int(fresh.ts[np.isin(fresh.channel, mine)].min())
                self.marks[number] = schedule.grid.start_of(schedule.grid.end_of(first))

    def touch(self, fresh: Points, newest: Ints) -> Touched:
        """Return which channels got values that reach into closed windows; `newest` is each channel's newest time before."""
        found: Touched = {}
        if not len(fresh):
            return found
        mark = np.full(len(self._channels), NEVER, np.int64)
        for channel in np.unique(fresh.channel).tolist():
            mark[channel] = max((self.marks[number] for number in self._readers.get(channel, ())), default=NEVER)
        known = newest[fresh.channel]
        late = fresh.ts <= mark[fresh.channel]
        drawn = (known <= mark[fresh.channel]) | (fresh.ts <= known)
        late |= self._ahead[fresh.channel] & drawn & (known != NEVER) & (mark[fresh.channel] != NEVER)
        channels, number = np.unique(fresh.channel[late], return_inverse=True)
        low, high = np.full(len(channels), FOREVER), np.full(len(channels), NEVER)
        np.minimum.at(low, number, fresh.ts[late])
        np.maximum.at(high, number, fresh.ts[late])
        found |= dict(zip(channels.tolist(), zip(low.tolist(), high.tolist(), strict=True), strict=True))
        return found

    def close(self, limits: Sequence[int], touched: Touched) -> Points:
        """Close all windows up to each schedule's limit and recompute the touched ones; return what they give."""
        fresh = [
            schedule.grid.ends(mark, limit) if mark != NEVER else np.zeros(0, np.int64)
            for schedule, mark, limit in zip(self._schedules, self.marks, limits, strict=True)
        ]
        done = none()
        late = dict(touched)
        never = np.full(len(self._channels), NEVER, np.int64)
        for level in self._levels:
            found: list[Points] = []
            for schedule, feedings in level.items():
                found += self._fresh(schedule, feedings, fresh[schedule], done)
                found += self._again(schedule, feedings, late, done) if late else []
            new = merged(found)
            for channel, (low, high) in self.touch(new, never).items():
                known = late.get(channel, (low, high))
                late[channel] = (min(low, known[0]), max(high, known[1]))
            done = merged([done, new])
        for number, ends in enumerate(fresh):
            if len(ends):
                self.marks[number] = int(ends[-1])
        return done

    def _fresh(self, schedule: int, feedings: Sequence[Feeding], ends: Ints, done: Points) -> list[Points]:
        """Evaluate windows that close now, for all instances."""
        grid = self._schedules[schedule].grid
        size = sum(feeding.group.size for feeding in feedings)
        chunk = max(1, _ROWS // max(size, 1))
        channels = together(feeding.inputs for feeding in feedings)
        found: list[Points] = []
        for start in range(0, len(ends), chunk):
            part = ends[start : start + chunk]
            starts = grid.starts(part)
            lookup = self._read(feedings, channels, int(starts[0]), int(part[-1]), done)
            for feeding in feedings:
                count = feeding.group.size
                instance = np.tile(np.arange(count), len(part))
                found.append(self._guarded(feeding.group, instance, np.repeat(starts, count), np.repeat(part, count), lookup))
        return found

    def _again(self, schedule: int, feedings: Sequence[Feeding], late: Touched, done: Points) -> list[Points]:
        """Evaluate the closed windows that late values reach once more; what they no longer give is taken back."""
        grid = self._schedules[schedule].grid
        pairs = [(feeding, *self._reached(feeding, late)) for feeding in feedings]
        found: list[Points] = []
        for low, high in _stretches(np.concatenate([ends for _, _, ends in pairs])):
            mine = [
                (f, instance[(ends >= low) & (ends <= high)], ends[(ends >= low) & (ends <= high)]) for f, instance, ends in pairs
            ]
            channels = together([*(f.read_by(i) for f, i, _ in mine), *(f.group.out[i] for f, i, _ in mine)])
            lookup = self._read(feedings, channels, int(grid.start_of(low)), high, done)
            for feeding, instance, ends in mine:
                if len(ends):
                    found.append(_taken_back(feeding.group, lookup, instance, ends))
                    found.append(self._guarded(feeding.group, instance, grid.starts(ends), ends, lookup))
        return found

    def _read(self, feedings: Sequence[Feeding], channels: Ints, low: int, high: int, done: Points) -> Lookup:
        """Read what windows between two moments need: points, the ones before, and what was computed just now."""
        ahead = any(feeding.group.formula.looks_ahead for feeding in feedings)
        stored = self._channels.read(self._store, channels, low, FOREVER if ahead else high)
        return Lookup(merged([stored, done.of(channels)]).standing, low, high)

    def _reached(self, feeding: Feeding, late: Touched) -> tuple[Ints, Ints]:
        """Return (instance, window end) of every closed window that late values reach."""
        group = feeding.group
        grid, mark = self._schedules[group.schedule].grid, self.marks[group.schedule]
        channels = np.array(sorted(late), np.int64)
        instance, place = feeding.match(channels)
        since, until = self._reach(group, channels[np.unique(place)].tolist(), late, mark)
        windows: dict[int, Ints] = {}
        for number in np.unique(place).tolist():
            channel = int(channels[number])
            if since[channel] <= mark:
                first = grid.end_of(since[channel])
                last = min(grid.end_of(min(until[channel], mark)), mark)
                windows[number] = np.concatenate([np.array([first]), grid.ends(first, last)])
        reached = [
            (one, windows[number]) for one, number in zip(instance.tolist(), place.tolist(), strict=True) if number in windows
        ]
        if not reached:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        ends = np.concatenate([ends for _, ends in reached])
        owners = np.repeat([one for one, _ in reached], [len(ends) for _, ends in reached])
        pairs = np.unique(np.stack([ends, owners], 1)[ends <= mark], axis=0)
        return pairs[:, 1], pairs[:, 0]

    def _reach(self, group: Group, channels: list[int], late: Touched, mark: int) -> tuple[dict[int, int], dict[int, int]]:
        """Return by channel from when to when a late value makes itself felt."""
        since = {channel: late[channel][0] for channel in channels}
        until = {channel: late[channel][1] for channel in channels}
        if group.formula.looks_ahead:
            since = {channel: self._preceding(channel, ts) for channel, ts in since.items()}
        if group.formula.carries:
            until = self._following(until, mark)
        return since, until

    def _preceding(self, channel: int, ts: int) -> int:
        """Return the time of the channel's point before a moment, or the moment itself."""
        found = self._channels.read(self._store, np.array([channel]), ts - 1, ts - 1)
        return int(found.ts[0]) if len(found) else ts

    def _following(self, moments: Mapping[int, int], limit: int) -> dict[int, int]:
        """Return the time of each channel's next point after its moment, or the limit."""
        result = dict.fromkeys(moments, limit)
        open_ = np.array([channel for channel, ts in sorted(moments.items()) if ts < limit], np.int64)
        low, step = min(moments.values(), default=limit), _STEP
        while len(open_) and low < limit:
            high = min(low + step, limit)
            lookup = Lookup(self._channels.read(self._store, open_, low, high), low, high)
            after = np.array([moments[channel] for channel in open_.tolist()], np.int64)
            place, end = lookup.place(open_, np.minimum(after, high), "right"), lookup.bounds(open_)[1]
            seen = (place < end) & (after < high)
            result |= dict(zip(open_[seen].tolist(), lookup.points.ts[place[seen]].tolist(), strict=True))
            open_, low, step = open_[~seen], high, step * 8
        return result

    def _guarded(self, group: Group, instance: Ints, starts: Ints, ends: Ints, lookup: Lookup) -> Points:
        try:
            return _evaluated(group, instance, starts, ends, lookup)
        except Exception as error:  # noqa: BLE001 - one formula that fails must not stop the others
            self._failed(group, error, int(ends.min()), int(ends.max()))
            return none()


def _by_schedule(level: Sequence[Group]) -> dict[int, list[Feeding]]:
    found: dict[int, list[Feeding]] = defaultdict(list)
    for group in level:
        found[group.schedule].append(Feeding(group))
    return found


def _stretches(ends: Ints) -> Iterator[tuple[int, int]]:
    """Cut window ends into stretches of time that are worth one read: gaps of more than an hour are not read over."""
    moments = np.unique(ends)
    if not len(moments):
        return
    cuts = np.flatnonzero((np.diff(moments) > _STEP) | (np.arange(1, len(moments)) % 1000 == 0)) + 1
    for part in np.split(moments, cuts):
        yield int(part[0]), int(part[-1])


def _evaluated(group: Group, instance: Ints, starts: Ints, ends: Ints, lookup: Lookup) -> Points:
    return outputs(group, instance, ends, group.formula.over(framed(group, instance, starts, ends, lookup)))


def framed(group: Group, instance: Ints, starts: Ints, ends: Ints, lookup: Lookup) -> Windows:
    """Return windows of some instances with the points each variable has in them."""
    series: dict[str, Series] = {}
    for name, feed in group.feeds.items():
        series[name] = _series(lookup, feed[instance], name in group.texts, starts, ends)
    for name, pool in group.pools.items():
        pooled = lookup.over(_pooled(lookup.points, pool))
        series[name] = _series(pooled, instance, name in group.texts, starts, ends)
    fixed: dict[str, Column] = {name: column.take(instance) for name, column in group.fixed.items()}
    return Windows(starts, ends, series, fixed)


def _series(lookup: Lookup, channel: Ints, texts: bool, starts: Ints, ends: Ints) -> Series:
    low, high = lookup.place(channel, starts, "right"), lookup.place(channel, ends, "right")
    first, end = lookup.bounds(channel)
    return Series(lookup.points.ts, lookup.points.column(texts), low, high, low > first, high < end)


def _pooled(known: Points, pool: Sequence[Ints]) -> Points:
    """Return the children's points under the number of the instance that pools them, all of them kept."""
    members = np.concatenate([*pool, np.zeros(0, np.int64)]).astype(np.int64)
    owners = np.repeat(np.arange(len(pool)), [len(one) for one in pool])
    order = np.argsort(members)
    mine = known.of(members)
    owner = owners[order][np.searchsorted(members[order], mine.channel)] if len(mine) else mine.channel
    sorting = np.lexsort((mine.ts, owner))
    return Points(owner[sorting], mine.ts[sorting], mine.number[sorting], mine.text[sorting], mine.gone[sorting])


def _taken_back(group: Group, lookup: Lookup, instance: Ints, ends: Ints) -> Points:
    """Return the earlier results of some windows as gone: those computed anew overwrite this."""
    channel = group.out[instance]
    place = lookup.place(channel, ends, "left")
    limit = lookup.bounds(channel)[1]
    there = place < limit
    there[there] = lookup.points.ts[place[there]] == ends[there]
    found = lookup.points.where(np.sort(place[there]))
    return Points(found.channel, found.ts, found.number, found.text, np.ones(len(found), np.bool_))
