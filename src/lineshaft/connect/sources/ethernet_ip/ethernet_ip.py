"""The EtherNet/IP source: reads lists of tags, in rounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, TypeVar, cast

import pyarrow as pa
from pylogix import PLC

from lineshaft.connect.collect import Collector
from lineshaft.connect.image import absent
from lineshaft.connect.logix_tags import LogixTag
from lineshaft.connect.poll import Budget, LineLost, Poller, Round
from lineshaft.connect.source import Outlet
from lineshaft.connect.sources.ethernet_ip.options import EthernetIpOptions
from lineshaft.connect.taglist import read_tags
from lineshaft.core import NS, Quality, parse_duration

GONE = ("Connection failure", "Connection lost", "Invalid reply", "timed out", "Routing failure", "Errno", "ession", "orward")
STRUCTURE = "it is a structure: name its members, as Motor.Speed"
T = TypeVar("T")


class EthernetIpSource:
    """Asks one Logix controller."""

    Options: ClassVar[type[EthernetIpOptions]] = EthernetIpOptions

    def __init__(self, name: str, options: EthernetIpOptions) -> None:
        self.name = name
        self.options = options

    async def run(self, out: Outlet) -> None:
        """Ask until cancelled. Raises ConfigError when the tag list cannot be read at all."""
        tags, bad = read_tags(LogixTag, self.options.tags, self.options.tags_file, lambda tag: tag.label, source=self.name)
        await Poller(self.name, LogixDevice(tags, self.options), bad).run(out)


class LogixDevice:
    """The controller as the poller sees it."""

    def __init__(self, tags: Sequence[LogixTag], options: EthernetIpOptions) -> None:
        self.address = f"{options.host}:{options.port}"
        self._options = options
        paces: dict[float, list[LogixTag]] = {}
        for tag in tags:
            paces.setdefault(parse_duration(tag.every or options.every) / NS, []).append(tag)
        self.rounds: Sequence[float] = sorted(paces)
        self._groups = [paces[every] for every in sorted(paces)]
        self._good: list[set[str]] = [set() for _ in self._groups]
        self._aside: dict[str, tuple[str, float]] = {}
        self._plc: Any = None
        self._budget = Budget(options.requests_per_second)
        self._thread = ThreadPoolExecutor(1, "lineshaft-logix")
        self._rows = Collector()

    async def open(self) -> None:
        """Open the line by asking who is there. Raises LineLost."""
        await self.close()
        at = self._options
        plc = cast("Any", PLC(at.host, at.slot, at.seconds("timeout"), at.micro800, at.port))
        pace(plc, self._budget)
        first = self._groups[0][0].at
        answer = await self._do(lambda: plc.Read(first))
        if line_gone(answer.Status):
            await self._do(lambda: close(plc))
            raise LineLost(f"nobody answers at {self.address}, slot {self._options.slot}: {answer.Status}")
        self._plc = plc

    async def close(self) -> None:
        """Close the line."""
        plc, self._plc = self._plc, None
        if plc is not None:
            await self._do(lambda: close(plc))

    def tags(self, group: int) -> Sequence[str]:
        """Return the names of the group's tags, one for each element of an array."""
        return [label for tag in self._groups[group] for label in tag.labels]

    def lost(self, group: int, ts: int) -> pa.RecordBatch:
        """Return a bad row for every tag that was good."""
        gone, self._good[group] = sorted(self._good[group]), set()
        return absent(gone, ts)

    async def read(self, group: int, ts: int) -> Round:
        """Ask for a group's tags in few requests. Raises LineLost."""
        now = time.monotonic()
        wanted = [tag for tag in self._groups[group] if self._aside.get(tag.label, ("", 0.0))[1] <= now]
        bad = {label: self._aside[tag.label][0] for tag in self._groups[group] if tag not in wanted for label in tag.labels}
        answers = await self._ask(wanted)
        good: set[str] = set()
        for tag, answer in zip(wanted, answers, strict=True):
            why = self._take(tag, answer, ts)
            if why:
                self._aside[tag.label] = (why, now + self._options.seconds("retry_bad"))
                bad |= dict.fromkeys(tag.labels, why)
            else:
                self._aside.pop(tag.label, None)
                good |= set(tag.labels)
        gone, self._good[group] = sorted(self._good[group] - good), good
        rows = [batch for batch in (self._rows.take(), absent(gone, ts) if gone else None) if batch is not None]
        return Round(rows, bad)

    async def _ask(self, wanted: Sequence[LogixTag]) -> list[Any]:
        plc = self._plc
        if plc is None:
            raise LineLost("the line was cut")
        if not wanted:
            return []
        asked = [(tag.at, tag.count) for tag in wanted]
        try:
            answers = cast("list[Any]", await self._do(lambda: plc.Read(asked)))
        except (OSError, ValueError, TypeError, KeyError, IndexError) as error:  # what pylogix raises at half an answer
            raise LineLost(f"{self.address}: {error}") from None
        gone = next((answer.Status for answer in answers if line_gone(answer.Status)), None)
        if gone is not None:
            raise LineLost(f"{self.address}: {gone}")
        return answers

    def _take(self, tag: LogixTag, answer: Any, ts: int) -> str:
        """Note the values of one answer; return why there are none."""
        if answer.Status != "Success" or answer.Value is None:
            return f"the controller says: {answer.Status}"
        values = answer.Value if isinstance(answer.Value, list) else [answer.Value]
        if any(isinstance(value, bytes) for value in cast("list[object]", values)):
            return STRUCTURE
        scaled = tag.scale != 1.0 or tag.shift != 0.0
        for label, value in zip(tag.labels, cast("list[Any]", values), strict=False):
            self._rows.add(label, ts, value * tag.scale + tag.shift if scaled else value, Quality.GOOD)
        return ""

    async def _do(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def pace(plc: Any, budget: Budget) -> None:
    """Let each request wait for its place in the controller's budget; the library sends them in the device's own thread."""
    send = plc.conn.send

    def paced(*words: Any, **more: Any) -> Any:
        time.sleep(budget.due())
        return send(*words, **more)

    plc.conn.send = paced


def close(plc: Any) -> None:
    """Close the line and both sockets, of which pylogix forgets one."""
    with suppress(Exception):
        plc.Close()
    for socket in (plc.conn.Socket, plc.conn.msg_socket):
        with suppress(Exception):
            socket.close()


def line_gone(status: object) -> bool:
    """Say whether an answer means that nobody is there any more."""
    return any(word in str(status) for word in GONE)
