"""Values that come when newer ones of the same stream were judged already: a time is filled, and judged as it would have been.

Such a time is gone through again by a second monitor, from some steps before it to some after it, in the order of time. What it
finds and nobody knew is told. What is now stays, unless what was found lasts over the steps that were judged since.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lineshaft.core import InvalidInput, parse_time
from lineshaft.detect.detector import Bools, Ints
from lineshaft.detect.positions.ledger import STREAMS
from lineshaft.detect.positions.reading import Steps
from lineshaft.detect.positions.watching import STUCK, Watching
from lineshaft.detect.vibration import HEALTHY, Finding, Judged, Monitor
from lineshaft.detect.vibration.baseline import Baseline
from lineshaft.detect.vibration.monitor import LEVEL, figure_of

CONTEXT = 60
"""So many steps before and after are gone through again: what is smoothed has forgotten more by then."""
NEVER = 2**62

StateAt = Callable[[int], str]
"""Says which state stood at a time, of those that stay until somebody has looked; else healthy."""


def around(places: Ints, size: int, most: int) -> Bools:
    """Return what lies at most so far from some places.

    >>> around(np.array([1, 6]), 9, 1).astype(int).tolist()
    [1, 1, 1, 0, 0, 1, 1, 1, 0]
    """
    change = np.zeros(size + 1, np.int64)
    np.add.at(change, np.maximum(places - most, 0), 1)
    np.add.at(change, np.minimum(places + most + 1, size), -1)
    return np.cumsum(change)[:size] > 0


@dataclass(frozen=True, slots=True)
class Filled:
    """Steps, of each stream which are judged now, and which are known (judged now or before).

    `more` says that more is coming: then what was judged since is not gone through again yet.
    """

    steps: Steps
    new: dict[str, Bools]
    known: dict[str, Bools]
    more: bool = False

    @property
    def any(self) -> Bools:
        """Where anything is judged now."""
        return self.new["vibration"] | self.new["temperature"]


def fill(one: Watching, filled: Filled, state_at: StateAt) -> None:
    """Judge steps whose values came when newer ones were judged already."""
    size, width = len(filled.steps.times), max(CONTEXT, 4 * one.position.of)
    places = np.flatnonzero(filled.any)
    near = around(places, size, width)
    if filled.more:
        near[places[-1] + 1 :] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[0], near.astype(np.int8), [0]])))
    for begin, end in edges.reshape(-1, 2).tolist():
        _Again(one, filled, state_at(int(filled.steps.times[begin])), end).go(begin, end)


class _Again:
    """A stretch of steps, gone through again."""

    def __init__(self, one: Watching, filled: Filled, state: str, end: int) -> None:
        self._one, self._filled, self._end = one, filled, end
        self._monitor = Monitor(one.position, state)
        self._own: dict[str, Baseline] = {name: self._beside(name) for name in STREAMS}
        self._idle: dict[str, Baseline] = {name: self._beside(name, learn=NEVER) for name in STREAMS}
        self._found: list[tuple[Finding, Judged]] = []
        self._same, self._last = 0, float("nan")

    def _beside(self, name: str, learn: int | None = None) -> Baseline:
        """Return a baseline that changes nothing: what is usual, without the latest readings; or one that learns nothing."""
        usual: Baseline = getattr(self._one.monitor, name)
        if learn is not None:
            return Baseline(learn, usual.floor, usual.ratio)
        made = copy.copy(usual)
        made.quiet()
        return made

    def go(self, begin: int, end: int) -> None:
        """Go through the steps, then tell what nobody knew and take over what lasts."""
        new, began = self._filled.any, False
        for place in range(begin, end):
            began = began or bool(new[place])
            if self._filled.steps.runs[place]:
                self._step(place, began=began)
        self._tell()
        self._take_over()

    def _step(self, place: int, *, began: bool) -> None:
        steps, one = self._filled.steps, self._one
        shake, warm = (float(steps.means[name][place]) if self._filled.known[name][place] else None for name in STREAMS)
        if shake is None and warm is None:
            return
        shake = self._moving(shake)
        for name in STREAMS:
            setattr(self._monitor, name, self._base(name, fresh=bool(self._filled.new[name][place])))
        at = int(steps.times[place])
        try:
            told = self._monitor.take(at, shake, warm)
        except InvalidInput as error:
            one.now |= {"trouble": str(error)}
            return
        if self._filled.any[place]:
            one.say(told, shake if self._filled.new["vibration"][place] else None)
        if began:
            self._found += [(found, told) for found in told.new if self._is_news(found, place)]

    def _moving(self, shake: float | None) -> float | None:
        """Return vibration, None from a sensor that is stuck."""
        if shake is None:
            return None
        self._same = self._same + 1 if shake == self._last else 0
        self._last = shake
        return None if self._same >= STUCK else shake

    def _base(self, name: str, *, fresh: bool) -> Baseline:
        """Return what a step is compared with: while the position still learns, what came late is learned as well."""
        usual: Baseline = getattr(self._one.monitor, name)
        if not usual.learned:
            return usual if fresh else self._idle[name]
        if not self._own[name].learned:
            self._own[name] = self._beside(name)
        return self._own[name]

    def _is_news(self, found: Finding, place: int) -> bool:
        """Leave out single readings that were told when they came; what lasts may be found by a step that was judged before."""
        return found.scope == "persistent" or bool(self._filled.new[figure_of(found.cause)][place])

    def _tell(self) -> None:
        for found, told in self._found:
            if found.scope != "persistent":
                self._one.note(found, told, late=True)
            elif not self._was_told(found):
                self._one.note(found, told, late=True, file=not self._lasts(found))

    def _was_told(self, found: Finding) -> bool:
        """Say whether the same was told of about the same time."""
        near = 2 * self._one.position.of * self._filled.steps.every
        return any(
            (told["scope"], told["cause"]) == ("persistent", found.cause)
            and LEVEL[told["severity"]] >= LEVEL[found.severity]
            and abs(parse_time(told["at"]) - found.at) <= near
            for told in self._one.noticed
        )

    def _lasts(self, found: Finding) -> bool:
        """Say whether it is what stands open now, and was filed as such: it only began earlier."""
        key = f"{found.cause}/persistent"
        stands = LEVEL[self._one.monitor.open.get(key, HEALTHY)] >= LEVEL[found.severity]
        return stands and key in self._monitor.open and self._reaches(figure_of(found.cause))

    def _reaches(self, stream: str) -> bool:
        """Say whether this goes on to the newest step that was judged of a stream."""
        return int(self._filled.steps.times[self._end - 1]) >= self._one.ledger.newest(stream)

    def _take_over(self) -> None:
        for name in STREAMS:
            if self._filled.new[name].any() and self._reaches(name):
                setattr(self._monitor, name, self._own[name])
                self._one.monitor.adopt(self._monitor, name)
