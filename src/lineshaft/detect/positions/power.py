"""How the sensors themselves are: battery and signal strength, where their streams are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lineshaft.assets import Assets

SHARE = 20.0
"""Where a battery is told in percent, it is low below this, unless the position says otherwise."""


class Store(Protocol):
    """What is asked of the store."""

    def latest(self, refs: Iterable[Any], /) -> Sequence[Any]:
        """Return the newest value of each, None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Power:
    """What a sensor said last of its battery and its signal; None where it says nothing."""

    battery: float | None = None
    battery_unit: str = ""
    signal: float | None = None
    signal_unit: str = ""
    low: bool = False


def power(store: Store, assets: Assets, rows: Sequence[dict[str, Any]]) -> dict[str, Power]:
    """Return how the sensors of positions are, by the position's id."""
    known = {row[name]: assets.find(row[name]) for row in rows for name in ("battery", "signal") if row[name]}
    found = {key: one for key, one in known.items() if one is not None}
    newest = dict(zip(found, store.latest([one.path for one in found.values()]), strict=True))

    def said(key: str) -> tuple[float | None, str]:
        last = newest.get(key)
        value = None if last is None or last.quality != 0 or not isinstance(last.value, int | float) else float(last.value)
        return value, found[key].unit if key in found else ""

    return {row["id"]: _power(row, *said(row["battery"]), *said(row["signal"])) for row in rows}


def _power(row: dict[str, Any], battery: float | None, unit: str, signal: float | None, signal_unit: str) -> Power:
    limit = row["settings"].get("battery_low")
    limit = SHARE if limit is None and unit == "%" else limit
    low = battery is not None and limit is not None and battery < limit
    return Power(battery, unit, signal, signal_unit, low)
