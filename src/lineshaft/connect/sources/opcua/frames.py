"""Message chunks out of the bytes of the socket, in place of asyncua's reading of them: most are whole answers in one chunk.

What is no such chunk - a part of a message, another security token, a signature that does not fit - goes to asyncua.
"""

# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false
# ruff: noqa: SLF001
# asyncua keeps to itself what reads bytes
from __future__ import annotations

import struct
from typing import Any

from asyncua.common.utils import Buffer
from asyncua.crypto.uacrypto import InvalidSignature

_head = struct.Struct("<4sIII").unpack_from
_numbers = struct.Struct("<II").unpack_from
WHOLE = b"MSGF"


class Frames:
    """Reads the chunks of one connection; `protocol` is asyncua's, connected and with its secure channel open."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._rest: list[bytes] = []
        self._have = self._want = 0
        protocol.data_received = self.feed

    def feed(self, data: bytes) -> None:
        """Take what the socket gave; each chunk that is complete goes to who waits for it."""
        self._rest.append(data)
        self._have += len(data)
        if self._have < self._want:
            return
        data = b"".join(self._rest) if len(self._rest) > 1 else data
        pos, end = 0, len(data)
        self._want = 8
        while end - pos >= 8:
            size = int.from_bytes(data[pos + 4 : pos + 8], "little")
            if size < 8:
                self._protocol._process_received_data(data[pos:])  # which says what it is, and hangs up
                pos = end
                break
            if end - pos < size:
                self._want = size
                break
            if not self._whole(data, pos, size):
                self._protocol._process_received_data(data[pos : pos + size])
                if self._protocol.transport is None or self._protocol.transport.is_closing():
                    pos = end
                    break
            pos += size
        self._rest = [data[pos:]] if pos < end else []
        self._have = end - pos

    def _whole(self, data: bytes, pos: int, size: int) -> bool:
        """Hand on a chunk that is a whole answer, secured with the token of now and next in order; return whether it was."""
        link = self._protocol._connection
        if size < 24 or size > link._limits.max_recv_buffer or link._incoming_parts:
            return False
        kind, _, channel, token = _head(data, pos)
        if kind != WHOLE or channel != link.security_token.ChannelId or token != link.security_token.TokenId:
            return False
        body = self._opened(link.security_policy.symmetric_cryptography, data, pos, size)
        if len(body) < 8:
            return False
        number, request = _numbers(body, 0)
        if link._peer_sequence_number is None or number != link._peer_sequence_number + 1:
            return False
        if request not in self._protocol._callbackmap:
            return False
        link._peer_sequence_number = number
        self._protocol._call_callback(request, Buffer(body, 8))
        return True

    @staticmethod
    def _opened(crypto: Any, data: bytes, pos: int, size: int) -> bytes:
        """Return a chunk's content, decrypted and with its signature verified; nothing where that does not fit."""
        crypto.use_prev_key = False
        try:
            content: bytes = crypto.decrypt(data[pos + 16 : pos + size])
            signed: int = crypto.vsignature_size()
            if not signed:
                return content
            content, signature = content[:-signed], content[-signed:]
            crypto.verify(data[pos : pos + 16] + content, signature)
            return crypto.remove_padding(content)
        except (InvalidSignature, ValueError):
            return b""
