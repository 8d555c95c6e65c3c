"""The S7 source: its tags as places in data blocks and areas, read in blocks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ClassVar, TypeVar, cast

from snap7.client import Client
from snap7.error import S7ConnectionError, S7Error, S7TimeoutError
from snap7.type import Area
from snap7.type import Block as SnapBlock

from lineshaft.connect.image import Field, Kind
from lineshaft.connect.memory import Block, Group, MemoryDevice, Place, Refused, Space, groups
from lineshaft.connect.poll import Budget, LineLost, Poller
from lineshaft.connect.s7_tags import S7Tag
from lineshaft.connect.source import Outlet
from lineshaft.connect.sources.s7.options import S7Options
from lineshaft.connect.taglist import read_tags
from lineshaft.core import NS, parse_duration

logging.getLogger("snap7").setLevel(logging.CRITICAL)  # the source says once what it logs at every try
AREAS = {"DB": Area.DB, "M": Area.MK, "I": Area.PE, "Q": Area.PA}
T = TypeVar("T")


class S7Source:
    """Asks one S7 controller."""

    Options: ClassVar[type[S7Options]] = S7Options

    def __init__(self, name: str, options: S7Options) -> None:
        self.name = name
        self.options = options

    async def run(self, out: Outlet) -> None:
        """Ask until cancelled. Raises ConfigError when the tag list cannot be read at all."""
        tags, bad = read_tags(S7Tag, self.options.tags, self.options.tags_file, lambda tag: tag.name, source=self.name)
        address = f"{self.options.host}:{self.options.port}"
        device = MemoryDevice(address, plan(tags, self.options), S7Line(self.options), self.options.seconds("retry_bad"))
        await Poller(self.name, device, bad).run(out)


def plan(tags: Sequence[S7Tag], options: S7Options) -> list[Group]:
    """Return the groups of tags with their blocks; units are bytes."""

    def place(tag: S7Tag) -> Place:
        where = tag.address
        name = f"DB{where.block} byte" if where.area == "DB" else f"{where.area} byte"
        return Place(Space(name, (where.area, where.block), options.block, options.gap, 1), where.byte, tag.size)

    def field(tag: S7Tag, offset: int) -> Field:
        text = tag.kind is Kind.STRING
        return Field(
            tag.name, tag.kind, offset, tag.address.bit or 0, tag.size if text else 0, "ABCD", tag.scale, tag.shift, text
        )

    return groups(tags, place, field, lambda tag: parse_duration(tag.every or options.every) / NS)


class S7Line:
    """The connection; the library waits, so it has a thread of its own."""

    def __init__(self, options: S7Options) -> None:
        self._options = options
        self._client: Client | None = None
        self._thread = ThreadPoolExecutor(1, "lineshaft-s7")
        self._budget = Budget(options.requests_per_second)

    async def open(self) -> None:
        """Open the line. Raises LineLost when nobody answers or the CPU refuses."""
        await self.close()
        where = f"{self._options.host}:{self._options.port}"
        client = Client()
        try:
            await self._do(lambda: client.connect(self._options.host, self._options.rack, self._options.slot, self._options.port))
        except (S7ConnectionError, S7TimeoutError, OSError, RuntimeError) as error:
            with suppress(Exception):
                client.disconnect()
            raise LineLost(f"nobody answers at {where}, rack {self._options.rack}, slot {self._options.slot}: {error}") from None
        if client.connection is not None:
            client.connection.timeout = self._options.seconds("timeout")
        self._client = client

    async def close(self) -> None:
        """Close the line."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                await self._do(client.disconnect)

    async def read(self, block: Block) -> bytes:
        """Return the block's bytes. Raises Refused or LineLost."""
        client = self._client
        if client is None:
            raise LineLost("the line was cut")
        await self._budget.wait()
        area, number = cast("tuple[str, int]", block.space.key)
        try:
            data = bytes(await self._do(lambda: client.read_area(AREAS[area], number, block.start, block.count)))
        except (S7ConnectionError, S7TimeoutError, OSError) as error:
            raise LineLost(f"{self._options.host}: {error}") from None
        except (S7Error, RuntimeError, ValueError) as error:  # the many ways in which the library says that the CPU refused
            if not client.get_connected():
                raise LineLost(f"{self._options.host}: {error}") from None
            raise Refused(f"{block.text}: the CPU refuses: {error}", lasting=True) from None
        if len(data) < block.count:
            raise Refused(f"{block.text}: the CPU answers with {len(data)} bytes", lasting=True)
        return data

    async def data_blocks(self, most: int) -> list[int] | None:
        """Return the numbers of the data blocks, None where the CPU gives out no list. Raises LineLost."""
        client = self._client
        if client is None:
            raise LineLost("the line was cut")
        await self._budget.wait()
        try:
            return sorted(await self._do(lambda: client.list_blocks_of_type(SnapBlock.DB, most)))
        except (S7Error, RuntimeError, ValueError, OSError) as error:
            if not client.get_connected():
                raise LineLost(f"{self._options.host}: {error}") from None
            return None

    async def _do(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
