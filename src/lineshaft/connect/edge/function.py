"""User functions of an edge: a small Python file each, in a process of its own, limited in time and memory.

A function is a source like any other: what it returns is kept, counted and sent under its own name, a crash or a call that takes
too long starts it again, later each time, and stops nothing else. What it is given was kept before: it can lose nothing.
It runs with the rights of the edge node, and it is signed with the configuration it came with: it is no sandbox for strangers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import deque
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from lineshaft.connect.collect import Collector
from lineshaft.connect.edge import child
from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.core import NS, Duration, InvalidInput, Quality, Section, parse_duration

log = logging.getLogger("lineshaft.edge.functions")
START_UP, MOST_WAITING, MOST_ANSWER = 10.0, 200, 64 * 1024 * 1024
MOST_ROWS = 2_000
"""Rows of one call, at most: its time limit is for a call, not for whatever has gathered meanwhile."""
Row = tuple[str, int, object, str]
QUALITIES = {quality.name.lower(): quality for quality in Quality}


class FunctionEntry(Section):
    """One `[[functions]]` table: a small Python program with `run(rows)`, and what it may use."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", description="Its name, and that of the source its values come from."
    )
    code: str = Field(
        max_length=100_000, description="The Python file. `run(rows)` gets and returns rows (tag, UTC ns, value, quality)."
    )
    source: str = Field("*", description="Pattern of the sources it listens to.")
    tags: str = Field("*", description="Pattern of the tags it listens to.")
    timeout: Duration = Field("1s", description="Longest time for one call; then its process is ended and started again.")
    memory_mb: int = Field(256, ge=32, le=8_192, description="Most memory of its process.")


class FunctionSource:
    """One function, as a source."""

    Options: ClassVar[type[Section]] = FunctionEntry

    def __init__(self, entry: FunctionEntry) -> None:
        self.name = entry.name
        self.entry = entry
        self._waiting: deque[pa.RecordBatch] = deque()
        self._given: list[Row] = []
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.missed = 0
        self.calls = 0

    def give(self, source: str, rows: pa.RecordBatch) -> None:
        """Take rows that were kept; when the function cannot keep up the oldest that wait are left out, and counted."""
        if self._loop is None or not fnmatchcase(source, self.entry.source):
            return
        self._waiting.append(rows)
        while len(self._waiting) > MOST_WAITING:
            self.missed += self._waiting.popleft().num_rows
        self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self, out: Outlet) -> None:
        """Run the program until cancelled. Raises what it died of: the gateway starts it again."""
        self._loop = asyncio.get_running_loop()
        out.status(SourceStatus(self.name, SourceState.CONNECTING, "starting"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(Path(child.__file__)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={},
            limit=MOST_ANSWER,
            start_new_session=True,
        )
        try:
            told = self.entry.model_dump(include={"name", "code", "memory_mb"})
            await self._ask(process, told, START_UP)
            out.status(SourceStatus(self.name, SourceState.CONNECTED, "running"))
            await self._serve(process, out)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _serve(self, process: asyncio.subprocess.Process, out: Outlet) -> None:
        limit = parse_duration(self.entry.timeout) / NS
        rows = Collector()
        self._woken.set()  # what waited when the one before ended
        while True:
            await self._woken.wait()
            self._woken.clear()
            self._given += [row for batch in self._taken() for row in rows_of(batch, self.entry.tags)]
            while self._given:
                portion, self._given = self._given[:MOST_ROWS], self._given[MOST_ROWS:]
                self.missed += len(portion)
                answer = await self._ask(process, {"rows": portion}, limit)
                self.missed -= len(portion)
                self.calls += 1
                for row in answer["rows"]:
                    try:
                        rows.add(*_row(row))
                    except (ValueError, TypeError) as error:
                        out.reject("(returned)", f"a row it returned cannot be taken: {error}")
                if (made := rows.take()) is not None:
                    out.emit(made)
            if self.missed:
                what = f"{self.missed} values had no answer: it was too slow, or failed"
                out.status(SourceStatus(self.name, SourceState.DEGRADED, what))

    def _taken(self) -> list[pa.RecordBatch]:
        taken: list[pa.RecordBatch] = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    async def _ask(self, process: asyncio.subprocess.Process, said: dict[str, Any], limit: float) -> dict[str, Any]:
        """Ask the process and return its answer. Raises InvalidInput with what went wrong."""
        given, taken = process.stdin, process.stdout
        if given is None or taken is None:
            raise InvalidInput("its process has no pipes", where=self.name, code="function.ended")
        body = json.dumps(said).encode()
        try:
            async with asyncio.timeout(limit):
                given.write(child.LENGTH.pack(len(body)) + body)
                await given.drain()
                size = child.LENGTH.unpack(await taken.readexactly(child.LENGTH.size))[0]
                if size > MOST_ANSWER:
                    raise InvalidInput("its answer is too long", where=self.name, code="function.answer")
                answer: dict[str, Any] = json.loads(await taken.readexactly(size))
        except TimeoutError:
            raise InvalidInput(f"it did not answer within {limit:g} s", where=self.name, code="function.timeout") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise InvalidInput("its process ended", where=self.name, code="function.ended") from None
        if "error" in answer:
            raise InvalidInput(str(answer["error"])[:500], where=self.name, code="function.error")
        return answer


def rows_of(batch: pa.RecordBatch, pattern: str = "*") -> list[Row]:
    """Return a batch row by row: for consumers of single values."""
    column: Any = batch.column(0)
    hit = [fnmatchcase(tag, pattern) for tag in column.dictionary.to_pylist()]
    names = ("tag", "ts", "v", "vi", "vs", "vb", "q")
    batch = batch.select(list(names))
    table = {name: batch.column(name) for name in names[2:]}
    stamps: list[Any] = batch.column("ts").cast(pa.int64()).to_pylist()
    values = [_first(row) for row in zip(*(table[name].to_pylist() for name in ("v", "vi", "vs", "vb")), strict=True)]
    places = column.indices.to_pylist()
    tags = column.dictionary.to_pylist()
    qualities = [Quality(q).name.lower() for q in table["q"].to_pylist()]
    return [
        (tags[place], ts, value, q) for place, ts, value, q in zip(places, stamps, values, qualities, strict=True) if hit[place]
    ]


def _first(cells: tuple[object, ...]) -> object:
    return next((cell for cell in cells if cell is not None), None)


def _row(row: Any) -> tuple[str, int, object, int]:
    """Return a row a function returned, checked. Raises ValueError or TypeError."""
    tag, ts, value, *rest = row
    if not isinstance(tag, str) or not tag or not isinstance(ts, int) or not isinstance(value, int | float | str | type(None)):
        raise ValueError(f"{row!r:.100} is not (tag, UTC ns, value, quality)")
    return tag, ts, value, QUALITIES[rest[0]] if rest else Quality.GOOD
