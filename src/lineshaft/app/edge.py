"""An edge node: only `connect` of the same package, joined to the door of its plant.

Sources, pipelines and the edge buffer work without the plant for as long as the buffer's caps allow. Nothing listens here:
the node dials out, hands over what is oldest, and asks what configuration it is to run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lineshaft import __version__
from lineshaft.app.edge_parts import Parts, check
from lineshaft.app.edge_settings import read_home
from lineshaft.connect import EdgeConfig, Gateway, SourceStatus, open_buffer
from lineshaft.connect.edge.album import Outbox
from lineshaft.connect.edge.applied import Applied, down
from lineshaft.connect.edge.deeds import Deeds
from lineshaft.connect.edge.identity import folder_of
from lineshaft.connect.edge.uplink import Uplink
from lineshaft.core import NS, Bus, ConfigError, LineshaftError, SystemEvent, SystemEvents, iso, parse_duration, write_whole

log = logging.getLogger("lineshaft.edge")
T = TypeVar("T")
LOOK_S, PICTURES_S, BATCHES = 0.5, 2.0, 1_024
SWITCH_S = 0.0005
"""How long another thread may keep a rule waiting for its turn; Python's own 5 ms is all the time a rule has."""
OWN = ("sources", "derived", "pipelines", "functions", "detectors", "uns")
"""Sections of settings.toml that a configuration of the plant takes the place of; rules come from the plant only."""


class EdgeNode:
    """A running edge node. Raises ConfigError for a wrong setting or a node that never enrolled."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ran = False
        self.settings = read_home(home)
        self._edge = self.settings.edge
        self.bus = Bus()
        self.events = SystemEvents(self.bus)
        self.bus.on(SystemEvent, _logged, "edge: what it tells of itself is in its log and in its reports")
        self.buffer = _opened(home / "edge.db", lambda path: open_buffer(path, self.settings.gateway))
        self.uplink = Uplink(home, self.buffer, parse_duration(self._edge.timeout) / NS)
        self.deeds = _opened(folder_of(home) / "deeds.db", Deeds)
        self._locks = folder_of(home) / "locked.json"
        self._locked = _read_locks(self._locks)
        own = EdgeConfig.model_validate({name: getattr(self.settings, name) for name in OWN})
        self.applied = Applied(folder_of(home), own, check)
        self.parts, self.gateway = self._made()
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()

    def _made(self) -> tuple[Parts, Gateway]:
        """Build what is to run; a configuration on trial that cannot be built, or ended the node too often, is not run."""
        if not self.applied.starting():
            self._tell_back(self.applied.refused)
        try:
            return self._build(self.applied.config())
        except LineshaftError as error:
            if not self.applied.trial:
                raise
            self.applied.roll_back(str(error))
            self._tell_back(self.applied.refused)
            return self._build(self.applied.config())

    def _build(self, config: EdgeConfig) -> tuple[Parts, Gateway]:
        parts = Parts(config, folder_of(self._home), self.deeds, self._forbids)
        sources = [*config.sources.build("configuration"), *parts.sources()]
        gateway = Gateway(sources, self.buffer, self.settings.gateway, self.bus)
        gateway.pipelines = parts.pipelines
        gateway.at_once, gateway.taps = parts.rules.hear, [parts.give]
        gateway.deliver = self.uplink.deliver
        gateway.portion, gateway.behind = (self._edge.rows, BATCHES), parse_duration(self._edge.live_after)
        return parts, gateway

    def _forbids(self, source: str, tag: str, _value: object) -> str:
        return self._locked.get((source, tag), "")

    def _tell_back(self, refused: dict[str, Any] | None) -> None:
        said = refused or {}
        what = f"configuration {said.get('number')} is not well ({said.get('reason')}): the one before runs again"
        self.bus.tell(SystemEvent("edge:config", what, "error", hint="correct it at the plant and give it anew"))

    async def run(self, started: Callable[[], None] | None = None) -> None:
        """Run until a signal ends it; what was heard is in the edge buffer then."""
        sys.setswitchinterval(SWITCH_S)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        beside = (self._report_for_ever(), self._send_pictures())
        reporting = asyncio.gather(*(asyncio.create_task(one) for one in beside))
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
            self.deeds.close()

    async def _run_one(self, before: list[SourceStatus]) -> list[SourceStatus]:
        """Run one configuration until another is to run or the node ends; return how its sources were."""
        self._changed.clear()
        if self._ran:
            self.parts, self.gateway = self._made()
        self._ran = True
        running = asyncio.create_task(self.gateway.run(), name="gateway")
        judging = asyncio.create_task(self._judge(self.gateway, before), name="edge:judge")
        reacting = asyncio.create_task(self.parts.rules.begin(), name="edge:rules")
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, self._changed)]
        try:
            await asyncio.wait((running, *waits), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (judging, reacting, *waits, running):
                task.cancel()
            ended = await asyncio.gather(running, judging, reacting, *waits, return_exceptions=True)
            await self.parts.rules.end()
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
            self._tell_back(self.applied.refused)
            self._changed.set()
        else:
            self.applied.keep()
            self.bus.tell(SystemEvent("edge:config", f"configuration {number} runs", active=False))

    async def _report_for_ever(self) -> None:
        every = parse_duration(self._edge.report_every) / NS
        while True:
            try:
                answer = await asyncio.to_thread(self.uplink.report, self.report())
                await asyncio.to_thread(self._heed, answer)
                await asyncio.to_thread(self.uplink.renew_if_due)
                if self.applied.offer(self.uplink.identity, answer.get("config")):
                    log.info("configuration %s is to run", self.applied.number)
                    self._changed.set()
            except LineshaftError as error:
                log.info("the plant could not be told how this node is: %s", error)
            except Exception:
                log.exception("reporting failed")
            await asyncio.sleep(every)

    async def _send_pictures(self) -> None:
        """Send what waits for the plant's album; values do not wait for pictures, they have a line of their own."""
        outbox, wait = Outbox(self._home), False
        while True:
            try:
                await asyncio.to_thread(outbox.send, self.uplink.picture)
                if wait:
                    self.bus.tell(SystemEvent("edge:pictures", "pictures are handed over", active=False))
                wait = False
            except (LineshaftError, OSError) as error:
                wait = True
                self.bus.tell(SystemEvent("edge:pictures", f"pictures wait: {error}", "warning"))
            await asyncio.sleep(PICTURES_S)

    def _heed(self, answer: dict[str, Any]) -> None:
        """Forget deeds the plant has, begin anew where a machine was repaired, keep which are locked out over a cut line."""
        self.deeds.taken(int(answer.get("deeds", 0)))
        self.parts.heed([(str(name), int(at), bool(away)) for name, at, away in answer.get("machines", [])])
        locked = {(source, tag): why for source, tag, why in answer.get("locked", [])}
        if locked != self._locked:
            self._locked = locked
            write_whole(self._locks, json.dumps([[*key, why] for key, why in locked.items()]).encode())

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
            "rules": self.parts.rules.told(),
            "targets": self.parts.targets(),
            "detectors": self.parts.detectors(),
            "deeds": self.deeds.ended(),
            "deeds_of": self.deeds.id,
            "lost": sum(self.buffer.lost().values()),
            "expires_days": round(self.uplink.identity.days_left()[0], 2),
        }


def _opened(path: Path, open_: Callable[[Path], T]) -> T:
    """Open a file this node keeps its books in. Raises ConfigError for a full, read-only or broken disk."""
    try:
        return open_(path)
    except (sqlite3.Error, OSError) as error:
        hint = "free or repair the disk; what is in the file stays, and machines keep what their queues hold meanwhile"
        raise ConfigError(f"{path.name} cannot be opened: {error}", where=str(path), hint=hint, code="home.unusable") from error


def _read_locks(path: Path) -> dict[tuple[str, str], str]:
    """Return which machines were locked out when the plant was last heard."""
    try:
        return {(source, tag): why for source, tag, why in json.loads(path.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return {}


def _logged(event: SystemEvent) -> None:
    log.log(logging.WARNING if event.active else logging.INFO, "%s %s", iso(event.at), event.message)
