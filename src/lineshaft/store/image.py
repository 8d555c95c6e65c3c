"""Images of inspections: a row of what was seen where, of which lot, with what result; the picture is a file named by its hash.

The kind of a picture is told by its first bytes, never by its name. A picture of the same content, asset and time is the
same picture: sending it again changes nothing. Files lie in the lake, where any program may read them beside the rows.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import struct
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, LineshaftError, NotFound, fsync, iso, new_id, now_ns, parse_time, write_whole
from lineshaft.store.durable import folder
from lineshaft.store.index import DAY, IMAGES_FOLDER, Bring, File
from lineshaft.store.tables import images

log = logging.getLogger("lineshaft.store")
LARGEST = 32 << 20
_KINDS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/bmp": ".bmp", "image/tiff": ".tif"}
_SETTLED_NS = 2_000_000_000
_AHEAD_NS = 600_000_000_000


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of something in the plant."""

    id: str
    version: int
    asset: str
    lot: str | None
    ts: int
    station: str
    result: str
    name: str
    mime: str
    size: int
    width: int | None
    height: int | None
    sha256: str
    path: str
    taken_in: int
    score: float | None = None
    model: str | None = None
    """Which model said `result`, and how sure it was (0 to 1); none where a person or a station did."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a picture that comes in."""

    asset: str
    lot: str | None = None
    ts: int = 0
    station: str = ""
    result: str = ""
    name: str = ""
    score: float | None = None
    model: str | None = None


class Images:
    """The album of a plant: rows in the database, pictures as fsynced files of the lake."""

    def __init__(self, home: Path, db: Database) -> None:
        self._home, self._db = home, db
        self.root = home / "lake" / "images"
        self.inbox = home / "inbox" / "images"
        self.bring: Bring = _as_they_are
        self.let_go: Callable[[Container[str]], None] = _nothing

    def add(self, tx: Connection, content: bytes, seen: Seen) -> Image:
        """Take a picture in; it is on the disk before its row can be seen. The same one again gives the row there is."""
        mime, width, height = look(content)
        digest, ts = hashlib.sha256(content).hexdigest(), seen.ts or now_ns()
        if ts > now_ns() + _AHEAD_NS:
            raise InvalidInput("the picture is of a time to come", where=iso(ts), code="image.future")
        same = sa.select(images).where(images.c.sha256 == digest, images.c.asset == seen.asset, images.c.ts == ts)
        had = tx.execute(same).mappings().first()
        if had is not None:
            return Image(**dict(had))
        path = f"{digest[:2]}/{digest}{_KINDS[mime]}"
        if not (self.root / path).exists():
            folder((self.root / path).parent, self._home.parent)
            write_whole(self.root / path, content)
        row: dict[str, Any] = {**asdict(seen), "id": new_id(), "version": 1, "ts": ts, "mime": mime, "taken_in": now_ns()}
        row |= {"size": len(content), "width": width, "height": height, "sha256": digest, "path": f"images/{path}"}
        row["name"] = seen.name or f"{digest[:12]}{_KINDS[mime]}"
        tx.execute(images.insert().values(row))
        return Image(**row)

    def list(
        self,
        *,
        asset: str | None = None,
        lot: str | None = None,
        result: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[Image]:
        """Return pictures, newest first; `asset` takes those of what lies below it too."""
        query = sa.select(images).order_by(images.c.ts.desc(), images.c.id).limit(limit)
        if asset is not None:
            query = query.where(sa.or_(images.c.asset == asset, images.c.asset.startswith(f"{asset}/", autoescape=True)))
        for column, value in ((images.c.lot, lot), (images.c.result, result)):
            query = query if value is None else query.where(column == value)
        query = query if before is None else query.where(images.c.ts < before)
        return [Image(**row) for row in self._db.rows(query)]

    def get(self, image_id: str) -> Image:
        """Return one picture's row. Raises NotFound."""
        found = self._db.rows(sa.select(images).where(images.c.id == image_id))
        if not found:
            raise NotFound(f"there is no image {image_id}", code="image.not-found")
        return Image(**found[0])

    def content(self, one: Image) -> bytes:
        """Return the picture, checked against its hash. Raises NotFound if it is gone or was changed."""
        path = self._home / "lake" / one.path
        held = self.bring([self._file(one.path, one.size, one.ts)])  # from object storage, if that is where it lies
        content = path.read_bytes() if path.exists() else b""
        del held
        if hashlib.sha256(content).hexdigest() != one.sha256:
            hint = "restore the file from a backup"
            raise NotFound(f"the picture '{one.name}' is not there or damaged", where=str(path), hint=hint)
        return content

    def files(self) -> dict[File, int]:
        """Return every picture's file as the tiers see it, with when it was taken in (ns)."""
        columns = (images.c.path, images.c.size, sa.func.max(images.c.ts).label("ts"), sa.func.max(images.c.taken_in).label("at"))
        rows = self._db.rows(sa.select(*columns).group_by(images.c.path, images.c.size))
        return {self._file(row["path"], row["size"], row["ts"]): row["at"] for row in rows}

    def _file(self, path: str, size: int, ts: int) -> File:
        name = path.removeprefix(f"{IMAGES_FOLDER}/")
        return File(IMAGES_FOLDER, name, str(self._home / "lake" / path), ts // DAY, 1, size, 0, 0, ts, ts)

    def remove(self, tx: Connection, image_id: str) -> Image:
        """Delete a picture's row; its file goes with the next tidying if no other row names it."""
        one = self.get(image_id)
        tx.execute(images.delete().where(images.c.id == image_id))
        return one

    def tidy(self, before_ns: int | None) -> int:
        """Delete rows of pictures older than a moment, and files that no row names; return how many files went."""
        if before_ns is not None:
            with self._db.begin() as tx:
                tx.execute(images.delete().where(images.c.ts < before_ns))
        if not self.root.is_dir():
            return 0
        gone, settled = 0, now_ns() - 3600 * 1_000_000_000  # one that is being taken in has no row yet
        named = {row["path"] for row in self._db.rows(sa.select(images.c.path).distinct())}
        self.let_go({path.removeprefix(f"{IMAGES_FOLDER}/") for path in named})
        for path in self.root.glob("*/*"):
            if f"images/{path.relative_to(self.root).as_posix()}" not in named and path.stat().st_mtime_ns < settled:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    # -- the folder

    def waiting(self) -> Iterator[tuple[Path, Path | None]]:
        """Return pictures of the inbox that are written to the end, each with the file that describes it, if any."""
        now = now_ns()
        for path in sorted(self.inbox.rglob("*")) if self.inbox.is_dir() else ():
            if path.is_file() and path.suffix != ".json" and not path.name.startswith(".") and "refused" not in path.parts:
                beside = path.with_name(f"{path.name}.json")
                if now - path.stat().st_mtime_ns > _SETTLED_NS:
                    yield path, beside if beside.exists() else None

    def take(self, path: Path, beside: Path | None, take: Callable[[bytes, Seen], None]) -> None:
        """Take one file of the inbox in and remove it there; one that cannot be taken goes to `refused` with the reason."""
        try:
            if path.stat().st_size > LARGEST:
                raise InvalidInput(f"a picture has at most {LARGEST >> 20} MB", code="image.large")
            take(path.read_bytes(), self._described(path, beside))
        except (LineshaftError, ValueError) as error:
            refused = self.inbox / "refused"
            refused.mkdir(parents=True, exist_ok=True)
            (refused / f"{path.name}.txt").write_text(f"{error}\n")
            path.replace(refused / path.name)
            log.warning("%s was refused: %s", path, error)
        else:
            path.unlink()
            fsync(path.parent)
        if beside is not None:
            beside.unlink(missing_ok=True)

    def _described(self, path: Path, beside: Path | None) -> Seen:
        said: Mapping[str, Any] = json.loads(beside.read_text()) if beside else {}
        place = path.parent.relative_to(self.inbox).as_posix()
        known = {"asset": place if place != "." else "", "name": path.name}
        return described({**known, **said}, path.stat().st_mtime_ns)


def described(said: Mapping[str, Any], ts: int) -> Seen:
    """Return what a file beside a picture says of it; `ts` stands for a time it does not say. Raises InvalidInput."""
    name = str(said.get("name") or "")
    when = parse_time(str(said["time"]), where=f"{name}.json") if said.get("time") else ts
    lot, score, model = (said.get(word) for word in ("lot", "score", "model"))
    try:
        sure = None if score is None else float(score)
    except (TypeError, ValueError):
        raise InvalidInput(f"the score is no number: {score!r:.50}", where=f"{name}.json", code="image.score") from None
    if sure is not None and not math.isfinite(sure):
        raise InvalidInput("the score is no number", where=f"{name}.json", code="image.score")
    station, result = str(said.get("station") or "")[:200], str(said.get("result") or "")[:50]
    asset = str(said.get("asset") or "")
    return Seen(asset, str(lot) if lot else None, when, station, result, name[:400], sure, str(model)[:200] if model else None)


def _as_they_are(files: Sequence[File]) -> Sequence[File]:
    return files


def _nothing(_named: Container[str]) -> None:
    return


def suffix_of(content: bytes) -> str:
    """Return how the name of a picture's file ends, by its bytes. Raises InvalidInput for anything that is no picture."""
    return _KINDS[look(content)[0]]


def look(content: bytes) -> tuple[str, int | None, int | None]:
    """Return kind, width and height of a picture by its bytes. Raises InvalidInput for anything else."""
    if not content:
        raise InvalidInput("the picture is empty", code="image.empty")
    if len(content) > LARGEST:
        raise InvalidInput(f"a picture has at most {LARGEST >> 20} MB", code="image.large")
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        return ("image/png", *struct.unpack(">II", content[16:24]))
    if content[:3] == b"\xff\xd8\xff":
        return ("image/jpeg", *_jpeg(content))
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", None, None
    if content[:2] == b"BM" and len(content) >= 26:
        width, height = struct.unpack("<ii", content[18:26])
        return "image/bmp", width, abs(height)
    if content[:4] in {b"II*\0", b"MM\0*"}:
        return "image/tiff", None, None
    raise InvalidInput("this is no picture we know", hint="PNG, JPEG, WebP, BMP or TIFF", code="image.kind")


def _jpeg(content: bytes) -> tuple[int | None, int | None]:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None, None
