"""Metrics: one value a window, when the time of the values has passed its end; late values recompute what they touch.

A late value touches the window it lies in and, where the formula carries values forward, those up to the next point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from lineshaft.compute.channels import Channels, History
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
        self._levels = plan.metrics
        self._schedules = plan.schedules
        self._channels: Channels = plan.channels
        self._store = store
        self.marks = [marks.get(schedule.key, NEVER) for schedule in plan.schedules]
        self._readers: dict[int, set[int]] = defaultdict(set)
        self._ahead = np.zeros(len(plan.channels), np.bool_)
        for group in (group for level in self._levels for group in level):
            for channel in inputs(group).tolist():
                self._readers[channel].add(group.schedule)
                self._ahead[channel] |= group.formula.looks_ahead
        self._begins = self._feeding()

    def _feeding(self) -> dict[int, set[int]]:
        """Return which schedules a value of a channel feeds, directly or through other metrics."""
        roots: dict[int, set[int]] = {}
        feeding: dict[int, set[int]] = defaultdict(set)
        for group in (group for level in self._levels for group in level):
            origin: set[int] = set().union(*(roots.get(channel, {channel}) for channel in inputs(group).tolist()))
            for channel in group.out.tolist():
                roots[channel] = roots.get(channel, set()) | origin
            for channel in origin:
                feeding[channel].add(group.schedule)
        return feeding

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
        late |= self._ahead[fresh.channel] & (known <= mark[fresh.channel]) & (known != NEVER)
        for channel, ts in zip(fresh.channel[late].tolist(), fresh.ts[late].tolist(), strict=True):
            low, high = found.get(channel, (ts, ts))
            found[channel] = (min(low, ts), max(high, ts))
        return found

    def close(self, limits: Sequence[int], touched: Touched) -> Points:
        """Close all windows up to each schedule's limit and recompute the touched ones; return what they give."""
        before = list(self.marks)
        fresh = [
            schedule.grid.ends(mark, limit) if mark != NEVER else np.zeros(0, np.int64)
            for schedule, mark, limit in zip(self._schedules, before, limits, strict=True)
        ]
        done = none()
        late = dict(touched)
        for level in self._levels:
            found: list[Points] = []
            for group in level:
                found += self._guarded(group, fresh[group.schedule], late, done)
            new = merged(found)
            for channel, (low, high) in self.touch(new, np.full(len(self._channels), FOREVER, np.int64)).items():
                known = late.get(channel, (low, high))
                late[channel] = (min(low, known[0]), max(high, known[1]))
            done = merged([done, new])
        for number, ends in enumerate(fresh):
            if len(ends):
                self.marks[number] = int(ends[-1])
        return done

    def _guarded(self, group: Group, ends: Ints, late: Touched, done: Points) -> list[Points]:
        try:
            return self._group(group, ends, self._late(group, late, self.marks[group.schedule]), done)
        except Exception as error:  # noqa: BLE001 - one formula that fails must not stop the others
            self._failed(group, error)
            return []

    def _late(self, group: Group, touched: Touched, mark: int) -> tuple[Ints, Ints]:
        """Return (instance, window end) of every closed window that late values reach."""
        grid = self._schedules[group.schedule].grid
        instances: list[Ints] = []
        ends: list[Ints] = []
        for channel, (low, high) in touched.items():
            mine = _fed_by(group, channel)
            since = self._preceding(channel, low) if group.formula.looks_ahead else low
            if not len(mine) or since > mark:
                continue
            reach = self._following(channel, high, mark) if group.formula.carries else high
            first = grid.end_of(since)
            reached = np.concatenate([[first], grid.ends(first, min(grid.end_of(min(reach, mark)), mark))])
            reached = reached[reached <= mark]
            instances.append(np.repeat(mine, len(reached)))
            ends.append(np.tile(reached, len(mine)))
        if not ends:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        pairs = np.unique(np.stack([np.concatenate(ends), np.concatenate(instances)], 1), axis=0)
        return pairs[:, 1], pairs[:, 0]

    def _preceding(self, channel: int, ts: int) -> int:
        """Return the time of the channel's point before a moment, or the moment itself."""
        found = self._channels.read(self._store, np.array([channel]), ts - 1, ts - 1)
        return int(found.ts[0]) if len(found) else ts

    def _following(self, channel: int, ts: int, limit: int) -> int:
        """Return the time of the channel's next point, or the limit."""
        low, step = ts, _STEP
        while low < limit:
            found = self._channels.read(self._store, np.array([channel]), low, min(low + step, limit))
            later = found.ts[found.ts > ts]
            if len(later):
                return int(later[0])
            low, step = low + step, step * 8
        return limit

    def _group(self, group: Group, ends: Ints, late: tuple[Ints, Ints], done: Points) -> list[Points]:
        found: list[Points] = []
        chunk = max(1, _ROWS // max(group.size, 1))
        for start in range(0, len(ends), chunk):
            part = ends[start : start + chunk]
            found.append(self._evaluated(group, np.tile(np.arange(group.size), len(part)), np.repeat(part, group.size), done))
        for start in range(0, len(late[0]), _ROWS):
            instance, end = late[0][start : start + _ROWS], late[1][start : start + _ROWS]
            stored = self._channels.read(self._store, np.unique(group.out[instance]), int(end.min()) - 1, int(end.max()))
            gone = np.ones(len(stored), np.bool_)
            before = Points(stored.channel, stored.ts, stored.number, stored.text, gone)
            found.append(merged([_asked(group, before, instance, end), self._evaluated(group, instance, end, done)]))
        return found

    def _evaluated(self, group: Group, instance: Ints, ends: Ints, done: Points) -> Points:
        if not len(ends):
            return none()
        starts = self._schedules[group.schedule].grid.starts(ends)
        low, high = int(starts.min()), int(ends.max())
        channels = inputs(group)
        stored = self._channels.read(self._store, channels, low, FOREVER if group.formula.looks_ahead else high)
        known = merged([stored, done.of(channels)]).standing
        series: dict[str, Series] = {}
        lookup = Lookup(known, low, high)
        for name, feed in group.feeds.items():
            series[name] = _series(lookup, feed[instance], name in group.texts, starts, ends)
        for name, pool in group.pools.items():
            pooled = Lookup(_pooled(known, pool), low, high)
            series[name] = _series(pooled, instance, name in group.texts, starts, ends)
        fixed: dict[str, Column] = {name: column.take(instance) for name, column in group.fixed.items()}
        return outputs(group, instance, ends, group.formula.over(Windows(starts, ends, series, fixed, high)))


def inputs(group: Group) -> Ints:
    """Return the channels a group of metrics reads."""
    parts = [*group.feeds.values(), *(members for pool in group.pools.values() for members in pool)]
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


def _fed_by(group: Group, channel: int) -> Ints:
    mine = [np.flatnonzero(feed == channel) for feed in group.feeds.values()]
    mine += [
        np.array([number for number, members in enumerate(pool) if channel in members], np.int64) for pool in group.pools.values()
    ]
    return np.unique(np.concatenate(mine)) if mine else np.zeros(0, np.int64)


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


def _asked(group: Group, before: Points, instance: Ints, ends: Ints) -> Points:
    """Return the earlier results that lie on the recomputed windows."""
    if not len(before):
        return before
    wanted = {(int(group.out[one]), int(end)) for one, end in zip(instance, ends, strict=True)}
    keep = [(int(c), int(t)) in wanted for c, t in zip(before.channel, before.ts, strict=True)]
    return before.where(np.array(keep, np.bool_))
