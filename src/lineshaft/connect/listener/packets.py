"""MQTT's control packets as a server sees them, versions 3.1.1 and 5: what a device may send, and the few answers we give."""

from __future__ import annotations

import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
V311, V5 = 4, 5
IN_FLIGHT = 200
"""QoS 1 and 2 messages of one device that may wait for the disk; MQTT 5 devices are told."""
_u16 = struct.Struct(">H").unpack_from

ACCEPTED, BAD_VERSION, BAD_CLIENT_ID, UNAVAILABLE, BAD_LOGIN, NOT_ALLOWED = 0, 1, 2, 3, 4, 5
REASONS = {ACCEPTED: 0, BAD_VERSION: 0x84, BAD_CLIENT_ID: 0x85, UNAVAILABLE: 0x88, BAD_LOGIN: 0x86, NOT_ALLOWED: 0x87}
"""MQTT 5's words for the refusals of 3.1.1."""


class Malformed(ValueError):
    """A packet that is none: the line is closed."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A CONNECT: who a device says it is, and what to tell when it is gone."""

    version: int
    client: str
    user: str
    password: bytes
    keepalive: int
    will: Message | None


@dataclass(frozen=True, slots=True)
class Message:
    """A PUBLISH, or a will."""

    topic: str
    payload: bytes
    qos: int
    id: int = 0


class Body:
    """A packet's bytes, read from the front. Raises Malformed beyond their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        end = self._at + n
        if end > len(self._data):
            raise Malformed("a packet is shorter than it says")
        part, self._at = self._data[self._at : end], end
        return part

    def byte(self) -> int:
        """Return one byte."""
        return self.take(1)[0]

    def short(self) -> int:
        """Return two bytes as a number."""
        return int(_u16(self.take(2))[0])

    def binary(self) -> bytes:
        """Return bytes with their length before them."""
        return self.take(self.short())

    def text(self) -> str:
        """Return text with its length before it."""
        try:
            text = self.binary().decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("text that is no UTF-8") from None
        if "\0" in text:
            raise Malformed("text with a null in it")
        return text

    def skip_properties(self) -> None:
        """Pass over MQTT 5's properties: nothing in them changes what a value is."""
        size = shift = 0
        for _ in range(4):
            byte = self.byte()
            size |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
            shift += 7
        self.take(size)

    def rest(self) -> bytes:
        """Return what is left."""
        part, self._at = self._data[self._at :], len(self._data)
        return part


def hello(data: bytes) -> Hello:
    """Read a CONNECT. Raises Malformed; a version we do not know is for the caller to refuse."""
    body = Body(data)
    name, version, flags, keepalive = body.text(), body.byte(), body.byte(), body.short()
    if name not in ("MQTT", "MQIsdp") or (name == "MQTT" and version in (V311, V5) and flags & 1):
        raise Malformed("no MQTT CONNECT")
    if version not in (V311, V5):
        return Hello(version, "", "", b"", keepalive, None)
    if version == V5:
        body.skip_properties()
    client, will = body.text(), None
    if flags & 0x04:
        if version == V5:
            body.skip_properties()
        will = Message(body.text(), body.binary(), flags >> 3 & 3)
    user = body.text() if flags & 0x80 else ""
    return Hello(version, client, user, body.binary() if flags & 0x40 else b"", keepalive, will)


def message(flags: int, data: bytes, version: int) -> Message:
    """Read a PUBLISH. Raises Malformed."""
    body, qos = Body(data), flags >> 1 & 3
    topic = body.text()
    number = body.short() if qos else 0
    if version == V5:
        body.skip_properties()
    if qos == 3 or not topic or "+" in topic or "#" in topic or (qos and not number):
        raise Malformed("a PUBLISH with no topic, a wildcard, or no number")
    return Message(topic, body.rest(), qos, number)


def filters(data: bytes, version: int, *, options: bool) -> tuple[int, int]:
    """Read a SUBSCRIBE (with options) or UNSUBSCRIBE: return its number and how many filters it names."""
    body = Body(data)
    number = body.short()
    if version == V5:
        body.skip_properties()
    rest, count = Body(body.rest()), 0
    while True:
        left = rest.rest()
        if not left:
            return number, count
        rest = Body(left)
        rest.text()
        if options:
            rest.byte()
        count += 1


def connack(version: int, code: int) -> bytes:
    """Answer a CONNECT: no session was kept; MQTT 5 devices learn what we do not do."""
    if version != V5:
        return bytes((CONNACK << 4, 2, 0, code))
    properties = b"\x21" + struct.pack(">H", IN_FLIGHT) + b"\x25\0\x28\0\x2a\0" if code == ACCEPTED else b""
    rest = bytes((0, REASONS[code], len(properties))) + properties
    return bytes((CONNACK << 4, len(rest))) + rest


def answer(kind: int, number: int, version: int, reason: int = 0) -> bytes:
    """Answer a PUBLISH or PUBREL by its number."""
    if version == V5 and reason:
        return struct.pack(">BBHB", kind << 4, 3, number, reason)
    return struct.pack(">BBH", kind << 4, 2, number)


def suback(number: int, count: int, version: int) -> bytes:
    """Refuse every filter of a SUBSCRIBE: nothing is handed out here."""
    middle = b"\0" if version == V5 else b""
    return _framed(SUBACK, struct.pack(">H", number) + middle + (b"\x87" if version == V5 else b"\x80") * count)


def unsuback(number: int, count: int, version: int) -> bytes:
    """Answer an UNSUBSCRIBE: there was no such subscription."""
    return _framed(UNSUBACK, struct.pack(">H", number) + (b"\0" + b"\x11" * count if version == V5 else b""))


def goodbye(reason: int) -> bytes:
    """Say why we close the line (MQTT 5 only)."""
    return bytes((DISCONNECT << 4, 2, reason, 0))


def _framed(kind: int, body: bytes) -> bytes:
    size, left = b"", len(body)
    while True:
        left, byte = divmod(left, 128)
        size += bytes((byte | 0x80 if left else byte,))
        if not left:
            return bytes((kind << 4,)) + size + body
