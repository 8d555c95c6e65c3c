"""Which registers are asked together: few requests are worth far more than few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lineshaft.connect.image import Field, Image, Kind
from lineshaft.connect.sources.modbus.options import ModbusOptions, ModbusTag, Table
from lineshaft.core import NS, parse_duration

COILS = 2_000


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers (or coils) of a table from `start`, for the tags at `rows` of the group."""

    unit: int
    table: Table
    start: int
    count: int
    rows: tuple[int, ...]

    @property
    def bits(self) -> bool:
        """Whether these are coils or discrete inputs."""
        return self.table in ("coil", "discrete")

    @property
    def text(self) -> str:
        """Name it for a person."""
        return f"unit {self.unit}, {self.table} {self.start} to {self.start + self.count - 1}"


@dataclass(slots=True)
class Group:
    """The tags asked at one pace: where their bytes go in the image, and the blocks that bring them."""

    every: float
    tags: Sequence[ModbusTag]
    base: dict[tuple[int, Table], int]
    size: int
    image: Image
    blocks: list[Block] = field(default_factory=list[Block])

    def offset(self, block: Block) -> int:
        """Return where the block's bytes begin in the image."""
        return self.base[block.unit, block.table] + block.start * (1 if block.bits else 2)


def groups(tags: Sequence[ModbusTag], options: ModbusOptions) -> list[Group]:
    """Put the tags into groups by pace, the most frequent first, each with its plan of blocks."""
    paces: dict[float, list[ModbusTag]] = {}
    for tag in tags:
        paces.setdefault(parse_duration(tag.every or options.every) / NS, []).append(tag)
    return [_group(every, paces[every], options) for every in sorted(paces)]


def _group(every: float, tags: Sequence[ModbusTag], options: ModbusOptions) -> Group:
    base: dict[tuple[int, Table], int] = {}
    size = 0
    keys: list[tuple[int, Table]] = [(unit_of(tag, options), tag.place.table) for tag in tags]
    for key in dict.fromkeys(keys):
        base[key] = size
        size += 65_536 * (1 if key[1] in ("coil", "discrete") else 2)
    fields = [_field(tag, base[unit_of(tag, options), tag.place.table]) for tag in tags]
    group = Group(every, tags, base, size, Image(fields))
    group.blocks = merge(group, range(len(tags)), options, options.gap)
    return group


def unit_of(tag: ModbusTag, options: ModbusOptions) -> int:
    """Return the unit a tag is asked of."""
    return options.unit if tag.unit is None else tag.unit


def _field(tag: ModbusTag, base: int) -> Field:
    where = tag.place
    if where.table in ("coil", "discrete"):
        return Field(tag.name, Kind.BOOL, base + where.address)
    offset = base + where.address * 2
    if where.bit is not None:
        return Field(tag.name, Kind.BOOL, offset + (where.bit < 8), bit=where.bit % 8)
    return Field(tag.name, tag.kind, offset, 0, tag.length, tag.order, tag.scale, tag.shift)


def merge(group: Group, rows: Sequence[int] | range, options: ModbusOptions, gap: int) -> list[Block]:
    """Return the fewest blocks that cover these tags without reading more than `gap` strangers between two of them.

    A value is never torn: all its registers come from one request.
    """
    blocks: list[Block] = []
    ordered = sorted(
        rows, key=lambda row: (unit_of(group.tags[row], options), group.tags[row].place.table, group.tags[row].place.address)
    )
    for row in ordered:
        tag = group.tags[row]
        new = Block(unit_of(tag, options), tag.place.table, tag.place.address, tag.registers, (row,))
        last = blocks[-1] if blocks else None
        if last is not None and (last.unit, last.table) == (new.unit, new.table):
            end = max(last.start + last.count, new.start + new.count)
            most, between = (COILS, gap * 16) if new.bits else (options.block, gap)
            if end - last.start <= most and new.start - (last.start + last.count) <= between:
                blocks[-1] = Block(last.unit, last.table, last.start, end - last.start, (*last.rows, row))
                continue
        blocks.append(new)
    return blocks


def halves(group: Group, block: Block, options: ModbusOptions) -> list[Block]:
    """Return smaller blocks for one that was refused: first without strangers between, then cut in two."""
    tight = merge(group, block.rows, options, 0)
    if len(tight) > 1:
        return tight
    middle = len(block.rows) // 2
    return merge(group, block.rows[:middle], options, 0) + merge(group, block.rows[middle:], options, 0)
