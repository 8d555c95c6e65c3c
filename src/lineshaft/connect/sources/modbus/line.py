"""One line to Modbus units: requests one after another, never above the controller's budget."""

from __future__ import annotations

import logging
import struct
from typing import cast
from urllib.parse import parse_qs, urlsplit

import numpy as np
from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from lineshaft.connect.memory import Block, Refused, Silent
from lineshaft.connect.poll import Budget, LineLost
from lineshaft.connect.sources.modbus.options import ModbusOptions
from lineshaft.connect.sources.modbus.wire import Refusal, Wire
from lineshaft.core import ConfigError

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs every timeout as an error; the source says it once

EXCEPTIONS = {
    1: "illegal function: the controller has no such table",
    2: "illegal data address: the controller has no such register",
    3: "illegal data value: the controller takes no request of this size or kind",
    4: "the controller failed while answering",
    5: "the controller needs longer (acknowledge)",
    6: "the controller is busy",
    10: "the gateway has no path to the unit",
    11: "the unit behind the gateway does not answer",
}
LASTING = {1, 2, 3}


def refused(block: Block, code: int) -> Refused:
    """Return what an exception code of the controller means."""
    why = EXCEPTIONS.get(code, "unknown to the standard")
    return Refused(f"{block.text}: exception {code}, {why}", lasting=code in LASTING)


class ModbusLine:
    """The connection; `read` gives the bytes of one block."""

    def __init__(self, options: ModbusOptions) -> None:
        self._options = options
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._wire: Wire | None = None
        self._timeout = options.seconds("timeout")
        self._budget = Budget(options.requests_per_second)

    async def open(self) -> None:
        """Open the line. Raises LineLost when nobody answers."""
        await self.close()
        parts = urlsplit(self._options.url)
        if parts.scheme == "tcp" and parts.hostname:
            try:
                self._wire = await Wire.open(parts.hostname, parts.port or 502, self._timeout)
            except (OSError, TimeoutError):
                raise LineLost(f"nobody answers at {self._options.url}") from None
            return
        client = _client(self._options)
        if not await client.connect():
            client.close()
            raise LineLost(f"nobody answers at {self._options.url}")
        self._client = client

    async def close(self) -> None:
        """Close the line."""
        if self._wire is not None:
            self._wire.close()
        if self._client is not None:
            self._client.close()
        self._client = self._wire = None

    async def read(self, block: Block) -> bytes:
        """Return the block's bytes: two a register, most significant first, or one a coil.

        Raises Refused, Silent (this unit only), or LineLost.
        """
        if self._wire is not None:
            return await self._from_wire(self._wire, block)
        client = self._client
        if client is None or not client.connected:
            raise LineLost("the line was cut")
        await self._budget.wait()
        unit, table = cast("tuple[int, str]", block.space.key)
        ask = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "input": client.read_input_registers,
            "holding": client.read_holding_registers,
        }[table]
        try:
            answer = await ask(block.start, count=block.count, device_id=unit)
        except ModbusException as error:
            if not client.connected:
                raise LineLost(f"{self._options.url}: the line was cut") from error
            raise Silent(f"unit {unit} does not answer within {self._options.timeout}") from error
        if answer.isError():
            raise refused(block, int(answer.exception_code))
        words = answer.bits if table in ("coil", "discrete") else answer.registers
        if len(words) < block.count:  # some servers answer with less, or nothing, beyond their last register
            raise refused(block, 2)
        if words is answer.bits:
            return np.array(words[: block.count], np.uint8).tobytes()
        return struct.pack(f">{block.count}H", *words[: block.count])

    async def _from_wire(self, wire: Wire, block: Block) -> bytes:
        await self._budget.wait()
        unit, table = cast("tuple[int, str]", block.space.key)
        try:
            data = await wire.ask(unit, table, block.start, block.count, self._timeout)
        except Refusal as error:
            raise refused(block, error.code) from None
        except TimeoutError:
            raise Silent(f"unit {unit} does not answer within {self._options.timeout}") from None
        except ConnectionError as error:
            raise LineLost(f"{self._options.url}: {error}") from None
        if table in ("coil", "discrete"):
            bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            data = bits[: block.count].tobytes()
        if len(data) < block.count * block.space.width:  # some servers answer with less, or nothing, beyond their last register
            raise refused(block, 2)
        return data[: block.count * block.space.width]


def _client(options: ModbusOptions) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
    """Return a client for the address. Raises ConfigError for one that names no port or device."""
    parts = urlsplit(options.url)
    timeout = options.seconds("timeout")
    if parts.scheme == "rtu":
        words = {key: values[0] for key, values in parse_qs(parts.query).items()}
        try:
            return AsyncModbusSerialClient(
                parts.path,
                framer=FramerType.RTU,
                baudrate=int(words.get("baud", "19200")),
                bytesize=int(words.get("bits", "8")),
                parity=words.get("parity", "E"),
                stopbits=int(words.get("stop", "1")),
                timeout=timeout,
                retries=0,
                reconnect_delay=0,
            )
        except ValueError as error:
            raise ConfigError(f"{options.url}: {error}", hint="write rtu:///dev/ttyUSB0?baud=19200&parity=E") from None
    if not parts.hostname:
        raise ConfigError(f"{options.url} names no host", hint="write tcp://10.0.0.5:502")
    framer = FramerType.RTU if parts.scheme == "rtu+tcp" else FramerType.SOCKET
    return AsyncModbusTcpClient(
        parts.hostname, port=parts.port or 502, framer=framer, timeout=timeout, retries=0, reconnect_delay=0
    )
