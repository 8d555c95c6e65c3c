"""The live stream's hub: what changed since the last tick, encoded once and sent to everybody who watches it.

The pipeline's thread only hands rows over. Five times a second at most (at once after a pause) the hub takes the newest
value of each series, encodes each asset's changes once, and gives every client its part. A client that is slow gets the
newest values when it is ready: intermediate screen values are dropped, stored ones never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import Quality, iso, now_ns

TICK_S = 0.2
MOST_EVENTS = 1_000
"""A client that is owed this many events is sent away to start afresh."""
FEW = 5_000
"""Up to so many rows a tick are looked through on the event loop itself."""


class Paths(Protocol):
    """Names the property of each series number, None for one that is not bound."""

    def __call__(self, sids: npt.NDArray[np.int32], /) -> Sequence[str | None]:
        """Return the path of each."""
        ...

    def changed(self) -> None:
        """Look everything up again: the plant is different."""
        ...


class Shown(NamedTuple):
    """One value as a screen needs it."""

    value: float | int | bool | str | None
    quality: int
    ts: int


class Told(NamedTuple):
    """One event, encoded, and the asset it is about (empty: the whole plant)."""

    asset: str
    text: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What a client wants to see and may see: branches of the plant, events or not, of which branches (empty: all)."""

    branches: tuple[str, ...] = ()
    events: bool = False
    scope: tuple[str, ...] = ()

    def covers(self, asset: str) -> bool:
        """Say whether an asset lies in one of the branches."""
        return any(within(asset, branch) for branch in self.branches)

    def hears(self, asset: str) -> bool:
        """Say whether an event about an asset is for this client."""
        return self.events and (not self.scope or not asset or any(within(asset, branch) for branch in self.scope))


def within(path: str, branch: str) -> bool:
    """Say whether a path is a branch or lies below it.

    >>> within("Bakery/Line 1/Oven", "Bakery/Line 1"), within("Bakery/Line 10", "Bakery/Line 1")
    (True, False)
    """
    return path == branch or path.startswith(branch + "/")


@dataclass(eq=False)
class Client:
    """One browser: what it watches, and what it has not been sent yet (assets with the tick since when)."""

    watch: Watch = field(default_factory=Watch)
    owed: dict[str, int] = field(default_factory=dict[str, int])
    events: deque[str] = field(default_factory=deque[str])
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    lost: bool = False

    def owe(self, assets: Iterable[str], tick: int, events: Sequence[Told] = ()) -> None:
        """Note what changed; the client's own task sends it when it can."""
        for asset in assets:
            if self.watch.covers(asset):
                self.owed.setdefault(asset, tick)
        self.events.extend(told.text for told in events if self.watch.hears(told.asset))
        self.lost = self.lost or len(self.events) > MOST_EVENTS
        if self.owed or self.events:
            self.wake.set()


class Hub:
    """Takes rows and events from any thread, serves clients on the event loop."""

    def __init__(self, paths: Paths, tick_s: float = TICK_S) -> None:
        self._paths = paths
        self._tick_s = tick_s
        self._lock = threading.Lock()
        self._rows: list[pa.RecordBatch] = []
        self._events: list[Told] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._clients: set[Client] = set()
        self._tick_number = 0
        self._shown: dict[str, dict[str, Shown]] = {}
        self._changes: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        self._frames: dict[object, str] = {}

    # -- from any thread

    def rows(self, rows: pa.RecordBatch) -> None:
        """Take rows in the shape of STORED; returns at once, and costs nothing while nobody watches."""
        if not self._clients or not rows.num_rows:
            return
        with self._lock:
            self._rows.append(rows)
        self._signal()

    def event(self, kind: str, *, asset: str = "", **about: Any) -> None:
        """Tell everybody who listens that something happened (`alarm`, `case`, `work-order`, ...)."""
        if not self._clients:
            return
        text = json.dumps({"type": kind, "asset": asset, **about}, ensure_ascii=False, default=str)
        with self._lock:
            self._events.append(Told(asset, text))
        self._signal()

    def plant_changed(self) -> None:
        """Name series anew: models, positions or bindings are different."""
        self._paths.changed()

    def _signal(self) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the node is going down
                loop.call_soon_threadsafe(self._changed.set)

    # -- on the event loop

    async def run(self) -> None:
        """Serve until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._tick()
                await asyncio.sleep(self._tick_s)
        finally:
            self._loop = None

    def join(self, client: Client) -> None:
        """Let a client in."""
        self._clients.add(client)

    def leave(self, client: Client) -> None:
        """Let a client go; when the last one has gone, what it saw is forgotten."""
        self._clients.discard(client)
        if not self._clients:
            with self._lock:
                self._rows, self._events = [], []
            self._shown, self._whole, self._changes, self._frames = {}, {}, {}, {}

    def begin(self, client: Client, watch: Watch, values: Mapping[str, Shown]) -> None:
        """Give a client what it asked to watch: first everything as it is now, then what changes."""
        client.watch = watch
        client.owe(self._keep(values), -1)
        self._frames = {}
        client.wake.set()

    def frame(self, client: Client) -> str:
        """Return what a client is owed as one frame; clients that are owed the same share the text."""
        owed = tuple(sorted((asset, tick == self._tick_number) for asset, tick in client.owed.items()))
        events = tuple(client.events)
        client.owed.clear()
        client.events.clear()
        frame = self._frames.get((owed, events))
        if frame is None:
            values = ",".join(filter(None, (self._changes.get(a, "") if fresh else self._all(a) for a, fresh in owed)))
            frame = f'{{"t":"{iso(now_ns())}","values":{{{values}}},"events":[{",".join(events)}]}}'
            self._frames[owed, events] = frame
        return frame

    async def _tick(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
            events, self._events = self._events, []
        few = sum(batch.num_rows for batch in rows) <= FEW
        newest = self._newest(rows) if few else await asyncio.to_thread(self._newest, rows)
        self._tick_number += 1
        self._frames = {}
        self._changes = {asset: ",".join(parts) for asset, parts in self._keep(newest).items()}
        for client in self._clients:
            client.owe(self._changes, self._tick_number, events)

    def _newest(self, rows: list[pa.RecordBatch]) -> dict[str, Shown]:
        """Return the newest value of each bound series among the rows."""
        if not rows:
            return {}
        table: Any = pa.Table.from_batches(rows).combine_chunks()
        sids = table.column("sid").to_numpy().astype(np.int32)
        times = table.column("ts").cast(pa.int64()).to_numpy()
        order: npt.NDArray[np.int64] = np.lexsort((times, sids))
        newest = order[np.append(sids[order][1:] != sids[order][:-1], True)]
        picked: Any = table.take(pa.array(newest))
        columns: dict[str, list[Any]] = {name: picked.column(name).to_pylist() for name in ("v", "vi", "vs", "vb", "q")}
        found: dict[str, Shown] = {}
        for n, path in enumerate(self._paths(sids[newest])):
            if path is not None:
                value = next((columns[c][n] for c in ("v", "vi", "vs", "vb") if columns[c][n] is not None), None)
                found[path] = Shown(value, columns["q"][n], int(times[newest[n]]))
        return found

    def _keep(self, values: Mapping[str, Shown]) -> dict[str, list[str]]:
        """Keep values that are not older than those shown; return each asset's changes, encoded."""
        changes: dict[str, list[str]] = {}
        for path, shown in values.items():
            asset = path.rpartition("/")[0]
            have = self._shown.setdefault(asset, {}).get(path)
            if have is None or have.ts <= shown.ts:
                self._shown[asset][path] = shown
                changes.setdefault(asset, []).append(f"{json.dumps(path)}:{encode(shown)}")
                self._whole.pop(asset, None)
            else:
                changes.setdefault(asset, [])
        return changes

    def _all(self, asset: str) -> str:
        """Return all values of one asset, encoded once until one of them changes."""
        text = self._whole.get(asset)
        if text is None:
            parts = (f"{json.dumps(path)}:{encode(shown)}" for path, shown in self._shown.get(asset, {}).items())
            text = self._whole[asset] = ",".join(parts)
        return text


def encode(shown: Shown) -> str:
    """Return `[value,"quality","time"]`; a value JSON cannot hold (NaN, infinity) is null.

    >>> encode(Shown(7.5, 0, 1_000_000_000)), encode(Shown(float("nan"), 2, 0))
    ('[7.5,"good","1970-01-01T00:00:01Z"]', '[null,"bad","1970-01-01T00:00:00Z"]')
    """
    value = None if isinstance(shown.value, float) and not math.isfinite(shown.value) else shown.value
    return f'[{json.dumps(value)},"{quality(shown.quality)}","{iso(shown.ts)}"]'


def quality(q: int) -> str:
    """Return a quality's class as a word."""
    return Quality(q).name.lower() if q in (0, 1, 2) else "bad"
