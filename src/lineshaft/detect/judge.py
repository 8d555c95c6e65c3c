"""One alarm at a time: what its rows, its silence and its design make of it, written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from lineshaft.core import NS
from lineshaft.detect.alarm import STANDING, Register
from lineshaft.detect.condition import Change, Condition, due, walk
from lineshaft.detect.lifecycle import HIDDEN
from lineshaft.detect.screen import Point, Rows, Screen

Turn = tuple[int | None, bool]
"""The design of an alarm hides it (True) or shows it again, at a moment (None: as things stand)."""

CAUGHT_UP = 60.0
"""Where nothing has come for so many seconds, what came late is all there is."""


class Judge:
    """Writes what became of alarms; knows what is past."""

    def __init__(self, register: Register, wall: Callable[[], int], late_after: int | None) -> None:
        self._register, self._wall, self._late_after = register, wall, late_after

    def rows(self, tx: Connection, point: Point, rows: Rows | None, turns: Sequence[Turn] = (), *, stands: bool = False) -> Point:
        """Judge rows, and what hid or showed the alarm meanwhile, in the order of time.

        `stands` is set for a value that was judged before, by another rule: it moves no time on.
        """
        if rows is None:
            return self._keep(tx, point, point, (), turns)
        ts, value = rows.ts[rows.good], rows.value[rows.good]
        if point.watched.silence is None:
            state, changes = walk(point.condition, point.limits, point.delays, ts, value, point.value)
        else:
            state, changes = broken(point, rows)
        last = point.last if stands else max(int(rows.ts[-1]), point.last)
        held = float(value[-1]) if len(value) else point.value
        new = replace(point, condition=state, last=last, good=bool(rows.good[-1]), value=held)
        return self._keep(tx, point, new, changes, turns)

    def wait(self, tx: Connection, screen: Screen, number: int, now: float) -> Point:
        """Let a delay or a silence run out where no new value comes."""
        point, alive = screen.points[number], screen.alive(number)
        silence = point.watched.silence
        if silence is not None:
            since = self._wall() - round((now - alive) * NS)
            quiet = (now - alive) * NS >= silence
            begins = quiet and not point.condition.active
            changes = [Change(since + silence, True, (self._wall() - since) / NS)] if begins else []
            state = Condition(point.condition.active or quiet)
        else:
            state, changes = due(point.condition, screen.moment(number, now), point.delays, point.value)
        good = None if screen.is_stale(number, now) else point.good
        new = replace(point, condition=state, good=good, last=screen.last(number))
        return self._keep(tx, point, new, changes, (), caught_up=now - screen.heard(number) >= CAUGHT_UP)

    def is_past(self, at: int) -> bool:
        """Say whether a moment is so long ago that a beginning then is history."""
        return self._late_after is not None and self._wall() - at > self._late_after

    def _keep(
        self, tx: Connection, old: Point, new: Point, changes: Sequence[Change], turns: Sequence[Turn], *, caught_up: bool = False
    ) -> Point:
        """Write what changed: the input, the condition, each beginning and end; return the point as it then is."""
        if (old.condition, old.good) == (new.condition, new.good) and not changes and not turns and not old.late:
            return new
        row = self._register.held(tx, new.id)
        if old.good != new.good:
            quality = "stale" if new.good is None else ("good" if new.good else "bad")
            row = self._register.input(tx, row, quality, new.last)
        row = self._steps(tx, row, new, changes, turns)
        untold = bool(row["active"]) and row["state"] not in (*STANDING, *HIDDEN)
        if untold and (caught_up or not self.is_past(new.last)):  # the values have caught up and it holds: now it is told
            row = self._register.begin(tx, row, int(row["since"] or new.last), row["value"])
            untold = False
        self._register.note(tx, row, active=new.condition.active, pending=new.condition.pending, last=new.last)
        return replace(new, late=untold)

    def _steps(
        self, tx: Connection, row: Mapping[str, Any], point: Point, changes: Sequence[Change], turns: Sequence[Turn]
    ) -> Mapping[str, Any]:
        """Write beginnings, ends, and what hid the alarm between them, in the order they happened; hiding comes first."""
        formula = point.watched.definition.suppress_when
        steps: list[tuple[int, Turn | Change]] = [(np.iinfo(np.int64).min if at is None else at, (at, on)) for at, on in turns]
        steps += [(change.at, change) for change in changes]
        for _, step in sorted(steps, key=lambda one: (one[0], isinstance(one[1], Change))):
            if not isinstance(step, Change):
                row = self._register.suppress(tx, row, formula, on=step[1], at=step[0])
            elif step.active and self.is_past(step.at):
                row = self._register.past(tx, row, step)
            else:
                row = self._register.changed(tx, row, step)
        return row


def broken(point: Point, rows: Rows) -> tuple[Condition, list[Change]]:
    """Return whether a silence is over: a good value came, or with a heartbeat another value."""
    if not point.condition.active:
        return point.condition, []
    alive = rows.good
    if point.watched.definition.heartbeat is not None:
        alive = alive & (rows.value != point.value)
    first = np.flatnonzero(alive)
    if not len(first):
        return point.condition, []
    return Condition(), [Change(int(rows.ts[first[0]]), False, 0.0)]
