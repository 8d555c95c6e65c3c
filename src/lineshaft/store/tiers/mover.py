"""Moves files of the lake to object storage by rules, and deletes objects nothing needs any more.

A file is sent, verified, noted durably as being there, and only then removed here. Killed at any moment, the next pass goes on:
an intention whose object never came is sent again, one whose object is there is verified and noted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lineshaft.core import Bus, ConfigError, Conflict, LineshaftError, NotFound, Retryable, SystemEvent, fsync, now_ns
from lineshaft.store.index import IMAGES_FOLDER, File, Index
from lineshaft.store.tiers.cache import PART, Cache
from lineshaft.store.tiers.objects import Objects, Taken, digest
from lineshaft.store.tiers.placed import Key
from lineshaft.store.tiers.records import SENDING, THERE, Records, Sent
from lineshaft.store.tiers.rules import Due, due
from lineshaft.store.tiers.settings import TiersSettings

EVENT = "store:objects"


@dataclass(slots=True)
class Pass:
    """What one pass over the rules did."""

    moved: int = 0
    size: int = 0
    deleted: int = 0
    problems: list[str] = field(default_factory=list[str])


class Mover:
    """Applies the rules; one pass at a time, in whatever thread asks."""

    def __init__(self, settings: TiersSettings, records: Records, index: Index, cache: Cache, bus: Bus) -> None:
        self._settings = settings
        self._records = records
        self._index = index
        self._cache = cache
        self._bus = bus
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._objects: Objects | None = None
        self._checked = False
        self._troubled = False
        self._stop = False
        self.unwanted: set[Key] = set()
        self.make: Callable[[TiersSettings], Objects] = Objects.of
        self.pictures: Callable[[], Mapping[File, int]] = dict  # each with when it was taken in

    def due(self, now: int) -> list[Due]:
        """Return what the rules would send away now."""
        cache, rules = self._cache, self._settings.rules
        pictures = self.pictures() if any(rule.table == IMAGES_FOLDER for rule in rules) else {}
        taken = {_key(file): at for file, at in pictures.items()}
        files = [*self._index.files, *pictures]
        return due(files, rules, cache.cached(), (cache.read, self._records.births(), taken), now)

    def run(self, now: int | None = None) -> Pass:
        """Do a whole pass: delete objects nothing needs, finish what was begun, send what is due. Trouble is a system event."""
        done = Pass()
        with self._lock:
            try:
                self._run(now_ns() if now is None else now, done)
            except LineshaftError as error:
                done.problems.append(str(error))
                self._trouble(error)
            else:
                self._mended(done)
        return done

    def _run(self, now: int, done: Pass) -> None:
        wanted, notes = self.due(now), self._records.all()
        self.unwanted |= {key for key, one in notes.items() if one.state == SENDING} - {_key(one.file) for one in wanted}
        if not wanted and not self.unwanted and (self._checked or not self._settings.bucket):
            return
        objects = self.checked()
        for key in sorted(self.unwanted):
            if key in notes:
                objects.delete(notes[key].key)
                self._records.forget(key)
                self._cache.forget(key)
                done.deleted += 1
            self.unwanted.discard(key)
        for one in wanted:
            if self._stop:
                return
            try:
                self._move(objects, one.file, done)
            except (Conflict, OSError) as error:
                done.problems.append(str(error))

    def _move(self, objects: Objects, file: File, done: Pass) -> None:
        path = Path(file.path)
        content = digest(path)
        key = self._records.key_of(self._settings.prefix, file)
        sent = Sent(file.kind, file.name, key, SENDING, content.size, content.sha256, content.etag, now_ns())
        self._records.write(sent)
        with contextlib.suppress(Taken):  # by us, before a kill
            objects.put(key, path)
        objects.verify(key, content)
        there = sent._replace(state=THERE, at=now_ns())
        if not self._records.arrived(there):  # replaced and swept up meanwhile
            objects.delete(key)
            self._records.forget(there.of)
            return
        self._cache.arrived(there)
        self._cache.remove(there.of)
        done.moved += 1
        done.size += content.size

    def fetch(self, sent: Sent, path: Path) -> None:
        """Bring a file back to its place, whole and verified, or not at all."""
        part = path.with_name(f".{path.name}{PART}")
        whole = hashlib.sha256()
        try:
            with part.open("wb") as out:
                for piece in self.objects().read(sent.key, sent.size):
                    whole.update(piece)
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            if whole.hexdigest() != sent.sha256:
                hint = "bring it back from the bucket's own versions or backup"
                raise NotFound(f"the object {sent.key} is damaged", where=self._settings.where, hint=hint, code="tiers.damaged")
            part.replace(path)
        except LineshaftError as error:
            self._trouble(error)
            raise
        except OSError as error:
            what = f"{sent.key} cannot be brought back from object storage: {error}"
            raise Retryable(what, where=str(path), hint="free space or mend the disk", code="tiers.disk") from None
        finally:
            part.unlink(missing_ok=True)
        if self._troubled:
            self._mended(Pass())

    def objects(self) -> Objects:
        """Return the bucket. Raises ConfigError where none is set."""
        with self._opening:
            if not self._settings.bucket:
                hint = "write back the section [tiers] that was there when files were moved"
                raise ConfigError("files lie in object storage, and none is set", where="[tiers]", hint=hint, code="tiers.unset")
            self._objects = self._objects or self.make(self._settings)
            return self._objects

    def checked(self) -> Objects:
        """Return the bucket after it was found fit to write to. Raises ConfigError with the reason where it is not."""
        objects = self.objects()
        if not self._checked:
            objects.check(self._settings.prefix, self._records.home())
            self._checked = True
        return objects

    def _trouble(self, error: LineshaftError) -> None:
        self._troubled = True
        self._bus.tell(SystemEvent(EVENT, f"{error.what} ({error.where})", "error", hint=error.hint))

    def _mended(self, done: Pass) -> None:
        if done.problems:
            self._bus.tell(SystemEvent(EVENT, done.problems[0], "warning", hint="the other files were moved"))
            self._troubled = True
        elif self._troubled:
            self._troubled = False
            self._bus.tell(SystemEvent(EVENT, "object storage answers again", active=False))

    def unset(self) -> None:
        """Tell that files lie in object storage and the settings name none."""
        try:
            self.objects()
        except ConfigError as error:
            self._trouble(error)

    def stop(self) -> None:
        """End after the file under way."""
        self._stop = True


def _key(file: File) -> Key:
    return file.kind, file.name


def left_over(root: Path, kinds: Iterable[str]) -> None:
    """Delete what was being brought back when the node was killed."""
    for kind in kinds:
        for path in (root / kind).glob(f"**/.*{PART}"):
            path.unlink(missing_ok=True)
            fsync(path.parent)
