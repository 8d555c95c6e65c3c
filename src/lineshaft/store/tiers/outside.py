"""What lies where, seen from outside of the node, also while it runs: its journal is only read."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lineshaft.core import ConfigError, NotFound
from lineshaft.store.index import IMAGES_FOLDER, File
from lineshaft.store.tiers.objects import Objects
from lineshaft.store.tiers.placed import Holding, Key, holdings
from lineshaft.store.tiers.records import THERE, Sent
from lineshaft.store.tiers.rules import Due, due
from lineshaft.store.tiers.settings import TiersSettings

_FILES = "kind, path, day, rows, size, min_sid, max_sid, min_ts, max_ts"


class Outside:
    """The notes of a home about its files, as of now."""

    def __init__(self, home: Path) -> None:
        path = home / "journal.db"
        if not path.exists():
            raise ConfigError("nothing was stored here yet", where=str(path), hint="start the node first")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
            known = {row[0] for row in reader.execute("select name from sqlite_master where type = 'table'")}
            rows = reader.execute(f"select {_FILES} from files where removed is null").fetchall()
            self.files = [File(kind, name, str(home / "lake" / kind / name), *rest) for kind, name, *rest in rows]
            sent = reader.execute("select * from objects where state = ?", (THERE,)).fetchall() if "objects" in known else []
            self.away: dict[Key, Sent] = {one.of: one for one in (Sent(*row) for row in sent)}
            pictures = [
                one for one in self.away.values() if one.kind == IMAGES_FOLDER
            ]  # when they were taken is in another database
            root = home / "lake"
            self.files += [File(*one.of, str(root / one.kind / one.name), 0, 1, one.size, 0, 0, 0, 0) for one in pictures]
            self.read = _times(reader, "reads") if "reads" in known else {}
            self._born = _times(reader, "births") if "births" in known else {}
            row = reader.execute("select value from meta where key = 'home'").fetchone()
            self.name = None if row is None else str(row[0])

    def holdings(self) -> list[Holding]:
        """Return what each table has in each tier, without what is in the node's memory."""
        here = {(file.kind, file.name): file.size if Path(file.path).exists() else 0 for file in self.files}
        return holdings(self.files, {key: here.get(key, 0) for key in self.away}, self.read)

    def due(self, settings: TiersSettings, now: int) -> list[Due]:
        """Return what the rules would send away now."""
        return due(self.files, settings.rules, self.away, (self.read, self._born), now)

    def places(self, lake: Path, table: str, paths: Sequence[str], bucket: str) -> list[str]:
        """Return where files of a table are read: on this disk, or as s3:// addresses those that are not here."""
        found: list[str] = []
        for path in paths:
            sent = None if Path(path).exists() else self.away.get((table, Path(path).relative_to(lake / table).as_posix()))
            found.append(path if sent is None else f"s3://{bucket}/{sent.key}")
        return found

    def fetch(self, lake: Path, table: str, paths: Sequence[str], objects: Objects, folder: Path) -> list[str]:
        """Bring files that are not on this disk into a folder; return where all of them are read."""
        found: list[str] = []
        for path in paths:
            name = Path(path).relative_to(lake / table).as_posix()
            sent = None if Path(path).exists() else self.away.get((table, name))
            found.append(path if sent is None else str(_fetched(sent, objects, folder / table / name)))
        return found


def try_bucket(settings: TiersSettings) -> None:
    """Ask the bucket whether it may be used. Raises the error that says why not."""
    if not settings.bucket:
        raise ConfigError("no bucket is set: everything stays on this disk", where="[tiers] bucket", code="tiers.unset")
    Objects.of(settings).probe(settings.prefix)


def away_of(home: Path) -> dict[Key, str]:
    """Return the files of a home that lie in object storage, each with the name of its object."""
    return {key: one.key for key, one in Outside(home).away.items()}


def away_sizes(home: Path, kind: str) -> dict[str, int]:
    """Return the files of one kind that lie in object storage, each with its size in bytes."""
    return {key[1]: one.size for key, one in Outside(home).away.items() if key[0] == kind}


def _fetched(sent: Sent, objects: Objects, path: Path) -> Path:
    if path.exists() and path.stat().st_size == sent.size:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, whole = path.with_name(f".{path.name}.part"), hashlib.sha256()
    with part.open("wb") as out:
        for piece in objects.read(sent.key, sent.size):
            whole.update(piece)
            out.write(piece)
    if whole.hexdigest() != sent.sha256:
        part.unlink()
        raise NotFound(f"the object {sent.key} is damaged", where=objects.where, hint="bring it back from the bucket's versions")
    part.replace(path)
    return path


def _times(reader: sqlite3.Connection, table: str) -> dict[Key, int]:
    return {(kind, name): at for kind, name, at in reader.execute(f"select kind, path, at from {table}")}
