"""Simulated tags at an MQTT broker: one retained topic a tag, with the value's time and quality as JSON."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Collection, Mapping, Sequence

from lineshaft.connect.publishing import Publisher
from lineshaft.connect.table import quoted
from lineshaft.connect.wire import Value, Wire
from lineshaft.core import now_ns


class MqttServer:
    """Publishes tags below its own name to a broker on this computer; brokers are not started by simulators."""

    BROKER = True

    def __init__(self, port: int, name: str) -> None:
        self.url = f"mqtt://127.0.0.1:{port}"
        self._name = name
        self._publisher = Publisher(self.url, f"lineshaft-simulator-{name}")
        self._shown: dict[str, Value] = {}
        self._commands = {f"{name}/": ""}

    async def start(
        self, tags: Mapping[str, tuple[Wire, Value]], ts: int | None = None, *, writable: Collection[str] = ()
    ) -> None:
        """Connect and show the tags with their first values; `TOPIC/set` of those in `writable` takes a JSON value."""
        self._commands = {f"{self._name}/{tag}/set": tag for tag in writable}
        await self._publisher.start([(topic, 1) for topic in self._commands], self._told)
        self._shown = {tag: first for tag, (_, first) in tags.items()}
        await self.write(
            [(tag, value) for tag, value in self._shown.items() if value is not None], now_ns() if ts is None else ts
        )

    async def read(self, tag: str) -> Value:
        """Return a tag's value as it was last published, or set by a client."""
        return self._shown[tag]

    async def write(self, changes: Sequence[tuple[str, Value]], ts: int) -> None:
        """Publish new values; each stays at the broker for those who come later."""
        for tag, value in changes:
            self._shown[tag] = value
            good = value is not None and not (isinstance(value, float) and not math.isfinite(value))
            body = {"value": value if good else None, "time": ts, "quality": "good" if good else "bad"}
            self._publisher.publish(f"{self._name}/{tag}", json.dumps(body, ensure_ascii=False).encode(), qos=1, retain=True)
        await asyncio.sleep(0)

    def listeners(self) -> int:
        """Return how many tags can be heard: all, as the broker keeps the last value of each."""
        return len(self._shown)

    async def stop(self) -> None:
        """Leave the broker; what was published last stays there."""
        await self._publisher.stop()

    def source(self) -> str:
        """Return a ready [[sources]] table that hears all of it."""
        head = ["[[sources]]", f"name = {quoted(self._name)}", 'type = "mqtt"', f"url = {quoted(self.url)}", "[[sources.topics]]"]
        body = [f"filter = {quoted(f'{self._name}/#')}", 'payload = "json"', 'tag = "{topic}"', 'fields = ["value"]']
        return "\n".join([*head, *body, 'time = "time"', 'quality = "quality"', "integers = true"]) + "\n"

    def _told(self, topic: str, payload: bytes) -> None:
        tag = self._commands.get(topic)
        if tag:
            try:
                self._shown[tag] = json.loads(payload)
            except ValueError:
                return


PLUGIN = MqttServer
