"""Whether the tags a process needs are ready: there, bound to a source, fresh, and of good quality.

A process that begins by an alarm works where an alarm names it; there its needs are looked for by name, and the alarm's own
property is needed too. A need written as a whole path is looked for once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from lineshaft.act.process import Process
from lineshaft.assets import DERIVED, Assets, Property
from lineshaft.core import NS, NotFound, now_ns, parse_duration

GOOD = 0


class Newest(Protocol):
    """What is asked of the store."""

    def latest(self, paths: Sequence[Any], /) -> Sequence[Any]:
        """Return the newest value of each path, or None."""
        ...


def readiness_of(process: Process, alarms: Collection[Mapping[str, Any]], assets: Assets, store: Newest) -> list[dict[str, Any]]:
    """Return every need at every place: asset, need, property, state (ready, missing, unbound, silent, stale, bad), age_s."""
    now = now_ns()
    return [_state(asset, need, fresh, assets, store, now) for asset, need, fresh in _wanted(process, alarms)]


def _wanted(process: Process, alarms: Collection[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    seen: set[str] = set()
    mine = [row for row in alarms if row["process"] == process.process]
    for row in sorted(mine, key=lambda row: (row["asset"], row["name"])):
        for need in process.needs:
            path = f"{row['asset']}/{need.property}"
            if "/" not in need.property and path not in seen:
                seen.add(path)
                yield row["asset"], path, parse_duration(need.fresh)
        if row["property"] and row["property"] not in seen:
            seen.add(row["property"])
            yield row["asset"], str(row["property"]), parse_duration("15m")
    for need in process.needs:
        if "/" in need.property and need.property not in seen:
            seen.add(need.property)
            yield need.property.rpartition("/")[0], need.property, parse_duration(need.fresh)


def _state(asset: str, path: str, fresh: int, assets: Assets, store: Newest, now: int) -> dict[str, Any]:
    found: dict[str, Any] = {"asset": asset, "property": path, "age_s": None}
    try:
        one = assets.property(path)
    except NotFound:
        return {**found, "state": "missing"}
    if not _is_fed(one, assets):
        return {**found, "state": "unbound"}
    last = store.latest([one.path])[0]
    if last is None:
        return {**found, "state": "silent"}
    age = now - int(last.ts)
    state = "bad" if int(last.quality) != GOOD else "stale" if age > fresh else "ready"
    return {**found, "state": state, "age_s": round(age / NS, 1)}


def _is_fed(one: Property, assets: Assets) -> bool:
    return any(span.source == DERIVED or span.end_ns is None for span in assets.spans(one.id))
