"""Documents: manuals, drawings, photographs and reports about an asset, each kept once by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, NotFound, new_id, now_ns, write_whole
from lineshaft.store.durable import folder
from lineshaft.store.tables import documents


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
        if not path.exists():
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

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest
