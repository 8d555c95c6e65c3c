"""How far a server's clock is off ours: its own time is read between two looks at ours; the quickest of a few tries counts."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from lineshaft.connect.sources.opcua.plain import ns_of_moment
from lineshaft.core import NS, now_ns

CURRENT_TIME, TRIES = 2258, 4


@dataclass(frozen=True, slots=True)
class Skew:
    """The server's time minus ours, and how sure that is (half a round trip), both in nanoseconds."""

    offset: int
    unsure: int

    @property
    def text(self) -> str:
        """Say it in plain words.

        >>> Skew(-90 * NS, 10**6).text
        "the server's clock is 90.0 s behind ours"
        """
        word = "ahead of" if self.offset > 0 else "behind"
        return f"the server's clock is {abs(self.offset) / NS:.1f} s {word} ours"


async def measure(session: Any) -> Skew | None:
    """Ask the server for its time a few times; None where it does not say."""
    best: Skew | None = None
    node = ua.ReadValueId(ua.NodeId(CURRENT_TIME), ua.AttributeIds.Value)
    for _ in range(TRIES):
        began, at = time.perf_counter_ns(), now_ns()
        (found,) = await session.read(ua.ReadParameters(NodesToRead=[node]))
        took = time.perf_counter_ns() - began
        if found.Value is None or found.Value.Value is None:
            return None
        if best is None or took // 2 < best.unsure:
            best = Skew(ns_of_moment(found.Value.Value) - at - took // 2, took // 2)
    return best
