"""The OPC UA source: connects, subscribes, listens, and comes back."""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

import asyncio
from typing import ClassVar

import numpy as np
from asyncua import ua

from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.connect.sources.opcua.browse import variables
from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.link import Link, reason
from lineshaft.connect.sources.opcua.options import OpcuaOptions
from lineshaft.connect.sources.opcua.subscription import OVERFLOW, Subscription, SubscriptionLost
from lineshaft.core import ConfigError, CredentialsError

FIRST_DELAY, LONGEST_DELAY, REFUSED_DELAY = 0.3, 10.0, 30.0


class OpcuaSource:
    """Listens to the variables of one OPC UA server."""

    Options: ClassVar[type[OpcuaOptions]] = OpcuaOptions

    def __init__(self, name: str, options: OpcuaOptions) -> None:
        self.name = name
        self.options = options
        self.overflows = 0
        self._link = Link(name, options)
        self._subscription: Subscription | None = None

    async def run(self, out: Outlet) -> None:
        """Listen until cancelled; after a cut, go on where the server kept our place, else begin anew."""
        delay = FIRST_DELAY
        out.status(self._status(SourceState.CONNECTING, f"calling {self.options.url}"))
        try:
            while True:
                try:
                    await self._connect(out)
                    delay = FIRST_DELAY
                    await self._listen(out)
                except SubscriptionLost as lost:
                    self._subscription = None
                    delay = FIRST_DELAY
                    out.status(self._status(SourceState.CONNECTING, f"{lost}: making a new one"))
                except (ConfigError, CredentialsError) as error:
                    delay = REFUSED_DELAY
                    out.status(self._status(SourceState.DOWN, str(error)))
                except (OSError, TimeoutError, ua.UaError) as error:
                    out.status(self._status(SourceState.DOWN, f"{reason(error)}; calling again"))
                self._link.drop()
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_DELAY)
        finally:
            await self._link.close()

    async def _connect(self, out: Outlet) -> None:
        """Open the line if it is not, and have a subscription on it: the old one, caught up, or a new one."""
        resumed = await self._link.open()
        if resumed and self._subscription is not None:
            await self._subscription.resume()
        else:
            tags = list(dict.fromkeys(self.options.nodes))
            if self.options.browse:
                tags += [
                    tag
                    for tag in await variables(self._link.session, self.options.root, self.options.browse_limit)
                    if tag not in tags
                ]
            subscription = Subscription(self._link, self.options, tags, lambda columns: self._take(columns, out))
            await subscription.create()
            self._subscription = subscription
        out.status(self._connected())

    async def _listen(self, out: Outlet) -> None:
        if self._subscription is not None:
            await self._subscription.pump(out.ready)

    def _take(self, columns: Columns, out: Outlet) -> None:
        """Pass one message on; say so when the server's own queue overflowed or an item could not be read."""
        subscription = self._subscription
        if subscription is None:
            return
        known = columns.handle[: columns.n] < len(subscription.tags)
        rows = columns.rows(subscription.names) if known.all() else None
        if rows is None:
            out.reject("", "the server sent items nobody asked for", int((~known).sum()))
            return
        out.emit(rows)
        over = int(np.count_nonzero((columns.status[: columns.n] & OVERFLOW) == OVERFLOW))
        if over:
            self.overflows += over
            out.status(self._connected())
        for handle, why, n in subscription.broken:
            out.reject(subscription.tags[handle] if handle < len(subscription.tags) else "", why, n)
        subscription.broken.clear()

    def _connected(self) -> SourceStatus:
        subscription = self._subscription
        remarks: list[str] = []
        if subscription is not None:
            if subscription.bad:
                remarks.append(f"{len(subscription.bad)} of {len(subscription.tags)} tags are bad")
            if subscription.lost_messages:
                remarks.append(
                    f"{subscription.lost_messages} messages were gone when we came back: raise the server's retransmission queue"
                )
        if self.overflows:
            remarks.append(f"the server's queue overflowed {self.overflows} times: raise queue_size")
        state = SourceState.DEGRADED if remarks else SourceState.CONNECTED
        return self._status(state, "; ".join(remarks) or f"listening to {self.options.url}")

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        subscription = self._subscription
        bad = dict(subscription.bad) if subscription is not None else {}
        heard = state in (SourceState.CONNECTED, SourceState.DEGRADED) and subscription is not None
        ok = len(subscription.tags) - len(bad) if heard and subscription is not None else 0
        return SourceStatus(self.name, state, message, tags_ok=ok, tags_bad=bad)
