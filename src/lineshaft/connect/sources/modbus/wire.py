"""Modbus TCP's frames, read where the bytes lie: what a controller answers goes into the picture of its memory as it came.

One request at a time, as many controllers take no more. An answer counts only for the request that asked for it: one that comes
too late carries the number of another and is dropped.
"""

from __future__ import annotations

import asyncio
import struct

HEAD = struct.Struct(">HHHBB")
ASK = struct.Struct(">HHHBBHH")
CODES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
LONGEST = 260


class Refusal(Exception):
    """The controller answered with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Wire(asyncio.Protocol):
    """One connection; `ask` returns the data bytes of an answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._number = 0
        self._waiting: asyncio.Future[bytes] | None = None

    @classmethod
    async def open(cls, host: str, port: int, patience: float) -> Wire:
        """Connect. Raises OSError or TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(patience):
            _, made = await loop.create_connection(cls, host, port)
        return made

    @property
    def connected(self) -> bool:
        """Whether the line is up, as far as we know."""
        return self._transport is not None

    def close(self) -> None:
        """Close the line."""
        if self._transport is not None:
            self._transport.abort()

    async def ask(self, unit: int, table: str, start: int, count: int, patience: float) -> bytes:
        """Read registers or coils. Raises Refusal, TimeoutError, or ConnectionError when the line is cut."""
        transport = self._transport
        if transport is None:
            raise ConnectionError("the line was cut")
        loop = asyncio.get_running_loop()
        self._number = self._number % 0xFFFF + 1
        future = self._waiting = loop.create_future()
        timer = loop.call_later(patience, _late, future)
        transport.write(ASK.pack(self._number, 0, 6, unit, CODES[table], start, count))
        try:
            return await future
        finally:
            timer.cancel()
            self._waiting = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the line."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(str(exc) if exc else "the controller closed the line"))

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what came."""
        buffer = self._buffer + data if self._buffer else data
        while len(buffer) >= HEAD.size:
            number, protocol, size, _unit, code = HEAD.unpack_from(buffer)
            end = 6 + size
            if protocol or not 2 < size <= LONGEST:
                self.close()  # no Modbus: there is no way to find the next frame
                return
            if len(buffer) < end:
                break
            self._answered(number, code, buffer[8:end])
            buffer = buffer[end:]
        self._buffer = buffer

    def _answered(self, number: int, code: int, body: bytes) -> None:
        future = self._waiting
        if future is None or future.done() or number != self._number:
            return
        if code & 0x80:
            future.set_exception(Refusal(body[0] if body else 0))
        else:
            future.set_result(body[1 : 1 + body[0]] if body else b"")


def _late(future: asyncio.Future[bytes]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
