"""Imports into a running node: files handed over piece by piece, taken in one after the other, and what became of each.

A file that was cut off on its way goes on at the byte where it was; a node that was killed goes on at the piece where it
was; a file that was taken in before does nothing. An import writes history as it stands in the file: nothing is computed
from it and no alarm is raised, until somebody asks for a recompute.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import (
    Bus,
    Conflict,
    Database,
    InvalidInput,
    LineshaftError,
    NotFound,
    Retryable,
    SystemEvent,
    after_commit,
    fsync,
    new_id,
    now_ns,
)
from lineshaft.guard import Subject
from lineshaft.store.bulk import Aim, Imports
from lineshaft.store.durable import folder
from lineshaft.store.legacy import Reading
from lineshaft.store.tables import import_jobs

log = logging.getLogger("lineshaft.store")
CHUNK = 32 << 20
"""Bytes a file is best handed over in at once."""
OPEN = ("uploading", "waiting", "running")
_AGAIN = 30.0
_WEEK = 7 * 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One file on its way into the lake: `uploading`, `waiting`, `running`, then `done`, `failed` or `cancelled`."""

    id: str
    version: int
    file: str
    size: int
    sha256: str
    reading: Mapping[str, Any]
    aim: Mapping[str, Any]
    state: str
    by: str
    created: int
    started: int | None = None
    ended: int | None = None
    total: int = 0
    done: int = 0
    stored: int = 0
    rejected: Mapping[str, int] | None = None
    again: bool = False
    error: str = ""


class _Stopped(Exception):
    """The import was cancelled, or the node ends."""


class ImportJobs:
    """The files handed to this node, and the thread that takes them in."""

    def __init__(self, imports: Imports, db: Database, bus: Bus, home: Path) -> None:
        self._imports, self._db, self._bus = imports, db, bus
        self.folder = home / "imports"
        self._top = home
        self._cancelled: set[str] = set()
        self._progress: dict[str, tuple[int, int]] = {}
        self._writing = threading.Lock()
        self._wake, self._closing = threading.Event(), False
        self._thread: threading.Thread | None = None

    # -- what there is

    def list(self, limit: int = 100, before: int | None = None) -> list[ImportJob]:
        """Return imports, newest first, announced before a moment."""
        query = sa.select(import_jobs).order_by(import_jobs.c.created.desc(), import_jobs.c.id).limit(limit)
        if before is not None:
            query = query.where(import_jobs.c.created < before)
        return [self._read(row) for row in self._db.rows(query)]

    def get(self, job_id: str) -> ImportJob:
        """Return one import with its progress. Raises NotFound."""
        rows = self._db.rows(sa.select(import_jobs).where(import_jobs.c.id == job_id))
        if not rows:
            raise NotFound(f"there is no import {job_id}", code="import.none")
        return self._read(rows[0])

    def received(self, job_id: str) -> int:
        """Return how many bytes of a file are here, on the disk."""
        path = self._content(job_id)
        return path.stat().st_size if path.exists() else 0

    def errors(self, job_id: str) -> Path | None:
        """Return the CSV of refused rows - line, reason, how to mend it - or None if no row was refused."""
        path = self.folder / f"{self.get(job_id).id}.errors.csv"
        return path if path.exists() else None

    # -- commands

    def open(self, tx: Connection, named: tuple[str, int, str], reading: Reading, aim: Aim, by: Subject) -> ImportJob:
        """Begin to hand over a file (name, bytes, sha256 or nothing), or find it where it was begun before."""
        file, size, sha256 = named
        plain = {"reading": _plain(reading), "aim": asdict(aim)}
        if sha256:
            same = sa.select(import_jobs).where(import_jobs.c.sha256 == sha256, import_jobs.c.state.in_((*OPEN, "done")))
            for row in tx.execute(same.order_by(import_jobs.c.created.desc())).mappings():
                if dict(row["reading"]) == plain["reading"] and dict(row["aim"]) == plain["aim"] and row["size"] == size:
                    return self._read(dict(row))
        free = shutil.disk_usage(self._top).free
        if size > free // 2:
            hint = f"free some: {size >> 20} MB come in and as much again is needed to sort them; {free >> 20} MB are free"
            raise Conflict("there is no room for this file on the node's disk", hint=hint, code="import.room")
        job = ImportJob(new_id(), 1, file, size, sha256, plain["reading"], plain["aim"], "uploading", by.id, now_ns())
        tx.execute(import_jobs.insert().values(_row(job)))
        return job

    def put(self, job_id: str, offset: int, content: bytes) -> int:
        """Keep bytes of a file from `offset` on; return how many are here now, on the disk."""
        job = self.get(job_id)
        with self._writing:
            here = self.received(job_id)
            if job.state != "uploading":
                raise Conflict("this file is not being handed over", where=job.state, code="import.state")
            if offset != here:
                raise Conflict(f"{here} bytes are here, not {offset}", hint="go on from there", code="import.offset")
            if here + len(content) > job.size:
                raise InvalidInput(f"the file was announced with {job.size} bytes", hint="begin again", code="import.size")
            folder(self.folder, self._top)
            with self._content(job_id).open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if not here:
                fsync(self.folder)
            return here + len(content)

    def arrived(self, tx: Connection, job_id: str) -> ImportJob:
        """Have a file taken in as soon as those before it are, once all of it is here."""
        job = self.get(job_id)
        if job.state == "uploading" and self.received(job_id) == job.size:
            tx.execute(import_jobs.update().where(import_jobs.c.id == job_id).values(state="waiting"))
            after_commit(tx, self._wake.set)
            return replace(job, state="waiting")
        return job

    def cancel(self, tx: Connection, job_id: str) -> ImportJob:
        """Stop an import; what was taken in stays, and the same file handed over again goes on there."""
        job = self.get(job_id)
        if job.state not in OPEN:
            raise Conflict("this import has ended", code="import.ended")
        self._cancelled.add(job_id)
        if job.state == "running":
            return job
        after_commit(tx, lambda: self._content(job_id).unlink(missing_ok=True))
        ended = {"state": "cancelled", "ended": now_ns()}
        tx.execute(import_jobs.update().where(import_jobs.c.id == job_id).values(ended))
        return replace(job, **ended)

    # -- the thread

    def start(self) -> None:
        """Take files in until `stop`, first what a stop of the node cut off."""
        self.resume()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="imports", daemon=True)
            self._wake.set()
            self._thread.start()

    def resume(self) -> None:
        """Have what a stop of the node cut off go on, and let go of what nobody handed over for a week."""
        running = import_jobs.c.state == "running"
        stale = sa.and_(import_jobs.c.state == "uploading", import_jobs.c.created < now_ns() - _WEEK)
        with self._db.begin() as tx:
            tx.execute(import_jobs.update().where(running).values(state="waiting"))
            tx.execute(import_jobs.update().where(stale).values(state="cancelled", ended=now_ns()))
        if self.folder.exists():
            wanted = {row["id"] for row in self._db.rows(sa.select(import_jobs.c.id).where(import_jobs.c.state.in_(OPEN)))}
            for path in self.folder.glob("*.data"):
                if path.stem not in wanted:
                    path.unlink(missing_ok=True)

    def stop(self) -> None:
        """End after the piece that is being written; the import goes on at the next start."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(60)
            self._thread = None

    def _keep(self) -> None:
        while not self._closing:
            self._wake.wait(_AGAIN)
            self._wake.clear()
            try:
                self.tend()
            except Exception:
                log.exception("looking after imports failed")

    def tend(self) -> int:
        """Take in what waits; return how many imports ended."""
        ended = 0
        waiting = sa.select(import_jobs).where(import_jobs.c.state == "waiting").order_by(import_jobs.c.created, import_jobs.c.id)
        for row in self._db.rows(waiting):
            if self._closing:
                break
            ended += self._do(self._read(row))
        return ended

    def _do(self, job: ImportJob) -> bool:
        """Take one file in; return whether it came to an end, good or bad."""
        job = replace(job, state="running", started=now_ns(), error="")
        self._save(job)
        aim, reading = Aim(**job.aim), Reading(**{**job.reading, **_lists(job.reading)})
        try:
            self._whole(job)
            done = self._imports.take(
                self._content(job.id), reading, aim, self.folder / f"{job.id}.errors.csv", self._heard(job.id), beside=True
            )
        except _Stopped:
            if self._closing and job.id not in self._cancelled:
                return False  # it stays `running` and goes on at the next start
            return self._end(self._so_far(job, reading, aim), "cancelled")
        except Retryable as error:
            self._save(replace(job, state="waiting", error=str(error)))
            return False
        except LineshaftError as error:
            return self._end(job, "failed", error.what + (f" - {error.hint}" if error.hint else ""))
        except Exception as error:
            log.exception("import %s failed", job.id)
            return self._end(self._so_far(job, reading, aim), "failed", str(error))
        total = done.total
        job = replace(job, total=total, done=total, stored=done.stored, rejected=done.rejected, again=done.again)
        return self._end(job, "done")

    def _whole(self, job: ImportJob) -> None:
        with self._content(job.id).open("rb") as file:
            if job.sha256 and hashlib.file_digest(file, "sha256").hexdigest() != job.sha256:
                raise InvalidInput("the file changed on its way", hint="hand it over again", code="import.damaged")

    def _heard(self, job_id: str) -> Callable[[int, int], None]:
        def progress(done: int, total: int) -> None:
            self._progress[job_id] = (done, total)
            if self._closing or job_id in self._cancelled:
                raise _Stopped

        return progress

    def _so_far(self, job: ImportJob, reading: Reading, aim: Aim) -> ImportJob:
        done = self._imports.known(self._content(job.id), reading, aim)
        return job if done is None else replace(job, total=done.total, stored=done.stored, rejected=done.rejected)

    def _end(self, job: ImportJob, state: str, error: str = "") -> bool:
        done, _ = self._progress.pop(job.id, (job.done, 0))
        self._cancelled.discard(job.id)
        self._save(replace(job, state=state, ended=now_ns(), error=error, done=max(done, job.done)))
        self._content(job.id).unlink(missing_ok=True)
        key = f"import:{job.id}"
        if state == "failed":
            hint = "see Imports on the page Ledger"
            self._bus.tell(SystemEvent(key, f"the import of {job.file} failed: {error}", "warning", hint=hint))
        return True

    def _save(self, job: ImportJob) -> None:
        with self._db.begin() as tx:
            values = {**_row(job), "version": import_jobs.c.version + 1}
            tx.execute(import_jobs.update().where(import_jobs.c.id == job.id).values(values))

    def _read(self, row: Mapping[str, Any]) -> ImportJob:
        job = ImportJob(**{name: row[name] for name in ImportJob.__slots__})
        done, total = self._progress.get(job.id, (job.done, job.total))
        return replace(job, done=done, total=total)

    def _content(self, job_id: str) -> Path:
        return self.folder / f"{job_id}.data"


def _row(job: ImportJob) -> dict[str, Any]:
    return {**asdict(job), "rejected": dict(job.rejected or {})}


def _plain(reading: Reading) -> dict[str, Any]:
    return {**asdict(reading), "tag": list(reading.tag), "columns": list(reading.columns)}


def _lists(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {"tag": tuple(reading["tag"]), "columns": tuple(reading["columns"])}
