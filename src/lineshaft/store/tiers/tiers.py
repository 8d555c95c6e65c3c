"""The tiers as the store uses them: what lies where, the rules, and the thread that applies them."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable
from pathlib import Path

from lineshaft.core import Bus, now_ns
from lineshaft.store.hot import Hot
from lineshaft.store.image import Images
from lineshaft.store.index import IMAGES_FOLDER, ROLL_UPS, SAMPLES_TABLE, Index
from lineshaft.store.journal import Journal
from lineshaft.store.tiers.cache import Cache
from lineshaft.store.tiers.mover import Mover, Pass, left_over
from lineshaft.store.tiers.placed import Holding, Key, holdings
from lineshaft.store.tiers.records import THERE, Records
from lineshaft.store.tiers.rules import Due
from lineshaft.store.tiers.settings import TiersSettings

_NOTE_NS = 600_000_000_000
_SOON_NS = 60_000_000_000


class Tiers:
    """Where every file of the lake lies. Files are brought back when they are needed, and sent away when rules say so."""

    def __init__(self, settings: TiersSettings, journal: Journal, index: Index, hot: Hot, root: Path, bus: Bus) -> None:
        self.settings = settings
        self._index = index
        self._hot = hot
        self._journal = journal
        self._records = Records(journal)
        left_over(root, (SAMPLES_TABLE, *ROLL_UPS, IMAGES_FOLDER))
        away = {key: one for key, one in self._records.all().items() if one.state == THERE}
        self.cache = Cache(root, away, self._records.reads(), settings.cache_mb * 1_000_000)
        self.mover = Mover(settings, self._records, index, self.cache, bus)
        self.cache.fetch = self.mover.fetch
        index.bring, index.elsewhere, index.let_go = self.cache.bring, self.cache.elsewhere, self._let_go
        self.cache.shrink(self.cache.limit)
        self._ran = self._tried = 0
        self._noted = now_ns()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._images: Images | None = None

    def serve(self, images: Images) -> None:
        """Take care of pictures too: they are sent by their own rule, and come back when somebody looks at them."""
        self._images = images
        self.mover.pictures = images.files
        images.bring, images.let_go = self.cache.bring, self._forget_pictures

    def _forget_pictures(self, named: Container[str]) -> None:
        """Have the objects of pictures deleted that no row names any more."""
        gone = {key for key in self._records.all() if key[0] == IMAGES_FOLDER and key[1] not in named}
        self.mover.unwanted |= gone

    def holdings(self) -> list[Holding]:
        """Return what each table has in each tier."""
        hot = self._hot.read()
        rows = [g for g in hot if g.rows]
        ends = (min(g.min_ts for g in rows), max(g.max_ts for g in rows)) if rows else (None, None)
        beside = [self._journal.path, self._journal.path.with_name(f"{self._journal.path.name}-wal")]
        size = sum(path.stat().st_size for path in beside if path.exists())
        memory = Holding(SAMPLES_TABLE, "hot", 0, size, sum(g.rows for g in rows), *ends)
        pictures = self._images.files() if self._images is not None else ()
        return [memory, *holdings([*self._index.files, *pictures], self.cache.cached(), self.cache.read)]

    def due(self, now: int | None = None) -> list[Due]:
        """Return what the rules would send away now."""
        return self.mover.due(now_ns() if now is None else now)

    def run(self, now: int | None = None) -> Pass:
        """Apply the rules now, and wait."""
        self.note()
        return self.mover.run(now)

    def _let_go(self, keys: Iterable[Key]) -> set[Key]:
        """Return which replaced files may be forgotten now; those with an object may when it is deleted."""
        records = self._records.all()
        away = {key for key in keys if key in records}
        self.mover.unwanted |= away
        return set(keys) - away

    def tend(self, now: int) -> None:
        """Apply the rules when it is time, in a thread: sending takes as long as the network does."""
        if now - self._noted >= _NOTE_NS:
            self.note()
        if not self.settings.bucket or (self._thread is not None and self._thread.is_alive()):
            return
        due = now - self._ran >= self.settings.every_ns
        if due or (self.mover.unwanted and now - self._tried >= _SOON_NS):
            self._tried = now
            self._ran = now if due else self._ran
            self._start()

    def start(self) -> bool:
        """Apply the rules now, in a thread; return whether that began (one pass at a time).

        Raises ConfigError where no bucket is set, or its keys are not.
        """
        self.mover.objects()
        return self._start()

    def begin(self) -> None:
        """Look at the bucket when the node starts: one that must not be used is told at once, and why."""
        if self.settings.bucket:
            self._ran = self._tried = now_ns()
            self._start()
        elif self.cache.cached():
            self.mover.unset()

    def _start(self) -> bool:
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._thread = threading.Thread(target=self.mover.run, name="store-mover", daemon=True)
            self._thread.start()
            return True

    def note(self) -> None:
        """Note durably who read what since the last time."""
        self._noted = now_ns()
        fresh = self.cache.reads()
        known = {(file.kind, file.name) for file in self._index.files}
        gone = [key for key in list(self.cache.read) if key not in known and key not in fresh and key[0] != IMAGES_FOLDER]
        for key in gone:
            self.cache.read.pop(key, None)
        if fresh or gone:
            self._records.note_reads(fresh, gone)

    def close(self) -> None:
        """End after the file under way."""
        self.mover.stop()
        if self._thread is not None:
            self._thread.join()
        self.cache.close()
        self.note()
