"""Writes to a Logix controller by tag name, in the type the controller has; a bit of a word without touching its neighbours."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, TypeVar, cast

from pydantic import Field
from pylogix import PLC

from lineshaft.connect.logix_tags import LogixTag
from lineshaft.connect.taglist import no_tag, read_tags
from lineshaft.core import NS, Duration, InvalidInput, Retryable, Section, parse_duration

Value = float | int | bool | str
T = TypeVar("T")
WHOLE = {
    0xC2: 8,
    0xC3: 16,
    0xC4: 32,
    0xC5: 64,
    0xC6: -8,
    0xC7: -16,
    0xC8: -32,
    0xC9: -64,
    0xD1: -8,
    0xD2: -16,
    0xD3: -32,
    0xD4: -64,
}
"""CIP's types of whole numbers: their bits, negative for those without a sign."""
BOOL, REALS, TEXTS = 0xC1, (0xCA, 0xCB), (0xD0, 0xDA, 0xA0)


class EthernetIpWriteOptions(Section):
    """How to reach the controller: the same words as the source of that name has."""

    host: str = Field(description="Address of the controller or of its Ethernet module.")
    port: int = Field(44_818, ge=1, le=65_535, description="TCP port.")
    slot: int = Field(0, ge=0, le=16, description="Slot of the CPU.")
    micro800: bool = Field(False, description="The controller is a Micro800.")
    tags: tuple[LogixTag, ...] = Field((), description="The tags, as the source has them.")
    tags_file: str = Field("", description="A CSV file with more of them.")
    timeout: Duration = Field("3s", description="Longest wait for an answer.")


class EthernetIpWriter:
    """One line to one controller, opened at the first read or write; the library waits, so in a thread of its own."""

    Options: ClassVar[type[Section]] = EthernetIpWriteOptions

    def __init__(self, name: str, options: EthernetIpWriteOptions) -> None:
        self.name = name
        self.options = options
        self._plc: Any = None
        self._thread = ThreadPoolExecutor(1, "lineshaft-logix-writer")

    async def read(self, tag: str) -> Value | None:
        """Return the tag's value now."""
        at, where = self._tag(tag)
        plc = self._open()
        answer = self._said(await self._do(lambda: plc.Read(at)), tag)
        value = answer.Value
        if not isinstance(value, bool | int | float | str):
            return None
        if isinstance(value, bool | str) or (where.scale == 1.0 and where.shift == 0.0):
            return value
        return value * where.scale + where.shift

    async def write(self, tag: str, value: Value) -> None:
        """Write the value. Raises InvalidInput when it does not fit, Retryable when the controller refuses."""
        at, where = self._tag(tag)
        plc = self._open()
        self._said(await self._do(lambda: plc.Read(at)), tag)  # pylogix learns the type of a tag from its first answer
        fitting = self._fitting(_type_of(plc, at), where, value, tag)
        self._said(await self._do(lambda: plc.Write(at, fitting)), tag)

    async def close(self) -> None:
        """Close the line and both sockets, of which pylogix forgets one."""
        plc, self._plc = self._plc, None
        if plc is not None:
            await self._do(lambda: _close(plc))
        self._thread.shutdown(wait=False)

    def _fitting(self, kind: int, tag: LogixTag, value: Value, name: str) -> Value:
        """Return the value in the controller's type. Raises InvalidInput when it does not fit exactly."""
        bit = tag.at.rsplit(".", 1)[-1].isdigit() or kind == BOOL
        if isinstance(value, bool) or bit:
            if isinstance(value, bool) and bit:
                return value
        elif isinstance(value, str):
            if kind in TEXTS:
                return value
        elif kind in REALS:
            return (value - tag.shift) / tag.scale
        elif kind in WHOLE:
            number = (value - tag.shift) / tag.scale if tag.scale != 1.0 or tag.shift != 0.0 else value
            whole = round(number) if math.isfinite(number) else 2**70
            low, high = _limits(WHOLE[kind])
            if low <= whole <= high and abs(number - whole) <= (1e-6 if tag.scale != 1.0 else 0.0):
                return whole
        where = f"{self.name} {name}"
        raise InvalidInput(f"{value!r} does not fit into the controller's type (CIP {kind:#x})", where=where, code="write.type")

    def _tag(self, name: str) -> tuple[str, LogixTag]:
        """Return the controller's name of a tag, also of one element of an array."""
        tags, _ = read_tags(LogixTag, self.options.tags, self.options.tags_file, lambda tag: tag.label, source=self.name)
        for tag in tags:
            if name in tag.labels:
                names = tag.model_copy(update={"name": ""}).labels
                return names[tag.labels.index(name)], tag
        raise no_tag(name, [label for tag in tags for label in tag.labels[:50]], source=self.name)

    def _open(self) -> Any:
        if self._plc is None:
            at = self.options
            self._plc = cast("Any", PLC(at.host, at.slot, parse_duration(at.timeout) / NS, at.micro800, at.port))
        return self._plc

    def _said(self, answer: Any, tag: str) -> Any:
        if answer.Status != "Success":
            where = f"{self.name} {tag}"
            raise Retryable(f"the controller says: {answer.Status}", where=where, code="write.refused")
        return answer

    async def _do(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except (OSError, ValueError, TypeError, KeyError, IndexError) as error:  # what pylogix raises at half an answer
            raise Retryable(f"the controller does not answer: {error}", where=self.options.host, code="write.no-answer") from None


def _limits(bits: int) -> tuple[int, int]:
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if bits > 0 else (0, 2**-bits - 1)


def _type_of(plc: Any, at: str) -> int:
    """Return the CIP type pylogix has noted for a tag; 0 where it has none."""
    known = cast("dict[str, Any]", plc.KnownTags)
    base = at.split("[", maxsplit=1)[0]
    found = known.get(at) or known.get(base) or next((one for name, one in known.items() if at.startswith(name)), None)
    return int(found[0]) if found else 0


def _close(plc: Any) -> None:
    with suppress(Exception):
        plc.Close()
    for socket in (plc.conn.Socket, plc.conn.msg_socket):
        with suppress(Exception):
            socket.close()


PLUGIN = EthernetIpWriter
