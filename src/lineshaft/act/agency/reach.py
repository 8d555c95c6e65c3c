"""What agents and the assistant can read: the rooms, seen as the one who asks sees them - gate, part of the plant, veil."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lineshaft.assets import Assets
from lineshaft.compute import Compute
from lineshaft.core import Forbidden, NotFound, iso
from lineshaft.detect import Detect
from lineshaft.guard import MASK, Guard, Sight, Subject
from lineshaft.maintain import Orders, Spares
from lineshaft.store import Store

MOST = 50
"""Rows of an answer, at most: a model reads no tables of thousands."""
CALLED: Mapping[str, Mapping[str, str]] = {"samples": {"time": "ts"}, "downtime": {"start": "started", "end": "ended"}}
"""Columns whose name here is another than in SQL."""


class HowTo(Protocol):
    """The work instructions."""

    def list(self) -> list[dict[str, Any]]:
        """Return the newest version of each: name, number and content."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """The rooms that can be read; those a node does not have are None."""

    guard: Guard
    assets: Assets | None
    orders: Orders
    spares: Spares
    detect: Detect
    store: Store | None = None
    compute: Compute | None = None
    home: Path | None = None
    instructions: HowTo | None = None

    @property
    def map(self) -> Assets:
        """The assets. Raises NotFound on a node without any."""
        if self.assets is None:
            raise NotFound("there are no assets here", code="assets.unknown")
        return self.assets

    def place(self, subject: Subject, path: str) -> str:
        """Return an asset's path if the one who asks may read it. Raises NotFound or Forbidden."""
        asset = self.map.asset(path)
        self.guard.gate(subject, "read", asset.path)
        return asset.path

    def rows(self, subject: Subject, table: str, rows: Iterable[Mapping[str, Any]], place: str = "asset") -> list[dict[str, Any]]:
        """Return the rows of a table that the one who asks sees, as they see them."""
        if subject.sight(table) is Sight.HIDDEN:
            raise Forbidden(f"{subject.name} does not see {table}", code="gate.forbidden")
        found = [row for row in rows if subject.reaches(str(row.get(place) or ""))]
        return [_veiled(subject, table, row) for row in found[:MOST]]

    def values(self, subject: Subject, path: str) -> list[dict[str, Any]]:
        """Return the newest value of every property of an asset."""
        if self.store is None:
            return []
        shown = list(self.map.properties(self.map.asset(self.place(subject, path))))
        latest = self.store.latest([one.path for one in shown])
        rows = [
            {"property": one.path, "value": last.value, "unit": one.unit, "quality": last.quality, "time": iso(last.ts)}
            for one, last in zip(shown, latest, strict=True)
            if last is not None
        ]
        return self.rows(subject, "samples", rows, "property")

    def alarms(self, subject: Subject, path: str) -> list[dict[str, Any]]:
        """Return the alarms of an asset that stand or stood last."""
        place = self.place(subject, path)
        names = ("asset", "name", "priority", "kind", "state", "active", "value", "limit", "unit", "property", "cause", "action")
        rows = [one for one in self.detect.alarms(active_only=False, kind=None) if _below(str(one["asset"]), place)]
        rows.sort(key=lambda one: (not one.get("active"), str(one["name"])))
        return self.rows(subject, "alarms", [_some(one, names, ("raised", "cleared")) for one in rows])

    def work(self, subject: Subject, path: str, *, limit: int = 20) -> list[dict[str, Any]]:
        """Return past and open work orders of an asset and of what is below it, the newest first."""
        place = self.place(subject, path)
        names = ("number", "asset", "title", "kind", "state", "priority", "failure_mode", "closing", "hours")
        below = [asset.path for asset in self.map.tree() if _below(asset.path, place)]
        rows = [row for one in below for row in self.orders.list(asset=one, limit=limit)]
        rows.sort(key=lambda row: int(row["created"]), reverse=True)
        told: list[dict[str, Any]] = []
        for row in rows[:limit]:
            notes = [line["note"] for line in self.orders.get(row["id"])["history"] if line.get("note")]
            told.append({**_some(row, names, ("created", "done")), "id": row["id"], "notes": notes[:10]})
        return self.rows(subject, "work_orders", told)


def _below(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


def _some(row: Mapping[str, Any], names: Iterable[str], times: Iterable[str]) -> dict[str, Any]:
    """Return some columns of a row, times as text."""
    found = {name: row[name] for name in names if name in row}
    return found | {name: iso(row[name]) for name in times if row.get(name)}


def _veiled(subject: Subject, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if not subject.veil:
        return dict(row)
    called, shown = CALLED.get(table, {}), dict[str, Any]()
    for name, value in row.items():
        sight = subject.sight(table, called.get(name, name))
        if sight is Sight.SHOWN:
            shown[name] = value
        elif sight is Sight.MASKED:
            shown[name] = MASK if isinstance(value, str) else None
    return shown
