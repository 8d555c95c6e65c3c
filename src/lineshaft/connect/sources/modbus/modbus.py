"""The Modbus source: reads its blocks in rounds and finds out by itself which tags a controller refuses."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from lineshaft.connect.poll import LineLost, Poller, Round
from lineshaft.connect.source import Outlet
from lineshaft.connect.sources.modbus.blocks import Block, Group, groups, halves, merge
from lineshaft.connect.sources.modbus.line import Line, Refused, Silent
from lineshaft.connect.sources.modbus.options import ModbusOptions, ModbusTag
from lineshaft.connect.taglist import read_tags


class ModbusSource:
    """Asks one Modbus controller, or the units behind one gateway."""

    Options: ClassVar[type[ModbusOptions]] = ModbusOptions

    def __init__(self, name: str, options: ModbusOptions) -> None:
        self.name = name
        self.options = options

    async def run(self, out: Outlet) -> None:
        """Ask until cancelled. Raises ConfigError when the tag list cannot be read at all."""
        file = str(Path(os.environ.get("LINESHAFT_HOME", ".")) / self.options.tags_file) if self.options.tags_file else ""
        tags, bad = read_tags(ModbusTag, self.options.tags, file, lambda tag: tag.name, where=f"source '{self.name}'")
        await Poller(self.name, ModbusDevice(tags, self.options), bad).run(out)


class ModbusDevice:
    """The controller as the poller sees it."""

    def __init__(self, tags: Sequence[ModbusTag], options: ModbusOptions) -> None:
        self.address = options.url
        self.options = options
        self._groups = groups(tags, options)
        self._memory = [_Memory(group, options) for group in self._groups]
        self.rounds: Sequence[float] = [group.every for group in self._groups]
        self._line = Line(options)

    async def open(self) -> None:
        """Open the line."""
        await self._line.open()

    async def close(self) -> None:
        """Close the line."""
        self._line.close()

    def tags(self, group: int) -> Sequence[str]:
        """Return the names of the group's tags."""
        return [tag.name for tag in self._groups[group].tags]

    def lost(self, group: int, ts: int) -> pa.RecordBatch:
        """Return a bad row for every tag that was good."""
        memory = self._memory[group]
        was_good = memory.was_good.copy()
        memory.was_good[:] = False
        return self._groups[group].image.absent(was_good, ts)

    async def read(self, group: int, ts: int) -> Round:
        """Ask every block once; a unit that is silent is not asked again in this round.

        Raises LineLost when no unit answered anything.
        """
        memory = self._memory[group]
        memory.begin()
        spoke = False
        for block in memory.due():
            spoke = await self._read_block(memory, block) or spoke
        if not spoke and memory.silent:
            raise LineLost(next(iter(memory.silent.values())))
        return memory.round(ts)

    async def _read_block(self, memory: _Memory, block: Block) -> bool:
        """Read one block, smaller ones where it is refused; return whether the machine said anything."""
        waiting = [block]
        spoke = False
        while waiting:
            block = waiting.pop()
            if block.unit in memory.silent:
                memory.fail(block, memory.silent[block.unit])
                continue
            try:
                memory.take(block, await self._line.read(block))
                spoke = True
            except Silent as silent:
                memory.silent[block.unit] = str(silent)
                memory.fail(block, str(silent))
            except Refused as refused:
                spoke = True
                if refused.lasting and len(block.rows) > 1:
                    waiting += memory.split(block)
                elif refused.lasting:
                    memory.put_aside(block, str(refused))
                else:
                    memory.fail(block, str(refused))
        return spoke


class _Memory:
    """What a group of tags remembers from round to round: its picture, its plan of blocks, and what was refused."""

    def __init__(self, group: Group, options: ModbusOptions) -> None:
        self.group = group
        self.options = options
        n = len(group.tags)
        self.picture = np.zeros(group.size, np.uint8)
        self.was_good = np.zeros(n, bool)
        self.good = np.zeros(n, bool)
        self.bad: dict[int, str] = {}
        self.silent: dict[int, str] = {}
        self._aside: dict[int, tuple[str, float]] = {}

    def begin(self) -> None:
        """Begin a round."""
        self.good[:] = False
        self.bad = {row: why for row, (why, _) in self._aside.items()}
        self.silent = {}

    def due(self) -> list[Block]:
        """Return the blocks to ask, with those put aside whose time to be tried again has come."""
        now = time.monotonic()
        again = [row for row, (_, when) in self._aside.items() if when <= now]
        return self.group.blocks + (merge(self.group, again, self.options, 0) if again else [])

    def take(self, block: Block, data: bytes) -> None:
        """Put the bytes of a block into the picture."""
        at = self.group.offset(block)
        self.picture[at : at + len(data)] = np.frombuffer(data, np.uint8)
        self.good[list(block.rows)] = True
        for row in block.rows:
            self.bad.pop(row, None)
            if self._aside.pop(row, None) is not None:
                self.group.blocks.append(merge(self.group, [row], self.options, 0)[0])

    def fail(self, block: Block, why: str) -> None:
        """Note that these tags gave nothing in this round."""
        for row in block.rows:
            self.bad[row] = why

    def split(self, block: Block) -> list[Block]:
        """Replace a refused block in the plan by smaller ones."""
        smaller = halves(self.group, block, self.options)
        if block in self.group.blocks:
            self.group.blocks.remove(block)
            self.group.blocks += smaller
        return smaller

    def put_aside(self, block: Block, why: str) -> None:
        """Do not ask for a refused tag every round; try it again later."""
        row = block.rows[0]
        if block in self.group.blocks:
            self.group.blocks.remove(block)
        self._aside[row] = (why, time.monotonic() + self.options.seconds("retry_bad"))
        self.bad[row] = why

    def round(self, ts: int) -> Round:
        """Return the rows of this round: the good values, and a bad row for each tag that just went bad."""
        rows = [self.group.image.rows(self.picture, ts, self.good)] if self.good.any() else []
        gone = self.was_good & ~self.good
        if gone.any():
            rows.append(self.group.image.absent(gone, ts))
        self.was_good = self.good.copy()
        return Round(rows, {self.group.tags[row].name: why for row, why in sorted(self.bad.items())})
