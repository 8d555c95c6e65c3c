"""An S7 controller: its data blocks and areas, how long they are, and the words in them.

The memory does not say what its bytes mean: each place is shown as a word, and as a REAL where one could lie.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from lineshaft.connect.memory import Block, Refused, Space
from lineshaft.connect.sight import Inside, Pick, Remark, Seen, Wish, cut
from lineshaft.connect.sources.s7.options import S7Options
from lineshaft.connect.sources.s7.s7 import S7Line

PAGE, LONGEST = 100, 65_536
AREAS = ("M", "I", "Q")
NO_LIST = "the CPU gives out no list of its data blocks: write addresses by hand"
MEANING = "bytes do not say what they mean: the program of the CPU does; set type and length at each tag"


class S7Inside:
    """Reads within the controller's budget; PUT/GET must be allowed in the CPU, as for listening."""

    FILL: ClassVar[dict[str, Any]] = {"tags_file": "none yet"}

    async def look(self, name: str, options: S7Options, wish: Wish) -> Seen:
        """Return data blocks and areas, then their parts of a hundred bytes, then the words."""
        del name
        line = S7Line(options)
        await line.open()
        try:
            return await _look(line, wish)
        finally:
            await line.close()


async def _look(line: S7Line, wish: Wish) -> Seen:
    if not wish.below:
        blocks = await line.data_blocks(wish.most)
        names = [*(f"DB{number}" for number in blocks or ()), *AREAS]
        items = [Inside(name, "", name, "branch", more=True) for name in names]
        return Seen(items, (Remark("inside.noBlocks", NO_LIST),) if blocks is None else ())
    area, _, start = wish.below.partition("/")
    if start:
        return Seen(await _words(line, area, int(start), wish.below), (Remark("inside.meaning", MEANING),))
    length = await _length(line, area)
    pages = range(0, length, PAGE)
    items = [
        Inside(f"{area}/{at}", area, f"{at} - {min(at + PAGE, length) - 1}", "branch", more=True) for at in pages[: wish.most]
    ]
    return Seen(items, (cut(len(items)),) if len(pages) > len(items) else ())


def _block(area: str, start: int, count: int) -> Block:
    key = ("DB", int(area[2:])) if area.startswith("DB") else (area, 0)
    return Block(Space(f"{area} byte", key, PAGE, 0, 1), start, count, ())


async def _length(line: S7Line, area: str) -> int:
    """Return how many bytes can be read, found by halving."""
    low, high = 0, LONGEST
    while low < high:
        middle = (low + high) // 2
        try:
            await line.read(_block(area, middle, 1))
        except Refused:
            high = middle
        else:
            low = middle + 1
    return low


async def _words(line: S7Line, area: str, start: int, below: str) -> list[Inside]:
    length = min(PAGE, await _length(line, area) - start)
    raw = await line.read(_block(area, start, length)) if length > 0 else b""
    head = f"{area}.DB" if area.startswith("DB") else area
    items: list[Inside] = []
    for at in range(0, len(raw) - 1, 2):
        where = f"{head}W{start + at}"
        tag = Pick("tags", {"name": where, "at": where})
        items.append(Inside(where, below, where, "value", "word", str(struct.unpack_from(">H", raw, at)[0]), pick=tag))
        if at % 4 == 0 and at + 4 <= len(raw):
            real = f"{head}D{start + at}"
            told = f"{struct.unpack_from('>f', raw, at)[0]:.6g}"
            pick = Pick("tags", {"name": real, "at": real, "type": "real"})
            items.append(Inside(f"{real} real", below, real, "value", "real", told, pick=pick))
    return items


PLUGIN = S7Inside
