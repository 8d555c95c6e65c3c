"""Writes to a Siemens S7 controller: a value in its own type, a bit without touching its neighbours, read back from there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, TypeVar

import numpy as np
from pydantic import Field as Option
from snap7 import Area, Client
from snap7.error import S7ConnectionError, S7Error, S7TimeoutError
from snap7.type import WordLen

from lineshaft.connect.image import Field, Kind, encode, value_in
from lineshaft.connect.s7_tags import S7Tag
from lineshaft.connect.taglist import no_tag, read_tags
from lineshaft.core import NS, Duration, InvalidInput, Retryable, Section, parse_duration

Value = float | int | bool | str
AREAS = {"DB": Area.DB, "M": Area.MK, "Q": Area.PA}
T = TypeVar("T")


class S7WriteOptions(Section):
    """How to reach the controller: the same words as the source of that name has."""

    host: str = Option(description="Address of the controller.")
    port: int = Option(102, ge=1, le=65_535, description="TCP port.")
    rack: int = Option(0, ge=0, le=7, description="Rack.")
    slot: int = Option(1, ge=0, le=31, description="Slot of the CPU.")
    tags: tuple[S7Tag, ...] = Option((), description="Where the tags lie, as the source has them.")
    tags_file: str = Option("", description="A CSV file with more of them.")
    timeout: Duration = Option("3s", description="Longest wait for an answer.")


class S7Writer:
    """One line to one controller, opened at the first read or write; the library waits, so in a thread of its own."""

    Options: ClassVar[type[Section]] = S7WriteOptions

    def __init__(self, name: str, options: S7WriteOptions) -> None:
        self.name = name
        self.options = options
        self._client: Client | None = None
        self._thread = ThreadPoolExecutor(1, "lineshaft-s7-writer")

    async def read(self, tag: str) -> Value | None:
        """Return the tag's value now."""
        where = self._tag(tag)
        at = where.address
        client = await self._open()
        data = await self._ask(lambda: client.read_area(AREAS[at.area], at.block, at.byte, where.size), tag)
        return value_in(np.frombuffer(bytes(data), np.uint8), _field(where))

    async def write(self, tag: str, value: Value) -> None:
        """Write the value. Raises InvalidInput when it does not fit, Retryable when the controller refuses."""
        where = self._tag(tag)
        at, bit = where.address, where.address.bit
        try:
            raw = bytearray(encode(_field(where), value))
        except ValueError as error:
            raise InvalidInput(str(error), where=f"{self.name} {tag}", code="write.type") from None
        client, area = await self._open(), AREAS[at.area]
        if bit is None:
            await self._ask(lambda: client.write_area(area, at.block, at.byte, raw), tag)
        else:  # the controller sets one bit by itself: its neighbours stay, even if it changes them meanwhile
            await self._ask(lambda: client.write_area(area, at.block, at.byte * 8 + bit, raw, WordLen.Bit), tag)

    async def close(self) -> None:
        """Close the line."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                await self._do(client.disconnect)
        self._thread.shutdown(wait=False)

    def _tag(self, name: str) -> S7Tag:
        tags, _ = read_tags(S7Tag, self.options.tags, self.options.tags_file, lambda tag: tag.name, source=self.name)
        found = next((tag for tag in tags if tag.name == name), None)
        if found is None:
            raise no_tag(name, [tag.name for tag in tags], source=self.name)
        if found.address.area not in AREAS:
            what, hint = f"'{found.at}' is an input", "data blocks, markers and outputs can be written"
            raise InvalidInput(what, where=f"{self.name} {name}", hint=hint, code="write.type")
        return found

    async def _open(self) -> Client:
        if self._client is not None:
            return self._client
        at, client = self.options, Client()
        try:
            await self._do(lambda: client.connect(at.host, at.rack, at.slot, at.port))
        except (S7ConnectionError, S7TimeoutError, OSError, RuntimeError) as error:
            with suppress(Exception):
                client.disconnect()
            what = f"the controller cannot be reached: {error}"
            raise Retryable(what, where=f"{at.host}:{at.port}", code="write.no-answer") from None
        if client.connection is not None:
            client.connection.timeout = parse_duration(at.timeout) / NS
        self._client = client
        return client

    async def _ask(self, call: Callable[[], T], tag: str) -> T:
        """Return the controller's answer. Raises Retryable when it is silent or refuses."""
        where = f"{self.name} {tag}"
        try:
            return await self._do(call)
        except (S7ConnectionError, S7TimeoutError, OSError) as error:
            raise Retryable(f"the controller does not answer: {error}", where=where, code="write.no-answer") from None
        except (S7Error, RuntimeError, ValueError) as error:
            raise Retryable(f"the controller refuses: {error}", where=where, code="write.refused") from None

    async def _do(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _field(tag: S7Tag) -> Field:
    """Return the tag's place in a picture of its own bytes."""
    text: Any = tag.kind is Kind.STRING
    return Field(tag.name, tag.kind, 0, tag.address.bit or 0, tag.size if text else 0, "ABCD", tag.scale, tag.shift, text)


PLUGIN = S7Writer
