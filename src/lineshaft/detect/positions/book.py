"""The books of sensor positions: commissioned, changed, taken off, each in the caller's transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Database, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.detect.position_tables import positions, records
from lineshaft.detect.positions.results import MODEL, SOURCE
from lineshaft.detect.positions.wanted import PLACED, STREAMS, Check, Wanted
from lineshaft.detect.positions.watching import LEARNED_SINCE
from lineshaft.detect.vibration import HEALTHY, Monitor

LIGHT = [column for column in positions.c if column.name not in ("memory", "now", "noticed", "seen")]


class Book:
    """All sensor positions of a node."""

    def __init__(self, db: Database, assets: Assets, folder: Path | None = None) -> None:
        self._db, self._assets = db, assets
        self.check = Check(assets, folder)

    def commission(self, tx: Connection, given: dict[str, Any], by: str, at: int | None = None) -> dict[str, Any]:
        """Commission a position on an asset; it is judged from its first reading on."""
        wanted = self.check.read(given)
        machine = self._assets.asset(wanted.asset)
        columns, settings = self._read(wanted)
        self.check.judging(wanted.name, settings)
        place, path = self._assets.fit(tx, machine.path, wanted.name, MODEL, SOURCE)
        moment = now_ns() if at is None else at
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "name": wanted.name,
            "machine": machine.id,
            "place": place,
            **columns,
            "settings": {**settings, "tags": path},
            "every": self.check.every(wanted),
            "created": moment,
            "by": by,
            "retired": False,
            "state": HEALTHY,
            "since": moment,
            "through": moment,
            "memory": {},
            "seen": {},
            "now": {},
            "noticed": [],
            "returned": None,
            "unsent": [],
        }
        old = self._db.rows(sa.select(positions).where(positions.c.place == row["place"]), tx)
        if old:  # taken off once: it begins anew under the same path
            row = {**row, "id": old[0]["id"], "version": old[0]["version"] + 1}
            tx.execute(positions.update().where(positions.c.id == row["id"]).values(**row))
        else:
            tx.execute(positions.insert().values(**row))
        return {**row, "asset": machine.path, "path": path}

    def plan(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings a position would have. Raises InvalidInput for what is wrong; nothing is written."""
        wanted = self.check.read(given)
        self._assets.asset(wanted.asset)
        self.check.every(wanted)
        _, settings = self._read(wanted)
        self.check.judging(wanted.name, settings)
        return settings

    def _read(self, wanted: Wanted) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the columns of the streams, and the settings to keep."""
        streams = self.check.streams(wanted)
        measure, unit, factor = self.check.measure(wanted, streams["vibration"])
        warmth = self.check.warmth(wanted, streams["temperature"])
        self.check.bearing(wanted.bearing)
        settings = {key: value for key, value in wanted.model_dump(mode="json").items() if key not in PLACED}
        settings |= {"measure": measure, "unit": unit, "factor": factor, "warmth": list(warmth)}
        return {name: one.id if one else "" for name, one in streams.items()}, settings

    def change(self, tx: Connection, position_id: str, changes: dict[str, Any], version: int | None = None) -> dict[str, Any]:
        """Change streams or settings; what is not named stays. A baseline of another figure is learned anew."""
        row = self.get(position_id, tx)
        if fixed := sorted({"asset", "name"} & set(changes)):
            hint = "take the position off and commission it anew"
            raise InvalidInput(f"{fixed[0]} cannot be changed", where=fixed[0], hint=hint, code="position.fixed")
        wanted = self.check.read({**self.wanted(row), **changes})
        columns, settings = self._read(wanted)
        place = self.check.judging(row["name"], settings)
        settings["tags"] = row["settings"]["tags"]
        values: dict[str, Any] = {**columns, "settings": settings, "every": self.check.every(wanted)}
        other = any(columns[name] != row[name] for name in ("vibration", "temperature")) or values["every"] != row["every"]
        if other:  # what was judged of another stream, or in other steps, says nothing of these
            values["seen"] = {"late": row["seen"].get("late", {})}
        if row["memory"]:
            kept = Monitor.restore(place, row["memory"])
            if other or settings["measure"] != row["settings"]["measure"] or settings["factor"] != row["settings"]["factor"]:
                kept.vibration.forget()
                kept.temperature.forget()
            kept.vibration.learn = kept.temperature.learn = place.learn
            if other or not kept.vibration.learned:
                values["now"] = {**row["now"], LEARNED_SINCE: now_ns()}
            values["memory"] = {**kept.as_dict(), "same": 0, "last": None}
        bump(tx, positions, position_id, version, **values)
        return self.get(position_id, tx)

    def wanted(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return what was said at commissioning, as it would be said again."""
        said = {key: row["settings"][key] for key in Wanted.model_fields if key in row["settings"]}
        paths = {name: self.path_of(row[name]) for name in STREAMS}
        machine = self._assets.asset(row["machine"]).path
        return {**said, **paths, "asset": machine, "name": row["name"], "every": f"{row['every'] / 1e9:g}s"}

    def path_of(self, property_id: str) -> str:
        """Return the path of a stream's property now; empty for none."""
        one = self._assets.find(property_id) if property_id else None
        return one.path if one else ""

    def take_off(self, tx: Connection, position_id: str, version: int | None = None) -> None:
        """Take a position off: its records and history are kept."""
        row = self.get(position_id, tx)
        self._assets.take_off(tx, row["place"])
        bump(tx, positions, position_id, version, retired=True)

    def list(self) -> list[dict[str, Any]]:
        """Return all positions that are in use."""
        rows = self._db.rows(sa.select(positions).where(positions.c.retired == sa.false()).order_by(positions.c.id))
        return sorted((self._shown(row) for row in rows), key=lambda row: row["path"])

    def following(self) -> list[dict[str, Any]]:
        """Return all positions that are in use without what they remember: what is looked at every two seconds."""
        rows = self._db.rows(sa.select(*LIGHT).where(positions.c.retired == sa.false()).order_by(positions.c.id))
        return sorted((self._shown(row) for row in rows), key=lambda row: row["path"])

    def get(self, position_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one position, with the paths of its machine and of itself. Raises NotFound."""
        query = sa.select(positions).where(positions.c.id == position_id)
        rows = self._db.rows(query if tx is None else query.with_for_update(), tx)
        if not rows or rows[0]["retired"]:
            raise NotFound(f"there is no sensor position {position_id}", code="position.unknown")
        return self._shown(rows[0])

    def find(self, path: str) -> dict[str, Any]:
        """Return one position by its path or id. Raises NotFound."""
        known = self.list()
        for row in known:
            if path in (row["path"], row["id"]):
                return row
        hint = f"known are {', '.join(row['path'] for row in known[:10])}" if known else "commission one first"
        raise NotFound(f"there is no sensor position '{path}'", hint=hint, code="position.unknown")

    def was_there(self, path: str) -> bool:
        """Say whether there is, or ever was, a position of this path."""
        machine, _, name = path.rpartition("/")
        asset = next((one for one in self._assets.tree() if one.path == machine), None)
        if asset is None:
            return False
        mine = (positions.c.machine == asset.id) & (positions.c.name == name)
        return bool(self._db.rows(sa.select(positions.c.id).where(mine)))

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        machine = self._assets.asset(row["machine"]).path
        return {**row, "asset": machine, "path": f"{machine}/{row['name']}"}

    def write(self, tx: Connection, position_id: str, **values: Any) -> None:
        """Note what became of a position."""
        tx.execute(positions.update().where(positions.c.id == position_id).values(**values))

    def records(self, position_id: str, *, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return the raw records of a position, the newest first."""
        query = sa.select(records).where(records.c.position_id == position_id)
        if before is not None:
            query = query.where(records.c.at < before)
        return self._db.rows(query.order_by(records.c.at.desc(), records.c.id).limit(limit))

    def record(self, record_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one raw record. Raises NotFound."""
        rows = self._db.rows(sa.select(records).where(records.c.id == record_id), tx)
        if not rows:
            hint = "old records that nothing refers to are forgotten ([retention] records_days); what they showed stays as values"
            raise NotFound(f"there is no record {record_id}", hint=hint, code="record.unknown")
        return rows[0]

    def same(self, tx: Connection, position_id: str, digest: str, at: int) -> dict[str, Any] | None:
        """Return the record that was taken in before with the same samples and time."""
        mine = (records.c.position_id == position_id) & (records.c.digest == digest) & (records.c.at == at)
        rows = self._db.rows(sa.select(records).where(mine), tx)
        return rows[0] if rows else None

    def keep(self, tx: Connection, row: dict[str, Any]) -> None:
        """Keep a raw record."""
        tx.execute(records.insert().values(**row))
