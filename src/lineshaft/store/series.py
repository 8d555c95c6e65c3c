"""Series: every (source, tag) ever seen has one small number (sid), given once and kept for ever.

The number, not the name, travels in rows, files and queries. It is durable in the journal's transaction of its first use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import DataType
from lineshaft.store.stored import Column, Sids

SCHEMA = """
create table if not exists series(sid integer primary key, source text not null, tag text not null,
  kind integer not null default 0, unique(source, tag));
"""
NAMES = pa.schema(
    [pa.field("sid", pa.int32()), *(pa.field(name, pa.string()) for name in ("source", "tag", "type", "property", "unit"))]
)
"""Columns of the `series` table in the lake."""
KINDS: tuple[DataType | None, ...] = (None, DataType.DOUBLE, DataType.INTEGER, DataType.BOOLEAN, DataType.STRING, DataType.JSON)
"""The type of a series by its number; 0 = nothing but null has come so far."""


class Series:
    """The dictionary sid <-> (source, tag), and the type of each series' first value.

    Numbers given inside a transaction are taken back by `rollback` when it fails, and settled by `commit`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self.names: list[tuple[str, str]] = []
        self.kinds: npt.NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self._last: dict[str, tuple[Column, Sids]] = {}
        self._settled = 0
        self._typed: list[int] = []
        for sid, source, tag, kind in connection.execute("select sid, source, tag, kind from series order by sid"):
            self._add(source, tag)
            self.kinds[sid] = kind
        self._settled = len(self.names)

    def __len__(self) -> int:
        """Return how many series there are."""
        return len(self.names)

    def find(self, source: str, tag: str) -> int | None:
        """Return the number of a series, or None if no value of it ever came."""
        return self._numbers.get((source, tag))

    def of_dictionary(self, source: str, dictionary: Column) -> Sids:
        """Return the numbers of a batch's unique tags; a batch with the tags of the one before costs one comparison."""
        before = self._last.get(source)
        if before is not None and before[0].equals(dictionary):
            return before[1]
        sids = self.of_tags(source, cast("list[str]", dictionary.to_pylist()))
        self._last[source] = (dictionary, sids)
        return sids

    def of_tags(self, source: str, tags: Sequence[str]) -> Sids:
        """Return the numbers of tags, giving new ones where needed."""
        numbers = self._numbers
        found = [numbers.get((source, tag), -1) for tag in tags]
        if -1 in found:
            found = [self._add(source, tag) if sid < 0 else sid for sid, tag in zip(found, tags, strict=True)]
        return np.array(found, np.int32)

    def _add(self, source: str, tag: str) -> int:
        sid = self._numbers.setdefault((source, tag), len(self.names))
        if sid == len(self.names):
            self.names.append((source, tag))
            if sid >= len(self.kinds):
                self.kinds = np.concatenate([self.kinds, np.zeros(len(self.kinds), np.uint8)])
        return sid

    def type_first(self, sids: Sids, kinds: npt.NDArray[np.uint8]) -> None:
        """Note the type of series that had no value so far: that of their first one."""
        fresh = np.flatnonzero((self.kinds[sids] == 0) & (kinds > 0))[::-1]
        if len(fresh):
            self.kinds[sids[fresh]] = kinds[fresh]
            self._typed += np.unique(sids[fresh]).tolist()

    def write(self, connection: sqlite3.Connection) -> None:
        """Write what is new since the last commit, in the caller's transaction."""
        new = range(self._settled, len(self.names))
        connection.executemany("insert into series(sid, source, tag) values(?,?,?)", ((sid, *self.names[sid]) for sid in new))
        connection.executemany("update series set kind=? where sid=?", ((int(self.kinds[sid]), sid) for sid in self._typed))

    @property
    def changed(self) -> bool:
        """True if something is not written yet."""
        return self._settled < len(self.names) or bool(self._typed)

    def commit(self) -> None:
        """Settle what was written: the transaction is durable."""
        self._settled = len(self.names)
        self._typed.clear()

    def rollback(self) -> None:
        """Take back what was given in a transaction that failed."""
        for name in self.names[self._settled :]:
            del self._numbers[name]
        del self.names[self._settled :]
        self.kinds[self._typed] = 0
        self._typed.clear()
        self._last.clear()
