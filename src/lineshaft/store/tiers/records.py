"""The record of what lies in object storage, and of who read what: beside the journal, durable before anything is removed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lineshaft.store.index import IMAGES_FOLDER, File
from lineshaft.store.journal import Journal
from lineshaft.store.tiers.placed import Key

SENDING, THERE = "sending", "there"
_COLUMNS = "kind, path, key, state, size, sha256, etag, at"


class Sent(NamedTuple):
    """A file that is being sent to object storage, or is there: under which key, with which content."""

    kind: str
    name: str
    key: str
    state: str
    size: int
    sha256: str
    etag: str
    at: int

    @property
    def of(self) -> Key:
        """The file of the lake it is."""
        return self.kind, self.name


class Records:
    """Notes of moves. The order is: an intention, the object, its verification, the note that it is there, the removal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def all(self) -> dict[Key, Sent]:
        """Return every note."""
        with self._journal.lock:
            found = [Sent(*row) for row in self._journal.db.execute(f"select {_COLUMNS} from objects")]
        return {one.of: one for one in found}

    def write(self, sent: Sent) -> None:
        """Note an intention, or that it came to its end; durable when this returns."""
        with self._journal.transaction() as tx:
            tx.execute(f"insert or replace into objects({_COLUMNS}) values(?,?,?,?,?,?,?,?)", sent)

    def arrived(self, sent: Sent) -> bool:
        """Note that an object is there, if the lake still knows its file; return whether it does.

        A picture's row is in another database: one deleted meanwhile goes with the next tidying.
        """
        with self._journal.transaction() as tx:
            known = tx.execute("select 1 from files where kind=? and path=?", sent.of).fetchone() is not None
            if known or sent.kind == IMAGES_FOLDER:
                tx.execute(f"insert or replace into objects({_COLUMNS}) values(?,?,?,?,?,?,?,?)", sent)
        return known or sent.kind == IMAGES_FOLDER

    def forget(self, key: Key) -> None:
        """Forget a file whose object is gone."""
        with self._journal.transaction() as tx:
            tx.execute("delete from objects where kind=? and path=?", key)

    def births(self) -> dict[Key, int]:
        """Return when each file was written."""
        with self._journal.lock:
            return {(kind, name): at for kind, name, at in self._journal.db.execute("select kind, path, at from births")}

    def reads(self) -> dict[Key, int]:
        """Return when each file was last read, as far as that was noted."""
        with self._journal.lock:
            return {(kind, name): at for kind, name, at in self._journal.db.execute("select kind, path, at from reads")}

    def note_reads(self, reads: Mapping[Key, int], gone: Iterable[Key] = ()) -> None:
        """Note when files were read."""
        with self._journal.transaction() as tx:
            rows = [(*key, at) for key, at in reads.items()]
            tx.executemany("insert or replace into reads(kind, path, at) values(?,?,?)", rows)
            tx.executemany("delete from reads where kind=? and path=?", gone)

    def home(self) -> str:
        """Return what names this home in object storage, for ever."""
        found = self._journal.meta("home")
        if found is None:
            found = str(uuid.uuid4())
            with self._journal.transaction() as tx:
                self._journal.put(tx, "home", found)
        return str(found)

    def key_of(self, prefix: str, file: File) -> str:
        """Return what a file is called in the bucket."""
        return f"{prefix}/{file.kind}/{file.name}"
