"""A simulator's line to a broker: it comes back after a cut, and what was to be said meanwhile is said then."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from lineshaft.connect.broker import Broker, BrokerOptions
from lineshaft.core import ConfigError

Hears = Callable[[str, bytes], None]
MOST, PATIENCE = 100_000, 3.0


class Publisher:
    """Publishes in order; the oldest of more than 100,000 unsaid messages are dropped."""

    def __init__(self, url: str, client_id: str) -> None:
        self._broker = Broker(client_id, BrokerOptions.model_validate({"url": url, "client_id": client_id, "session": "0s"}))
        self._url = url
        self._waiting: deque[tuple[str, bytes, int, bool]] = deque(maxlen=MOST)
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._failed: BaseException | None = None

    async def start(
        self,
        filters: Sequence[tuple[str, int]],
        hears: Hears,
        will: Callable[[], tuple[str, bytes]] | None = None,
        born: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect; `born` is called at each connection, before anything else is published. Raises ConfigError."""
        self._task = asyncio.create_task(self._keep(filters, hears, will, born))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._task, ready}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self._ready.is_set():
            await self.stop()
            raise ConfigError(
                f"no MQTT broker answers at {self._url}", where="--port", hint="start one there first, for example mosquitto"
            )

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Say something, now or when the broker is back."""
        try:
            if self._waiting:
                raise ConnectionError
            self._broker.publish(topic, payload, qos=qos, retain=retain)
        except OSError:
            self._waiting.append((topic, payload, qos, retain))

    async def stop(self) -> None:
        """Leave."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    async def _keep(
        self,
        filters: Sequence[tuple[str, int]],
        hears: Hears,
        will: Callable[[], tuple[str, bytes]] | None,
        born: Callable[[], None],
    ) -> None:
        async def take(topic: str, payload: bytes, _retained: bool) -> None:
            hears(topic, payload)

        while True:
            with suppress(OSError, TimeoutError):
                async with self._broker.session(take, filters, will() if will else None, retain_will=False) as lost:
                    born()
                    waiting = list(self._waiting)
                    self._waiting.clear()
                    for topic, payload, qos, retain in waiting:
                        self.publish(topic, payload, qos=qos, retain=retain)
                    self._ready.set()
                    await lost
            await asyncio.sleep(0.5)
