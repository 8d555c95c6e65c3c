"""Modbus TCP: asks each unit once for one register, and those that answer who they are. A unit that is silent is not asked again.

Every answer counts, a refusal too: only a gateway's "nobody there" and silence mean that there is no such unit.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from contextlib import suppress

from lineshaft.connect.discovery.found import Found, Gently

HEAD = struct.Struct(">HHHB")
ONE_REGISTER = b"\x03\x00\x00\x00\x01"
WHO = b"\x2b\x0e\x01\x00"
NOBODY = (0x0A, 0x0B)
"""A gateway's words for: no path to this unit, and: it did not answer."""
OPEN = "Modbus asks for no user and encrypts nothing: only the network keeps others away"
PATIENCE = 1.0
"""Seconds for the second question, to a unit that is known to be there: some stacks are slow to refuse it."""


class Caller:
    """One connection to an address, asked one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._number = 0

    async def ask(self, unit: int, question: bytes, within: float) -> bytes | None:
        """Return the answer, None for silence; answers to earlier questions that come late are left aside."""
        self._number += 1
        self._writer.write(HEAD.pack(self._number, 0, len(question) + 1, unit) + question)
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._answer(self._number), within)
        return None

    async def _answer(self, number: int) -> bytes:
        while True:
            told, protocol, length, _ = HEAD.unpack(await self._reader.readexactly(HEAD.size))
            if protocol != 0 or not 2 <= length <= 254:
                raise ConnectionError("this is not Modbus")
            body = await self._reader.readexactly(length - 1)
            if told == number:
                return body


async def look(host: str, port: int, gently: Gently) -> list[Found]:
    """Return the units at an address, nothing where nobody takes the call."""
    await gently.wait()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), gently.call)
    except (OSError, TimeoutError):
        return []
    there: dict[int, tuple[str, str, str]] = {}
    caller = Caller(reader, writer)
    try:
        with suppress(OSError, asyncio.IncompleteReadError):
            for unit in gently.units:
                await gently.wait()
                if _present(await caller.ask(unit, ONE_REGISTER, gently.unit)):
                    there[unit] = ("", "", "")
            for unit in there:
                await gently.wait()
                there[unit] = identity(await caller.ask(unit, WHO, PATIENCE) or b"")
                if _any(there, gently.units):
                    break
    finally:
        writer.transport.abort()
    return _told(f"{host}:{port}", there, gently.units)


def _any(there: dict[int, tuple[str, str, str]], asked: Sequence[int]) -> bool:
    """Say whether a controller does not look at the unit id at all."""
    return 1 < len(there) == len(asked)


def _present(answer: bytes | None) -> bool:
    if answer is None or len(answer) < 2:
        return False
    if answer[0] == ONE_REGISTER[0] | 0x80:
        return answer[1] not in NOBODY
    return answer[0] == ONE_REGISTER[0]


def identity(answer: bytes) -> tuple[str, str, str]:
    """Return maker, product and revision as a unit gives them (function 43/14), empty where it does not know them."""
    told = {0: "", 1: "", 2: ""}
    if len(answer) < 7 or answer[0] != WHO[0]:
        return "", "", ""
    at = 7
    for _ in range(answer[6]):
        if at + 2 > len(answer):
            break
        number, length = answer[at], answer[at + 1]
        told[number] = answer[at + 2 : at + 2 + length].decode("latin-1").strip()
        at += 2 + length
    return told[0], told[1], told[2]


def _told(address: str, there: dict[int, tuple[str, str, str]], asked: Sequence[int]) -> list[Found]:
    if _any(there, asked):
        maker, model, revision = next(iter(there.values()))
        name = model or f"Modbus at {address}"
        facts = {"unit": next(iter(there)), "any_unit": True, "revision": revision}
        return [Found("modbus", address, name, maker, model, (OPEN, "it answers to every unit id"), facts)]
    return [
        Found(
            "modbus",
            f"{address} unit {unit}",
            model or f"Modbus unit {unit} at {address}",
            maker,
            model,
            (OPEN,),
            {"unit": unit, "any_unit": False, "revision": revision},
        )
        for unit, (maker, model, revision) in there.items()
    ]


class ModbusProbe:
    """Finds Modbus units."""

    look = staticmethod(look)


PLUGIN = ModbusProbe
