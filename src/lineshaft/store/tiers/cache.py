"""What is on this disk of files that lie in object storage: brought back where a reader expects them, within a limit.

A file comes back to its own place in the lake. Who brings files holds them until the list it was given is gone; what nobody
holds goes when room is needed, what was not read for longest first.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from lineshaft.core import InvalidInput, Retryable, now_ns
from lineshaft.store.index import File
from lineshaft.store.tiers.placed import Key
from lineshaft.store.tiers.records import Sent

_AT_ONCE = 4
_PATIENCE_S, _WAIT_S = 120.0, 15.0
PART = ".part"


class Held(list[File]):
    """Files a reader holds: none of them leaves the disk before this list does."""

    def __init__(self, files: Iterable[File], release: Callable[[Sequence[Key]], None]) -> None:
        super().__init__(files)
        self._keys = [(file.kind, file.name) for file in self]
        self._release = release

    def __del__(self) -> None:
        """Let go of them."""
        self._release(self._keys)


class Cache:
    """The files of object storage that are on this disk as well."""

    def __init__(self, root: Path, away: dict[Key, Sent], read: dict[Key, int], limit: int) -> None:
        self._root = root
        self._lock = threading.RLock()  # a list may be let go of in the middle of our own work, by the same thread
        self._freed = threading.Condition(self._lock)
        self._away = away
        self._holders: Counter[Key] = Counter()
        self._coming: dict[Key, Future[None]] = {}
        self._here = {key: one.size for key, one in away.items() if self.path(key).exists()}
        self._pool: ThreadPoolExecutor | None = None
        self.read = read
        self.fresh: set[Key] = set()
        self.limit = limit
        self.patience_s = _WAIT_S
        self.fetch: Callable[[Sent, Path], None] = _nowhere

    def path(self, key: Key) -> Path:
        """Return where a file is read."""
        return self._root / key[0] / key[1]

    def elsewhere(self, file: File) -> bool:
        """Return whether a file lies in object storage (and perhaps here too)."""
        return (file.kind, file.name) in self._away

    def cached(self) -> dict[Key, int]:
        """Return every file of object storage, and how many bytes of it are here."""
        with self._lock:
            return {key: self._here.get(key, 0) for key in self._away}

    def bring(self, files: Sequence[File]) -> Sequence[File]:
        """Return files to be read at their paths; those that lie elsewhere come back first.

        Raises Retryable where object storage does not answer or others have all the room, InvalidInput where the files do not
        fit into it together.
        """
        if not files:
            return files
        held = Held(files, self._let_go)
        now = now_ns()
        with self._lock:
            keys = [(file.kind, file.name) for file in files]
            self._holders.update(keys)
            self.read.update(dict.fromkeys(keys, now))
            self.fresh.update(keys)
            ours, theirs = self._share_out(keys)
        try:
            self._fetch(ours)
        finally:
            self._settle(ours)
        for future in theirs:
            try:
                future.result(_PATIENCE_S)
            except TimeoutError:
                hint = "ask again; the network or the store may be slow"
                raise Retryable("a file from object storage takes too long", hint=hint, code="tiers.slow") from None
        return held

    def _is_here(self, key: Key) -> bool:
        return key in self._here and self.path(key).exists()

    def _share_out(self, keys: Sequence[Key]) -> tuple[dict[Key, Sent], list[Future[None]]]:
        """Return what is ours to fetch, and what others are fetching already; wait for room if others have it all."""
        needed = [self._away[key] for key in keys if key in self._away]
        whole = sum(one.size for one in needed)
        until = time.monotonic() + self.patience_s
        while True:
            missing = [one for one in needed if not self._is_here(one.of)]
            ours = {one.of: one for one in missing if one.of not in self._coming}
            if not ours or self._room(sum(one.size for one in ours.values()), whole):
                break
            if not self._freed.wait(max(0.0, until - time.monotonic())):
                what = "the room for files of object storage is full of what other questions read"
                hint = "wait until they are answered, or raise [tiers] cache_mb"
                raise Retryable(what, hint=hint, code="tiers.full")
        theirs = [self._coming[one.of] for one in missing if one.of in self._coming]
        self._coming |= {key: Future[None]() for key in ours}
        return ours, theirs

    def _fetch(self, ours: dict[Key, Sent]) -> None:
        if len(ours) == 1:
            self._one(*ours.values())
        elif ours:
            with self._lock:
                self._pool = self._pool or ThreadPoolExecutor(_AT_ONCE, "store-objects")
            jobs = [self._pool.submit(self._one, one) for one in ours.values()]
            wait(jobs)
            for job in jobs:
                job.result()

    def _one(self, sent: Sent) -> None:
        future, path = self._coming[sent.of], self.path(sent.of)
        try:
            self.fetch(sent, path)
        except BaseException as error:
            future.set_exception(error)
            raise
        with self._lock:
            self._here[sent.of] = sent.size
        future.set_result(None)

    def _settle(self, ours: dict[Key, Sent]) -> None:
        with self._lock:
            for key in ours:
                del self._coming[key]
            self._freed.notify_all()

    def _room(self, size: int, whole: int) -> bool:
        """Make room for files, and return whether there is enough now."""
        if whole > self.limit:
            what = f"this needs {whole / 1e6:,.0f} MB from object storage at once, {self.limit / 1e6:,.0f} MB may be here"
            raise InvalidInput(what, hint="ask for a shorter time, or raise [tiers] cache_mb", code="tiers.too-much")
        self.shrink(self.limit - size)
        return self._used() + size <= self.limit

    def _used(self) -> int:
        return sum(self._here.values()) + sum(self._away[key].size for key in self._coming if key in self._away)

    def shrink(self, limit: int) -> None:
        """Remove files nobody holds from this disk, those unread for longest first, until the rest takes no more than a limit."""
        with self._lock:
            for key in sorted(self._here, key=lambda one: self.read.get(one, 0)):
                if self._used() <= limit:
                    break
                self.remove(key)

    def arrived(self, sent: Sent) -> None:
        """Take note that a file is in object storage now; what is here of it counts as brought back."""
        with self._lock:
            self._away[sent.of] = sent
            self._here[sent.of] = sent.size

    def remove(self, key: Key) -> bool:
        """Remove a file of object storage from this disk unless somebody holds it; return whether it is gone."""
        with self._lock:
            if self._holders[key] or key not in self._away:
                return False
            self.path(key).unlink(missing_ok=True)
            self._here.pop(key, None)
            return True

    def forget(self, key: Key) -> None:
        """Take note that a file is in object storage no more."""
        with self._lock:
            self._away.pop(key, None)
            self._here.pop(key, None)
            self.read.pop(key, None)

    def away(self, key: Key) -> Sent | None:
        """Return where a file lies in object storage, if it does."""
        return self._away.get(key)

    def reads(self) -> dict[Key, int]:
        """Return what was read since the last time this was asked, and when."""
        with self._lock:
            fresh, self.fresh = self.fresh, set()
            return {key: self.read[key] for key in fresh if key in self.read}

    def _let_go(self, keys: Sequence[Key]) -> None:
        with self._lock:
            self._holders.subtract(keys)
            for key in keys:
                if self._holders[key] <= 0:
                    del self._holders[key]
            self._freed.notify_all()

    def close(self) -> None:
        """Wait for what is on its way."""
        if self._pool is not None:
            self._pool.shutdown()


def _nowhere(sent: Sent, _path: Path) -> None:
    hint = "write back the section [tiers] of settings.toml that was there when it was moved"
    raise Retryable(f"{sent.key} lies in object storage, and none is set", where="settings.toml", hint=hint, code="tiers.unset")
