"""The listener: devices connect, say who they are, and publish; each message is answered when it is on disk, in order."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from lineshaft.connect.listener import packets
from lineshaft.connect.listener.devices import DeviceFile, fits
from lineshaft.connect.listener.packets import Hello, Malformed, Message
from lineshaft.core import now_ns

log = logging.getLogger("lineshaft.connect.listener")
Take = Callable[[str, bytes, bool], Awaitable[None]]
Reject = Callable[[str, str, int], None]
HELLO_WITHIN, LOOK_EVERY, TELL_EVERY, WRONG_DELAY = 10.0, 1.0, 5.0, 1.0
MOST_LINES = 5_000


@dataclass(eq=False, slots=True)
class Line:
    """One device's connection: who it is, what waits for the disk, and what it sent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    hello: Hello
    digest: str
    waiting: deque[tuple[asyncio.Future[None] | None, bytes]] = field(default_factory=deque[Any])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    unreleased: set[int] = field(default_factory=set[int])
    messages: int = 0

    @property
    def where(self) -> str:
        """The address it calls from."""
        peer = self.writer.get_extra_info("peername")
        return str(peer[0]) if peer else ""


class Listener:
    """Devices' lines; `take(topic, payload, False)` is awaited before a QoS 1 or 2 message is acknowledged."""

    def __init__(self, files: DeviceFile, most: int = 1_000_000) -> None:
        self.refused = 0
        self.last_refusal = ""
        self._files = files
        self._most = most
        self._lines: dict[tuple[str, str], Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking: set[asyncio.Future[None]] = set()
        self._heard: dict[str, dict[str, Any]] = {}

    @property
    def online(self) -> int:
        """How many devices are connected."""
        return len(self._lines)

    @asynccontextmanager
    async def open(
        self, host: str, port: int, tls: ssl.SSLContext | None, take: Take, reject: Reject, changed: Callable[[], None]
    ) -> AsyncGenerator[int]:
        """Listen until left; yields the port. Raises OSError when the address cannot be had."""
        self._take, self._reject, self._changed = take, reject, changed
        self._files.fresh()
        server = await asyncio.start_server(self._meet, host, port, ssl=tls, limit=65_536)
        watch = asyncio.create_task(self._watch(), name="listener:watch")
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            watch.cancel()
            ends = [watch, *self._tasks, *self._taking]
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            self._tell()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(HELLO_WITHIN):
                line = await self._welcome(reader, writer)
            if line is not None:
                await self._serve(line)
        except (Malformed, TimeoutError, OSError, EOFError) as error:
            log.info("%s: %s", writer.get_extra_info("peername"), error)
        except asyncio.CancelledError:  # the node stops: a server's own task must not raise it
            return
        finally:
            writer.transport.abort()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Line | None:
        """Hear who calls; refuse whom we do not know, slowly."""
        kind, _, body = await self._packet(reader, 65_536)
        if kind != packets.CONNECT:
            raise Malformed("the first packet is no CONNECT")
        hello = packets.hello(body)
        code = self._judged(hello)
        if code != packets.ACCEPTED:
            peer = writer.get_extra_info("peername")
            self.refused += 1
            who = f"'{hello.user}'" if hello.user else "a device without a name"
            self.last_refusal = f"{who} from {peer[0] if peer else '?'}"
            self._changed()
            await asyncio.sleep(WRONG_DELAY)
            writer.write(packets.connack(hello.version, code))
            await writer.drain()
            return None
        writer.write(packets.connack(hello.version, code))
        return Line(reader, writer, hello, self._files.digest(hello.user))

    def _judged(self, hello: Hello) -> int:
        if hello.version not in (packets.V311, packets.V5):
            return packets.BAD_VERSION
        if len(self._lines) >= MOST_LINES:
            return packets.UNAVAILABLE
        self._files.fresh()
        if not hello.user or not self._files.admits(hello.user, hello.password):
            return packets.BAD_LOGIN if hello.user else packets.NOT_ALLOWED
        return packets.ACCEPTED

    async def _serve(self, line: Line) -> None:
        """Take what a device sends until it leaves; when it is lost, its will is taken as its last message."""
        name, key = line.hello.user, (line.hello.user, line.hello.client)
        old = self._lines.get(key)
        if old is not None:
            old.writer.transport.abort()  # the same device calls again: the older line is a dead one
        self._lines[key] = line
        self._note(line)
        self._changed()
        answers = asyncio.create_task(self._answer(line), name=f"listener:{name}")
        gone = False
        try:
            gone = await self._listen(line)
        finally:
            if self._lines.get(key) is line:
                del self._lines[key]
            self._note(line)
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            self._changed()
            if not gone and line.hello.will is not None and self._may(name, line.hello.will.topic):
                with suppress(asyncio.CancelledError):
                    await self._begin(line.hello.will)

    async def _listen(self, line: Line) -> bool:
        """Read packets until the device says goodbye (True) or is lost."""
        patience = line.hello.keepalive * 1.5 or None
        line.room.set()
        while True:
            await line.room.wait()
            async with asyncio.timeout(patience):
                kind, flags, body = await self._packet(line.reader, self._most)
            if kind == packets.PUBLISH:
                self._publish(line, packets.message(flags, body, line.hello.version))
            elif kind == packets.PUBREL:
                number = packets.Body(body).short()
                line.unreleased.discard(number)
                self._soon(line, None, packets.answer(packets.PUBCOMP, number, line.hello.version))
            elif kind == packets.DISCONNECT:
                return not body or body[0] != 0x04  # 4: leaves, and wants its will told
            else:
                self._other(line, kind, body)

    def _other(self, line: Line, kind: int, body: bytes) -> None:
        version = line.hello.version
        if kind == packets.PINGREQ:
            self._soon(line, None, bytes((packets.PINGRESP << 4, 0)))
        elif kind == packets.SUBSCRIBE:
            self._soon(line, None, packets.suback(*packets.filters(body, version, options=True), version))
        elif kind == packets.UNSUBSCRIBE:
            self._soon(line, None, packets.unsuback(*packets.filters(body, version, options=False), version))
        else:
            raise Malformed(f"packet {kind} is not a device's to send")

    def _publish(self, line: Line, message: Message) -> None:
        name, version = line.hello.user, line.hello.version
        if not self._may(name, message.topic):
            self._reject(message.topic, f"the device '{name}' may not publish to it", 1)
            if version == packets.V5 and message.qos:
                self._soon(line, None, packets.answer(packets.PUBACK + (message.qos == 2), message.id, version, 0x87))
                return
            raise Malformed(f"'{name}' may not publish to {message.topic}")
        line.messages += 1
        again = message.qos == 2 and message.id in line.unreleased
        future = None if again else self._begin(message)
        if message.qos == 0:
            self._soon(line, future, b"")
            return
        if message.qos == 2:
            line.unreleased.add(message.id)
        self._soon(line, future, packets.answer(packets.PUBACK if message.qos == 1 else packets.PUBREC, message.id, version))

    def _begin(self, message: Message) -> asyncio.Future[None]:
        """Take a message; it goes on when the device is lost meanwhile."""
        future = asyncio.ensure_future(self._take(message.topic, message.payload, False))
        self._taking.add(future)
        future.add_done_callback(self._taking.discard)
        return future

    def _soon(self, line: Line, future: asyncio.Future[None] | None, answer: bytes) -> None:
        """Answer after everything that came before was answered."""
        line.waiting.append((future, answer))
        line.news.set()
        if len(line.waiting) >= packets.IN_FLIGHT:
            line.room.clear()

    async def _answer(self, line: Line) -> None:
        """Send answers in the order the packets came, each when its message is on disk; one that cannot be ends the line."""
        try:
            await self._answer_for_ever(line)
        finally:
            line.writer.transport.abort()

    async def _answer_for_ever(self, line: Line) -> None:
        while True:
            await line.news.wait()
            line.news.clear()
            while line.waiting:
                future, answer = line.waiting[0]
                if future is not None:
                    await asyncio.shield(future)
                line.waiting.popleft()
                if len(line.waiting) < packets.IN_FLIGHT:
                    line.room.set()
                if answer:
                    line.writer.write(answer)
            await line.writer.drain()

    def _may(self, name: str, topic: str) -> bool:
        return not topic.startswith("$") and any(fits(pattern, topic) for pattern in self._files.topics(name))

    async def _packet(self, reader: asyncio.StreamReader, most: int) -> tuple[int, int, bytes]:
        """Read one packet: kind, flags, body. Raises Malformed or EOFError."""
        first = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
            shift += 7
            if shift > 21:
                raise Malformed("a length of more than four bytes")
        if size > most:
            raise Malformed(f"a packet of {size} bytes: at most {most} are taken")
        return first >> 4, first & 0x0F, await reader.readexactly(size) if size else b""

    async def _watch(self) -> None:
        """Cut the lines of devices that were revoked or got a new secret; keep when each was heard."""
        told = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._files.fresh():
                for line in list(self._lines.values()):
                    if self._files.digest(line.hello.user) != line.digest:
                        self._cut(line)
            if loop.time() - told > TELL_EVERY and self._lines:
                told = loop.time()
                for line in self._lines.values():
                    self._note(line)
                await asyncio.to_thread(self._tell)

    def _cut(self, line: Line) -> None:
        if line.hello.version == packets.V5:
            line.writer.write(packets.goodbye(0x87))
        line.writer.close()
        line.reader.feed_eof()

    def _note(self, line: Line) -> None:
        name = line.hello.user
        online = any(known == name for known, _ in self._lines)
        self._heard[name] = {"at": now_ns(), "from": line.where, "messages": line.messages, "online": online}

    def _tell(self) -> None:
        heard = {name: {**one, "online": any(known == name for known, _ in self._lines)} for name, one in self._heard.items()}
        with suppress(OSError):  # a full disk is told elsewhere
            self._files.tell(heard)
