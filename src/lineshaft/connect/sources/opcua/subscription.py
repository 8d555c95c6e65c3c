"""One subscription: its monitored items, the pump of publish requests, and what is asked for again after a gap."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.decoder import Published, Unreadable, decode_publish
from lineshaft.connect.sources.opcua.link import Link
from lineshaft.connect.sources.opcua.names import Namespaces, UnknownNamespace
from lineshaft.connect.sources.opcua.options import OpcuaOptions
from lineshaft.connect.sources.opcua.plain import take_item
from lineshaft.connect.sources.opcua.request import publish_request
from lineshaft.core import now_ns

OUTSTANDING, MOST_OUTSTANDING = 3, 16
"""Publish requests at the server to begin with, and where it always has more to say than they can carry."""
CHUNK = 500
TOO_MANY = {ua.StatusCodes.BadTooManyMonitoredItems, ua.StatusCodes.BadOutOfMemory, ua.StatusCodes.BadResourceUnavailable}
"""The server serves no more: such tags are read in rounds instead."""
Take = Callable[[Columns], None]


def refused(status: str) -> str:
    """Return why a server does not let us listen to a node, with what to look at.

    >>> refused("BadNodeIdUnknown")
    'the server refuses it: BadNodeIdUnknown - it has no such node: compare the namespace number and the spelling'
    """
    mend = {
        "BadNodeIdUnknown": "it has no such node: compare the namespace number and the spelling",
        "BadAttributeIdInvalid": "this node has no value: name a variable",
        "BadNotReadable": "our login may not read it",
        "BadUserAccessDenied": "our login may not read it",
    }.get(status, "")
    return f"the server refuses it: {status}" + (f" - {mend}" if mend else "")


class SubscriptionLost(ConnectionError):
    """The server has no such subscription any more: it has to be made anew."""


class Subscription:
    """Listens to `tags`; `take` is called with the columns of each message, in the server's order, nothing twice."""

    def __init__(self, link: Link, options: OpcuaOptions, names: Namespaces, tags: Sequence[str], take: Take) -> None:
        self.tags = list(tags)
        self.nodes: dict[int, Any] = {}
        self.beyond: list[str] = []
        self._spaces = names
        self.names = pa.array(self.tags, pa.string())
        self.bad: dict[str, str] = {}
        self.lost_messages = 0
        self.broken: list[tuple[int, str, int]] = []
        self._link = link
        self._options = options
        self._take = take
        self._id = 0
        self._last = 0
        self._acks: list[int] = []
        self._taken: list[Columns] = []
        self._most = MOST_OUTSTANDING
        self._patience = 10.0

    async def create(self) -> None:
        """Make the subscription and its items on the server; a node it does not know becomes a bad tag with a reason."""
        options = self._options
        interval = max(options.seconds("publishing_interval") * 1000, 1.0)
        keepalive = max(int(options.seconds("keepalive") * 1000 / interval), 1)
        lifetime = max(int(options.seconds("lifetime") * 1000 / interval), keepalive * 3)
        request = ua.CreateSubscriptionRequest()
        request.Parameters = ua.CreateSubscriptionParameters(interval, lifetime, keepalive, 0, True, 0)
        made = await self._call(request, ua.CreateSubscriptionResponse)
        result = made.Parameters
        self._id, self._last, self._acks = int(result.SubscriptionId), 0, []
        silence = result.RevisedPublishingInterval * result.RevisedMaxKeepAliveCount / 1000
        self._patience = silence * 2 + options.seconds("timeout")
        self.bad, self.nodes, self.beyond = {}, {}, []
        for start in range(0, len(self.tags), CHUNK):
            await self._create_items(start)

    async def _create_items(self, start: int) -> None:
        requests: list[Any] = []
        handles: list[int] = []
        for handle, tag in enumerate(self.tags[start : start + CHUNK], start):
            try:
                node = self._spaces.node(tag)
            except UnknownNamespace as error:
                self.bad[tag] = str(error)
                continue
            except (ua.UaError, ValueError):
                self.bad[tag] = f"'{tag}' is not a NodeId: write for example ns=2;s=Oven/Temperature"
                continue
            requests.append(self._item(node, handle))
            handles.append(handle)
        if not requests:
            return
        parameters = ua.CreateMonitoredItemsParameters(self._id, ua.TimestampsToReturn.Both, requests)
        results = await self._link.session.create_monitored_items(parameters)
        for handle, request, result in zip(handles, requests, results, strict=True):
            if result.StatusCode.is_good():
                self.nodes[handle] = request.ItemToMonitor.NodeId
            elif result.StatusCode.value in TOO_MANY:
                self.beyond.append(self.tags[handle])
            else:
                self.bad[self.tags[handle]] = refused(str(result.StatusCode.name))

    def _item(self, node: Any, handle: int) -> Any:
        options = self._options
        trigger = {"status_value": 1, "status_value_timestamp": 2}[options.trigger]
        parameters = ua.MonitoringParameters()
        parameters.ClientHandle = handle
        parameters.SamplingInterval = options.seconds("sampling_interval") * 1000
        parameters.QueueSize = options.queue_size
        parameters.DiscardOldest = True
        if options.trigger != "status_value":
            parameters.Filter = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger(trigger))
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(node, ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=parameters,
        )

    async def pump(self, ready: Callable[[], Any]) -> None:
        """Keep publish requests at the server and take what comes, until the line or the subscription is lost."""
        waiting: deque[asyncio.Future[Any]] = deque()
        limit = OUTSTANDING
        try:
            while True:
                await ready()
                while len(waiting) < limit:
                    waiting.append(self._publish())
                done, _ = await asyncio.wait({waiting[0]}, timeout=self._patience)
                if not done:
                    raise TimeoutError
                limit = await self._take_all(waiting, limit)
        finally:
            for future in waiting:
                if not future.cancel() and not future.cancelled():
                    future.exception()

    async def _take_all(self, waiting: deque[asyncio.Future[Any]], limit: int) -> int:
        """Take every answer that is there, and their values as one; return how many requests to keep at the server.

        Where the last of them still says there is more, more requests are worth their while.
        """
        more = False
        try:
            while waiting and waiting[0].done():
                got = self._decode(bytes(waiting.popleft().result()))
                if got.result >> 31:
                    limit = self._complaint(got.result, limit)
                    continue
                await self._in_order(got)
                more = got.more
        finally:
            self._pass_on()
        return min(limit + 1, self._most) if more else limit

    def _pass_on(self) -> None:
        taken, self._taken = self._taken, []
        if len(taken) > 1:
            taken[0].below(taken[1:])
        if taken:
            self._take(taken[0])

    def _publish(self) -> asyncio.Future[Any]:
        protocol = self._link.client.uaclient.protocol
        if protocol is None or protocol.transport is None:
            raise ConnectionError("the line is closed")
        acks, self._acks = self._acks, []
        return publish_request(protocol, self._id, acks)

    def _complaint(self, status: int, limit: int) -> int:
        """Judge a refused publish request; return how many to keep at the server from now on."""
        if status == ua.StatusCodes.BadTooManyPublishRequests:
            self._most = max(limit - 1, 1)
            return self._most
        if status == ua.StatusCodes.BadTimeout:
            return limit
        if status in (ua.StatusCodes.BadNoSubscription, ua.StatusCodes.BadSubscriptionIdInvalid):
            raise SubscriptionLost("the server has no such subscription")
        raise ua.UaStatusCodeError(status)

    def _decode(self, body: bytes) -> Published:
        now = now_ns()
        try:
            return decode_publish(body, now)
        except (Unreadable, IndexError, ValueError):
            return self._decode_slowly(struct_from_binary(ua.PublishResponse, Buffer(body)), now)

    def _decode_slowly(self, response: Any, now: int) -> Published:
        out = Published(result=int(response.ResponseHeader.ServiceResult.value))
        message = response.Parameters.NotificationMessage
        out.subscription, out.sequence = int(response.Parameters.SubscriptionId), int(message.SequenceNumber)
        self._fill(out, message, now)
        return out

    def _fill(self, out: Published, message: Any, now: int) -> None:
        items = [item for data in message.NotificationData or [] for item in getattr(data, "MonitoredItems", None) or []]
        out.status_changes += [int(data.Status.value) for data in message.NotificationData or [] if hasattr(data, "Status")]
        if items:
            out.columns = Columns(len(items))
            for item in items:
                take_item(item, out.columns, now)
            out.columns.settle(now)

    async def _in_order(self, got: Published) -> None:
        """Take a message when its turn has come; what is missing before it is asked for again first."""
        if got.subscription != self._id:
            return
        if not got.has_data:
            await self._fetch(until=got.sequence)
            return
        if not _ahead(got.sequence, self._last):
            return
        await self._fetch(until=got.sequence)
        self._accept(got)

    def _accept(self, got: Published) -> None:
        self._last = got.sequence
        self._acks.append(got.sequence)
        self.broken += got.broken
        if got.columns is not None and got.columns.n:
            self._taken.append(got.columns)
        for status in got.status_changes:
            raise SubscriptionLost(f"the server ended the subscription: {ua.StatusCode(status).name}")

    async def resume(self) -> None:
        """After the session came back: ask for every message the server sent while nobody listened."""
        try:
            await self._fetch(until=None)
        finally:
            self._pass_on()

    async def _fetch(self, until: int | None) -> None:
        """Republish message after message from the last taken one up to `until`, or up to what the server has."""
        if until is not None and not _ahead(until, self._last):
            return
        for sequence in _following(self._last):
            if sequence == until:
                return
            try:
                message = await self._link.session.republish(self._id, sequence)
            except ua.uaerrors.BadMessageNotAvailable:
                message = None
            except (ua.uaerrors.BadSubscriptionIdInvalid, ua.uaerrors.BadNoSubscription) as error:
                raise SubscriptionLost("the server has no such subscription") from error
            if message is None or not message.NotificationData:
                if until is not None:
                    self.lost_messages += _distance(sequence, until)
                    self._last = _before(until)
                return
            again = Published(subscription=self._id, sequence=sequence)
            self._fill(again, message, now_ns())
            self._accept(again)

    async def _call(self, request: Any, response: Any) -> Any:
        uaclient = self._link.client.uaclient
        body = await uaclient._send_request(request)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - create_subscription would start asyncua's own loop
        answer = struct_from_binary(response, body)
        answer.ResponseHeader.ServiceResult.check()
        return answer


def _following(last: int) -> Iterator[int]:
    """Yield the sequence numbers after `last`; they wrap from 2^32-1 to 1."""
    while True:
        last = 1 if last >= 0xFFFFFFFF else last + 1
        yield last


def _before(sequence: int) -> int:
    return 0xFFFFFFFF if sequence == 1 else sequence - 1


def _distance(first: int, until: int) -> int:
    return until - first if until >= first else until - first + 0xFFFFFFFF


def _ahead(sequence: int, last: int) -> bool:
    """Whether a sequence number lies behind the last taken one, also across the wrap."""
    return 0 < (sequence - last) % 0xFFFFFFFF < 0x7FFFFFFF
