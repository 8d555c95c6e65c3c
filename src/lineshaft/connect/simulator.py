"""Finds a simulator its server and its port, and runs it until somebody stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from lineshaft.connect import servers as folder
from lineshaft.connect.wire import Server
from lineshaft.core import ConfigError, Registry


@lru_cache(maxsize=1)
def server_plugins() -> Registry:
    """Return the protocols a simulator can speak."""
    return Registry("lineshaft.servers", folder)


def make_server(protocol: str, port: int, name: str) -> Server:
    """Return a server of the protocol, not yet started. Raises ConfigError for an unknown protocol or a port in use."""
    plugin = server_plugins().load(protocol, where="--as")
    at_broker = getattr(plugin, "BROKER", False)  # there the port is the broker's, and in use
    return cast("Server", plugin(port if at_broker else free_port(port), name))


def tell_source(home: Path, server: Server) -> Path:
    """Write the [[sources]] table that hears a simulator into the home; return the file."""
    path = home / "simulator-source.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# copy this into settings.toml to hear the simulator\n{server.source()}", encoding="utf-8")
    return path


def free_port(port: int) -> int:
    """Return the port, or a free one for 0. Raises ConfigError if somebody else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(
                f"port {port} cannot be used: {error.strerror}",
                where="--port",
                hint="choose another one, or 0 for a free one",
                code="port.in-use",
            ) from None
        return int(probe.getsockname()[1])


async def until_stopped(work: Callable[[], Awaitable[None]], *, with_parent: bool = False) -> None:
    """Run until done, until SIGTERM or SIGINT, or (if asked) until the process that started us is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks: set[asyncio.Future[Any]] = {asyncio.ensure_future(work()), asyncio.create_task(stop.wait())}
    if with_parent:
        tasks.add(asyncio.create_task(_parent_gone(os.getppid())))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _parent_gone(parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - the kernel tells no event when a parent dies
        await asyncio.sleep(1)
