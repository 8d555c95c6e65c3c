"""A Modbus TCP server for simulators: tags one after the other as holding registers, truth values as coils, loopback only.

Modbus knows no time, no quality and no names: values are those of the moment they are asked for, nothing is a NaN, and which
register is which tag stands in the ready [[sources]] table.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from lineshaft.connect.table import Spot, Table, quoted
from lineshaft.connect.wire import Value, Wire
from lineshaft.core import ConfigError

HEAD = struct.Struct(">HHHB")
KINDS: dict[Wire, str] = {"double": "float64", "integer": "int64", "int32": "int32", "uint32": "uint32"}
FUNCTION, ADDRESS, VALUE = 1, 2, 3
"""Exception codes: no such function, no such register, no such count or value."""


class Refused(Exception):
    """A request that is answered with an exception code."""


class ModbusServer:
    """Shows tags in registers: `holding:N` and `coil:N`, counted from 0, most significant byte first."""

    def __init__(self, port: int, name: str) -> None:
        self.url = f"tcp://127.0.0.1:{port}"
        self._port, self._name = port, name
        self._table, self._bits = Table({}), Table({})
        self._writable: frozenset[int] = frozenset()
        self._coils: frozenset[int] = frozenset()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def start(
        self, tags: Mapping[str, tuple[Wire, Value]], ts: int | None = None, *, writable: Collection[str] = ()
    ) -> None:
        """Listen and show the tags with their first values."""
        del ts
        self._table = Table({tag: wire for tag, (wire, _) in tags.items() if wire != "boolean"})
        self._bits = Table({tag: wire for tag, (wire, _) in tags.items() if wire == "boolean"})
        if len(self._table.memory) > 2 * 65_536:
            hint = "leave some out with --drop, or speak another protocol"
            raise ConfigError(f"{len(tags)} tags do not fit into 65536 registers", where="--as modbus", hint=hint)
        for tag, (_, first) in tags.items():
            self._of(tag).put(tag, first)
        spots = [self._table.spots[tag] for tag in writable if tag in self._table.spots]
        self._writable = frozenset(at for spot in spots for at in range(spot.at // 2, (spot.at + spot.size) // 2))
        self._coils = frozenset(self._bits.spots[tag].at // 2 for tag in writable if tag in self._bits.spots)
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self._port)

    async def read(self, tag: str) -> Value:
        """Return a tag's value as clients see it."""
        return self._of(tag).get(tag)

    async def write(self, changes: Sequence[tuple[str, Value]], ts: int) -> None:
        """Show new values; a client that asks too seldom sees only the last."""
        del ts
        for tag, value in changes:
            self._of(tag).put(tag, value)

    def listeners(self) -> int:
        """Return how many tags somebody may ask for: all, while a client is connected."""
        return len(self._table.spots) + len(self._bits.spots) if self._lines else 0

    async def stop(self) -> None:
        """Close every line and the port."""
        if self._server is not None:
            self._server.close()
            for line in self._lines:
                line.transport.abort()
            await self._server.wait_closed()

    def source(self) -> str:
        """Return a ready [[sources]] table that hears all of it."""
        lines = ["[[sources]]", f"name = {quoted(self._name)}", 'type = "modbus"', f"url = {quoted(self.url)}", 'every = "250ms"']
        for tag, spot in (self._table.spots | self._bits.spots).items():
            lines += ["[[sources.tags]]", f"name = {quoted(tag)}", *_place(spot)]
        return "\n".join(lines) + "\n"

    def _of(self, tag: str) -> Table:
        return self._bits if tag in self._bits.spots else self._table

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    number, protocol, length, unit = HEAD.unpack(await reader.readexactly(HEAD.size))
                    if protocol != 0 or not 2 <= length <= 254:
                        return
                    body = await reader.readexactly(length - 1)
                    answer = self._answer(body)
                    writer.write(HEAD.pack(number, 0, len(answer) + 1, unit) + answer)
                    await writer.drain()
        finally:
            self._lines.discard(writer)
            writer.close()

    def _answer(self, body: bytes) -> bytes:
        try:
            if body[0] in (5, 6, 15, 16):
                return self._told(body)
            return self._asked(body)
        except (Refused, struct.error) as refused:
            code = refused.args[0] if isinstance(refused, Refused) else VALUE
            return bytes((body[0] | 0x80, code))

    def _asked(self, body: bytes) -> bytes:
        if body[0] not in (1, 3):
            raise Refused(FUNCTION)
        start, count = struct.unpack_from(">HH", body, 1)
        bits = body[0] == 1
        table, most = (self._bits, 2_000) if bits else (self._table, 125)
        if not 1 <= count <= most:
            raise Refused(VALUE)
        data = table.memory[start * 2 : (start + count) * 2]
        if len(data) < count * 2 or not table.spots:
            raise Refused(ADDRESS)
        if bits:
            packed = sum((data[at * 2] & 1) << at for at in range(count))
            data = bytearray(packed.to_bytes((count + 7) // 8, "little"))
        return bytes((body[0], len(data))) + bytes(data)

    def _told(self, body: bytes) -> bytes:
        """Take a written value, only into registers that are there to be written."""
        start, second = struct.unpack_from(">HH", body, 1)
        many = body[0] in (15, 16)
        count = second if many else 1
        bits = body[0] in (5, 15)
        if not set(range(start, start + count)) <= (self._coils if bits else self._writable):
            raise Refused(ADDRESS)
        if bits:
            on = int.from_bytes(body[6:], "little") if many else int(second == 0xFF00)
            for at in range(count):
                self._bits.memory[(start + at) * 2] = on >> at & 1
        else:
            data = body[6:] if many else body[3:5]
            if len(data) != count * 2:
                raise Refused(VALUE)
            self._table.memory[start * 2 : (start + count) * 2] = data
        return body[:5]


def _place(spot: Spot) -> list[str]:
    if spot.wire == "boolean":
        return [f'at = "coil:{spot.at // 2}"']
    if spot.wire in KINDS:
        return [f'at = "holding:{spot.at // 2}"', f'type = "{KINDS[spot.wire]}"']
    return [f'at = "holding:{spot.at // 2}"', 'type = "string"', f"length = {spot.size}"]


PLUGIN = ModbusServer
