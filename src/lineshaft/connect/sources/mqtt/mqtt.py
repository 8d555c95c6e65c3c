"""The MQTT source: listens, reads each payload by its mapping, and acknowledges what lies in the edge buffer."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from lineshaft.connect.broker import Broker
from lineshaft.connect.collect import Collector
from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.connect.sources.mqtt.ear import Ear
from lineshaft.connect.sources.mqtt.options import MqttOptions, Topic
from lineshaft.connect.sources.mqtt.reading import Unreadable, read
from lineshaft.core import ConfigError, CredentialsError, Quality, now_ns

FIRST_DELAY, LONGEST_DELAY, REFUSED_DELAY = 0.3, 10.0, 30.0
MOST_REASONS = 1_000


class MqttSource:
    """Listens to topics of one broker."""

    Options: ClassVar[type[MqttOptions]] = MqttOptions

    def __init__(self, name: str, options: MqttOptions) -> None:
        self.name = name
        self.options = options
        self._broker = Broker(name, options)
        self._ear = Ear(options)
        self._rows = Collector()
        self._bad: dict[str, str] = {}
        self._mapped: dict[str, Topic | None] = {}
        self._flushing: asyncio.Handle | None = None

    async def run(self, out: Outlet) -> None:
        """Listen until cancelled; after a cut the broker sends what it kept."""
        delay = FIRST_DELAY
        what = "opening" if self.options.listens else "calling"
        out.status(self._status(SourceState.CONNECTING, f"{what} {self.options.url}"))
        filters = [(topic.filter, topic.qos) for topic in self.options.topics]

        async def take(topic: str, payload: bytes, retained: bool) -> None:
            await self._take(out, topic, payload, retained=retained)

        while True:
            try:
                if self.options.listens:
                    await self._ear.run(take, out.reject, lambda: out.status(self._connected()))
                async with self._broker.session(take, filters) as lost:
                    delay = FIRST_DELAY
                    out.status(self._connected())
                    reason = await lost
                    out.status(self._status(SourceState.DOWN, f"{reason}; calling again"))
            except (ConfigError, CredentialsError) as error:
                delay = REFUSED_DELAY
                out.status(self._status(SourceState.DOWN, str(error)))
            except (OSError, TimeoutError) as error:
                out.status(self._status(SourceState.DOWN, f"{str(error) or type(error).__name__}; calling again"))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _take(self, out: Outlet, topic: str, payload: bytes, *, retained: bool) -> None:
        """Read one message and wait until it is kept; one that cannot be read is counted, told, and acknowledged."""
        await out.ready()
        mapping = self._mapping(topic)
        if mapping is None or (retained and mapping.retained == "ignore"):
            return
        known = self._rows.known
        try:
            self._put(mapping, topic, payload, retained=retained)
            news = self._bad.pop(topic, None) is not None or known != self._rows.known
        except Unreadable as error:
            news = self._bad.get(topic) != str(error)
            if len(self._bad) < MOST_REASONS:
                self._bad[topic] = str(error)
            out.reject(topic, str(error))
        if news:
            out.status(self._connected())
        if self._flushing is None and self._rows:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush, out)
        await asyncio.sleep(0)  # after the flush above
        await out.kept()

    def _put(self, mapping: Topic, topic: str, payload: bytes, *, retained: bool) -> None:
        arrived = now_ns()
        for tag, ts, value, q in list(read(mapping, topic, payload)):
            if self._rows.known >= self.options.most_tags and not self._rows.knows(tag):
                raise Unreadable(f"more than {self.options.most_tags} tags: does the topic hold a counter? see `most_tags`")
            old = retained and ts is None and mapping.retained == "uncertain"
            self._rows.add(tag, arrived if ts is None else ts, value, max(q, Quality.UNCERTAIN) if old else q)

    def _flush(self, out: Outlet) -> None:
        """Hand over every message of this turn of the loop as one batch."""
        self._flushing = None
        rows = self._rows.take()
        if rows is not None:
            out.emit(rows)

    def _mapping(self, topic: str) -> Topic | None:
        if topic not in self._mapped:
            if len(self._mapped) > self.options.most_tags:
                self._mapped.clear()
            self._mapped[topic] = next((mapping for mapping in self.options.topics if mapping.matches(topic)), None)
        return self._mapped[topic]

    def _connected(self) -> SourceStatus:
        about = self._ear.remark if self.options.listens else ""
        if self._bad:
            return self._status(SourceState.DEGRADED, "; ".join([f"{len(self._bad)} topics cannot be read", *about.split("; ")]))
        return self._status(SourceState.CONNECTED, about or f"listening to {self.options.url}")

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        heard = self._rows.known if state in (SourceState.CONNECTED, SourceState.DEGRADED) else 0
        return SourceStatus(self.name, state, message, tags_ok=heard, tags_bad=dict(self._bad))
