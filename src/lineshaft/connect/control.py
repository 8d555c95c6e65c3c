"""The control channel of a simulator: a loopback TCP port with JSON lines and a secret, named in HOME/simulator.json.

It exists for demos and tests only ("break the pump"); a real machine has no such thing.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from lineshaft.core import InvalidInput, NotFound, Retryable

FILE = "simulator.json"
Handle = Callable[[str, bool], Mapping[str, bool]]
"""Switches the named fault and returns the state of every fault; an empty name only asks."""


@asynccontextmanager
async def serve_control(home: Path, url: str, handle: Handle, **about: object) -> AsyncGenerator[None]:
    """Listen on the control channel and name it in HOME/simulator.json until left."""
    secret = secrets.token_urlsafe(24)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = _reply(await asyncio.wait_for(reader.readline(), 5), secret, handle)
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    path = home / FILE
    port = int(server.sockets[0].getsockname()[1])
    _write_private(path, {"url": url, "control_port": port, "secret": secret, "pid": os.getpid(), **about})
    try:
        async with server:
            yield
    finally:
        path.unlink(missing_ok=True)


def _reply(line: bytes, secret: str, handle: Handle) -> dict[str, object]:
    asked = json.loads(line)
    if not isinstance(asked, dict):
        return {"error": "a JSON object is expected"}
    said = cast("dict[str, Any]", asked)
    if not hmac.compare_digest(str(said.get("secret", "")), secret):
        return {"error": "the secret is wrong"}
    try:
        return {"faults": dict(handle(str(said.get("fault", "")), bool(said.get("active", True))))}
    except InvalidInput as error:
        return {"error": error.what, "hint": error.hint}


def _write_private(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(dict(content), file)
    fresh.replace(path)


def _ask(home: Path, message: Mapping[str, object]) -> dict[str, bool]:
    path = home / FILE
    try:
        where = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound("no simulator runs here", where=str(path), hint="start one with `lineshaft simulate`") from None
    try:
        with socket.create_connection(("127.0.0.1", where["control_port"]), timeout=5) as link:
            link.sendall(json.dumps({"secret": where["secret"], **message}).encode() + b"\n")
            answer = json.loads(link.makefile().readline() or "{}")
    except (OSError, ValueError) as error:
        raise Retryable(
            f"the simulator does not answer: {error}", where=str(path), hint="is its process still running?"
        ) from None
    if "error" in answer:
        raise InvalidInput(answer["error"], where=str(path), hint=answer.get("hint", ""), code="simulator.fault")
    return answer.get("faults", {})


def fault(home: Path, name: str, *, active: bool = True) -> dict[str, bool]:
    """Switch a fault of the running simulator and return the state of all. Raises NotFound if none runs."""
    return _ask(home, {"fault": name, "active": active})


def simulator_faults(home: Path) -> dict[str, bool]:
    """Return the running simulator's faults and whether each is active. Raises NotFound if none runs."""
    return _ask(home, {"fault": ""})
