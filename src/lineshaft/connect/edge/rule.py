"""Edge rules: value -> formula -> guarded write, within milliseconds, with the plant or without.

A rule only comes with a signed configuration that a second person approved; it names its tags, limits and an end. It asks the one
writer, as everybody: allow-list, limits, rate, lock-outs, read-back. Every deed is on disk before the machine is asked, and goes
to the plant's audit. Supervisory only, never a safety function: the controller decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from lineshaft.connect.edge.deeds import Deeds
from lineshaft.connect.edge.derived import Compile, Evaluate
from lineshaft.connect.edge.reading import numbers_of
from lineshaft.connect.writer import Allowed, Writer
from lineshaft.core import Duration, LineshaftError, Quality, Section, iso, now_ns, parse_time


class RuleEntry(Section):
    """One `[[rules]]` table: what is written when a value says so, within what limits, and until when."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", description="Its name, as the audit tells it.")
    source: str = Field(description="The source (or function, or detector) it listens to.")
    formula: str = Field(description="What to write, as `if(vibration > 7, 60)`: no value, no write.")
    inputs: dict[str, str] = Field(min_length=1, description="The formula's names and the tag each stands for.")
    target: str = Field(description="The source whose machine is written to.")
    tag: str = Field(description="The tag that is written.")
    minimum: float = Field(description="Least value; the formula's answer outside the limits is refused, never clamped.")
    maximum: float = Field(description="Greatest value.")
    tolerance: float = Field(0.0, ge=0, description="How far the value read back may be from the one written.")
    change: float = Field(0.0, ge=0, description="An answer that differs by no more from the one written last is not written.")
    every: Duration = Field("1s", description="Least time between two writes.")
    expires: str = Field(description="End of the approval: ISO 8601 with a zone.")

    @field_validator("expires")
    @classmethod
    def _moment(cls, value: str) -> str:
        try:
            parse_time(value)
        except LineshaftError as error:
            raise ValueError(error.what) from None
        return value

    @model_validator(mode="after")
    def _range(self) -> RuleEntry:
        if self.minimum > self.maximum:
            raise ValueError("`minimum` is above `maximum`: nothing could be written")
        return self

    def allowed(self) -> Allowed:
        """Return what the writer is told."""
        same = {"minimum", "maximum", "tolerance", "every", "tag"}
        return Allowed.model_validate({"source": self.target, **self.model_dump(include=same)})


@dataclass(slots=True)
class _Rule:
    """One rule at work."""

    entry: RuleEntry
    evaluate: Evaluate
    until: int
    newest: dict[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])
    written: float | None = None
    wanted: float | None = None
    busy: bool = False
    said: str = "waiting"
    writes: int = 0
    refusals: int = 0

    def answer(self) -> float | None:
        """Return what the formula says now, None where it says nothing."""
        names = list(self.entry.inputs)
        values = {name: np.array([self.newest.get(name, (0.0, 0))[0]]) for name in names}
        known = {name: np.array([name in self.newest]) for name in names}
        stamps = np.array([max((at for _, at in self.newest.values()), default=0)])
        results, there = self.evaluate(values, known, stamps)
        return float(results[0]) if there[0] else None


class Rules:
    """The rules of an edge; `hear` is given rows the moment they are decoded."""

    def __init__(self, entries: Sequence[RuleEntry], compile_: Compile, writer: Writer, deeds: Deeds) -> None:
        self._writer = writer
        self._deeds = deeds
        self._rules = [
            _Rule(one, compile_(one.formula, tuple(one.inputs), f"[[rules]] {one.name}"), parse_time(one.expires))
            for one in entries
        ]
        self._sources = {one.entry.source for one in self._rules}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """React from now on, in this loop; sessions with the machines are opened before they are needed."""
        self._loop = asyncio.get_running_loop()
        for rule in self._rules:
            with suppress(LineshaftError):
                await self._writer.warm(rule.entry.target, rule.entry.tag)

    async def end(self) -> None:
        """React no more; a write under way is finished."""
        self._loop = None
        for tasks in (self._tasks, self._ending):
            if tasks:
                await asyncio.wait(tasks)
        await self._writer.close()

    def hear(self, source: str, rows: pa.RecordBatch) -> None:
        """Take rows as a source emits them, from any thread."""
        loop = self._loop
        if loop is None or source not in self._sources:
            return
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            self._react(source, rows)
        else:
            loop.call_soon_threadsafe(self._react, source, rows)

    def _react(self, source: str, rows: pa.RecordBatch) -> None:
        read = numbers_of(rows)
        for rule in self._rules:
            if rule.entry.source != source or not self._note(rule, read):
                continue
            value = rule.answer()
            if value is None or (rule.written is not None and abs(value - rule.written) <= rule.entry.change):
                rule.wanted = None
                continue
            rule.wanted = value
            if not rule.busy and self._loop is not None:
                rule.busy = True
                task = self._loop.create_task(self._carry_out(rule), name=f"rule:{rule.entry.name}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _note(rule: _Rule, read: Any) -> bool:
        """Remember the newest value of each input; say whether any came. One that is not good is no value."""
        came = False
        for name, tag in rule.entry.inputs.items():
            place = read.place(tag)
            hits = np.flatnonzero(read.tag == place)
            if place < 0 or not hits.size:
                continue
            last = int(hits[-1])
            came = True
            if read.numeric[last] and read.quality[last] == Quality.GOOD and np.isfinite(read.number[last]):
                rule.newest[name] = (float(read.number[last]), int(read.ts[last]))
            else:
                rule.newest.pop(name, None)
        return came

    async def _carry_out(self, rule: _Rule) -> None:
        """Write what is wanted, newest first, until nothing is."""
        entry = rule.entry
        try:
            while (value := rule.wanted) is not None:
                left = self._writer.left(entry.target, entry.tag)
                if left > 0:
                    await asyncio.sleep(left)
                    continue
                rule.wanted = None
                await self._write(rule, value)
        finally:
            rule.busy = False

    async def _write(self, rule: _Rule, value: float) -> None:
        entry = rule.entry
        because = {name: seen for name, (seen, _) in rule.newest.items()}
        deed: dict[str, Any] = {"rule": entry.name, "source": entry.target, "tag": entry.tag, "value": value, "because": because}
        if now_ns() >= rule.until:
            self._refuse(rule, deed, "rule.expired", f"its approval ended at {iso(rule.until)}")
            return
        try:
            self._writer.check(entry.target, entry.tag, value)
            self._writer.permit(entry.target, entry.tag, value)
        except LineshaftError as error:
            self._refuse(rule, deed, error.code, error.what)
            return
        while not self._deeds.room():
            await asyncio.wait(self._ending, return_when=asyncio.FIRST_COMPLETED)
        slot = self._deeds.begin(deed)
        outcome = await self._ask(rule, value)
        ending = asyncio.create_task(asyncio.to_thread(self._deeds.end, slot, outcome), name="edge:deed")
        self._ending.add(ending)  # the disk does not hold up the next write
        ending.add_done_callback(self._ending.discard)

    async def _ask(self, rule: _Rule, value: float) -> dict[str, Any]:
        """Have the writer write, and return how it ended."""
        entry = rule.entry
        try:
            done = await self._writer.write(entry.target, entry.tag, value, at_once=True)
        except LineshaftError as error:
            rule.refusals, rule.said = rule.refusals + 1, error.what
            return {"outcome": "refused", "code": error.code, "reason": error.what}
        except Exception as error:  # noqa: BLE001 - a machine's library may raise anything; the rule goes on
            rule.refusals, rule.said = rule.refusals + 1, str(error)
            return {"outcome": "failed", "code": "write.failed", "reason": f"{type(error).__name__}: {error}"}
        rule.writes += 1
        rule.written = value if done.ok or done.dry_run else None
        rule.said = f"wrote {value:g}" if done.ok else f"wrote {value:g}, read back {done.after}"
        return {"outcome": "ok" if done.ok else "failed", "after": done.after, "dry_run": done.dry_run}

    def _refuse(self, rule: _Rule, deed: Mapping[str, Any], code: str, reason: str) -> None:
        """Put a refusal on record, once as long as the reason stays."""
        rule.refusals += 1
        if rule.said != reason:
            self._deeds.note({**deed, "outcome": "refused", "code": code, "reason": reason})
        rule.said = reason

    def told(self) -> list[dict[str, Any]]:
        """Return what the plant is told of each rule."""
        return [
            {
                "name": one.entry.name,
                "target": [one.entry.target, one.entry.tag],
                "expires": one.entry.expires,
                "writes": one.writes,
                "refusals": one.refusals,
                "said": one.said,
            }
            for one in self._rules
        ]
