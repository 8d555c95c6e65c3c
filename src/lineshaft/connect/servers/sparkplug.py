"""A Sparkplug B edge node for simulators: one device an asset, births with aliases, data by alias, a death told by the broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lineshaft.connect.publishing import Publisher
from lineshaft.connect.sparkplug_b import Malformed, Type, messages, parse
from lineshaft.connect.table import quoted
from lineshaft.connect.wire import Value, Wire
from lineshaft.core import now_ns

TYPES: dict[Wire, tuple[Type, str]] = {
    "double": (Type.DOUBLE, "double_value"),
    "integer": (Type.INT64, "long_value"),
    "int32": (Type.INT32, "int_value"),
    "uint32": (Type.UINT32, "int_value"),
    "boolean": (Type.BOOLEAN, "boolean_value"),
    "string": (Type.STRING, "string_value"),
    "json": (Type.STRING, "string_value"),
}
EDGE, REBIRTH = "Simulator", "Node Control/Rebirth"
NODE_ALIASES = 1


class SparkplugServer:
    """Is the edge node NAME/Simulator at a broker on this computer."""

    BROKER = True

    def __init__(self, port: int, name: str) -> None:
        self.url = f"mqtt://127.0.0.1:{port}"
        self._name = name
        self._publisher = Publisher(self.url, f"lineshaft-sparkplug-{name}")
        self._tags: dict[str, tuple[str, str, Wire, int]] = {}
        self._shown: dict[str, tuple[Value, int]] = {}
        self._writable: frozenset[str] = frozenset()
        self._seq, self._death = 0, -1

    async def start(
        self, tags: Mapping[str, tuple[Wire, Value]], ts: int | None = None, *, writable: Collection[str] = ()
    ) -> None:
        """Connect and be born, with every device; DCMD writes those in `writable`."""
        at = now_ns() if ts is None else ts
        self._writable = frozenset(writable)
        for alias, (tag, (wire, first)) in enumerate(tags.items(), 1 + NODE_ALIASES):
            asset, _, metric = tag.rpartition("/")
            self._tags[tag] = (asset.replace("/", ":"), metric, wire, alias)
            self._shown[tag] = (first, at)
        filters = [(self._topic("NCMD"), 1), (self._topic("DCMD", "#"), 1)]
        await self._publisher.start(filters, self._told, self._next_life, self._born)

    async def read(self, tag: str) -> Value:
        """Return a tag's value as it was last published, or set by a host."""
        return self._shown[tag][0]

    async def write(self, changes: Sequence[tuple[str, Value]], ts: int) -> None:
        """Publish new values, those of one device together."""
        devices: dict[str, list[tuple[str, Value]]] = {}
        for tag, value in changes:
            self._shown[tag] = (value, ts)
            devices.setdefault(self._tags[tag][0], []).append((tag, value))
        for device, mine in devices.items():
            payload = self._payload()
            for tag, value in mine:
                self._fill(payload.metrics.add(alias=self._tags[tag][3]), self._tags[tag][2], value, ts)
            self._publisher.publish(self._topic("DDATA" if device else "NDATA", device), payload.SerializeToString())
        await asyncio.sleep(0)

    def listeners(self) -> int:
        """Return how many tags can be heard: all, as a host asks for what it missed."""
        return len(self._tags)

    async def stop(self) -> None:
        """Die as the specification wants it: a clean end is told by ourselves."""
        self._publisher.publish(*self._will(), qos=1)
        await self._publisher.stop()

    def source(self) -> str:
        """Return a ready [[sources]] table that hears all of it."""
        head = ["[[sources]]", f"name = {quoted(self._name)}", 'type = "sparkplug"', f"url = {quoted(self.url)}"]
        return "\n".join([*head, f"groups = [{quoted(self._name)}]"]) + "\n"

    def _topic(self, kind: str, device: str = "") -> str:
        return f"spBv1.0/{self._name}/{kind}/{EDGE}" + (f"/{device}" if device else "")

    def _next_life(self) -> tuple[str, bytes]:
        self._death = (self._death + 1) % 256
        return self._will()

    def _will(self) -> tuple[str, bytes]:
        """Return the death of this life: NDEATH with the bdSeq that its birth has too."""
        payload = messages()[0](timestamp=_ms())
        payload.metrics.add(name="bdSeq", timestamp=_ms(), datatype=Type.INT64, long_value=self._death)
        return self._topic("NDEATH"), payload.SerializeToString()

    def _born(self) -> None:
        """Publish the birth of the node and of each device, all metrics with name, alias and type."""
        self._seq = 255
        node = self._payload()
        node.metrics.add(name="bdSeq", timestamp=_ms(), datatype=Type.INT64, long_value=self._death)
        node.metrics.add(name=REBIRTH, alias=NODE_ALIASES, timestamp=_ms(), datatype=Type.BOOLEAN, boolean_value=False)
        births: dict[str, Any] = {"": node}
        for device in dict.fromkeys(device for device, *_ in self._tags.values() if device):
            births[device] = self._payload()
        for tag, (device, metric, wire, alias) in self._tags.items():
            self._fill(births[device].metrics.add(name=metric, alias=alias), wire, *self._shown[tag], born=True)
        for device, payload in births.items():
            self._publisher.publish(self._topic("DBIRTH" if device else "NBIRTH", device), payload.SerializeToString())

    def _payload(self) -> Any:
        self._seq = (self._seq + 1) % 256
        return messages()[0](timestamp=_ms(), seq=self._seq)

    def _fill(self, metric: Any, wire: Wire, value: Value, ts: int, *, born: bool = False) -> None:
        kind, field = TYPES[wire]
        metric.timestamp = ts // 1_000_000
        if born:
            metric.datatype = kind
        if value is None:
            metric.is_null = True
        elif isinstance(value, int) and not isinstance(value, bool) and kind is not Type.DOUBLE:
            setattr(metric, field, value % (1 << (64 if field == "long_value" else 32)))  # two's complement
        else:
            setattr(metric, field, str(value) if kind is Type.STRING else value)

    def _told(self, topic: str, raw: bytes) -> None:
        """Obey a rebirth, and take written values of tags that may be written."""
        try:
            payload = parse(raw)
        except Malformed:
            return
        if topic == self._topic("NCMD"):
            if any(one.name == REBIRTH or one.alias == NODE_ALIASES for one in payload.metrics):
                self._born()
            return
        device = topic.rpartition("/")[2]
        for one in payload.metrics:
            for tag in self._writable:
                mine, metric, wire, alias = self._tags[tag]
                if mine == device and (one.name == metric or (one.alias and one.alias == alias)):
                    value = getattr(one, TYPES[wire][1])
                    bits = 64 if wire == "integer" else 32
                    signed = wire in ("integer", "int32") and value >= 1 << bits - 1
                    self._shown[tag] = (value - (1 << bits) if signed else value, now_ns())


def _ms() -> int:
    return int(time.time() * 1_000)


PLUGIN = SparkplugServer
