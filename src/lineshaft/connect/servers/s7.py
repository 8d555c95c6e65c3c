"""A Siemens S7 server for simulators: tags one after the other in data block 1, as a controller would hold them; loopback only.

S7 knows no time, no quality and no names. Who may write is not told apart: every client may, as at a controller with PUT/GET.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Collection, Mapping, Sequence

from snap7.server import Server
from snap7.type import SrvArea

from lineshaft.connect.table import Spot, Table, quoted
from lineshaft.connect.wire import Value, Wire

KINDS: dict[Wire, tuple[str, str]] = {
    "double": ("lreal", "D"),
    "integer": ("lint", "D"),
    "int32": ("dint", "D"),
    "uint32": ("udint", "D"),
}


class S7Server:
    """Shows tags in DB1."""

    def __init__(self, port: int, name: str) -> None:
        self.url = f"s7://127.0.0.1:{port}"
        self._port, self._name = port, name
        self._table = Table({})
        self._lock = threading.Lock()
        logging.getLogger("snap7").setLevel(logging.CRITICAL)
        self._server = Server(log=False)

    async def start(
        self, tags: Mapping[str, tuple[Wire, Value]], ts: int | None = None, *, writable: Collection[str] = ()
    ) -> None:
        """Listen and show the tags with their first values."""
        del ts, writable
        self._table = Table({tag: wire for tag, (wire, _) in tags.items()})
        for tag, (_, first) in tags.items():
            self._table.put(tag, first, counted=True)
        self._server.register_area(SrvArea.DB, 1, self._table.memory)
        await asyncio.to_thread(self._server.start_to, "127.0.0.1", self._port)

    async def read(self, tag: str) -> Value:
        """Return a tag's value as clients see it."""
        return self._table.get(tag, counted=True)

    async def write(self, changes: Sequence[tuple[str, Value]], ts: int) -> None:
        """Show new values; a client that asks too seldom sees only the last."""
        del ts
        for tag, value in changes:
            self._table.put(tag, value, counted=True)

    def listeners(self) -> int:
        """Return how many tags somebody may ask for: all, while a client is connected."""
        return len(self._table.spots) if self._server.client_count else 0

    async def stop(self) -> None:
        """Close every line and the port."""
        await asyncio.to_thread(self._server.stop)

    def source(self) -> str:
        """Return a ready [[sources]] table that hears all of it."""
        lines = ["[[sources]]", f"name = {quoted(self._name)}", 'type = "s7"', 'host = "127.0.0.1"', f"port = {self._port}"]
        lines += ['every = "250ms"']
        for tag, spot in self._table.spots.items():
            lines += ["[[sources.tags]]", f"name = {quoted(tag)}", *_place(spot)]
        return "\n".join(lines) + "\n"


def _place(spot: Spot) -> list[str]:
    if spot.wire == "boolean":
        return [f'at = "DB1.DBX{spot.at}.0"']
    if spot.wire in KINDS:
        kind, letter = KINDS[spot.wire]
        return [f'at = "DB1.DB{letter}{spot.at}"', f'type = "{kind}"']
    return [f'at = "DB1.DBB{spot.at}"', 'type = "string"', f"length = {spot.size - 2}"]


PLUGIN = S7Server
