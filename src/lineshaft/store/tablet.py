"""Named tables of the lake: Delta tables at HOME/lake/tables/NAME that ETL jobs and rooms write and any engine reads.

A commit is one file that appears whole, after its Parquet files are on the disk: a kill or a power cut at any moment leaves
the former table. A writer may number its commits (`mark`): a number that is there already is not written again.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.core import InvalidInput, fsync, write_whole
from lineshaft.store.durable import folder

Mode = Literal["replace", "append", "upsert"]
_CHECKPOINT = 100
_FILES = 64
_ABOUT = "_about.json"
_STATE = "_state.json"
_SMALL = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """One Parquet file of a table."""

    name: str
    rows: int
    size: int
    day: str | None = None


@dataclass(frozen=True, slots=True)
class Tablet:
    """A table as of one version: its files, columns, and the last numbers of its writers."""

    version: int = -1
    id: str = ""
    schema: str = ""
    by_day: bool = False
    pieces: Mapping[str, Piece] = field(default_factory=dict[str, Piece])
    marks: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(piece.rows for piece in self.pieces.values())


@dataclass(frozen=True, slots=True)
class Change:
    """What a writer wants: rows, and how they join what is there; `mark` is (writer, number) for exactly once."""

    rows: pa.Table
    mode: Mode = "replace"
    key: tuple[str, ...] = ()
    day: str = ""
    mark: tuple[str, int] | None = None


class Tablets:
    """All named tables of one home; writers of one table take turns."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.RLock()
        self._known: dict[str, Tablet] = {}

    def names(self) -> list[str]:
        """Return the names of the tables."""
        if not self.root.is_dir():
            return []
        return sorted(
            one.name for one in self.root.iterdir() if (one / "_delta_log").is_dir() and self.get(one.name).version >= 0
        )

    def get(self, name: str) -> Tablet:
        """Return a table as it is now; one that was never written has version -1."""
        with self._lock:
            known = self._known.get(name) or self._from_state(name)
            while (commit := self._log(name) / f"{known.version + 1:020d}.json").exists():
                known = _after(known, [json.loads(line) for line in commit.read_text().splitlines() if line])
            self._known[name] = known
            return known

    def paths(self, name: str) -> list[str]:
        """Return the files that are the table now."""
        return [str(self.root / name / one) for one in self.get(name).pieces]

    def source(self, name: str) -> str:
        """Return what stands after FROM to read the table in DuckDB; empty if it has no rows."""
        return read_sql(self.paths(name), by_day=self.get(name).by_day)

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Return names and (Delta) types of the columns."""
        said = json.loads(self.get(name).schema or '{"fields": []}')
        return [(one["name"], one["type"] if isinstance(one["type"], str) else one["type"]["type"]) for one in said["fields"]]

    def about(self, name: str) -> dict[str, Any]:
        """Return what its writer says of it: `made_of`, `job`, `description`, `units`."""
        try:
            return json.loads((self.root / name / _ABOUT).read_text())
        except (OSError, ValueError):
            return {}

    def write(self, name: str, change: Change, about: Mapping[str, Any] | None = None) -> Tablet:
        """Write rows, durably; return the table's new state (the old one if its mark says that they are there already)."""
        with self._lock:
            now = self.get(name)
            if change.mark and now.marks.get(change.mark[0], -1) >= change.mark[1]:
                return now
            rows = fitting(change.rows)
            folder(self._log(name), self.root.parent.parent)
            if about is not None:
                write_whole(self.root / name / _ABOUT, json.dumps(dict(about), indent=1).encode())
            kept, removed = self._join(name, now, rows, change)
            schema = _schema(kept, change.day)
            wide = schema if change.mode == "replace" or now.version < 0 else _wider(now.schema, schema)
            added = [] if not kept.num_rows else list(self._pieces(name, kept, change.day))
            self._commit(name, now, wide, added, removed, change)
            return self.get(name)

    def compact(self, name: str) -> int:
        """Join the files of a table (of each of its days) where there are many; return how many were replaced.

        The rows stay what they are, so readers of the Delta log are told that no data changed.
        """
        with self._lock:
            now = self.get(name)
            groups: dict[str | None, list[str]] = {}
            for piece in now.pieces.values():
                groups.setdefault(piece.day, []).append(piece.name)
            many = {day: names for day, names in groups.items() if len(names) >= _SMALL}
            added: list[Piece] = []
            for day, names in many.items():
                rows = _read([str(self.root / name / one) for one in names], by_day=False)
                added += [self._piece(name, rows, day)] if rows.num_rows else []
            removed = [one for names in many.values() for one in names]
            if removed:
                self._commit(
                    name, now, now.schema, added, removed, Change(pa.table({}), day="day" if now.by_day else ""), "COMPACT"
                )
            return len(removed)

    def expire(self, name: str, moment: str, before_ns: int, key: str = "", keep: Sequence[str] = ()) -> int:
        """Take away the rows whose time is over, but for those whose key is to be kept; return how many."""
        with self._lock:
            now, gone = self.get(name), 0
            over = f'"{moment}" < make_timestamptz({before_ns // 1000}::bigint)'
            added: list[Piece] = []
            removed: list[str] = []
            for piece in now.pieces.values():
                with duckdb.connect(":memory:", config={"threads": 1}) as engine:
                    engine.execute("set timezone='UTC'")
                    if keep:
                        engine.register("kept", pa.table({"key": pa.array(keep, pa.string())}))
                    stays = f'not ({over}) or "{moment}" is null' + (f' or "{key}" in (select key from kept)' if keep else "")
                    source = read_sql([str(self.root / name / piece.name)], by_day=False)
                    left = engine.sql(f"select * from {source} where {stays}").to_arrow_table()
                if left.num_rows < piece.rows:
                    gone += piece.rows - left.num_rows
                    removed.append(piece.name)
                    added += [self._piece(name, fitting(left), piece.day)] if left.num_rows else []
            if removed:
                self._commit(
                    name, now, now.schema, added, removed, Change(pa.table({}), day="day" if now.by_day else ""), "DELETE"
                )
            return gone

    def tidy(self, before_ns: int) -> None:
        """Join small files, then delete files and log entries that are over: nobody may look back further than a moment."""
        for name in self.names():
            self.compact(name)
            self._trim(name, before_ns)
        self.sweep(before_ns)

    def _trim(self, name: str, before_ns: int) -> None:
        """Delete entries of the log that the newest checkpoint sums up, if they are older than a moment."""
        with self._lock:
            state = self._from_state(name)
            for path in self._log(name).iterdir():
                number = path.name[:20]
                if number.isdigit() and int(number) < state.version and path.stat().st_mtime_ns < before_ns:
                    path.unlink(missing_ok=True)

    def _from_state(self, name: str) -> Tablet:
        """Return a table as of its newest checkpoint: what came since is in the log."""
        try:
            said: dict[str, Any] = json.loads((self.root / name / _STATE).read_text())
        except (OSError, ValueError):
            return Tablet()
        pieces = {str(one[0]): Piece(*one) for one in said["pieces"]}
        return Tablet(said["version"], said["id"], said["schema"], said["by_day"], pieces, said["marks"])

    def sweep(self, before_ns: int) -> int:
        """Delete files no table names any more, older than a moment; return how many."""
        gone = 0
        for name in self.names():
            with self._lock:
                mine = set(self.get(name).pieces)
                for path in (self.root / name).rglob("*.parquet"):
                    here = path.relative_to(self.root / name)
                    if here.parts[0] != "_delta_log" and here.as_posix() not in mine and path.stat().st_mtime_ns < before_ns:
                        path.unlink(missing_ok=True)
                        gone += 1
        return gone

    def drop(self, name: str) -> None:
        """Delete a table with all its files."""
        with self._lock:
            shutil.rmtree(self.root / name, ignore_errors=True)
            self._known.pop(name, None)

    # -- writing

    def _log(self, name: str) -> Path:
        return self.root / name / "_delta_log"

    def _join(self, name: str, now: Tablet, rows: pa.Table, change: Change) -> tuple[pa.Table, list[str]]:
        """Return the rows to write and the files they stand for."""
        if change.mode == "replace" or now.version < 0:
            if change.mode == "upsert":
                _one_each(rows, change.key)
            return rows, list(now.pieces)
        if now.by_day != bool(change.day):
            hint = "replace it once, or keep the partition it has"
            raise InvalidInput(f"the table '{name}' is not partitioned that way", hint=hint, code="lake.partition")
        if change.mode == "append":
            many = len(now.pieces) >= _FILES and not change.day
            old = _read(self.paths(name), by_day=False) if many else None
            return (rows, []) if old is None else (pa.concat_tables([old, rows], promote_options="default"), list(now.pieces))
        _one_each(rows, change.key)
        return self._upserted(name, now, rows, change.key)

    def _upserted(self, name: str, now: Tablet, rows: pa.Table, key: Sequence[str]) -> tuple[pa.Table, list[str]]:
        if not now.pieces or not rows.num_rows:
            return rows, []
        by = ", ".join(f'"{one}"' for one in key)
        with duckdb.connect(":memory:", config={"threads": 1}) as engine:
            engine.execute("set timezone='UTC'")
            engine.register("fresh", rows)
            found = engine.execute(
                f"select distinct filename from {read_sql(self.paths(name), by_day=False, extra=', filename=true')} "
                f"semi join fresh using ({by})"
            ).fetchall()
            touched = [str(row[0]) for row in found]
            touched = self.paths(name) if len(now.pieces) >= _FILES and not now.by_day else touched
            if not touched:
                return rows, []
            old = engine.sql(f"select * from {read_sql(touched, by_day=False)} anti join fresh using ({by})").to_arrow_table()
        names = [Path(one).relative_to(self.root / name).as_posix() for one in touched]
        return pa.concat_tables([fitting(old), rows], promote_options="default"), names

    def _pieces(self, name: str, rows: pa.Table, day: str) -> Iterable[Piece]:
        if not day:
            yield self._piece(name, rows, None)
            return
        days = rows[day].cast(pa.timestamp("us", "UTC")).cast(pa.date32(), safe=False)
        for one in sorted({str(value) for value in days.unique().to_pylist()}):
            mask = pa.array([str(value) == one for value in days.to_pylist()])
            yield self._piece(name, rows.filter(mask), one)

    def _piece(self, name: str, rows: pa.Table, day: str | None) -> Piece:
        file = f"{time.time_ns():x}-{uuid.uuid4().hex[:8]}.parquet"
        place = f"day={day}/{file}" if day else file
        path = self.root / name / place
        folder(path.parent, self.root.parent)
        pq.write_table(rows, path, compression="zstd", coerce_timestamps="us", allow_truncated_timestamps=True)
        fsync(path)
        fsync(path.parent)
        return Piece(place, rows.num_rows, path.stat().st_size, day)

    def _commit(
        self,
        name: str,
        now: Tablet,
        schema: str,
        added: Sequence[Piece],
        removed: Sequence[str],
        change: Change,
        what: str = "",
    ) -> None:
        at, version = time.time_ns() // 1_000_000, now.version + 1
        operation, changes = f"LINESHAFT {what or change.mode.upper()}", what != "COMPACT"
        actions: list[dict[str, Any]] = [{"commitInfo": {"timestamp": at, "operation": operation}}]
        if now.version < 0:
            actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
        if now.schema != schema or now.by_day != bool(change.day):
            meta: dict[str, Any] = {"id": now.id or str(uuid.uuid4()), "name": name, "schemaString": schema, "createdTime": at}
            meta |= {"format": {"provider": "parquet", "options": {}}, "configuration": {}}
            actions.append({"metaData": {**meta, "partitionColumns": ["day"] if change.day else []}})
        if change.mark:
            actions.append({"txn": {"appId": change.mark[0], "version": change.mark[1], "lastUpdated": at}})
        actions += [_removal(now.pieces[one], at, changes=changes) for one in removed]
        actions += [_addition(one, at, changes=changes) for one in added]
        path = self._log(name) / f"{version:020d}.json"
        part = path.with_name(f".{path.name}.part")
        part.write_text("".join(json.dumps(one) + "\n" for one in actions))
        fsync(part)
        os.link(part, path)  # fails where another writer was first
        part.unlink()
        fsync(path.parent)
        fsync(self.root / name)
        if version and version % _CHECKPOINT == 0:
            self._checkpoint(name)

    def _checkpoint(self, name: str) -> None:
        """Sum up the log for readers from outside; we read the commits themselves."""
        from deltalake import DeltaTable  # noqa: PLC0415 - 18 MB that most commits do not need

        DeltaTable(str(self.root / name)).create_checkpoint()
        for path in self._log(name).iterdir():
            if "checkpoint" in path.name:
                fsync(path)
        fsync(self._log(name))
        now = self.get(name)
        pieces = [[one.name, one.rows, one.size, one.day] for one in now.pieces.values()]
        said = {"version": now.version, "id": now.id, "schema": now.schema, "by_day": now.by_day, "marks": dict(now.marks)}
        write_whole(self.root / name / _STATE, json.dumps({**said, "pieces": pieces}).encode())


def read_sql(paths: Sequence[str], *, by_day: bool, extra: str = "") -> str:
    """Return what stands after FROM to read files of a table; empty without files."""
    if not paths:
        return ""
    files = ", ".join("'" + one.replace("'", "''") + "'" for one in paths)
    hive = "hive_partitioning=true, hive_types={'day': DATE}" if by_day else "hive_partitioning=false"
    return f"read_parquet([{files}], union_by_name=true, {hive}{extra})"


def fitting(rows: pa.Table) -> pa.Table:
    """Return rows in types that a Delta table has: times in microseconds UTC, signed whole numbers, plain texts."""
    fields = [pa.field(one.name, _type(one.type)) for one in rows.schema]
    names = [one.name.lower() for one in fields]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise InvalidInput(f"two columns are called '{twice[0]}'", hint="name them with AS", code="lake.columns")
    try:
        return rows.cast(pa.schema(fields), safe=False)
    except pa.ArrowException as error:
        raise InvalidInput(f"the lake cannot hold this: {error}", hint="cast the column in SQL", code="lake.type") from None


def _type(kind: Any) -> Any:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC")
    if pa.types.is_unsigned_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0 and kind.precision > 18):
        return pa.int64()
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_time(kind) or pa.types.is_dictionary(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def _read(paths: Sequence[str], *, by_day: bool) -> pa.Table:
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        engine.execute("set timezone='UTC'")
        return fitting(engine.sql(f"select * from {read_sql(paths, by_day=by_day)}").to_arrow_table())


def _one_each(rows: pa.Table, key: Sequence[str]) -> None:
    missing = [one for one in key if one not in rows.column_names]
    if missing or not key:
        raise InvalidInput(f"the key '{', '.join(missing or key)}' is no column of the rows", code="lake.key")
    found = rows.select(list(key))
    if any(found[one].null_count for one in key):
        raise InvalidInput("a key is empty in some rows", hint="leave them out with WHERE", code="lake.key")
    if found.group_by(list(key)).aggregate([]).num_rows != rows.num_rows:
        raise InvalidInput("rows share a key", hint="group by it, or name more columns in `key`", code="lake.key")


def _schema(rows: pa.Table, day: str) -> str:
    from deltalake import Schema  # noqa: PLC0415 - 18 MB that a node without ETL does not need

    if day and day not in rows.column_names:
        raise InvalidInput(f"there is no column '{day}' to partition by", code="lake.partition")
    fields = [*rows.schema, pa.field("day", pa.date32())] if day else list(rows.schema)
    try:
        return str(cast("Any", Schema.from_arrow(cast("Any", pa.schema(fields)))).to_json())
    except Exception as error:  # noqa: BLE001 - delta-rs has an error class for each kind
        raise InvalidInput(f"the lake cannot hold this: {error}", hint="cast the column in SQL", code="lake.type") from None


def _wider(old: str, new: str) -> str:
    """Return the columns of both; a column whose type changed is refused."""
    have: list[dict[str, Any]] = json.loads(old)["fields"]
    types = {one["name"]: one["type"] for one in have}
    for one in json.loads(new)["fields"]:
        if one["name"] not in types:
            have.append({**one, "nullable": True})
        elif types[one["name"]] != one["type"]:
            hint = f"it is {types[one['name']]}: cast it, or replace the table"
            raise InvalidInput(f"the column '{one['name']}' would become {one['type']}", hint=hint, code="lake.type")
    return old if len(have) == len(types) else json.dumps({"type": "struct", "fields": have})


def _addition(piece: Piece, at: int, *, changes: bool = True) -> dict[str, Any]:
    stats = json.dumps({"numRecords": piece.rows})
    said = {"path": piece.name, "partitionValues": {"day": piece.day} if piece.day else {}, "size": piece.size}
    return {"add": {**said, "modificationTime": at, "dataChange": changes, "stats": stats}}


def _removal(piece: Piece, at: int, *, changes: bool = True) -> dict[str, Any]:
    values = {"day": piece.day} if piece.day else {}
    said = {"path": piece.name, "deletionTimestamp": at, "dataChange": changes, "extendedFileMetadata": True}
    return {"remove": {**said, "partitionValues": values, "size": piece.size}}


def _after(known: Tablet, actions: Iterable[Mapping[str, Any]]) -> Tablet:
    pieces, marks = dict(known.pieces), dict(known.marks)
    for action in actions:
        if meta := action.get("metaData"):
            known = replace(known, id=meta["id"], schema=meta["schemaString"], by_day=bool(meta["partitionColumns"]))
        elif txn := action.get("txn"):
            marks[txn["appId"]] = int(txn["version"])
        elif gone := action.get("remove"):
            pieces.pop(gone["path"], None)
        elif add := action.get("add"):
            rows = int(json.loads(add.get("stats") or "{}").get("numRecords", 0))
            pieces[add["path"]] = Piece(add["path"], rows, int(add["size"]), (add.get("partitionValues") or {}).get("day"))
    return replace(known, version=known.version + 1, pieces=pieces, marks=marks)
