"""The door for edge nodes: TLS 1.3 on a port of its own, where a client certificate that this plant did not sign ends it.

Who has no certificate yet may only ask for the CA and redeem a claim. The application behind is a handful of lines: what is
asked and what is answered is connect's.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any, cast

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from lineshaft.connect import LIMIT, OPEN_LIMIT, Authority, Reception

SERIAL = "lineshaft.serial"


class _Protocol(H11Protocol):
    """Hands the serial number of the certificate shown to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look at who is there; the handshake is over."""
        super().connection_made(transport)
        shown = cast("dict[str, Any] | None", transport.get_extra_info("peercert"))
        self.app_state = {**self.app_state, SERIAL: str(shown["serialNumber"]).lower().lstrip("0") if shown else None}


class Uplink:
    """The application behind the door."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        serial: str | None = scope["state"][SERIAL]
        body = await _body(receive, OPEN_LIMIT if serial is None else LIMIT)
        if body is None:
            status, answer = 413, {"what": "this message is too long", "code": "edge.message"}
        else:
            what = f"{scope['method']} {scope['path']}"
            status, answer = await asyncio.to_thread(self._reception.answer, what, serial, body)
        said = json.dumps(answer, ensure_ascii=False).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": said})


async def _body(receive: Receive, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def context(authority: Authority) -> ssl.SSLContext:
    """Return the plant's side of TLS: a certificate that is shown must be ours and valid; the path decides if one is needed."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(*authority.server())
    made.load_verify_locations(authority.ca_file)
    made.verify_mode = ssl.CERT_OPTIONAL
    return made


def config(reception: Reception, authority: Authority) -> uvicorn.Config:
    """Return how uvicorn is to serve the door."""
    made = uvicorn.Config(
        Uplink(reception),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=3,
    )
    made.load()
    made.ssl = context(authority)
    return made
