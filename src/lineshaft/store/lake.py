"""The lake: sorted Parquet files in Delta tables on disk, which any engine can read while the node runs.

`samples` is unique by key at all times; rows that come at or before what a series has there wait in `late` until a day is
compacted; `series` names the numbers. delta-rs never fsyncs (3 of 3 tables were unreadable after a simulated power loss),
so we write and fsync our own files, let it commit them, and fsync the commit before anything trusts it.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from lineshaft.core import fsync
from lineshaft.store.durable import folder
from lineshaft.store.index import HOUR_TABLE, LATE_TABLE, MINUTE_TABLE, SAMPLES_TABLE, SERIES_TABLE, File
from lineshaft.store.parquet import CLOSE, QUICK, Sheet
from lineshaft.store.roll import ROLLED
from lineshaft.store.series import NAMES
from lineshaft.store.stored import STORED

APP = "lineshaft"
_VALUES = [STORED.field(name) for name in ("v", "vi", "vs", "vb", "q", "code")]
_TIME = [pa.field("ts", pa.timestamp("us", "UTC"), nullable=False), pa.field("ns", pa.int16(), nullable=False)]
LAKE = pa.schema([STORED.field("sid"), *_TIME, *_VALUES])
"""Columns of a file of `samples`: microseconds as Delta counts them, and the 0-999 ns that remain."""
LATE = LAKE.append(pa.field("seq", pa.int64(), nullable=False))
"""Columns of a file of `late`: where keys are equal, the highest `seq` is the truth."""
SCHEMAS = {SAMPLES_TABLE: LAKE, LATE_TABLE: LATE, SERIES_TABLE: NAMES, MINUTE_TABLE: ROLLED, HOUR_TABLE: ROLLED}
_DAY_COLUMN = pa.field("day", pa.date32())


def lake_rows(rows: pa.Table) -> pa.Table:
    """Return rows with `ts` in nanoseconds as the lake keeps them: microseconds and a remainder."""
    ts = rows["ts"].combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
    us = ts // 1000
    time_columns = [pa.array(us).cast(_TIME[0].type), pa.array((ts - us * 1000).astype(np.int16))]
    return pa.table([rows["sid"], *time_columns, *(rows[field.name] for field in _VALUES)], schema=LAKE)


def day_name(day: int) -> str:
    """Return a day since 1970 as its date."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")


class Lake:
    """The three tables of one home; the caller sees to it that one thread writes at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, kind: str, day: int, rows: pa.Table, level: int = QUICK) -> File:
        """Write rows (in the table's columns, sorted by key) as one file; it is on the disk when this returns."""
        sheet = self.sheet(kind, day, level)
        with sheet:
            for batch in rows.to_batches():
                sheet.add(batch)
        return self.file(kind, sheet)

    def sheet(self, kind: str, day: int, level: int = CLOSE, name: str = "") -> Sheet:
        """Return a fresh file of a table to be written piece by piece: a day need not fit into memory."""
        name = f"day={day_name(day)}/{name or fresh()}"
        path = self.root / kind / name
        folder(path.parent, self.root.parent)
        return Sheet(path, name, day, SCHEMAS[kind], level)

    @staticmethod
    def file(kind: str, sheet: Sheet) -> File:
        """Return what was written as a file of a table."""
        low, high = sheet.ts[0] * 1000, sheet.ts[1] * 1000 + 999
        return File(kind, sheet.name, str(sheet.path), sheet.day, sheet.rows, sheet.size, *sheet.sid, low, high)

    def write_series(self, rows: pa.Table) -> File:
        """Write the whole dictionary of series as one file."""
        name = fresh()
        path = self.root / SERIES_TABLE / name
        folder(path.parent, self.root.parent)
        sheet = Sheet(path, name, 0, NAMES, QUICK)
        with sheet:
            for batch in rows.to_batches():
                sheet.add(batch)
        return self.names_file(name, rows.num_rows, sheet.size)

    def names_file(self, name: str, rows: int, size: int) -> File:
        """Return the file of `series` with a name."""
        return File(SERIES_TABLE, name, str(self.root / SERIES_TABLE / name), 0, rows, size, 0, max(rows - 1, 0), 0, 0)

    def commit(
        self,
        kind: str,
        added: Sequence[File],
        removed: Sequence[File] = (),
        *,
        seq: int | None = None,
        since: int = -1,
        change: bool = True,
    ) -> int:
        """Commit files to the table's Delta log, durably, and return the table's version.

        `seq` is kept in the log as our application's transaction, so that a flush counts once; `since` is the last
        version known to be on the disk; `change` is false when the same rows are only written anew.
        """
        from deltalake import DeltaTable, Schema  # noqa: PLC0415 - 18 MB that a node without data does not need
        from deltalake.transaction import (  # noqa: PLC0415
            AddAction,
            CommitProperties,
            RemoveAction,
            Transaction,
            create_table_with_add_actions,
        )

        path = self.root / kind
        by_day = ["day"] if kind != SERIES_TABLE else None
        schema = Schema.from_arrow(cast("Any", SCHEMAS[kind].append(_DAY_COLUMN) if by_day else SCHEMAS[kind]))
        now = int(time.time() * 1000)
        if not DeltaTable.is_deltatable(str(path)):
            folder(path, self.root.parent)
            create_table_with_add_actions(str(path), schema, [], mode="error", partition_by=by_day, name=kind)
        adds = [AddAction(f.name, f.size, _partition(f), now, change, _stats(f)) for f in added]
        removes = [RemoveAction(f.name, change, now, f.size, _partition(f)) for f in removed]
        properties = CommitProperties(app_transactions=[Transaction(APP, seq)] if seq is not None else None)
        table = DeltaTable(str(path))
        table.create_write_transaction([*adds, *removes], "append", schema, by_day, commit_properties=properties)
        return self.settle(kind, since)

    def settle(self, kind: str, since: int) -> int:
        """Fsync what delta-rs wrote after version `since`, and the folders it is in; return the newest version."""
        log = self.root / kind / "_delta_log"
        newest = since
        if not log.is_dir():
            return newest
        for path in log.iterdir():
            number = path.name[:20]
            if path.is_file() and not (number.isdigit() and int(number) <= since):
                fsync(path)
                newest = max(newest, int(number)) if number.isdigit() else newest
        for place in (log, log.parent, log.parent.parent):
            fsync(place)
        return newest

    def repair(self, kind: str, since: int) -> tuple[list[dict[str, Any]], bool]:
        """Undo what a power cut left half done after version `since`.

        Return the actions of the whole commits after it, and whether one was torn.

        A torn commit (short, or naming a file that is not whole) goes, with everything after it: its rows are still in
        the journal. Checkpoints after `since` go too; Delta makes new ones.
        """
        log = self.root / kind / "_delta_log"
        if not log.is_dir():
            return [], False
        for path in log.iterdir():
            if not _trusted(path, since):
                path.unlink()
        torn = False
        found: list[dict[str, Any]] = []
        for path in sorted(p for p in log.glob("*.json") if p.name[:20].isdigit() and int(p.name[:20]) > since):
            actions = [] if torn else _whole(path)
            torn = torn or actions is None
            if torn:
                path.unlink()
            else:
                found += actions or []
        if not any(log.glob("*.json")):
            shutil.rmtree(log)
        for place in (log, log.parent):
            if place.exists():
                fsync(place)
        return found, torn

    def restored(self, kind: str, action: dict[str, Any]) -> File:
        """Return the file an `add` action of the Delta log names."""
        stats = json.loads(action["stats"])
        name = unquote(action["path"])
        if kind == SERIES_TABLE:
            return self.names_file(name, stats["numRecords"], action["size"])
        low, high = stats["minValues"], stats["maxValues"]
        day = (datetime.fromisoformat(action["partitionValues"]["day"]) - datetime(1970, 1, 1)).days  # noqa: DTZ001 - dates
        times = (_micros(low["ts"]) * 1000, _micros(high["ts"]) * 1000 + 999)
        path = str(self.root / kind / name)
        return File(kind, name, path, day, stats["numRecords"], action["size"], low["sid"], high["sid"], *times)

    def orphans(self, known: set[tuple[str, str]]) -> list[Path]:
        """Return files that no commit and no memory of ours names: a write that never came to its commit."""
        found: list[Path] = []
        for kind in SCHEMAS:
            for path in (self.root / kind).glob("**/*.parquet"):
                name = path.relative_to(self.root / kind).as_posix()
                if not name.startswith("_delta_log") and (kind, name) not in known:
                    found.append(path)
        return found


def fresh() -> str:
    """Return a file name nobody had before."""
    return f"{time.time_ns():x}-{uuid.uuid4().hex[:8]}.parquet"


def _partition(file: File) -> dict[str, str | None]:
    return {} if file.kind == SERIES_TABLE else {"day": day_name(file.day)}


def _stats(file: File) -> str:
    if file.kind == SERIES_TABLE:
        return json.dumps({"numRecords": file.rows})
    low = {"sid": file.min_sid, "ts": _iso(file.min_ts // 1000)}
    high = {"sid": file.max_sid, "ts": _iso(file.max_ts // 1000)}
    return json.dumps({"numRecords": file.rows, "minValues": low, "maxValues": high, "nullCount": {"sid": 0, "ts": 0}})


def _iso(micros: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _trusted(path: Path, since: int) -> bool:
    """Return whether a file of a Delta log may stay: a commit, or a checkpoint known to be on the disk."""
    number = path.name[:20]
    if number.isdigit():
        return int(number) <= since or path.suffix == ".json"
    if path.name != "_last_checkpoint":
        return False
    try:
        return int(json.loads(path.read_text())["version"]) <= since
    except (ValueError, KeyError):
        return False


def _whole(path: Path) -> list[dict[str, Any]] | None:
    """Return the actions of a commit, or None if it, or a file it adds, is not whole."""
    try:
        actions: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines() if line]
    except ValueError:
        return None
    root = path.parent.parent
    for action in actions:
        add = action.get("add")
        file = root / unquote(add["path"]) if add else None
        if file is not None and add and (not file.exists() or file.stat().st_size != add["size"]):
            return None
    return actions or None
