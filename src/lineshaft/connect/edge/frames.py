"""How batches travel: a head in JSON, then each batch as the Arrow stream it is kept as; a length before each."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, cast

import pyarrow as pa

from lineshaft.core import Batch, InvalidInput

LENGTH = struct.Struct("<I")


def pack(head: Mapping[str, Any], batches: Iterable[Batch]) -> bytes:
    """Return one message."""
    parts = [json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()]
    parts += [batch.to_bytes() for batch in batches]
    return b"".join(piece for part in parts for piece in (LENGTH.pack(len(part)), part))


def unpack(body: bytes) -> tuple[dict[str, Any], list[Batch]]:
    """Return head and batches. Raises InvalidInput for anything that `pack` did not make."""
    view = memoryview(body)
    parts: list[memoryview] = []
    at = 0
    while at < len(view):
        end = at + LENGTH.size + (LENGTH.unpack_from(view, at)[0] if len(view) - at >= LENGTH.size else len(view))
        if end > len(view):
            raise InvalidInput("this message ends too early", code="edge.message")
        parts.append(view[at + LENGTH.size : end])
        at = end
    try:
        return json.loads(bytes(parts[0])), [Batch.from_bytes(part) for part in parts[1:]]
    except (IndexError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InvalidInput(f"this message cannot be read: {error}", code="edge.message") from None


def pack_picture(content: bytes, said: Mapping[str, Any]) -> bytes:
    """Return the message of one picture: what is known of it, then its bytes."""
    head = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    return LENGTH.pack(len(head)) + head + content


def unpack_picture(body: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return a picture and what is known of it. Raises InvalidInput for anything that `pack_picture` did not make."""
    try:
        end = LENGTH.size + LENGTH.unpack_from(body)[0]
        said: Any = json.loads(body[LENGTH.size : end])
    except (struct.error, ValueError) as error:
        raise InvalidInput(f"this message cannot be read: {error}", code="edge.message") from None
    if not isinstance(said, dict):
        raise InvalidInput("this message says nothing of its picture", code="edge.message")
    return body[end:], cast("dict[str, Any]", said)
