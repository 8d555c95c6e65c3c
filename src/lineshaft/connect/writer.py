"""The one place from which a value goes to a machine: allow-list, limits, rate, permissive, dry run, write, read back.

Supervisory only, never a safety function: the controller decides. A permissive is a condition that must hold, not an
interlock. Who may ask for a write, and who approves it, is decided before, by the gate; nothing is reverted by itself.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Protocol

from pydantic import Field

from lineshaft.connect import writers as folder
from lineshaft.connect.settings import SourceEntry, SourcesSettings, validate_options
from lineshaft.core import (
    NS,
    Conflict,
    Duration,
    Forbidden,
    InvalidInput,
    NotFound,
    Registry,
    Section,
    did_you_mean,
    now_ns,
    parse_duration,
)

Value = float | int | bool | str
Permissive = Callable[[str, str, Value], str]
"""Asked before each write with source, tag and value; returns why it must not be, or an empty text."""


class Allowed(Section):
    """One tag that may be written, and within what."""

    source: str = Field(description="Name of the source.")
    tag: str = Field(description="The tag as the source names it.")
    minimum: float | None = Field(None, description="Least value; none for booleans and text.")
    maximum: float | None = Field(None, description="Greatest value.")
    values: tuple[Value, ...] = Field((), description="If given, the only values there may be.")
    every: Duration = Field("1s", description="Least time between two writes.")
    permissive: str = Field(
        "", description="A formula that must be true (not 0) to write, as `state != 4`; with an input undefined it is not."
    )
    inputs: dict[str, str] = Field(
        default_factory=dict, description="The formula's names and the property each stands for, by its path."
    )
    tolerance: float = Field(0.0, ge=0, description="How far the value read back may be from the one written.")


class WriterSettings(Section):
    """Which tags may be written. Nothing else can be; without `dry_run = false`, nothing is."""

    dry_run: bool = Field(True, description="Check everything and write nothing: how commissioning begins.")
    allow: tuple[Allowed, ...] = Field((), description="The tags that may be written, each with its limits.")

    sample_text: ClassVar[str] = """\
# [writer]
## Check everything and write nothing: how commissioning begins.
# dry_run = true
# [[writer.allow]]
## A tag that may be written, after a second person approved it; nothing else ever is.
# source = "press"
# tag = "ns=2;s=Oven/SpeedSetpoint"
# minimum = 60
# maximum = 125
# every = "10s"
## What must hold besides (a permissive, no safety interlock).
# permissive = "state != 4"
# inputs = {state = "Site/Line/Oven/State"}"""


@dataclass(frozen=True, slots=True)
class Readback:
    """What a write did: the value before, the one asked for, the one read afterwards, and whether they agree."""

    source: str
    tag: str
    value: Value
    before: Value | None
    after: Value | None
    ok: bool
    dry_run: bool
    at: int


class MachineWriter(Protocol):
    """A plugin of connect/writers: writes one value of one machine and reads it back."""

    Options: ClassVar[type[Section]]

    async def read(self, tag: str) -> Value | None:
        """Return the value now."""
        ...

    async def write(self, tag: str, value: Value) -> None:
        """Write the value in the type the machine has. Raises InvalidInput if it does not fit."""
        ...

    async def close(self) -> None:
        """Let go of the machine."""
        ...


@lru_cache(maxsize=1)
def writer_plugins() -> Registry:
    """Return the writer plugins, built in and from entry points `lineshaft.writers`."""
    return Registry("lineshaft.writers", folder)


class Writer:
    """Writes allowed values, one at a time a tag; `permissive` may forbid any of them with a reason."""

    def __init__(
        self, settings: WriterSettings, sources: SourcesSettings, permissive: Permissive | None = None, *, hold: bool = False
    ) -> None:
        self.settings = settings
        self._hold = hold
        self._held: dict[str, MachineWriter] = {}
        self._lines: dict[str, asyncio.Lock] = {}
        self._sources = {entry.name: entry for entry in sources.entries}
        self._permissive = permissive
        self._allowed = {(allowed.source, allowed.tag): allowed for allowed in settings.allow}
        self._last: dict[tuple[str, str], int] = {}
        self._busy: dict[tuple[str, str], asyncio.Lock] = {}

    async def write(self, source: str, tag: str, value: Value, *, dry_run: bool = False, at_once: bool = False) -> Readback:
        """Write one value and read it back. Raises Forbidden, InvalidInput, Conflict or Retryable; each says why.

        `at_once` does not ask for the value before: the request goes out as soon as nothing forbids it.
        """
        allowed = self.check(source, tag, value)
        async with self._busy.setdefault((source, tag), asyncio.Lock()):
            self._not_too_soon(allowed)
            self.permit(source, tag, value)
            async with self._session(source) as machine:
                dry = dry_run or self.settings.dry_run
                before = None if at_once and not dry else await machine.read(tag)
                return await self._carry_out(machine, allowed, value, before, dry_run=dry)

    @asynccontextmanager
    async def _session(self, source: str) -> AsyncGenerator[MachineWriter]:
        """Give a session with the machine: one for each write, or one that is held until something fails."""
        if not self._hold:
            machine = self._machine(source)
            try:
                yield machine
            finally:
                await machine.close()
            return
        async with self._lines.setdefault(source, asyncio.Lock()):
            machine = self._held.get(source) or self._held.setdefault(source, self._machine(source))
            try:
                yield machine
            except BaseException:
                self._held.pop(source, None)
                with suppress(Exception):
                    await machine.close()
                raise

    async def warm(self, source: str, tag: str) -> None:
        """Open a held session and read the tag once: the first write finds everything ready. Raises Retryable."""
        async with self._session(source) as machine:
            await machine.read(tag)

    async def close(self) -> None:
        """Let go of every session that is held."""
        held, self._held = list(self._held.values()), {}
        for machine in held:
            with suppress(Exception):
                await machine.close()

    def left(self, source: str, tag: str) -> float:
        """Return the seconds until a tag may be written again."""
        every = parse_duration(self._allowed[source, tag].every)
        return max(self._last.get((source, tag), -every) + every - now_ns(), 0) / NS

    def check(self, source: str, tag: str, value: Value) -> Allowed:
        """Return the rule that allows a write. Raises Forbidden if there is none, InvalidInput if the value breaks it."""
        allowed = self._allowed.get((source, tag))
        where = f"{source} {tag}"
        if allowed is None:
            hint = did_you_mean(where, [f"{source} {tag}" for source, tag in self._allowed]) or "add it to [writer] allow"
            raise Forbidden(f"{where} may not be written", where=where, hint=hint, code="write.not-allowed")
        if allowed.values and value not in allowed.values:
            raise InvalidInput(f"{value!r} is none of {', '.join(map(repr, allowed.values))}", where=where, code="write.limits")
        if not allowed.values and isinstance(value, int | float) and not isinstance(value, bool):
            _within(allowed, value, where)
        return allowed

    def permit(self, source: str, tag: str, value: Value) -> None:
        """Raise Conflict with the reason if something forbids the write now: a lock-out, a permissive that does not hold."""
        reason = self._permissive(source, tag, value) if self._permissive else ""
        if reason:
            raise Conflict(f"it may not be written now: {reason}", where=f"{source} {tag}", code="write.permissive")

    async def compare(self, source: str, tag: str, value: Value) -> Readback:
        """Read a tag and say whether it has the value; nothing is written. Raises Retryable when the machine is silent."""
        tolerance = self.check(source, tag, value).tolerance
        machine = self._machine(source)
        try:
            now = await machine.read(tag)
        finally:
            await machine.close()
        return Readback(source, tag, value, None, now, agrees(value, now, tolerance), dry_run=False, at=now_ns())

    def _not_too_soon(self, allowed: Allowed) -> None:
        last = self._last.get((allowed.source, allowed.tag), 0)
        if now_ns() - last < parse_duration(allowed.every):
            where, hint = f"{allowed.source} {allowed.tag}", f"once in {allowed.every}"
            raise Conflict("it was written a moment ago", where=where, hint=hint, code="write.too-soon")

    def _machine(self, source: str) -> MachineWriter:
        entry: SourceEntry | None = self._sources.get(source)
        if entry is None:
            raise NotFound(f"there is no source '{source}'", hint=did_you_mean(source, self._sources))
        plugin: Any = writer_plugins().load(entry.type, where=f"source '{source}'")
        known = {name: value for name, value in (entry.model_extra or {}).items() if name in plugin.Options.model_fields}
        return plugin(source, validate_options(plugin.Options, known, where=f"source '{source}'"))

    async def _carry_out(
        self, machine: MachineWriter, allowed: Allowed, value: Value, before: Value | None, *, dry_run: bool
    ) -> Readback:
        source, tag = allowed.source, allowed.tag
        if dry_run:
            return Readback(source, tag, value, before, before, ok=False, dry_run=True, at=now_ns())
        self._last[source, tag] = now_ns()
        await machine.write(tag, value)
        after = await machine.read(tag)
        for pause in (0.05, 0.2, 0.5, 1.0):
            if agrees(value, after, allowed.tolerance):
                break
            await asyncio.sleep(pause)
            after = await machine.read(tag)
        return Readback(source, tag, value, before, after, agrees(value, after, allowed.tolerance), dry_run=False, at=now_ns())


def _within(allowed: Allowed, value: float, where: str) -> None:
    low, high = allowed.minimum, allowed.maximum
    if low is None and high is None:
        hint = "give minimum and maximum"
        raise Forbidden("a number may only be written with limits", where=where, hint=hint, code="write.limits")
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        raise InvalidInput(f"{value} is outside {low} to {high}", where=where, code="write.limits")


def agrees(asked: Value, found: Value | None, tolerance: float) -> bool:
    """Whether the value read back is the one written; a yes is no 1."""
    if isinstance(asked, bool | str) or isinstance(found, bool | str) or found is None:
        return type(asked) is type(found) and asked == found
    return abs(found - asked) <= tolerance + 1e-6 * abs(asked)
