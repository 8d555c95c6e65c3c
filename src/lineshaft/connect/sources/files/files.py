"""The files source: looks at a folder, reads what is new in it, and goes on after a restart where it was."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from lineshaft.connect.collect import Collector
from lineshaft.connect.places import Places, home
from lineshaft.connect.source import Outlet, Source, SourceState, SourceStatus
from lineshaft.connect.sources.files.options import FilesOptions
from lineshaft.connect.sources.files.reading import Portion, read_csv, read_parquet
from lineshaft.core import InvalidInput

HEAD = 1_024
MOST_SHOWN = 50


@dataclass(slots=True)
class Place:
    """How far a file was read: the bytes and lines, what it began with, and whether it was whole then."""

    offset: int = 0
    line: int = 0
    head: str = ""
    length: int = 0
    digest: str = ""
    size: int = -1
    rows: int = 0
    refused: int = 0


class FilesSource:
    """Watches one folder."""

    Options: ClassVar[type[FilesOptions]] = FilesOptions

    def __init__(self, name: str, options: FilesOptions, *, keeps: bool = True) -> None:
        self.name, self.options = name, options
        self._keeps = keeps
        self._folder = home() / options.folder
        self._places = Places(name, None)
        self._seen: dict[str, tuple[int, float]] = {}
        self._bad: dict[str, str] = {}
        self._rows = Collector()

    def rehearsal(self) -> Source:
        """Return a source that reads the same and keeps no place and no file of refused lines."""
        return FilesSource(self.name, self.options, keeps=False)

    async def run(self, out: Outlet) -> None:
        """Watch until cancelled."""
        out.status(self._status(SourceState.CONNECTING, f"looking at {self._folder}"))
        self._places = await asyncio.to_thread(Places, self.name, home() / "places.db" if self._keeps else None)
        while True:
            try:
                found = await asyncio.to_thread(self._files)
            except OSError as error:
                out.status(self._status(SourceState.DOWN, f"{self._folder} cannot be read: {error.strerror}"))
            else:
                for path in found:
                    await self._take(out, path)
                out.status(self._told(len(found)))
            await asyncio.sleep(self.options.seconds("every"))

    def _files(self) -> list[Path]:
        """Return the files, oldest first. Raises OSError for a folder that is not there."""
        list(self._folder.iterdir())
        found = {path for glob in self.options.files for path in self._folder.glob(glob) if path.is_file()}
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))

    async def _take(self, out: Outlet, path: Path) -> None:
        """Read what is new in a file; what cannot be read is told, and stops no other."""
        name = path.relative_to(self._folder).as_posix()
        try:
            parts = await asyncio.to_thread(self._open, name, path)
            while parts is not None and (part := await asyncio.to_thread(next, parts, None)) is not None:
                await self._give(out, name, *part)
        except InvalidInput as error:
            self._bad[name] = f"{error.what}" + (f" ({error.hint})" if error.hint else "")
        except (OSError, ValueError, LookupError, pa.ArrowException) as error:
            self._bad[name] = f"{type(error).__name__}: {error}"

    def _open(self, name: str, path: Path) -> Iterator[tuple[Place, Portion]] | None:
        """Return the new portions of a file, None if there is nothing new in it."""
        size = path.stat().st_size
        before = Place(**(self._places.get(name) or {}))
        if before.size == size and (before.digest or size == before.offset):
            return None
        first, since = self._seen.get(name, (-1, 0.0))
        if first != size:
            since = time.monotonic()
            self._seen[name] = (size, since)
        old = time.time() - path.stat().st_mtime
        quiet = not self._keeps or max(time.monotonic() - since, old) >= self.options.seconds("settle")
        with path.open("rb") as file:
            fresh = before.length == 0 or _digest(file.read(before.length)) != before.head
        place = Place() if fresh or size < before.offset else before
        if path.suffix.lower() == ".parquet":
            return self._parquet(path, size) if quiet else None
        if quiet and place.offset == 0 and (twin := self._known(path, size)):
            place = Place(size, 0, *_head(path), digest=twin, size=size)
            return iter([(place, Portion())])
        return self._csv(path, place, size, quiet=quiet)

    def _csv(self, path: Path, place: Place, size: int, *, quiet: bool) -> Iterator[tuple[Place, Portion]]:
        while True:
            portion = read_csv(path, self.options, place.offset, place.line, whole=quiet)
            if portion.offset == place.offset and not portion.whole:
                return
            digest = _file_digest(path) if portion.whole else ""
            head, length = _head(path)
            rows, refused = place.rows + len(portion.rows), place.refused + len(portion.refused)
            ended = size if portion.whole else -1
            place = Place(portion.offset, portion.line, head, length, digest, ended, rows, refused)
            yield place, portion
            if portion.whole or not portion.rows + portion.refused:
                return

    def _parquet(self, path: Path, size: int) -> Iterator[tuple[Place, Portion]] | None:
        if twin := self._known(path, size):
            return iter([(Place(size, 0, *_head(path), digest=twin, size=size), Portion())])
        return self._portions(path, size)

    def _portions(self, path: Path, size: int) -> Iterator[tuple[Place, Portion]]:
        rows = refused = 0
        for portion in read_parquet(path, self.options):
            rows, refused = rows + len(portion.rows), refused + len(portion.refused)
            yield Place(rows=rows, refused=refused), portion
        yield Place(size, 0, *_head(path), digest=_file_digest(path), size=size, rows=rows, refused=refused), Portion()

    def _known(self, path: Path, size: int) -> str:
        """Return the digest of a file that was read before, under whatever name; empty for a new one."""
        if not any(known.get("size") == size and known.get("digest") for known in self._places.all().values()):
            return ""
        digest = _file_digest(path)
        return digest if digest in {known.get("digest") for known in self._places.all().values()} else ""

    async def _give(self, out: Outlet, name: str, place: Place, portion: Portion) -> None:
        """Hand a portion over; its place is kept once its values are."""
        await out.ready()
        for row in portion.rows:
            self._rows.add(*row)
        batch = self._rows.take()
        if batch is not None:
            out.emit(batch)
        if portion.refused:
            errors = await asyncio.to_thread(self._refuse, name, portion)
            self._bad[name] = f"{place.refused} lines refused: {errors}"
            out.reject(name, portion.refused[0][1], len(portion.refused))
        await out.kept()
        if place.offset:
            await asyncio.to_thread(self._places.put, name, asdict(place))

    def _refuse(self, name: str, portion: Portion) -> str:
        """Write refused lines with their numbers into HOME/refused; return what a person is told."""
        first = portion.refused[0]
        if not self._keeps:
            return f"line {first[0]}: {first[1]}"
        path = home() / "refused" / self.name / f"{name}.errors.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(portion.refused)
        return f"see {path}; line {first[0]}: {first[1]}"

    def _told(self, files: int) -> SourceStatus:
        taken = [known for known in self._places.all().values() if known.get("digest") or known.get("offset")]
        text = f"{len(taken)} of {files} files read in {self._folder}, {sum(known.get('rows', 0) for known in taken)} values"
        if self._bad:
            return self._status(SourceState.DEGRADED, f"{text}; {len(self._bad)} files have something that cannot be read")
        return self._status(SourceState.CONNECTED, text)

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        shown = dict(list(self._bad.items())[-MOST_SHOWN:])
        speaks = state in (SourceState.CONNECTED, SourceState.DEGRADED)
        return SourceStatus(self.name, state, message, tags_ok=self._rows.known if speaks else 0, tags_bad=shown)


def _head(path: Path) -> tuple[str, int]:
    """Return what a file begins with, as a digest, and of how many bytes."""
    with path.open("rb") as file:
        data = file.read(HEAD)
    return _digest(data), len(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
