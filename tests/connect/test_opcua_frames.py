"""Chunks off the socket: in pieces of any size, in parts, with a changed byte - always what asyncua itself would make of them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto import security_policies as policies
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.connect.sources.opcua.frames import Frames
from lineshaft.connect.sources.opcua.request import publish_body, publish_request

KEYS = b"s" * 32, b"e" * 32, b"i" * 16


def policy(mode: str) -> Any:
    """Both ends with the same keys, as after the channel was opened."""
    if mode == "None":
        return policies.SecurityPolicyNone()
    crypto = policies.Cryptography(ua.MessageSecurityMode[mode])
    crypto.Signer, crypto.Verifier = policies.SignerHMac256(KEYS[0]), policies.VerifierHMac256(KEYS[0])
    crypto.Encryptor, crypto.Decryptor = policies.EncryptorAesCbc(*KEYS[1:]), policies.DecryptorAesCbc(*KEYS[1:])
    return SimpleNamespace(symmetric_cryptography=crypto, URI="")


class Socket:
    """A transport that is not there."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def client(mode: str, waits: int, *, quick: bool) -> tuple[UASocketProtocol, list[asyncio.Future[Any]]]:
    protocol: Any = UASocketProtocol(1, policy(mode), TransportLimits(65535, 65535, 0, 0))
    protocol.connection_made(Socket())
    protocol._connection._open = True
    protocol._connection._peer_sequence_number = 0
    futures = [asyncio.get_running_loop().create_future() for _ in range(waits)]
    protocol._callbackmap = dict(enumerate(futures, 1))
    if quick:
        Frames(protocol)
    return protocol, futures


def answers(mode: str, bodies: list[bytes]) -> bytes:
    """What a server sends; a long answer goes in several chunks."""
    server = SecureConnection(policy(mode), TransportLimits(65535, 8192, 0, 0))
    return b"".join(server.message_to_binary(body, request_id=number) for number, body in enumerate(bodies, 1))


def heard(mode: str, stream: bytes, waits: int, cuts: list[int], *, quick: bool) -> tuple[list[Any], bool]:
    async def feed() -> tuple[list[Any], bool]:
        protocol, futures = client(mode, waits, quick=quick)
        socket: Any = protocol.transport
        places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
        for start, end in pairwise(places):
            if not socket.closed:
                protocol.data_received(stream[start:end])
        return [_said(future) for future in futures], socket.closed

    return asyncio.run(feed())


def _said(future: asyncio.Future[Any]) -> Any:
    if not future.done():
        return None
    return type(future.exception()).__name__ if future.exception() else bytes(future.result())


MODES = st.sampled_from(["None", "Sign", "SignAndEncrypt"])
BODIES = st.lists(
    st.one_of(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=9).map(lambda b: b * 2_000)), max_size=6
)


@settings(max_examples=25)
@given(mode=MODES, bodies=BODIES, cuts=st.lists(st.integers(0, 200_000), max_size=8))
def test_every_answer_reaches_who_waits_for_it(mode: str, bodies: list[bytes], cuts: list[int]):
    assert heard(mode, answers(mode, bodies), len(bodies), cuts, quick=True) == (bodies, False)


@settings(max_examples=25)
@given(
    mode=MODES, bodies=BODIES.filter(bool), cuts=st.lists(st.integers(0, 9_000), max_size=3), place=st.integers(0, 20_000),
    bit=st.integers(0, 7),
)  # fmt: skip
def test_a_changed_byte_is_judged_as_asyncua_judges_it(mode: str, bodies: list[bytes], cuts: list[int], place: int, bit: int):
    stream = bytearray(answers(mode, bodies))
    stream[place % len(stream)] ^= 1 << bit
    ours, theirs = (heard(mode, bytes(stream), len(bodies), cuts, quick=quick) for quick in (True, False))
    if mode != "None":
        assert all(said in (body, None) or isinstance(said, str) for said, body in zip(ours[0], bodies, strict=True))
    assert ours == theirs


@pytest.mark.parametrize("acks", [[], [7], [7, 8, 4_000_000_000]])
def test_a_publish_request_is_byte_for_byte_what_asyncua_writes(acks: list[int]):
    request = ua.PublishRequest()
    request.RequestHeader.AuthenticationToken = ua.NodeId(b"token", 1, ua.NodeIdType.ByteString)
    request.RequestHeader.RequestHandle, request.RequestHeader.TimeoutHint = 9, 0
    request.Parameters.SubscriptionAcknowledgements = [ua.SubscriptionAcknowledgement(5, ack) for ack in acks]
    at = int(request.RequestHeader.Timestamp.timestamp()) * 10**9
    request.RequestHeader.Timestamp = request.RequestHeader.Timestamp.replace(microsecond=0)
    assert publish_body(request.RequestHeader.AuthenticationToken, 9, at, 5, acks) == struct_to_binary(request)


async def test_a_publish_request_waits_for_its_answer():
    protocol, _ = client("SignAndEncrypt", 0, quick=True)
    future = publish_request(protocol, 5, [1])
    socket: Any = protocol.transport
    assert len(socket.sent) == 1
    protocol.data_received(answers("SignAndEncrypt", [b"published"]))
    assert bytes(await future) == b"published"
