"""The Sparkplug B source: listens to a broker as a host application."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, ClassVar

import pyarrow as pa

from lineshaft.connect.broker import Broker
from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.connect.sources.sparkplug.host import Heard, Host
from lineshaft.connect.sources.sparkplug.options import SparkplugOptions
from lineshaft.connect.sparkplug_b import messages
from lineshaft.core import ConfigError, CredentialsError, now_ns

FIRST_DELAY, LONGEST_DELAY, REFUSED_DELAY = 0.3, 10.0, 30.0
NAMESPACE = "spBv1.0"
KINDS = {"NBIRTH": 4, "NDATA": 4, "NDEATH": 4, "DBIRTH": 5, "DDATA": 5, "DDEATH": 5}


class SparkplugSource:
    """Hears the edge nodes and devices of one broker."""

    Options: ClassVar[type[SparkplugOptions]] = SparkplugOptions

    def __init__(self, name: str, options: SparkplugOptions) -> None:
        self.name = name
        self.options = options
        self._broker = Broker(name, options)
        self._host = Host(options.seconds("rebirth_after"))
        self._heard: list[Heard] = []
        self._flushing: asyncio.Handle | None = None

    async def run(self, out: Outlet) -> None:
        """Listen until cancelled; after a cut every node is asked for a rebirth."""
        delay = FIRST_DELAY
        out.status(self._status(SourceState.CONNECTING, f"calling {self.options.url}"))
        while True:
            try:
                await self._listen(out)
                delay = FIRST_DELAY
            except (ConfigError, CredentialsError) as error:
                delay = REFUSED_DELAY
                out.status(self._status(SourceState.DOWN, str(error)))
            except (OSError, TimeoutError) as error:
                out.status(self._status(SourceState.DOWN, f"{str(error) or type(error).__name__}; calling again"))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def listen_for(self, out: Outlet, seconds: float) -> None:
        """Listen for so long at most. Raises OSError, ConfigError or CredentialsError where there is no line."""
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                await self._listen(out)
        except TimeoutError:
            if not patience.expired():
                raise

    def systems(self) -> list[dict[str, Any]]:
        """Return every edge node and device that was heard being born, with the names of its tags."""
        names = self._host.register.tags
        return [
            {"path": body.path, "tags": [names[number] for number in list(body.ids)], "alive": node.born and body.alive}
            for node in list(self._host.register.nodes.values())
            for body in list(node.bodies.values())
        ]

    async def _listen(self, out: Outlet) -> None:
        """Be connected, until the line is lost."""
        filters = [(f"{NAMESPACE}/{group}/#", 1) for group in self.options.groups or ("+",)]
        born = int(time.time() * 1000)
        topic = f"{NAMESPACE}/STATE/{self.options.host_id}"

        async def take(topic: str, payload: bytes, _retained: bool) -> None:
            await self._take(out, topic, payload)

        will = (topic, _state(born, online=False)) if self.options.host_id else None
        async with self._broker.session(take, filters, will) as lost:
            if self.options.host_id:
                self._broker.publish(topic, _state(born, online=True), qos=1, retain=True)
            self._host.away()
            out.status(self._connected())
            try:
                while not lost.done():
                    self._ask_for_births()
                    await asyncio.wait({lost}, timeout=1.0 / self.options.rebirths_per_second if self._host.wanting else 0.2)
                    self._emit(out, self._host.silent(now_ns(), self.options.seconds("silence")))
            finally:
                if self.options.host_id and not lost.done():
                    self._broker.publish(topic, _state(born, online=False), qos=1, retain=True)
            out.status(self._status(SourceState.DOWN, f"{lost.result()}; calling again"))

    def _ask_for_births(self) -> None:
        """Ask one node for a rebirth: the protocol's own request, which changes no value of a machine."""
        if not self._host.wanting:
            return
        node = self._host.wanting.pop(0)
        node.wants = False
        request = messages()[0](timestamp=int(time.time() * 1000))
        request.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=True)
        self._broker.publish(f"{NAMESPACE}/{node.group}/NCMD/{node.name}", request.SerializeToString())

    async def _take(self, out: Outlet, topic: str, payload: bytes) -> None:
        """Note a message; all of this turn of the loop are decoded together."""
        await out.ready()
        parts = topic.split("/")
        if len(parts) < 4 or KINDS.get(parts[2]) != len(parts):
            return  # commands and states of others
        node = self._host.register.node(parts[1], parts[3])
        self._heard.append(Heard(parts[2], node, parts[4] if len(parts) == 5 else "", payload, now_ns()))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush, out)
        await asyncio.sleep(0)  # after the flush
        await out.kept()

    def _flush(self, out: Outlet) -> None:
        self._flushing = None
        heard, self._heard = self._heard, []
        life = any(not one.kind.endswith("DATA") for one in heard)
        self._emit(out, self._host.hear(heard), news=life)

    def _emit(self, out: Outlet, rows: list[pa.RecordBatch], *, news: bool = False) -> None:
        for batch in rows:
            out.emit(batch)
        for (tag, why), n in self._host.rejected.items():
            out.reject(tag, why, n)
        self._host.rejected.clear()
        if rows or news:
            out.status(self._connected())

    def _connected(self) -> SourceStatus:
        nodes = self._host.register.nodes.values()
        dead = [node for node in nodes if node.why_dead]
        living = sum(node.born for node in nodes)
        if dead:
            return self._status(SourceState.DEGRADED, f"{living} edge nodes speak, {len(dead)} are dead")
        return self._status(SourceState.CONNECTED, f"{living} edge nodes speak at {self.options.url}")

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        nodes = list(self._host.register.nodes.values())
        speaks = state in (SourceState.CONNECTED, SourceState.DEGRADED)
        heard = sum(len(body.ids) for node in nodes if node.born for body in node.bodies.values() if body.alive) if speaks else 0
        return SourceStatus(self.name, state, message, tags_ok=heard, tags_bad={n.path: n.why_dead for n in nodes if n.why_dead})


def _state(ms: int, *, online: bool) -> bytes:
    """Return a STATE payload (section 6.4.28)."""
    return json.dumps({"online": online, "timestamp": ms}).encode()
