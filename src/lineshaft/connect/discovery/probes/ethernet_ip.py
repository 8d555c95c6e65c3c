"""EtherNet/IP: asks a device who it is with one ListIdentity packet, over TCP and, where that is refused, UDP."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress

from lineshaft.connect.discovery.found import Found, Gently

LIST_IDENTITY = 0x63
QUESTION = struct.pack("<HHII8sI", LIST_IDENTITY, 0, 0, 0, b"linshaft", 0)
HEAD = struct.Struct("<HHII8sI")
IDENTITY = struct.Struct("<H16xHHHBBHI")
ITEM = 0x0C
OPEN = "EtherNet/IP asks for no user and encrypts nothing: only the network keeps others away"
MAKERS = {1: "Rockwell Automation", 2: "Namco", 5: "Rockwell Automation (Reliance)", 47: "Omron", 90: "HMS", 283: "Hilscher"}
KINDS = {
    0x02: "AC drive",
    0x07: "general purpose I/O",
    0x0C: "communications adapter",
    0x0E: "programmable logic controller",
    0x18: "human-machine interface",
    0x2B: "generic device",
}


async def look(host: str, port: int, gently: Gently) -> list[Found]:
    """Return the device at an address, nothing where none answers."""
    answer = b""
    await gently.wait()
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        answer = await asyncio.wait_for(_over_tcp(host, port), gently.call)
    if not answer:
        await gently.wait()
        with suppress(OSError, TimeoutError):
            answer = await asyncio.wait_for(_over_udp(host, port), gently.call)
    found = parse(answer, f"{host}:{port}")
    return [found] if found else []


async def _over_tcp(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(QUESTION)
        head = await reader.readexactly(HEAD.size)
        return head + await reader.readexactly(HEAD.unpack(head)[1])
    finally:
        writer.transport.abort()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _over_udp(host: str, port: int) -> bytes:
    transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(_Ear, remote_addr=(host, port))
    try:
        transport.sendto(QUESTION)
        return await ear.answer
    finally:
        transport.close()


def parse(answer: bytes, address: str) -> Found | None:
    """Return who answered; None for what is no answer to ListIdentity."""
    if len(answer) < HEAD.size + 2 or HEAD.unpack_from(answer)[0] != LIST_IDENTITY:
        return None
    at = HEAD.size + 2
    for _ in range(struct.unpack_from("<H", answer, HEAD.size)[0]):
        if at + 4 > len(answer):
            return None
        kind, size = struct.unpack_from("<HH", answer, at)
        body = answer[at + 4 : at + 4 + size]
        if kind == ITEM and len(body) > IDENTITY.size:
            return _device(body, address)
        at += 4 + size
    return None


def _device(body: bytes, address: str) -> Found:
    _, vendor, kind, product, major, minor, status, serial = IDENTITY.unpack_from(body)
    length = body[IDENTITY.size]
    name = body[IDENTITY.size + 1 : IDENTITY.size + 1 + length].decode("latin-1").strip()
    facts = {
        "vendor": vendor,
        "device_type": kind,
        "product": product,
        "revision": f"{major}.{minor:03d}",
        "serial": f"{serial:08X}",
        "status": status,
    }
    maker = MAKERS.get(vendor, f"vendor {vendor}")
    return Found("ethernet_ip", address, name, maker, KINDS.get(kind, f"device type {kind}"), (OPEN,), facts)


class EthernetIpProbe:
    """Finds EtherNet/IP devices."""

    look = staticmethod(look)


PLUGIN = EthernetIpProbe
