"""What goes on beside listening: gaps are filled from the server's history, its clock is compared, its structures are learned."""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from asyncua import ua

from lineshaft.connect.sources.opcua.clock import Skew, measure
from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.gaps import Gaps
from lineshaft.connect.sources.opcua.history import fill, historical
from lineshaft.connect.sources.opcua.link import Link
from lineshaft.connect.sources.opcua.options import OpcuaOptions
from lineshaft.connect.sources.opcua.subscription import Subscription
from lineshaft.core import NS, now_ns

CLOCK_EVERY, LOOK_EVERY, REMEMBER_EVERY = 60.0, 0.25, 5.0
log = logging.getLogger("lineshaft.connect.opcua")


class Aside:
    """The side works of one source."""

    def __init__(self, options: OpcuaOptions, gaps: Gaps) -> None:
        self.skew: Skew | None = None
        self.filled = ""
        self._options = options
        self._gaps = gaps
        self._total = 0
        self._kept: dict[int, Any] = {}
        self._structures = not options.structures

    @property
    def correction(self) -> int:
        """What to take off the server's times, in nanoseconds; nothing within the measurement's own error."""
        skew = self.skew
        return skew.offset if self._options.times == "corrected" and skew is not None and abs(skew.offset) > skew.unsure else 0

    @property
    def remark(self) -> str:
        """What to say of the server's clock; nothing while it agrees with ours, or is corrected."""
        skew, most = self.skew, self._options.seconds("clock_tolerance") * NS
        if skew is None or abs(skew.offset) <= most + skew.unsure or self._options.times != "source":
            return ""
        return f"{skew.text}: mend it there, or set `times`"

    async def look(self, link: Link, subscription: Subscription | None) -> None:
        """On a new line, before anything is heard: the clock, structures, and which tags have a history."""
        with suppress(ua.UaError):
            self.skew = await measure(link.session)
        if not self._structures:
            with suppress(Exception):  # whatever a foreign type tree does, values still come, as bytes
                await link.client.load_data_type_definitions()
            self._structures = True
        if subscription is not None and self._options.seconds("backfill") > 0:
            self._kept = await self._historical(link, subscription)

    async def _historical(self, link: Link, subscription: Subscription) -> dict[int, Any]:
        nodes = subscription.nodes
        try:
            known = await historical(link.session, list(nodes.values()))
        except ua.UaError as error:
            log.info("which tags have a history is not known: %s", error)
            return {}
        return {handle: node for (handle, node), yes in zip(nodes.items(), known, strict=True) if yes}

    async def run(
        self,
        link: Link,
        subscription: Subscription | None,
        take: Callable[[Columns], None],
        say: Callable[[], None],
        kept: Callable[[], Awaitable[None]],
    ) -> None:
        """Work until cancelled, or the line is lost."""
        if subscription is None:
            return
        began = clock = saved = time.monotonic()
        patience = self._options.seconds("publishing_interval") * 5 + 2.0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            if self._gaps.waiting:
                gaps = self._gaps.take(self._kept, now_ns(), all_of_them=now - began > patience)
                if gaps:
                    self._fill_said(await fill(link.client, gaps, take))
                    say()
            if now - clock > CLOCK_EVERY:
                clock = now
                self.skew = await measure(link.session)
                say()
            if self._kept and now - saved > REMEMBER_EVERY:
                saved, until = now, self._gaps.until
                await kept()
                await asyncio.to_thread(self._gaps.remember, until)

    def _fill_said(self, done: Any) -> None:
        self._total += done.values
        told = [f"{self._total} values of gaps came from the server's history"] if self._total else []
        told += [f"it refused the history of {done.refused} tags"] if done.refused else []
        self.filled = "; ".join(told)
