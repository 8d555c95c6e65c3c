"""Controllers that give out their memory in blocks: which places are asked together, and what a refused block means.

Few requests are worth far more than few bytes, so neighbours are asked together. A block that is refused is asked in smaller
ones until the tag that is wrong is found; it is tried again later, and the others go on. A protocol brings a `Line` and says
where its tags lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.connect.image import Field, Image
from lineshaft.connect.poll import LineLost, Round

T = TypeVar("T")


class Space(NamedTuple):
    """A part of the memory with addresses of its own: registers of a unit, a data block.

    `most` units are asked at once, `gap` strangers are read along; a unit has `width` bytes. `voice` is who is silent when
    nobody answers.
    """

    name: str
    key: Hashable
    most: int
    gap: int
    width: int
    voice: Hashable = ""


class Place(NamedTuple):
    """Where a tag lies: `size` units of a space from `start`."""

    space: Space
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` units of a space from `start`, for the tags at `rows` of their group."""

    space: Space
    start: int
    count: int
    rows: tuple[int, ...]
    index: NDArray[np.intp] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the rows as an index too: each round sets them."""
        object.__setattr__(self, "index", np.array(self.rows, np.intp))

    @property
    def text(self) -> str:
        """Name it for a person."""
        return f"{self.space.name} {self.start} to {self.start + self.count - 1}"


class Refused(Exception):
    """The controller refuses a block; `lasting` when asking the same again is useless."""

    def __init__(self, why: str, *, lasting: bool) -> None:
        super().__init__(why)
        self.lasting = lasting


class Silent(Exception):
    """A unit did not answer in time."""


class Line(Protocol):
    """The connection of a protocol."""

    async def open(self) -> None:
        """Open it. Raises LineLost, OSError or TimeoutError."""
        ...

    async def close(self) -> None:
        """Close it; never raises."""
        ...

    async def read(self, block: Block) -> bytes:
        """Return the block's bytes. Raises Refused, Silent (this voice only), or LineLost."""
        ...


@dataclass(slots=True)
class Group:
    """The tags asked at one pace: where they lie, where their bytes go in the image, and the blocks that bring them."""

    every: float
    names: Sequence[str]
    places: Sequence[Place]
    base: dict[Hashable, int]
    size: int
    image: Image
    blocks: list[Block] = field(default_factory=list[Block])

    def offset(self, block: Block) -> int:
        """Return where the block's bytes begin in the image."""
        return self.base[block.space.key] + block.start * block.space.width


def groups(
    tags: Sequence[T],
    place_of: Callable[[T], Place],
    field_of: Callable[[T, int], Field],
    every_of: Callable[[T], float],
) -> list[Group]:
    """Put the tags into groups by pace, the most frequent first, each with its plan of blocks.

    `field_of` gets the offset of the tag's first byte in the image.
    """
    paces: dict[float, list[T]] = {}
    for tag in tags:
        paces.setdefault(every_of(tag), []).append(tag)
    return [_group(every, paces[every], place_of, field_of) for every in sorted(paces)]


def _group(every: float, tags: Sequence[T], place_of: Callable[[T], Place], field_of: Callable[[T, int], Field]) -> Group:
    places = [place_of(tag) for tag in tags]
    ends: dict[Hashable, int] = {}
    for place in places:
        end = (place.start + place.size + place.space.most) * place.space.width  # a block may reach beyond its last tag
        ends[place.space.key] = max(ends.get(place.space.key, 0), end)
    base: dict[Hashable, int] = {}
    size = 0
    for key, end in ends.items():
        base[key] = size
        size += end
    fields = [field_of(tag, base[at.space.key] + at.start * at.space.width) for tag, at in zip(tags, places, strict=True)]
    group = Group(every, [made.tag for made in fields], places, base, size, Image(fields))
    group.blocks = merge(places, range(len(tags)))
    return group


def merge(places: Sequence[Place], rows: Sequence[int] | range, gap: int | None = None) -> list[Block]:
    """Return the fewest blocks that cover these places without reading more than `gap` strangers between two of them.

    A value is never torn: all of it comes from one request.
    """
    blocks: list[Block] = []
    for row in sorted(rows, key=lambda row: (str(places[row].space.key), places[row].start)):
        place = places[row]
        last = blocks[-1] if blocks else None
        if last is not None and last.space.key == place.space.key:
            end = max(last.start + last.count, place.start + place.size)
            between = place.start - (last.start + last.count)
            if end - last.start <= place.space.most and between <= (place.space.gap if gap is None else gap):
                blocks[-1] = Block(last.space, last.start, end - last.start, (*last.rows, row))
                continue
        blocks.append(Block(place.space, place.start, place.size, (row,)))
    return blocks


def halves(places: Sequence[Place], block: Block) -> list[Block]:
    """Return smaller blocks for one that was refused: first without strangers between, then cut in two."""
    tight = merge(places, block.rows, 0)
    if len(tight) > 1:
        return tight
    middle = len(block.rows) // 2
    return merge(places, block.rows[:middle], 0) + merge(places, block.rows[middle:], 0)


class MemoryDevice:
    """A controller as the poller sees it: its groups of tags, and the line they come by."""

    def __init__(self, address: str, made: Sequence[Group], line: Line, retry: float) -> None:
        self.address = address
        self.rounds: Sequence[float] = [group.every for group in made]
        self._line = line
        self._groups = made
        self._memories = [_Memory(group, retry) for group in made]

    async def open(self) -> None:
        """Open the line."""
        await self._line.open()

    async def close(self) -> None:
        """Close the line."""
        await self._line.close()

    def tags(self, group: int) -> Sequence[str]:
        """Return the names of the group's tags."""
        return self._groups[group].names

    def lost(self, group: int, ts: int) -> pa.RecordBatch:
        """Return a bad row for every tag that was good."""
        memory = self._memories[group]
        was_good = memory.was_good.copy()
        memory.was_good[:] = False
        return self._groups[group].image.absent(was_good, ts)

    async def read(self, group: int, ts: int) -> Round:
        """Ask every block once; who is silent is not asked again in this round.

        Raises LineLost when nobody answered anything.
        """
        memory = self._memories[group]
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
            if block.space.voice in memory.silent:
                memory.fail(block, memory.silent[block.space.voice])
                continue
            try:
                memory.take(block, await self._line.read(block))
                spoke = True
            except Silent as silent:
                memory.silent[block.space.voice] = str(silent)
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

    def __init__(self, group: Group, retry: float) -> None:
        self.group = group
        self.picture = np.zeros(group.size, np.uint8)
        self.was_good = np.zeros(len(group.names), bool)
        self.good = np.zeros(len(group.names), bool)
        self.bad: dict[int, str] = {}
        self.silent: dict[Hashable, str] = {}
        self._retry = retry
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
        return self.group.blocks + (merge(self.group.places, again, 0) if again else [])

    def take(self, block: Block, data: bytes) -> None:
        """Put the bytes of a block into the picture."""
        at = self.group.offset(block)
        self.picture[at : at + len(data)] = np.frombuffer(data, np.uint8)
        self.good[block.index] = True
        if not self.bad and not self._aside:
            return
        for row in block.rows:
            self.bad.pop(row, None)
            if self._aside.pop(row, None) is not None:
                self.group.blocks.append(merge(self.group.places, [row], 0)[0])

    def fail(self, block: Block, why: str) -> None:
        """Note that these tags gave nothing in this round."""
        for row in block.rows:
            self.bad[row] = why

    def split(self, block: Block) -> list[Block]:
        """Replace a refused block in the plan by smaller ones."""
        smaller = halves(self.group.places, block)
        if block in self.group.blocks:
            self.group.blocks.remove(block)
            self.group.blocks += smaller
        return smaller

    def put_aside(self, block: Block, why: str) -> None:
        """Do not ask for a refused tag every round; try it again later."""
        row = block.rows[0]
        if block in self.group.blocks:
            self.group.blocks.remove(block)
        self._aside[row] = (why, time.monotonic() + self._retry)
        self.bad[row] = why

    def round(self, ts: int) -> Round:
        """Return the rows of this round: the good values, and a bad row for each tag that just went bad."""
        rows = [self.group.image.rows(self.picture, ts, self.good)] if self.good.any() else []
        gone = self.was_good & ~self.good
        if gone.any():
            rows.append(self.group.image.absent(gone, ts))
        self.was_good = self.good.copy()
        return Round(rows, {self.group.names[row]: why for row, why in sorted(self.bad.items())})
