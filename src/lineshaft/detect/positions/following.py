"""A look at a position: which steps are due, which came late, and what each is to be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lineshaft.detect.detector import Bools
from lineshaft.detect.positions.arriving import Hints
from lineshaft.detect.positions.late import CONTEXT, Filled, StateAt, fill
from lineshaft.detect.positions.ledger import AWAY, DAY, STREAMS, Ledger, reach
from lineshaft.detect.positions.reading import Reading, Steps
from lineshaft.detect.positions.watching import Watching

MOST = 2_000
"""So many steps are judged in one transaction."""


def window(row: dict[str, Any], ledger: Ledger, last: int, hints: Hints, *, afresh: bool) -> tuple[int, int] | None:
    """Return what is to be looked at, (first, last], None for nothing.

    `afresh`: the last day, and all since the newest value that was judged.
    """
    every, begin = ledger.every, up(int(row["through"]), ledger.every)
    if not (row["vibration"] or row["temperature"]):
        return None
    begin = max(begin, last - reach(every) * every)
    due = last > begin
    last = max(min(last, begin + MOST * every), ledger.last)
    start = min([begin, *((start // every - CONTEXT) * every for start, _ in hints.times.values())])
    if afresh:
        start = min(start, begin - DAY, *(ledger.newest(name) for name in STREAMS if row[name]))
    first = max(start, ledger.first)
    return (first, last) if last > first and (due or hints.times or afresh) else None


def up(at: int, every: int) -> int:
    """Return the first end of a step at or after a time.

    >>> up(59, 60), up(60, 60), up(61, 60)
    (60, 60, 120)
    """
    return -(-at // every) * every


class Following:
    """Steps that were read, put to a position: those whose time has come, those that came late, and those that wait."""

    def __init__(self, one: Watching, steps: Steps, filling: Mapping[str, int | None], *, away: bool) -> None:
        self._one, self._away = one, away
        ledger, through = one.ledger, up(one.through, steps.every)
        ledger.go_on(int(steps.times[-1]))
        self.waiting: dict[str, int] = {}
        counted = ledger.late.values
        before = {name: ledger.of(name, steps.times) for name in STREAMS}
        new = {name: self._new(name, steps, before[name], filling.get(name)) for name in STREAMS}
        newest = {name: ledger.newest(name) for name in STREAMS}
        main = {name: new[name] & (steps.times > newest[name]) for name in STREAMS}
        made_up = np.flatnonzero((main["vibration"] | main["temperature"]) & (steps.times <= through))
        self.more = len(made_up) > MOST
        size = int(made_up[MOST]) if self.more else len(steps.times)
        self._steps = steps.upto(size)
        self._new_ = {name: new[name][:size] for name in STREAMS}
        self._main = {name: main[name][:size] for name in STREAMS}
        self._late = self._steps.times <= through
        due = (~self._late).any() or any(column.any() for column in self._new_.values())
        self.changed = bool(due) or ledger.late.values != counted

    def _new(self, name: str, steps: Steps, before: Any, filling: int | None) -> Bools:
        """Return which steps have values and were not judged; count what came too late; what is being filled waits."""
        ledger, n, times = self._one.ledger, steps.n[name], steps.times
        more = (before > 0) & (n > before)
        ledger.late.missed(times[more], (n - before)[more])
        ledger.note(name, times[more], n[more])
        new = (before == 0) & (n > 0)
        barred = new & (times <= ledger.bar)
        ledger.late.missed(times[barred], n[barred])
        ledger.note(name, times[barred], n[barred])
        new &= ~barred
        place = -1 if filling is None else (filling - int(times[0])) // steps.every
        if filling is not None and 0 <= place < len(new) and new[place] and not new[place + 1 : place + 2].any():
            self.waiting[name] = filling  # once the next one has values, too, what comes late has caught up with it
            new[place] = False
        return new

    def judge(self, state_at: StateAt) -> int:
        """Judge; return how many steps were taken."""
        one, steps = self._one, self._steps
        before = one.monitor.state
        due = ~self._late | self._main["vibration"] | self._main["temperature"]
        places = np.flatnonzero(due)
        for place in places.tolist():
            one.take(self._reading(place))
        self._note(due)
        past = {name: self._new_[name] & ~self._main[name] for name in STREAMS}
        filled = past["vibration"] | past["temperature"]
        if filled.any():
            open_ = steps.times > one.ledger.bar
            counts = {name: open_ & (one.ledger.of(name, steps.times) > 0) for name in STREAMS}
            known = {name: counts[name] | past[name] for name in STREAMS}
            fill(one, Filled(steps, past, known, more=bool(self.waiting)), state_at)
            for name in STREAMS:
                one.ledger.note(name, steps.times[past[name]], steps.n[name][past[name]])
        one.ledger.late.judged(steps.times[filled | (due & self._late)])
        one.settle(before)
        return len(places) + int((filled & ~due).sum())

    def _reading(self, place: int) -> Reading:
        late = bool(self._late[place])
        shake, warm = (float(self._steps.means[name][place]) if self._main[name][place] else None for name in STREAMS)
        running = bool(self._steps.runs[place]) and (late or not self._away)
        return Reading(int(self._steps.times[place]), shake, warm, running, late)

    def _note(self, due: Bools) -> None:
        """Note in the account what was judged by how many values, and when people were at the machine."""
        for name in STREAMS:
            judged, times = self._main[name] & due, self._steps.times
            self._one.ledger.note(name, times[judged], self._steps.n[name][judged])
            if self._away:
                self._one.ledger.note(name, times[~self._late], AWAY)
