"""Documents about the plant, and writing to the lake at once."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Response, UploadFile
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.paging import After, Limit
from lineshaft.doors.rest.frame.shape import Id, Listed, Moment, Shape, Version, moment
from lineshaft.store import Document

router = APIRouter(tags=["store"])
Count = Annotated[int, Field(examples=[1200])]
SHOWN_INLINE = frozenset({"application/pdf", "image/png", "image/jpeg", "image/webp", "text/plain"})
"""What a browser may show itself; anything else (HTML, SVG) could carry scripts and is downloaded."""


class DocumentShape(Shape):
    """A document on the shelf."""

    id: Id
    name: Annotated[str, Field(examples=["coolant pump manual.pdf"])]
    mime: Annotated[str, Field(examples=["application/pdf"])]
    size: Annotated[int, Field(examples=[482133])]
    sha256: Annotated[str, Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])]
    about: Annotated[str | None, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
    created: Moment
    version: Version


@router.get("/documents")
def documents(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    about: Annotated[str | None, Query(description="Of this asset and what lies below it.", examples=["Bakery/Line 1"])] = None,
) -> Listed[DocumentShape]:
    """List documents, newest first."""
    found = rooms.store.documents.list(about, limit=limit + 1, after=after)
    items = seen(rooms, subject, [_document(one) for one in found[:limit]], "about")
    return Listed[DocumentShape].model_validate({"items": items, "next": found[limit - 1].id if len(found) > limit else None})


@router.post("/documents", status_code=201)
def add_document(
    sender: Sender,
    file: Annotated[UploadFile, Field(examples=["(a file)"])],
    name: Annotated[str, Form(max_length=300, examples=["coolant pump manual.pdf"])] = "",
    about: Annotated[str | None, Form(examples=["Bakery/Line 1/Cooler/Coolant pump"])] = None,
) -> DocumentShape:
    """Put a document on the shelf, about an asset or about nothing in particular."""
    content = file.file.read()
    path = sender.rooms.assets.asset(about).path if about else None
    title, mime = name or file.filename or "", file.content_type or "application/octet-stream"

    def run(tx: Any) -> dict[str, Any]:
        return _document(sender.rooms.store.documents.add(tx, title, mime, content, path))

    body = {"name": title, "about": path, "mime": mime, "size": len(content)}
    return DocumentShape.model_validate(sender.do("documents.add", "document", body, run, path or ""))


@router.get("/documents/{document_id}/content", response_class=Response)
def content(rooms: House, subject: Reader, document_id: str) -> Response:
    """Return a document's content."""
    one = rooms.store.documents.get(document_id)
    rooms.guard.gate(subject, "read", one.about or "")
    mime = one.mime if one.mime in SHOWN_INLINE else "application/octet-stream"
    way = "inline" if one.mime in SHOWN_INLINE else "attachment"
    headers = {
        "Content-Disposition": f"{way}; filename*=UTF-8''{quote(one.name)}",
        "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox",
        "ETag": f'"{one.sha256}"',
    }
    return Response(rooms.store.documents.content(document_id), media_type=mime, headers=headers)


class Flushed(Shape):
    """How many rows moved from memory to the lake."""

    rows: Count


@router.post("/store/flush")
def flush(sender: Sender) -> Flushed:
    """Write what is in memory to the lake now, so that programs that read its files see it."""
    store = sender.rooms.store
    answer = sender.do_outside("store.flush", "store", {}, lambda: {"rows": store.flush()})
    return Flushed.model_validate(answer)


def _document(one: Document) -> dict[str, Any]:
    names = ("id", "name", "mime", "size", "sha256", "about", "version")
    return {**{name: getattr(one, name) for name in names}, "created": moment(one.created)}
