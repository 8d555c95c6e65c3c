"""What a simulator hands to the server it speaks through: tags, their types on the wire, and values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

Value = float | int | bool | str | None
Wire = str
"""How wide a value is on the wire: a DataType's name, or `int32`, `uint32` for machine words."""


class Server(Protocol):
    """A protocol server on a loopback port that shows tags named `Asset/Tag`."""

    url: str

    async def start(
        self, tags: Mapping[str, tuple[Wire, Value]], ts: int | None = None, *, writable: Collection[str] = ()
    ) -> None:
        """Show the tags with their first values of source time `ts` (UTC ns, default now); `url` is where.

        Clients may write those in `writable`.
        """
        ...

    async def read(self, tag: str) -> Value:
        """Return a tag's value as clients see it, also when one of them wrote it."""
        ...

    async def write(self, changes: Sequence[tuple[str, Value]], ts: int) -> None:
        """Show new values, all with the same source time (UTC ns). Every one reaches every listener with a long enough queue."""
        ...

    def source(self) -> str:
        """Return a ready [[sources]] table for settings.toml that hears all of it."""
        ...

    def listeners(self) -> int:
        """Return how many tags have at least one listener."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...
