"""Which instances of a group a channel feeds, for many channels at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lineshaft.compute.formula import Ints
from lineshaft.compute.plan import Group, Plan


class Feeding:
    """The way from a channel to the instances that read it."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.inputs = inputs(group)
        channels = [*group.feeds.values(), *(members for pool in group.pools.values() for members in pool)]
        every = np.arange(group.size)
        instances = [every for _ in group.feeds]
        instances += [np.full(len(members), owner) for pool in group.pools.values() for owner, members in enumerate(pool)]
        if channels:
            pairs = np.unique(np.stack([np.concatenate(channels), np.concatenate(instances)], 1), axis=0)
        else:
            pairs = np.zeros((0, 2), np.int64)
        self._channels, self._instances = pairs[:, 0], pairs[:, 1]

    def match(self, channels: Ints) -> tuple[Ints, Ints]:
        """Return (instance, place in `channels`) of everything that feeds the group."""
        low = np.searchsorted(self._channels, channels, "left")
        count = np.searchsorted(self._channels, channels, "right") - low
        place = np.repeat(np.arange(len(channels)), count)
        step = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
        return self._instances[np.repeat(low, count) + step], place

    def read_by(self, instances: Ints) -> Ints:
        """Return the channels some instances read."""
        return self._channels[np.isin(self._instances, instances)]


def inputs(group: Group) -> Ints:
    """Return the channels a group reads."""
    return together([*group.feeds.values(), *(members for pool in group.pools.values() for members in pool)])


def together(parts: Iterable[Ints]) -> Ints:
    """Return the different channels of several lists."""
    filled = [part for part in parts if len(part)]
    return np.unique(np.concatenate(filled)) if filled else np.zeros(0, np.int64)


def computed_from(plan: Plan, seeds: Iterable[str]) -> frozenset[str]:
    """Return those of some properties that are computed, and every property that is computed from them, by id."""
    found = set(seeds)
    for level in (*plan.transforms, *plan.metrics):
        known = np.array(sorted(n for n in map(plan.channels.find, found) if n is not None), np.int64)
        for group in level:
            instance, _ = Feeding(group).match(known)
            found |= {plan.channels.properties[c].id for c in group.out[instance].tolist()}
    return frozenset(p.id for p in plan.formulas() if p.id in found)
