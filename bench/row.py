"""One measured figure, and the peer's beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of ours. `ratio` is ours/peer (or peer/ours where less is better): above 1 is better for us.

    `name` begins with the bench's name; `peer` says what `peer_value` was measured on, or is a limit we promised.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the row as it is written to a file."""
        return asdict(self)


def more_is_better(name: str, value: float, unit: str, peer: str, peer_value: float) -> Row:
    """Return a row of a figure such as values per second."""
    return Row(name, value, unit, peer, peer_value, value / peer_value if peer_value else None)


def less_is_better(name: str, value: float, unit: str, peer: str, peer_value: float) -> Row:
    """Return a row of a figure such as a latency or memory."""
    return Row(name, value, unit, peer, peer_value, peer_value / value if value else None)
