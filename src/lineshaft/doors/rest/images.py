"""Images of inspections: taken in with their asset, lot, time and result, listed, shown, deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response, UploadFile
from pydantic import Field

from lineshaft.connect import TakesPictures
from lineshaft.core import NotFound, iso, now_ns, parse_time
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import AssetPath, Id, Listed, Moment, Shape, Version, moment
from lineshaft.store import LARGEST, Image, Seen, suffix_of

router = APIRouter(prefix="/images", tags=["store"])
SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/webp"})
Lot = Annotated[str | None, Field(examples=["L-2026-1120-1"])]
Result = Annotated[str, Field(examples=["fail"])]


class ImageShape(Shape):
    """A picture: of what, when, with what result; the picture itself is at `images/{id}/content`."""

    id: Id
    asset: AssetPath
    lot: Lot
    timestamp: Moment
    station: Annotated[str, Field(examples=["Camera 2"])]
    result: Result
    name: Annotated[str, Field(examples=["biscuit-4711.png"])]
    mime: Annotated[str, Field(examples=["image/png"])]
    size: Annotated[int, Field(examples=[48213])]
    width: Annotated[int | None, Field(examples=[640])]
    height: Annotated[int | None, Field(examples=[480])]
    sha256: Annotated[str, Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])]
    path: Annotated[str, Field(examples=["images/9f/9f86d081.png"], description="Its file below HOME/lake.")]
    score: Annotated[float | None, Field(examples=[0.97], description="How sure the model was that said `result`; 0 to 1.")]
    model: Annotated[str | None, Field(examples=["surface 3"], description="The model that said `result`; none: no model did.")]
    version: Version


class JudgeShape(Shape):
    """A source that takes pictures."""

    source: Annotated[str, Field(examples=["camera"])]
    model: Annotated[str, Field(examples=["surface 3"], description="Empty: it takes them in without judging.")]


class Waiting(Shape):
    """A picture that was sent to a source and waits to be judged."""

    source: Annotated[str, Field(examples=["camera"])]
    name: Annotated[str, Field(examples=["9f86d081884c7d65-1795161600000000000.png"], description="Its name in the album.")]
    asset: AssetPath
    timestamp: Moment


class Deleted(Shape):
    """The picture that is gone."""

    id: Id


@router.get("")
def images(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    asset: Annotated[str | None, Query(description="Of this asset and what lies below it.", examples=["Bakery/Line 1"])] = None,
    lot: Annotated[str | None, Query(examples=["L-2026-1120-1"])] = None,
    result: Annotated[str | None, Query(examples=["fail"])] = None,
) -> Listed[ImageShape]:
    """List pictures, newest first."""
    begin = spot(after)
    found = rooms.store.images.list(asset=asset, lot=lot, result=result, limit=limit + begin.more, before=begin.before)
    cut = page_of(found, limit, "ts", begin)
    items = [_image(one) for one in cut["items"] if subject.reaches(one.asset)]
    return Listed[ImageShape].model_validate({"items": items, "next": cut["next"]})


@router.post("", status_code=201)
def add(
    sender: Sender,
    file: Annotated[UploadFile, Field(examples=["(a picture)"])],
    asset: Annotated[str, Form(examples=["Bakery/Line 1/Oven"])],
    lot: Annotated[str | None, Form(max_length=200, examples=["L-2026-1120-1"])] = None,
    timestamp: Annotated[str, Form(description="ISO 8601; now, if left out.", examples=["2026-11-20T06:00:00Z"])] = "",
    station: Annotated[str, Form(max_length=200, examples=["Camera 2"])] = "",
    result: Annotated[str, Form(max_length=50, examples=["fail"])] = "",
) -> ImageShape:
    """Take a picture in; its kind is told by its bytes. The same picture, asset and time again changes nothing."""
    content = file.file.read(LARGEST + 1)
    path = sender.rooms.assets.asset(asset).path
    ts = parse_time(timestamp, where="timestamp") if timestamp else 0
    seen = Seen(path, lot or None, ts, station, result, (file.filename or "")[:400])

    def run(tx: Any) -> dict[str, Any]:
        return _image(sender.rooms.store.images.add(tx, content, seen))

    body = {"asset": path, "lot": lot, "timestamp": timestamp, "name": seen.name, "size": len(content)}
    return ImageShape.model_validate(sender.do("images.add", "image", body, run, path))


@router.get("/judges")
def judges(rooms: House, _subject: Reader) -> Listed[JudgeShape]:
    """List the sources that take pictures over HTTP, with the model that judges them."""
    items = [{"source": one.name, "model": one.judge} for one in _takers(rooms).values()]
    return Listed[JudgeShape].model_validate({"items": items, "next": None})


@router.post("/to/{source}", status_code=202)
def send(
    sender: Sender,
    source: Annotated[str, Path(examples=["camera"])],
    file: Annotated[UploadFile, Field(examples=["(a picture)"])],
    asset: Annotated[str, Form(examples=["Bakery/Line 1/Oven"])],
    lot: Annotated[str, Form(max_length=200, examples=["L-2026-1120-1"])] = "",
    timestamp: Annotated[str, Form(description="ISO 8601; now, if left out.", examples=["2026-11-20T06:00:00Z"])] = "",
    station: Annotated[str, Form(max_length=200, examples=["Camera 2"])] = "",
) -> Waiting:
    """Send a picture to a source of the type `pictures`: it is on disk, will be judged, and then stands in the album."""
    content = file.file.read(LARGEST + 1)
    path = sender.rooms.assets.asset(asset).path
    ts = iso(parse_time(timestamp, where="timestamp") if timestamp else now_ns())
    words = {"asset": path, "lot": lot, "time": ts, "station": station}

    def run(_tx: Any) -> dict[str, Any]:
        suffix = suffix_of(content)
        taker = _takers(sender.rooms).get(source)
        if taker is None:
            hint = "GET images/judges lists those that do"
            raise NotFound(f"no source '{source}' takes pictures", hint=hint, code="vision.source")
        name = taker.give(content, suffix, {word: said for word, said in words.items() if said})
        return {"source": source, "name": name, "asset": path, "timestamp": ts}

    body = {"source": source, "asset": path, "lot": lot, "timestamp": timestamp, "size": len(content)}
    return Waiting.model_validate(sender.do("images.add", f"source:{source}", body, run, path))


@router.get("/{image_id}/content", response_class=Response)
def content(rooms: House, subject: Reader, image_id: str) -> Response:
    """Return a picture."""
    one = rooms.store.images.get(image_id)
    rooms.guard.gate(subject, "read", one.asset)
    shown = one.mime in SHOWN_INLINE
    headers = {
        "Content-Disposition": "inline" if shown else "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "ETag": f'"{one.sha256}"',
    }
    return Response(
        rooms.store.images.content(one), media_type=one.mime if shown else "application/octet-stream", headers=headers
    )


@router.delete("/{image_id}")
def delete(sender: Sender, image_id: str) -> Deleted:
    """Delete a picture; its file goes within an hour if no other row names it."""
    subject = sender.subject
    place = subject.scope[0] if subject.scope else ""

    def run(tx: Any) -> dict[str, Any]:
        one = sender.rooms.store.images.get(image_id)
        sender.rooms.guard.gate(subject, "read", one.asset)
        sender.rooms.store.images.remove(tx, image_id)
        return {"id": image_id}

    return Deleted.model_validate(sender.do("images.delete", f"image:{image_id}", {}, run, place))


def _takers(rooms: House) -> dict[str, TakesPictures]:
    return {one.name: one for one in rooms.gateway.sources() if isinstance(one, TakesPictures)}


def _image(one: Image) -> dict[str, Any]:
    names = ("id", "asset", "lot", "station", "result", "name", "mime", "size", "width", "height", "sha256", "path", "version")
    names += ("score", "model")
    return {**{name: getattr(one, name) for name in names}, "timestamp": moment(one.ts)}
