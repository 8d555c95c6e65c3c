"""A Modbus controller: which units answer, which tables they have, where registers lie, and what they hold.

Registers say nothing of what they mean: the numbers shown are whole 16-bit words, and the maker's manual tells the rest.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from lineshaft.connect.memory import Block, Refused, Silent, Space
from lineshaft.connect.sight import Inside, Pick, Remark, Seen, Wish
from lineshaft.connect.sources.modbus.line import ModbusLine
from lineshaft.connect.sources.modbus.options import ModbusOptions

TABLES = ("holding", "input", "coil", "discrete")
BITS = ("coil", "discrete")
PAGE, PAGES = 100, 100
UNITS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 247, 255)
QUICK = "500ms"
MEANING = "registers do not say what they mean: type, byte order and scale are in the maker's manual and set at each tag"


class ModbusInside:
    """Asks unit by unit, table by table, within the controller's budget."""

    FILL: ClassVar[dict[str, Any]] = {"tags_file": "none yet"}

    async def look(self, name: str, options: ModbusOptions, wish: Wish) -> Seen:
        """Return units, then their tables, then ranges of a hundred that answer, then the registers themselves."""
        del name
        quick = options.model_copy(update={"timeout": QUICK}) if options.seconds("timeout") > 0.5 else options
        place = wish.below.split("/") if wish.below else []
        line = ModbusLine(quick if not place else options)
        await line.open()
        try:
            return await _look(line, options, place, wish)
        finally:
            await line.close()


async def _look(line: ModbusLine, options: ModbusOptions, place: list[str], wish: Wish) -> Seen:
    if not place:
        units = dict.fromkeys([options.unit, *UNITS])
        found = [unit for unit in units if await _answers(line, unit, "holding", 0)]
        items = [Inside(str(unit), "", f"unit {unit}", "branch", more=True) for unit in found]
        none = Remark("inside.noUnit", "no unit answers at this address: none of those that are asked", {})
        return Seen(items, () if items else (none,))
    unit = int(place[0])
    if len(place) == 1:
        tables = [table for table in TABLES if await _table(line, unit, table)]
        return Seen([Inside(f"{unit}/{table}", wish.below, table, "branch", more=True) for table in tables])
    table = place[1]
    if len(place) == 2:
        starts = [start for start in range(0, PAGE * PAGES, PAGE) if await _has(line, unit, table, start)]
        items = [
            Inside(f"{wish.below}/{start}", wish.below, f"{start} - {start + PAGE - 1}", "branch", more=True) for start in starts
        ]
        return Seen(items)
    return Seen(await _registers(line, options, unit, table, int(place[2]), wish.below), (Remark("inside.meaning", MEANING, {}),))


async def _registers(line: ModbusLine, options: ModbusOptions, unit: int, table: str, start: int, below: str) -> list[Inside]:
    """Return a range's registers; where the whole is refused, in ever smaller parts."""
    words: dict[int, int] = {}
    parts = [(start, PAGE)]
    while parts:
        first, count = parts.pop()
        try:
            raw = await line.read(_block(unit, table, first, min(count, options.block)))
        except Refused as why:
            if count > 1 and why.lasting:
                half = count // 2
                parts += [(first, half), (first + half, count - half)] if count > 4 else [(first + n, 1) for n in range(count)]
            continue
        read = len(raw) if table in BITS else len(raw) // 2
        numbers = list(raw) if table in BITS else list(struct.unpack(f">{read}H", raw))
        words.update(zip(range(first, first + read), numbers, strict=True))
        if read < count:
            parts.append((first + read, count - read))
    return [_register(options, unit, table, at, words[at], below) for at in sorted(words)]


def _register(options: ModbusOptions, unit: int, table: str, at: int, word: int, below: str) -> Inside:
    where = f"{table}:{at}"
    tag: dict[str, Any] = {"name": where if unit == options.unit else f"unit {unit} {where}", "at": where}
    if unit != options.unit:
        tag["unit"] = unit
    kind = "bool" if table in BITS else "uint16"
    shown = ("true" if word else "false") if table in BITS else str(word)
    return Inside(f"{unit}/{where}", below, where, "value", kind, shown, pick=Pick("tags", tag))


def _block(unit: int, table: str, start: int, count: int) -> Block:
    name = f"unit {unit} {table}"
    return Block(Space(name, (unit, table), 125, 0, 1 if table in BITS else 2, unit), start, count, ())


async def _answers(line: ModbusLine, unit: int, table: str, at: int) -> bool:
    """Say whether anybody is there: a refusal is an answer too, but for a gateway's that nobody is."""
    try:
        await line.read(_block(unit, table, at, 1))
    except Refused as why:
        return why.lasting
    except Silent:
        return False
    return True


async def _table(line: ModbusLine, unit: int, table: str) -> bool:
    """Say whether a unit has a table: only "no such function" means that it has not."""
    try:
        await line.read(_block(unit, table, 0, 1))
    except Refused as why:
        return "no such table" not in str(why)
    except Silent:
        return False
    return True


async def _has(line: ModbusLine, unit: int, table: str, at: int) -> bool:
    try:
        await line.read(_block(unit, table, at, 1))
    except (Refused, Silent):
        return False
    return True


PLUGIN = ModbusInside
