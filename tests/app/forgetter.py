"""Rows of every room in few words, and a process that forgets until it is killed: `python -m tests.app.forgetter HOME NOW`."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from lineshaft.app.retention import Retention, RetentionSettings
from lineshaft.app.settings import MIGRATIONS
from lineshaft.core import Database, metadata
from lineshaft.guard import Guard, GuardSettings
from lineshaft.store import Change, Documents, Tablets
from tests.schema import migrate

BLANK: dict[str, Any] = {"INTEGER": 0, "BIGINT": 0, "FLOAT": 0.0, "BOOLEAN": False, "JSON": {}, "BLOB": b""}


class Books:
    """A database with the tables of every room, and rows of them in few words."""

    def __init__(self, home: Path, db: Database | None = None) -> None:
        self.home = home
        self.db = db or Database(f"sqlite:///{home / 'lineshaft.db'}")
        if self.db.is_sqlite:
            event.listen(self.db.engine, "connect", _hasty)
        migrate(self.db, MIGRATIONS)
        self.shelf, self.tablets = Documents(home / "documents", self.db), Tablets(home / "lake" / "tables")
        self.guard = Guard(self.db, GuardSettings())
        self._tx: Connection | None = None

    @contextmanager
    def together(self) -> Generator[None]:
        """Write many rows in one transaction."""
        with self.db.begin() as self._tx:
            yield
        self._tx = None

    def put(self, name: str, /, **values: Any) -> str:
        """Write a row; what is not named is empty in the way of its column."""
        table = metadata.tables[name]
        row = {column.name: self._blank(column, len(values)) for column in table.c if not column.nullable}
        if "id" in table.c:
            row["id"] = values.get("id", f"{name}-{self.count(name)}")
        with self.db.begin(self._tx) as tx:
            tx.execute(sa.insert(table).values({**row, **values}))
        return str(row.get("id", ""))

    @staticmethod
    def _blank(column: sa.Column[Any], number: int) -> Any:
        text = f"{column.table.name}-{number}"[: getattr(column.type, "length", None)]
        return BLANK.get(str(column.type).split("(")[0], text)

    def count(self, name: str) -> int:
        return int(self.db.rows(sa.select(sa.func.count().label("n")).select_from(metadata.tables[name]), self._tx)[0]["n"])

    def left(self, name: str) -> set[str]:
        return {row["id"] for row in self.db.rows(sa.select(metadata.tables[name].c.id), self._tx)}

    def position(self, **values: Any) -> None:
        """Commission the position `p`, once; one that learns nothing from records unless it is said."""
        if not self.left("sensor_position"):
            given = {"state": "healthy", "settings": {"learn": 0}, "noticed": [], "unsent": [], "vibration": "", **values}
            self.put("sensor_position", id="p", **given)

    def record(self, name: str, at: int, *, content: bytes = b"", **values: Any) -> None:
        """Keep a raw record of the position with its content on the shelf, as old as it says."""
        self.position()
        said = content or name.encode()
        digest = hashlib.sha256(said).hexdigest()
        path = self.home / "documents" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said)
        os.utime(path, (at / 1e9, at / 1e9))
        taken = values.pop("taken", at)
        self.put("document", id=f"doc {name}", sha256=digest, size=len(said), created=taken)
        self.put("vibration_record", id=name, position_id="p", at=at, taken=taken, document=f"doc {name}", digest=name, **values)

    def model(self, versions: int, finding: str | None = None, **values: Any) -> None:
        """Plan the model `m` with so many versions that are ready."""
        self.put("machine_model", id="m", asset="Bakery/Other", **values)
        for number in range(1, versions + 1):
            learned = {"state": "ready", "blob": b"x" * 2000, "backtest": {"alerts": 3}, "end": 10**18}
            self.put("machine_model_version", id=f"m v{number}", model_id="m", number=number, finding=finding, **learned)

    def copy(self, name: str, moment: str, to: str = "") -> None:
        """Copy a table to the lake, as the mirror does."""
        rows = self.db.rows(sa.select(metadata.tables[name]))
        times = pa.array([row[moment] // 1000 for row in rows], pa.timestamp("us", "UTC"))
        table, mark = pa.table({"id": [row["id"] for row in rows], moment: times}), (f"mirror/{to or name}", 7)
        self.tablets.write(to or name, Change(table, "upsert", ("id",), "", mark))

    def files(self) -> set[str]:
        """Return the contents on the shelf."""
        return {path.name for path in (self.home / "documents").rglob("*") if path.is_file()}

    def named_files(self) -> set[str]:
        """Return the contents that rows name."""
        return {row["sha256"] for row in self.db.rows(sa.select(metadata.tables["document"].c.sha256))}

    def unlinked_by_another_thread(self) -> int:
        """Clear the shelf as the node's housekeeping does, beside whatever this thread is at; the list waits for its lock."""
        shelf, count = self.shelf, list[bool | None]()
        digests = [row["sha256"] for row in self.db.rows(sa.select(metadata.tables["document_unnamed"].c.sha256))]
        thread = threading.Thread(target=lambda: count.extend(shelf._unlink(one) for one in digests))
        thread.start()
        thread.join()
        return sum(one is True for one in count)


def age_files(home: Path) -> None:
    """Let the contents on the shelf be as old as records past their time."""
    for path in (home / "documents").rglob("*"):
        os.utime(path, (1, 1))


def _hasty(connection: Any, _record: Any) -> None:
    """Leave the disk alone: nothing here ends by a loss of power."""
    connection.execute("PRAGMA synchronous=OFF")


def main(home: Path, now: int) -> None:
    """Forget without end; what is killed is killed somewhere in it."""
    db = Database(f"sqlite:///{home / 'lineshaft.db'}")
    shelf, tablets = Documents(home / "documents", db), Tablets(home / "lake" / "tables")
    settings = RetentionSettings(findings_days=30, records_days=30, records_keep=2, model_versions=2)
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    Retention(db, settings, shelf).run(now, tablets, Guard(db, GuardSettings()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
