"""Replays a recording behind a server: paced by the clock, stamped with start + recorded time, never from the future."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lineshaft.connect.control import serve_control
from lineshaft.connect.simulator import make_server, tell_source
from lineshaft.connect.simulators.replay.table import Recording
from lineshaft.connect.wire import Server
from lineshaft.core import NS, ConfigError, iso, now_ns, parse_time

MINUTE = 60 * NS
YIELD_EVERY = 100


@dataclass(frozen=True, slots=True)
class Replay:
    """How to replay: the claimed start, recorded seconds per second, and what to do before and after."""

    start: str = ""
    speed: float = 1.0
    hold: float = 10.0
    wait: float = 30.0
    port: int = 4840
    protocol: str = "opcua"

    def claimed(self, recording: Recording, now: int) -> int:
        """Return the claimed time of recorded zero, such that no value is ever stamped later than the clock.

        `now` with a speed above 1 begins so far back that the last value is stamped with the time it is shown, on a full
        minute; without a start, absolute times stay what they are. Raises ConfigError for a start that would overtake.
        """
        ahead = round(recording.duration * (1 - 1 / max(self.speed, 1.0)))
        latest = now - ahead
        if self.start in ("", "now"):
            if self.start == "" and recording.first is not None and recording.first <= latest:
                return recording.first
            return latest // MINUTE * MINUTE
        start = parse_time(self.start, where="--start")
        if start > latest:
            raise ConfigError(
                f"at speed {self.speed:g} the values would be stamped in the future",
                where=f"--start {self.start}",
                hint=f"start at {iso(latest // MINUTE * MINUTE)} or earlier, or say --start now",
            )
        return start


async def run_replay(home: Path, recording: Recording, replay: Replay, say: Callable[[str], None] = print) -> None:
    """Be the recorded machines until the end and `hold` seconds more; HOME/simulator.json says where."""
    if not 0 < replay.speed < math.inf:
        raise ConfigError("the speed must be above 0", where="--speed")
    before = replay.claimed(recording, now_ns()) - NS
    server = make_server(replay.protocol, replay.port, "replay")
    await server.start({tag: (wire, None) for tag, wire in recording.tags.items()}, before)
    say(f"[[sources]] to hear it: {tell_source(home, server)}")
    try:
        async with serve_control(home, server.url, lambda _name, _active: {}, simulator="replay"):
            say(f"{len(recording.tags)} tags, {recording.values} values, {recording.duration / NS:g} s recorded, at {server.url}")
            if replay.wait > 0:
                await _wait(server, len(recording.tags), replay.wait, say)
            await _play(server, recording, replay, say)
            say(f"all {recording.values} values shown; serving {replay.hold:g} s more")
            await asyncio.sleep(replay.hold)
    finally:
        await server.stop()


async def _wait(server: Server, tags: int, longest: float, say: Callable[[str], None]) -> None:
    """Let nobody miss the beginning: wait for a client to listen, but not for ever."""
    say(f"waiting for a client to listen, {longest:g} s at most")
    try:
        await asyncio.wait_for(_listened(server, tags), longest)
    except TimeoutError:
        say("nobody listens; beginning all the same")


async def _listened(server: Server, tags: int) -> None:
    """Wait until every tag has a listener, or until no more come for two seconds."""
    before, same = 0, 0
    while same < 8:
        await asyncio.sleep(0.25)
        count = server.listeners()
        same = same + 1 if count and count == before else 0
        before = count
        if count >= tags:
            return


async def _play(server: Server, recording: Recording, replay: Replay, say: Callable[[str], None]) -> None:
    """Show instant after instant, each when its time has come; when late, hurry, but skip nothing."""
    loop = asyncio.get_running_loop()
    start = replay.claimed(recording, now_ns())
    say(f"recorded zero is {iso(start)}")
    began = told = loop.time()
    shown = 0
    for at, changes in recording.instants:
        await asyncio.sleep(max(0.0, began + at / NS / replay.speed - loop.time()))
        for first in range(0, len(changes), YIELD_EVERY):
            await server.write(changes[first : first + YIELD_EVERY], start + at)
            await asyncio.sleep(0)
        shown += len(changes)
        if loop.time() - told >= 5:
            told = loop.time()
            say(f"{at / NS:.0f} of {recording.duration / NS:.0f} recorded seconds, {shown} of {recording.values} values")
