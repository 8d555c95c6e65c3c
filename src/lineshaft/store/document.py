"""Documents: manuals, drawings, photographs and reports about an asset, each kept once by its content."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, NotFound, new_id, now_ns, write_whole
from lineshaft.store.durable import folder
from lineshaft.store.tables import documents, unnamed

SETTLED_NS = 3600 * 1_000_000_000
"""A file that was put on the shelf within this time may belong to a row that cannot be seen yet."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Document:
    """A file about something in the plant; `sha256` is its content's name."""

    id: str
    version: int
    name: str
    mime: str
    size: int
    sha256: str
    about: str | None
    meta: Mapping[str, Any]
    created: int


class Documents:
    """The document shelf: rows in the database, contents as fsynced files named by their hash."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db
        self._lock = threading.Lock()

    def add(
        self,
        tx: Connection,
        name: str,
        mime: str,
        content: bytes,
        about: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Document:
        """Put a document on the shelf; its content is on the disk before the row can be seen."""
        if not name.strip():
            raise InvalidInput("a document needs a name", code="document.name")
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        with self._lock:
            if path.exists():
                os.utime(path)  # it is wanted again: nobody may clear it away before the row can be seen
            else:
                folder(path.parent, self._root.parent)
                write_whole(path, content)
        document = Document(new_id(), 1, name, mime, len(content), digest, about, dict(meta or {}), now_ns())
        values = {field: getattr(document, field) for field in documents.c.keys()}  # noqa: SIM118 - a column collection
        tx.execute(documents.insert().values(**values))
        return document

    def list(self, about: str | None = None, *, limit: int = 100, after: str | None = None) -> list[Document]:
        """Return documents, newest first; `about` takes those of an asset and everything below it."""
        query = sa.select(documents).order_by(documents.c.created.desc(), documents.c.id.desc()).limit(limit)
        if about is not None:
            below = documents.c.about.startswith(f"{about}/", autoescape=True)
            query = query.where(sa.or_(documents.c.about == about, below))
        if after is not None:
            mark = self.get(after)
            earlier = documents.c.created < mark.created
            query = query.where(sa.or_(earlier, sa.and_(documents.c.created == mark.created, documents.c.id < mark.id)))
        return [Document(**row) for row in self._db.rows(query)]

    def get(self, document_id: str) -> Document:
        """Return one document's row. Raises NotFound."""
        found = self._db.rows(sa.select(documents).where(documents.c.id == document_id))
        if not found:
            raise NotFound(f"there is no document {document_id}", code="document.not-found")
        return Document(**found[0])

    def content(self, document_id: str) -> bytes:
        """Return a document's content, checked against its name. Raises NotFound if it is gone or was changed."""
        document = self.get(document_id)
        path = self._path(document.sha256)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        if hashlib.sha256(content).hexdigest() != document.sha256:
            hint = "restore the file from a backup"
            raise NotFound(f"the content of '{document.name}' is not there or damaged", where=str(path), hint=hint)
        return content

    def remove(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take documents off the shelf; their contents go with `clear`, after this transaction."""
        mine = documents.c.id.in_(list(ids))
        known = set(tx.execute(sa.select(unnamed.c.sha256)).scalars())
        gone = set(tx.execute(sa.select(documents.c.sha256).where(mine)).scalars()) - known
        if gone:
            tx.execute(unnamed.insert(), [{"sha256": digest} for digest in sorted(gone)])
        tx.execute(documents.delete().where(mine))

    def clear(self) -> int:
        """Delete the contents of documents that were taken off, where no other document has the same; return how many.

        What a stop leaves undone is done by the next call: which contents they are is written with the rows' removal.
        """
        waiting = [str(row["sha256"]) for row in self._db.rows(sa.select(unnamed.c.sha256).order_by(unnamed.c.sha256))]
        count = 0
        for first in range(0, len(waiting), _AT_ONCE):
            part = waiting[first : first + _AT_ONCE]
            named = {row["sha256"] for row in self._db.rows(sa.select(documents.c.sha256).where(documents.c.sha256.in_(part)))}
            went = {digest: self._unlink(digest) for digest in part if digest not in named}
            count += sum(one is True for one in went.values())
            over = [digest for digest in part if went.get(digest, False) is not None]
            with self._db.begin() as tx:
                tx.execute(unnamed.delete().where(unnamed.c.sha256.in_(over)))
        return count

    def _unlink(self, digest: str) -> bool | None:
        """Delete a content; None for one that somebody has just put on the shelf again, false if it was gone."""
        path = self._path(digest)
        with self._lock:
            try:
                if path.stat().st_mtime_ns > now_ns() - SETTLED_NS:
                    return None
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest
