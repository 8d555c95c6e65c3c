"""The OPC UA source: connects, subscribes, listens, and comes back."""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import ClassVar

from asyncua import ua

from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.connect.sources.opcua.aside import Aside
from lineshaft.connect.sources.opcua.browse import variables
from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.gaps import Gaps
from lineshaft.connect.sources.opcua.link import Link, memory_folder, reason
from lineshaft.connect.sources.opcua.names import Namespaces
from lineshaft.connect.sources.opcua.options import OpcuaOptions
from lineshaft.connect.sources.opcua.rounds import Rounds
from lineshaft.connect.sources.opcua.subscription import Subscription, SubscriptionLost
from lineshaft.core import NS, ConfigError, CredentialsError, now_ns

FIRST_DELAY, LONGEST_DELAY, REFUSED_DELAY = 0.3, 10.0, 30.0


class OpcuaSource:
    """Listens to the variables of one OPC UA server."""

    Options: ClassVar[type[OpcuaOptions]] = OpcuaOptions

    def __init__(self, name: str, options: OpcuaOptions) -> None:
        self.name = name
        self.options = options
        folder = memory_folder()
        self._link = Link(name, options)
        self._names = Namespaces(folder / f"{name}.namespaces.json", options.url)
        self._gaps = Gaps(folder / f"{name}.heard", int(options.seconds("backfill") * NS))
        self._aside = Aside(options, self._gaps)
        self._subscription: Subscription | None = None
        self._rounds: Rounds | None = None
        self._out: Outlet | None = None
        self._state: tuple[SourceState, str] = (SourceState.CONNECTING, "")

    async def run(self, out: Outlet) -> None:
        """Listen until cancelled; after a cut, go on where the server kept our place, else begin anew."""
        delay, self._out = FIRST_DELAY, out
        out.status(self._status(SourceState.CONNECTING, f"calling {self.options.url}"))
        try:
            while True:
                held = self._link.trusted()
                try:
                    await self._connect()
                    delay = FIRST_DELAY
                    await self._listen(out)
                except SubscriptionLost as lost:
                    self._subscription = None
                    delay = FIRST_DELAY
                    out.status(self._status(SourceState.CONNECTING, f"{lost}: making a new one"))
                except (ConfigError, CredentialsError) as error:
                    delay = REFUSED_DELAY
                    out.status(self._status(SourceState.DOWN, f"{error.what}; {error.hint}" if error.hint else error.what))
                except (OSError, TimeoutError, ua.UaError) as error:
                    out.status(self._status(SourceState.DOWN, f"{reason(error)}; calling again"))
                self._link.drop()
                await self._pause(delay, held)
                delay = min(delay * 2, LONGEST_DELAY)
        finally:
            await self._link.close()

    async def _pause(self, seconds: float, held: bytes | None) -> None:
        """Wait before calling again; not at all once a person has trusted the server's certificate."""
        end = time.monotonic() + seconds
        left = seconds
        while left > 0:
            await asyncio.sleep(min(left, 1.0))
            left = end - time.monotonic() if self._link.trusted() == held else 0

    async def _connect(self) -> None:
        """Open the line if it is not, and have a subscription on it: the old one, caught up, or a new one."""
        resumed = await self._link.open()
        if resumed and self._subscription is not None:
            lost = self._subscription.lost_messages
            await self._subscription.resume()
            if self._subscription.lost_messages > lost:
                self._gaps.lost()
        else:
            await self._names.learn(self._link.session)
            await self._subscribe()
        await self._aside.look(self._link, self._subscription)
        self._say()

    async def _subscribe(self) -> None:
        options = self.options
        tags = list(dict.fromkeys(options.nodes))
        if options.browse:
            found = await variables(self._link.session, options.root, options.browse_limit, self._names)
            known = {*tags, *options.polled}
            tags += [tag for tag in found if tag not in known]
        subscription = Subscription(self._link, options, self._names, tags, self._heard)
        self._gaps.begin(tags, now_ns())
        if tags:
            await subscription.create()
        polled = list(dict.fromkeys([*options.polled, *subscription.beyond]))
        self._rounds = Rounds(self._names, polled) if polled else None
        self._subscription = subscription

    async def _listen(self, out: Outlet) -> None:
        """Take what comes and read in rounds what does not come by itself, until the line or the subscription is lost."""
        subscription = self._subscription
        if subscription is None:
            return
        helpers = [asyncio.create_task(self._help(out), name=f"opcua:{self.name}:aside")]
        rounds = asyncio.create_task(self._read_for_ever(out), name=f"opcua:{self.name}:rounds") if self._rounds else None
        pump = asyncio.create_task(subscription.pump(out.ready), name=f"opcua:{self.name}:pump") if subscription.nodes else None
        lines = [task for task in (rounds, pump) if task is not None]
        try:
            if not lines:  # every tag is bad: look again later, the server may learn them
                await asyncio.sleep(REFUSED_DELAY)
                raise SubscriptionLost("no tag works")
            await asyncio.wait(lines, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [*helpers, *lines]
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results[1:]:
            if isinstance(result, Exception):
                raise result

    async def _help(self, out: Outlet) -> None:
        """Fill gaps and watch the clock beside; a line that is lost is the pump's to tell."""
        with suppress(ConnectionError, TimeoutError, ua.UaError):
            await self._aside.run(self._link, self._subscription, self._emit, self._say, out.kept)

    async def _read_for_ever(self, out: Outlet) -> None:
        rounds, every = self._rounds, max(self.options.seconds("poll_every"), 0.01)
        due = time.monotonic()
        while rounds is not None:
            await out.ready()
            bad = dict(rounds.bad)
            columns = await rounds.read(self._link.session, now_ns())
            if columns.n:
                self._shift(columns)
                out.emit(columns.rows(rounds.names))
            if rounds.bad != bad:
                self._say()
            due = max(due + every, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def _heard(self, columns: Columns) -> None:
        """Pass one message on; say so when the server's own queue overflowed or an item could not be read."""
        subscription, out = self._subscription, self._out
        if subscription is None or out is None:
            return
        if not (columns.handle[: columns.n] < len(subscription.tags)).all():
            out.reject("", "the server sent items nobody asked for", columns.n)
            return
        overflows = self._gaps.overflows
        self._gaps.heard(columns)
        self._emit(columns)
        if self._gaps.overflows > overflows:
            self._say()
        for handle, why, n in subscription.broken:
            out.reject(subscription.tags[handle] if handle < len(subscription.tags) else "", why, n)
        subscription.broken.clear()

    def _emit(self, columns: Columns) -> None:
        if self._subscription is not None and self._out is not None:
            self._shift(columns)
            self._out.emit(columns.rows(self._subscription.names))

    def _shift(self, columns: Columns) -> None:
        """Give the values the time the options ask for."""
        if self.options.times == "arrival":
            columns.ts[: columns.n] = now_ns()
        elif self._aside.correction:
            columns.ts[: columns.n] -= self._aside.correction

    def _say(self) -> None:
        """Say how the line is, and everything a person should know of it."""
        if self._out is None or self._subscription is None:
            return
        bad = len(self._bad())
        remarks = [f"{bad} of {self._count()} tags are bad"] if bad else []
        if self._subscription.lost_messages:
            n = self._subscription.lost_messages
            remarks.append(f"{n} messages were gone when we came back: raise the server's retransmission queue")
        if self._gaps.overflows:
            remarks.append(f"the server's queue overflowed {self._gaps.overflows} times: raise queue_size")
        remarks += [text for text in (self._link.remark, self._names.moved, self._aside.remark) if text]
        beyond = len(self._subscription.beyond)
        notes = [f"{beyond} tags are read in rounds, as the server serves no more"] if beyond else []
        notes += [self._aside.filled] if self._aside.filled else []
        state = SourceState.DEGRADED if remarks else SourceState.CONNECTED
        self._out.status(self._status(state, "; ".join([*(remarks or [f"listening to {self.options.url}"]), *notes])))

    def _bad(self) -> dict[str, str]:
        bad = dict(self._subscription.bad) if self._subscription is not None else {}
        return bad | (self._rounds.bad if self._rounds is not None else {})

    def _count(self) -> int:
        beyond = len(self._subscription.beyond) if self._subscription is not None else 0
        listened = len(self._subscription.tags) - beyond if self._subscription is not None else 0
        return listened + (len(self._rounds.tags) if self._rounds is not None else 0)

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        bad = self._bad()
        heard = state in (SourceState.CONNECTED, SourceState.DEGRADED)
        return SourceStatus(self.name, state, message, tags_ok=self._count() - len(bad) if heard else 0, tags_bad=bad)
