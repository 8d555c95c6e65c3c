"""The scale: how much of each table lies in which tier now, from the files themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from lineshaft.store.cost.settings import Tier
from lineshaft.store.index import DAY, HOUR_TABLE, IMAGES_FOLDER, LATE_TABLE, MINUTE_TABLE, SAMPLES_TABLE, SERIES_TABLE, File
from lineshaft.store.tablet import Tablets
from lineshaft.store.tiers.outside import away_of, away_sizes
from lineshaft.store.tiers.settings import TiersSettings

VALUES = (SAMPLES_TABLE, LATE_TABLE, MINUTE_TABLE, HOUR_TABLE, SERIES_TABLE)
COPIES = "(replaced files)"
JOURNAL, MEMORY, DATABASE, IMAGES, DOCUMENTS, DROPPED = (
    "(journal)",
    "(memory)",
    "(database)",
    "(image files)",
    "(document files)",
    "(dropped files)",
)


@dataclass(frozen=True, slots=True)
class Held:
    """What of one table lies in one tier; `days` are bytes by day since 1970, where the table knows its days."""

    table: str
    tier: Tier
    size: int
    rows: int | None = None
    days: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True, slots=True)
class Weighed:
    """One weighing: what lies where, the files of values it was, rows that wait in memory, and replaced files by moment."""

    held: tuple[Held, ...]
    files: tuple[File, ...]
    hot_rows: int | None
    replaced: tuple[tuple[int, int], ...]
    oldest: int | None


class Scale:
    """Weighs a home: the files of its lake, and what else grows beside them."""

    def __init__(
        self,
        home: Path,
        files: Callable[[], Sequence[File]],
        tablets: Tablets,
        hot: Callable[[], tuple[int, int]] | None = None,
        elsewhere: Callable[[File], bool] = lambda _file: False,
    ) -> None:
        self._home, self._files, self._tablets, self._hot, self._elsewhere = home, files, tablets, hot, elsewhere

    @classmethod
    def outside(cls, home: Path) -> Scale:
        """Return the scale of a home whose node may be running: what is in its memory is not seen."""
        away = away_of(home)
        tablets = Tablets(home / "lake" / "tables")

        def elsewhere(file: File) -> bool:
            return (file.kind, file.name) in away and not Path(file.path).exists()

        return cls(home, lambda: files_noted(home), tablets, elsewhere=elsewhere)

    def weigh(self) -> Weighed:
        """Weigh everything now."""
        files = tuple(self._files())
        replaced, oldest = self._replaced()
        held = [*self._values(files), *self._named(), *self._beside(sum(size for _, size in replaced))]
        return Weighed(tuple(one for one in held if one.size), files, self._hot()[0] if self._hot else None, replaced, oldest)

    def _values(self, files: Iterable[File]) -> Iterator[Held]:
        sums: dict[tuple[str, Tier], tuple[int, int, dict[int, int]]] = {}
        for file in files:
            tier: Tier = "object" if self._elsewhere(file) else "local"
            rows, size, days = sums.get((file.kind, tier), (0, 0, {}))
            days[file.day] = days.get(file.day, 0) + file.size
            sums[file.kind, tier] = (rows + file.rows, size + file.size, days)
        for (kind, tier), (rows, size, days) in sums.items():
            yield Held(kind, tier, size, rows, {} if kind == SERIES_TABLE else days)

    def _named(self) -> Iterator[Held]:
        for name in self._tablets.names():
            now = self._tablets.get(name)
            yield Held(name, "local", sum(piece.size for piece in now.pieces.values()), now.rows)

    def _beside(self, replaced: int) -> Iterator[Held]:
        lake = self._home / "lake"
        unnamed = sum(size for _, size in unnamed_of(self._tablets))
        yield Held(COPIES, "local", replaced + unnamed)
        yield Held(JOURNAL, "hot", sum(_size(self._home / f"journal.db{end}") for end in ("", "-wal")))
        if self._hot:
            rows, size = self._hot()
            yield Held(MEMORY, "hot", size, rows)
        yield Held(DATABASE, "local", sum(_size(self._home / f"lineshaft.db{end}") for end in ("", "-wal")))
        for name, folder in ((IMAGES, lake / "images"), (DOCUMENTS, self._home / "documents"), (DROPPED, lake / "drop")):
            yield Held(name, "local", sum(_size(path) for path in folder.rglob("*")) if folder.is_dir() else 0)
        sizes = away_sizes(self._home, IMAGES_FOLDER)
        yield Held(IMAGES, "object", sum(size for name, size in sizes.items() if not (lake / IMAGES_FOLDER / name).exists()))

    def _replaced(self) -> tuple[tuple[tuple[int, int], ...], int | None]:
        """Return (when, bytes) of files that were replaced and are kept, and when the oldest file of all was made."""
        with closing(_journal(self._home)) as reader:
            found = reader.execute("select removed, size from files where removed is not null order by removed").fetchall()
            oldest = reader.execute("select min(at) from births").fetchone()[0]
        return tuple((int(at), int(size)) for at, size in found), oldest


def rules_of(tiers: TiersSettings) -> dict[str, int]:
    """Return after how many days the rules move a table's files; that nobody must have read them cannot be foreseen."""
    return {rule.table: max(1, rule.older_ns // DAY) for rule in tiers.rules}


def files_noted(home: Path) -> tuple[File, ...]:
    """Return the files of a home's lake as its journal names them."""
    columns = "kind, path, day, rows, size, min_sid, max_sid, min_ts, max_ts"
    with closing(_journal(home)) as reader:
        found = reader.execute(f"select {columns} from files where removed is null").fetchall()
    return tuple(File(kind, name, str(home / "lake" / kind / name), *rest) for kind, name, *rest in found)


def unnamed_of(tablets: Tablets) -> Iterator[tuple[Path, int]]:
    """Return files in the folders of named tables that are no longer the table, with their sizes: its earlier versions."""
    for name in tablets.names():
        mine = set(tablets.get(name).pieces)
        for path in (tablets.root / name).rglob("*.parquet"):
            here = path.relative_to(tablets.root / name)
            if here.parts[0] != "_delta_log" and here.as_posix() not in mine:
                yield path, _size(path)


def _journal(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{home / 'journal.db'}?mode=ro", uri=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # it went away while we looked
        return 0
