"""A publish request as bytes: it is the one request that is sent all the time, so it is written by hand."""

# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false
# ruff: noqa: SLF001
# asyncua keeps to itself what sends bytes, and re-exports its names without saying so
from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.ua_binary import nodeid_to_binary

from lineshaft.connect.sources.opcua.columns import EPOCH
from lineshaft.core import now_ns

PUBLISH_REQUEST = b"\x01\x00" + struct.pack("<H", ua.ObjectIds.PublishRequest_Encoding_DefaultBinary)
_REST = struct.pack("<IiI", 0, -1, 0) + b"\0\0\0"
"""No diagnostics, no audit entry, no time limit, no additional header."""


def publish_body(token: Any, handle: int, now: int, subscription: int, acks: Sequence[int]) -> bytes:
    """Return a PublishRequest (part 4, 5.14.5) that acknowledges some sequence numbers of one subscription."""
    numbers = [number for ack in acks for number in (subscription, ack)]
    head = nodeid_to_binary(token) + struct.pack("<qI", now // 100 + EPOCH, handle) + _REST
    return PUBLISH_REQUEST + head + struct.pack(f"<i{len(numbers)}I", len(acks), *numbers)


def publish_request(protocol: Any, subscription: int, acks: Sequence[int]) -> asyncio.Future[Any]:
    """Send a publish request; what comes back are the bytes of its answer, in the server's order.

    What asyncua's `_send_request` does, without making objects of it first.
    """
    protocol._request_handle += 1
    body = publish_body(protocol.authentication_token, protocol._request_handle, now_ns(), subscription, acks)
    number = protocol._request_id + 1
    protocol.revolve_security_token()
    message = protocol._connection.message_to_binary(body, request_id=number)
    protocol._request_id = number
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    protocol._callbackmap[number] = future
    protocol.transport.write(message)
    return future
