"""The Modbus source: its tags as places in registers and coils, read in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from lineshaft.connect.image import Field, Kind
from lineshaft.connect.memory import Group, MemoryDevice, Place, Space, groups
from lineshaft.connect.poll import Poller
from lineshaft.connect.registers import ModbusTag
from lineshaft.connect.source import Outlet
from lineshaft.connect.sources.modbus.line import ModbusLine
from lineshaft.connect.sources.modbus.options import ModbusOptions
from lineshaft.connect.taglist import read_tags
from lineshaft.core import NS, parse_duration

COILS = 2_000


class ModbusSource:
    """Asks one Modbus controller, or the units behind one gateway."""

    Options: ClassVar[type[ModbusOptions]] = ModbusOptions

    def __init__(self, name: str, options: ModbusOptions) -> None:
        self.name = name
        self.options = options

    async def run(self, out: Outlet) -> None:
        """Ask until cancelled. Raises ConfigError when the tag list cannot be read at all."""
        tags, bad = read_tags(ModbusTag, self.options.tags, self.options.tags_file, lambda tag: tag.name, source=self.name)
        line = ModbusLine(self.options)
        device = MemoryDevice(self.options.url, plan(tags, self.options), line, self.options.seconds("retry_bad"))
        await Poller(self.name, device, bad).run(out)


def plan(tags: Sequence[ModbusTag], options: ModbusOptions) -> list[Group]:
    """Return the groups of tags with their blocks."""
    return groups(
        tags,
        lambda tag: _place(tag, options),
        _field,
        lambda tag: parse_duration(tag.every or options.every) / NS,
    )


def _place(tag: ModbusTag, options: ModbusOptions) -> Place:
    """Return where a tag lies. A unit of a coil table is a coil, one byte in our picture; of others a register."""
    unit = options.unit if tag.unit is None else tag.unit
    table = tag.place.table
    most, gap, width = (COILS, options.gap * 16, 1) if table in ("coil", "discrete") else (options.block, options.gap, 2)
    return Place(Space(f"unit {unit}, {table}", (unit, table), most, gap, width, unit), tag.place.address, tag.registers)


def _field(tag: ModbusTag, offset: int) -> Field:
    where = tag.place
    if where.table in ("coil", "discrete"):
        return Field(tag.name, Kind.BOOL, offset)
    if where.bit is not None:
        return Field(tag.name, Kind.BOOL, offset + (where.bit < 8), bit=where.bit % 8)
    return Field(tag.name, tag.kind, offset, 0, tag.length, tag.order, tag.scale, tag.shift)
