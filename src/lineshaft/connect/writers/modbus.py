"""Writes to a Modbus controller: holding registers and coils, a value always in one request, read back from the same place."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
from pydantic import Field as Option
from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from lineshaft.connect.image import Field, Kind, encode, value_in
from lineshaft.connect.registers import ModbusTag
from lineshaft.connect.taglist import no_tag, read_tags
from lineshaft.core import NS, Duration, InvalidInput, Retryable, Section, parse_duration

Value = float | int | bool | str
WRITABLE = ("coil", "holding")


class ModbusWriteOptions(Section):
    """How to reach the controller: the same words as the source of that name has."""

    url: str = Option(description="Address of the controller, as the source has it.")
    unit: int = Option(1, ge=0, le=255, description="Unit (slave) id.")
    tags: tuple[ModbusTag, ...] = Option((), description="Where the tags lie, as the source has them.")
    tags_file: str = Option("", description="A CSV file with more of them.")
    timeout: Duration = Option("1s", description="Longest wait for an answer.")


class ModbusWriter:
    """One line to one controller, opened at the first read or write."""

    Options: ClassVar[type[Section]] = ModbusWriteOptions

    def __init__(self, name: str, options: ModbusWriteOptions) -> None:
        self.name = name
        self.options = options
        self._client: Any = None

    async def read(self, tag: str) -> Value | None:
        """Return the tag's value now."""
        where = self._tag(tag)
        client, unit = await self._open(), self._unit(where)
        if where.place.table == "coil":
            return bool((await self._ask(client.read_coils, where, unit, 1)).bits[0])
        answer = await self._ask(client.read_holding_registers, where, unit, where.registers)
        picture = np.array(answer.registers[: where.registers], ">u2").view(np.uint8)
        return value_in(picture, _field(where))

    async def write(self, tag: str, value: Value) -> None:
        """Write the value. Raises InvalidInput when it does not fit the registers, Retryable when the controller refuses."""
        where = self._tag(tag)
        client, unit = await self._open(), self._unit(where)
        try:
            raw = encode(_field(where), value)
        except ValueError as error:
            raise InvalidInput(str(error), where=f"{self.name} {tag}", code="write.type") from None
        at = where.place.address
        if where.place.table == "coil":
            await self._said(client.write_coil(at, bool(raw[0]), device_id=unit), tag)
        elif where.place.bit is not None:
            await self._bit(client, where, unit, on=bool(raw[0]))
        else:
            words = np.frombuffer(raw.ljust(where.registers * 2, b"\0"), ">u2").tolist()
            await self._said(client.write_registers(at, words, device_id=unit), tag)

    async def close(self) -> None:
        """Close the line."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _bit(self, client: Any, where: ModbusTag, unit: int, *, on: bool) -> None:
        """Set one bit by the mask-write request: neighbours stay as they are, even if the controller changes them meanwhile."""
        mask = 1 << (where.place.bit or 0)
        asked = client.mask_write_register(
            address=where.place.address, and_mask=0xFFFF & ~mask, or_mask=mask if on else 0, device_id=unit
        )
        await self._said(asked, where.name)

    def _tag(self, name: str) -> ModbusTag:
        tags, _ = read_tags(ModbusTag, self.options.tags, self.options.tags_file, lambda tag: tag.name, source=self.name)
        found = next((tag for tag in tags if tag.name == name), None)
        if found is None:
            raise no_tag(name, [tag.name for tag in tags], source=self.name)
        if found.place.table not in WRITABLE:
            hint = "only coils and holding registers can be written"
            raise InvalidInput(f"'{found.at}' is read only", where=f"{self.name} {name}", hint=hint, code="write.type")
        return found

    def _unit(self, tag: ModbusTag) -> int:
        return self.options.unit if tag.unit is None else tag.unit

    async def _ask(self, ask: Any, tag: ModbusTag, unit: int, count: int) -> Any:
        return await self._said(ask(tag.place.address, count=count, device_id=unit), tag.name)

    async def _said(self, asked: Any, tag: str) -> Any:
        """Return the controller's answer. Raises Retryable when it is silent or refuses."""
        where = f"{self.name} {tag}"
        try:
            answer = await asked
        except ModbusException as error:
            raise Retryable(f"the controller does not answer: {error}", where=where, code="write.no-answer") from None
        if answer.isError():
            raise Retryable(f"the controller refuses: exception {answer.exception_code}", where=where, code="write.refused")
        return answer

    async def _open(self) -> Any:
        if self._client is not None:
            return self._client
        parts, timeout = urlsplit(self.options.url), parse_duration(self.options.timeout) / NS
        common: dict[str, Any] = {"timeout": timeout, "retries": 0, "reconnect_delay": 0}
        if parts.scheme == "rtu":
            words = {key: values[0] for key, values in parse_qs(parts.query).items()}
            baud, parity = int(words.get("baud", "19200")), words.get("parity", "E")
            client: Any = AsyncModbusSerialClient(parts.path, framer=FramerType.RTU, baudrate=baud, parity=parity, **common)
        else:
            framer = FramerType.RTU if parts.scheme == "rtu+tcp" else FramerType.SOCKET
            client = AsyncModbusTcpClient(parts.hostname or "", port=parts.port or 502, framer=framer, **common)
        if not await client.connect():
            client.close()
            raise Retryable("the controller cannot be reached", where=self.options.url, code="write.no-answer")
        self._client = client
        return client


def _field(tag: ModbusTag) -> Field:
    """Return the tag's place in a picture of its own registers."""
    bit = tag.place.bit
    if bit is not None:
        return Field(tag.name, Kind.BOOL, int(bit < 8), bit=bit % 8)
    return Field(tag.name, tag.kind, 0, 0, tag.length, tag.order, tag.scale, tag.shift)


PLUGIN = ModbusWriter
