"""An edge node: only `connect` of the same package, joined to the door of its plant.

Sources, pipelines and the edge buffer work without the plant for as long as the buffer's caps allow. Nothing listens here:
the node dials out, hands over what is oldest, and asks what configuration it is to run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lineshaft import __version__
from lineshaft.app.settings import read_settings
from lineshaft.connect import Gateway, SourceStatus, open_buffer
from lineshaft.connect.edge.applied import Applied, down
from lineshaft.connect.edge.identity import folder_of
from lineshaft.connect.edge.pipeline import Pipelines
from lineshaft.connect.edge.uplink import Uplink
from lineshaft.core import NS, Bus, LineshaftError, SystemEvent, SystemEvents, iso, parse_duration

log = logging.getLogger("lineshaft.edge")
LOOK_S, BATCHES = 0.5, 1_024


class EdgeNode:
    """A running edge node. Raises ConfigError for a wrong setting or a node that never enrolled."""

    def __init__(self, home: Path) -> None:
        self.settings = read_settings(home)
        self._edge = self.settings.edge
        self.bus = Bus()
        self.events = SystemEvents(self.bus)
        self.bus.on(SystemEvent, _logged, "edge: what it tells of itself is in its log and in its reports")
        self.buffer = open_buffer(home / "edge.db", self.settings.gateway)
        self.uplink = Uplink(home, self.buffer, parse_duration(self._edge.timeout) / NS)
        self.applied = Applied(folder_of(home), (self.settings.sources, self.settings.pipelines))
        self.gateway = self._gateway()
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()

    def _gateway(self) -> Gateway:
        config = self.applied.config()
        gateway = Gateway(config.sources.build("configuration"), self.buffer, self.settings.gateway, self.bus)
        gateway.pipelines = Pipelines(config.pipelines.entries)
        gateway.deliver = self.uplink.deliver
        gateway.portion = (self._edge.rows, BATCHES)
        return gateway

    async def run(self, started: Callable[[], None] | None = None) -> None:
        """Run until a signal ends it; what was heard is in the edge buffer then."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        reporting = asyncio.create_task(self._report_for_ever(), name="edge:report")
        if started is not None:
            started()
        before: list[SourceStatus] = []
        try:
            while not self._stop.is_set():
                before = await self._run_one(before)
        finally:
            reporting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reporting
            self.uplink.close()
            self.buffer.close()

    async def _run_one(self, before: list[SourceStatus]) -> list[SourceStatus]:
        """Run one configuration until another is to run or the node ends; return how its sources were."""
        self._changed.clear()
        self.gateway = self._gateway()
        running = asyncio.create_task(self.gateway.run(), name="gateway")
        judging = asyncio.create_task(self._judge(self.gateway, before), name="edge:judge")
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, self._changed)]
        try:
            await asyncio.wait((running, *waits), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (judging, *waits, running):
                task.cancel()
            ended = await asyncio.gather(running, judging, *waits, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]
        return self.gateway.statuses()

    async def _judge(self, gateway: Gateway, before: list[SourceStatus]) -> None:
        """Watch a configuration on trial: keep it once its sources are up, else go back."""
        if not self.applied.trial:
            return
        must = self.applied.must_be_up(before)
        number = self.applied.number
        try:
            async with asyncio.timeout(parse_duration(self._edge.healthy_within) / NS):
                while down(gateway.statuses(), must):  # noqa: ASYNC110 - a source says how it is to its outlet only
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            reasons = "; ".join(f"{name}: {why}" for name, why in down(gateway.statuses(), must).items())
            self.applied.roll_back(reasons)
            what = f"configuration {number} did not come up ({reasons}): the one before runs again"
            self.bus.tell(SystemEvent("edge:config", what, "error", hint="correct it at the plant and give it anew"))
            self._changed.set()
        else:
            self.applied.keep()
            self.bus.tell(SystemEvent("edge:config", f"configuration {number} runs", active=False))

    async def _report_for_ever(self) -> None:
        every = parse_duration(self._edge.report_every) / NS
        while True:
            try:
                answer = await asyncio.to_thread(self.uplink.report, self.report())
                await asyncio.to_thread(self.uplink.renew_if_due)
                if self.applied.offer(self.uplink.identity, answer.get("config")):
                    log.info("configuration %s is to run", self.applied.number)
                    self._changed.set()
            except LineshaftError as error:
                log.info("the plant could not be told how this node is: %s", error)
            except Exception:
                log.exception("reporting failed")
            await asyncio.sleep(every)

    def report(self) -> dict[str, Any]:
        """Return what the plant is told of this node."""
        depth = self.buffer.depth()
        return {
            "version": __version__,
            "config": dict(self.applied.told()),
            "depth": {"batches": depth.batches, "rows": depth.rows, "bytes": depth.bytes, "oldest": depth.oldest},
            "sources": [
                {"name": one.name, "state": one.state.value, "message": one.message, "since": one.since, "bad": len(one.tags_bad)}
                for one in self.gateway.statuses()
            ],
            "events": [{"key": e.key, "message": e.message, "severity": e.severity, "at": e.at} for e in self.events.current()],
            "expires_days": round(self.uplink.identity.days_left()[0], 2),
        }


def _logged(event: SystemEvent) -> None:
    log.log(logging.WARNING if event.active else logging.INFO, "%s %s", iso(event.at), event.message)
