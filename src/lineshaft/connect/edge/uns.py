"""The Unified Namespace at an edge: newest values under their asset paths at a local MQTT broker, with or without the plant.

Each value is one retained message of JSON; between two rounds only the newest value of a path is sent: a namespace is of now,
history is the plant's. A source like any other: it listens to nobody, and a broker that is away stops nothing else.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from lineshaft.connect.broker import Broker, BrokerOptions
from lineshaft.connect.edge.function import rows_of
from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.core import CredentialsError, Section, iso

NAME = "uns"
FIRST_DELAY, LONGEST_DELAY, REFUSED_DELAY = 0.3, 10.0, 30.0


class Binding(Section):
    """What one tag means."""

    source: str = Field(description="The source.")
    tag: str = Field(description="Its tag.")
    path: str = Field(min_length=1, description="The property's path: Site/Line/Oven/Temperature.")
    unit: str = Field("", description="Its unit, sent with each value.")

    @model_validator(mode="after")
    def _plain(self) -> Binding:
        if set(self.path) & set("+#\0") or self.path.startswith("/") or self.path.endswith("/"):
            raise ValueError(f"'{self.path}' cannot be a topic: no +, no #, no / at its ends")
        return self


class UnsSettings(BrokerOptions):
    """The Unified Namespace: values under their asset paths at a local MQTT broker, for whoever is at the machines."""

    url: str = Field("", pattern=r"^(mqtts?://.+)?$", description="The local broker, mqtt://127.0.0.1:1883; empty: no namespace.")
    prefix: str = Field("", description="First levels of every topic, for example the enterprise.")
    bind: tuple[Binding, ...] = Field((), description="Which tag is which property: [[uns.bind]] source, tag, path, unit.")

    @model_validator(mode="after")
    def _once(self) -> UnsSettings:
        seen: set[tuple[str, str]] = set()
        for one in self.bind:
            if (one.source, one.tag) in seen:
                raise ValueError(f"{one.source} {one.tag} is bound twice")
            seen.add((one.source, one.tag))
        return self


class Namespace:
    """Republishes; `give` takes rows from any thread."""

    name = NAME

    def __init__(self, settings: UnsSettings) -> None:
        self._settings = settings
        prefix = f"{settings.prefix.strip('/')}/" if settings.prefix else ""
        self._topics = {(one.source, one.tag): (prefix + one.path, one.unit) for one in settings.bind}
        self._sources = {one.source for one in settings.bind}
        self._newest: dict[str, tuple[int, bytes]] = {}
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.sent = 0

    def give(self, source: str, rows: pa.RecordBatch) -> None:
        """Take rows that were kept."""
        if self._loop is None or source not in self._sources:
            return
        for tag, ts, value, quality in rows_of(_last_of_each(rows)):
            topic, unit = self._topics.get((source, tag), ("", ""))
            if topic and ts >= self._newest.get(topic, (ts, b""))[0]:
                said: dict[str, Any] = {"value": value, "timestamp": iso(ts), "quality": quality}
                self._newest[topic] = (ts, json.dumps({**said, "unit": unit} if unit else said, ensure_ascii=False).encode())
        self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self, out: Outlet) -> None:
        """Publish until cancelled; after a cut every newest value is published again."""
        self._loop = asyncio.get_running_loop()
        delay = FIRST_DELAY
        broker = Broker(NAME, self._settings)
        while True:
            try:
                async with broker.session(_nothing, ()) as lost:
                    delay = FIRST_DELAY
                    out.status(SourceStatus(NAME, SourceState.CONNECTED, f"publishing to {self._settings.url}"))
                    await self._publish(broker, lost)
                    out.status(SourceStatus(NAME, SourceState.DOWN, f"{lost.result()}; calling again"))
            except CredentialsError as error:
                delay = REFUSED_DELAY
                out.status(SourceStatus(NAME, SourceState.DOWN, str(error)))
            except (OSError, TimeoutError) as error:
                out.status(SourceStatus(NAME, SourceState.DOWN, f"{str(error) or type(error).__name__}; calling again"))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _publish(self, broker: Broker, lost: asyncio.Future[str]) -> None:
        said: dict[str, tuple[int, bytes]] = {}
        while not lost.done():
            for topic, newest in list(self._newest.items()):
                if said.get(topic) is not newest:
                    broker.publish(topic, newest[1], retain=True)
                    said[topic] = newest
                    self.sent += 1
            woken = asyncio.ensure_future(self._woken.wait())
            await asyncio.wait({woken, lost}, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
            self._woken.clear()


def _last_of_each(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return the last row of each tag."""
    column: Any = rows.column(0)
    tag = column.indices.to_numpy(zero_copy_only=False)
    newest = np.full(len(column.dictionary), -1, np.int64)
    newest[tag] = np.arange(tag.size)
    return rows.take(pa.array(newest[newest >= 0], pa.int64()))


async def _nothing(_topic: str, _payload: bytes, _retained: bool) -> None:
    """Hear nothing: there is no subscription."""
