"""Recomputes: the past is computed again only on request, seen beforehand, journalled, and what it replaced stays readable.

A preview writes nothing. An applied recompute is a row with who, when, why and which versions; its work goes stretch by
stretch (at most a day): first the old and new values are written down, then the rows go to the store, then the mark of how
far it came moves on. After a crash at any point the stretch is computed once more: what is there already shows no difference.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.compute.amend import Edit
from lineshaft.compute.correction import Corrections
from lineshaft.compute.difference import Change
from lineshaft.compute.keep import joined, rows_of_figures
from lineshaft.compute.points import rows
from lineshaft.compute.rewrite import Kept, Request, Rewrite, Source
from lineshaft.compute.tables import changes, edits, recomputes
from lineshaft.core import Bus, Conflict, Database, LineshaftError, NotFound, after_commit, new_id, now_ns

log = logging.getLogger("lineshaft.compute")
CAP = 1_000
"""Changes a preview lists; all are counted."""
_PREVIEWS = 20
_OPEN = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class RecomputeMoved:
    """A preview or a recompute came further, or to its end; `share` is how much of its period is done."""

    id: str
    state: str
    share: float
    changed: int
    preview: bool


class Computing(Source, Protocol):
    """What a recompute needs of compute while it writes."""

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Let nothing be derived meanwhile."""
        ...

    def rewritten(self, properties: Iterable[str]) -> None:
        """Know that values of the past were written anew."""
        ...

    @property
    def clock(self) -> Any:
        """Return what says the time."""
        ...


class Writing(Kept, Protocol):
    """What a recompute needs of the store."""

    def append_derived(self, rows: pa.RecordBatch, through: int) -> Any:
        """Take computed rows."""
        ...

    def show(self, items: Any) -> None:
        """Make rows visible."""
        ...

    def commit(self) -> None:
        """Make computed rows durable now."""
        ...


@dataclass(slots=True)
class Job:
    """A preview or a recompute under way, as it is told to whoever asks."""

    id: str
    request: Request
    by: str
    preview: bool
    created: int = field(default_factory=now_ns)
    state: str = "waiting"
    share: float = 0.0
    windows: int = 0
    changed: int = 0
    error: str = ""
    listed: list[Change] = field(default_factory=list[Change])
    by_property: dict[str, int] = field(default_factory=dict[str, int])
    figures: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    versions: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    done: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def capped(self) -> bool:
        """True when there are more changes than are listed."""
        return self.changed > len(self.listed)

    def take(self, found: Sequence[Change], compared: int) -> None:
        """Count changes, and list the first ones."""
        self.windows += compared
        self.changed += len(found)
        for one in found:
            self.by_property[one.path] = self.by_property.get(one.path, 0) + 1
        self.listed += found[: max(0, CAP - len(self.listed))]


class Recomputes:
    """All recomputes of the node: one at a time is written, one at a time is previewed."""

    def __init__(self, compute: Computing, assets: Assets, store: Writing, db: Database, bus: Bus) -> None:
        self._compute, self._assets, self._store, self._db, self._bus = compute, assets, store, db, bus
        self._jobs: dict[str, Job] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()
        self._stopping = False

    # --- asking ------------------------------------------------------------------------------------------------

    def preview(self, request: Request, by: str = "") -> Job:
        """Begin to compute what would be different; nothing is written. Raises InvalidInput for an empty request."""
        job = Job(new_id(), request.checked(self._compute.clock()), by, preview=True)
        Rewrite(self._compute, self._assets, self._store, job.request)
        with self._lock:
            self._jobs[job.id] = job
            old = [one.id for one in self._jobs.values() if one.preview and one.done.is_set()]
            for one in old[: max(0, len(old) - _PREVIEWS)]:
                del self._jobs[one]
        self._submit("preview", job)
        return job

    def prepare(self, request: Request, by: str = "") -> Job:
        """Check a request and find its formulas, before any transaction is open. Raises InvalidInput or NotFound."""
        job = Job(new_id(), request.checked(self._compute.clock()), by, preview=False)
        job.versions = Rewrite(self._compute, self._assets, self._store, job.request).versions_used()
        return job

    def ask(self, tx: Connection, job: Job) -> str:
        """Write a prepared recompute down; it runs once the transaction is committed. Return its id."""
        r = job.request
        values = {"paths": list(r.paths), "start": r.start, "end": r.end, "reason": r.reason, "note": r.note, "by": job.by}
        more = {"formula": r.formula, "created": job.created, "reached": r.start, "versions": job.versions, "figures": []}
        tx.execute(recomputes.insert().values(id=job.id, version=1, state="waiting", windows=0, changed=0, **values, **more))
        if r.edits:
            tx.execute(edits.insert().values(recompute_id=job.id, edits=[asdict(edit) for edit in r.edits], before={}))
        after_commit(tx, lambda: self._begin(job))
        return job.id

    def cancel(self, one: str) -> str:
        """Ask a preview or a recompute to end; what it has written stays, explained. Return its state."""
        job = self._jobs.get(one)
        if job is None or job.done.is_set():
            state = str(self.one(one)["state"])
            raise Conflict(f"it is over: {state}", hint="only what is waiting or running can be cancelled", code="recompute.over")
        job.cancelled.set()
        return job.state

    def list(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return applied recomputes, newest first."""
        found = self._db.rows(sa.select(recomputes).order_by(recomputes.c.created.desc()).limit(limit))
        return [self._shown(row) for row in found]

    def one(self, one: str) -> dict[str, Any]:
        """Return a recompute or a preview. Raises NotFound."""
        job = self._jobs.get(one)
        if job is not None and job.preview:
            return told(job)
        found = self._db.rows(sa.select(recomputes).where(recomputes.c.id == one))
        if not found:
            raise NotFound(
                f"there is no recompute {one}", hint="previews are kept until the node stops", code="recompute.unknown"
            )
        return self._shown(found[0])

    def changes(self, one: str, limit: int = CAP) -> list[Change]:
        """Return what a preview would change, or a recompute has changed: old and new values with their versions."""
        job = self._jobs.get(one)
        if job is not None and job.preview:
            return job.listed[:limit]
        query = sa.select(changes).where(changes.c.recompute_id == one).order_by(changes.c.path, changes.c.ts).limit(limit)
        return [_change(row) for row in self._db.rows(query)]

    def replaced(self, path: str, start: int, end: int, limit: int = 200) -> list[dict[str, Any]]:
        """Return every value below a path over (start, end] that a recompute has replaced, the newest recompute first."""
        below = (changes.c.path == path) | changes.c.path.startswith(f"{path}/", autoescape=True)
        query = (
            sa.select(changes, recomputes.c.created, recomputes.c.by, recomputes.c.reason, recomputes.c.note)
            .join(recomputes, recomputes.c.id == changes.c.recompute_id)
            .where(below, changes.c.ts > start, changes.c.ts <= end)
            .order_by(recomputes.c.created.desc(), changes.c.path, changes.c.ts)
        )
        return self._db.rows(query.limit(limit))

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        job = self._jobs.get(row["id"])
        span = max(1, row["end"] - row["start"])
        share = 1.0 if row["state"] == "done" else (row["reached"] - row["start"]) / span
        live = {"share": max(share, job.share)} if job is not None and not job.done.is_set() else {"share": share}
        return {**row, **live, "preview": False, "capped": False, "edits": [asdict(edit) for edit in self._edits(row["id"])]}

    # --- working -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on with what a stop interrupted."""
        for row in self._db.rows(sa.select(recomputes).where(recomputes.c.state.in_(_OPEN)).order_by(recomputes.c.created)):
            asked = (tuple(row["paths"]), row["start"], row["end"], row["reason"], row["note"], row["formula"])
            request = Request(*asked, edits=self._edits(row["id"]))
            self._begin(Job(row["id"], request, row["by"], preview=False, created=row["created"]))

    def _edits(self, one: str) -> tuple[Edit, ...]:
        rows_ = self._db.rows(sa.select(edits).where(edits.c.recompute_id == one))
        return tuple(Edit(**edit) for row in rows_ for edit in row["edits"])

    def stop(self) -> None:
        """End after the stretch under way; what is not done goes on at the next start."""
        self._stopping = True
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def wait(self, one: str, timeout: float) -> bool:
        """Wait until a preview or recompute is over; say whether it is."""
        job = self._jobs.get(one)
        return job is None or job.done.wait(timeout)

    def _begin(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.id] = job
        self._submit("recompute", job)

    def _submit(self, name: str, job: Job) -> None:
        with self._lock:
            if self._stopping:
                return
            pool = self._pools.setdefault(name, ThreadPoolExecutor(1, thread_name_prefix=name))
            pool.submit(self._run, job)

    def _run(self, job: Job) -> None:
        try:
            job.state = "running"
            self._work(job)
            job.state = "cancelled" if job.cancelled.is_set() else "running" if self._stopping else "done"
        except LineshaftError as error:
            job.state, job.error = "failed", str(error)
        except Exception as error:
            log.exception("recompute %s failed", job.id)
            job.state, job.error = "failed", repr(error)
        finally:
            self._over(job)

    def _over(self, job: Job) -> None:
        with contextlib.suppress(Exception):
            if not job.preview and job.state != "running":
                self._mark(job, state=job.state, error=job.error, ended=now_ns(), figures=job.figures)
        if job.state == "done":
            job.share = 1.0
        job.done.set()
        self._tell(job)

    def _tell(self, job: Job) -> None:
        self._bus.tell(RecomputeMoved(job.id, job.state, job.share, job.changed, job.preview))

    def _ended(self, job: Job) -> bool:
        return job.cancelled.is_set() or self._stopping

    def _work(self, job: Job) -> None:
        rewrite = Rewrite(self._compute, self._assets, self._store, job.request)
        job.versions = rewrite.versions_used()
        reached = job.request.start
        if not job.preview:
            reached = self._db.rows(sa.select(recomputes.c.reached).where(recomputes.c.id == job.id))[0]["reached"]
            self._mark(job, state="running")
        self._amend(job, rewrite)
        span = max(1, rewrite.request.end - job.request.start)
        for work in rewrite.stretches(reached):
            if self._ended(job):
                return
            with self._holding(job):
                outcome, found = rewrite.compute(work)
                if not job.preview:
                    self._write(job, found, rows(outcome.changed, rewrite.plan.channels.shapes) if found else None)
                    self._compute.rewritten(rewrite.chosen)
            job.take(found, outcome.compared)
            job.share = (work.high - job.request.start) / span
            if not job.preview:
                self._mark(job, reached=work.high, windows=job.windows, changed=self._count(job))
            self._tell(job)
        self._figures(job, rewrite)

    def _amend(self, job: Job, rewrite: Rewrite) -> None:
        """Write the raw values down that are taken back or put right, then carry it out; done again it changes nothing."""
        if rewrite.amended is None:
            return
        with self._holding(job):
            made, found = rewrite.amended.written()
            if not job.preview:
                self._remember(job, rewrite)
                self._write(job, found, made)
                self._compute.rewritten([*rewrite.chosen, *{one.series for one in found}])
        job.take(found, len(found))

    def _remember(self, job: Job, rewrite: Rewrite) -> None:
        """Keep the machines' figures as they are before raw values change, once."""
        with self._db.begin() as tx:
            known = tx.execute(sa.select(edits.c.before).where(edits.c.recompute_id == job.id)).scalar()
            before = known or rewrite.figures_before()
            tx.execute(edits.update().where(edits.c.recompute_id == job.id).values(before=before))
        rewrite.before = before

    @contextmanager
    def _holding(self, job: Job) -> Generator[None]:
        with contextlib.nullcontext() if job.preview else self._compute.held():
            yield

    def _figures(self, job: Job, rewrite: Rewrite) -> None:
        """Let late scrap count in the machines' figures, hour by hour."""
        for machine in rewrite.machines:
            scrap = rewrite.scrap_of(machine)
            hours = rewrite.hours(machine, scrap)
            if not hours or self._ended(job):
                continue
            job.figures.append(rewrite.summary(machine, scrap))
            found: list[Change] = []
            parts: list[pa.RecordBatch] = []
            for hour in hours:
                if self._ended(job):
                    return
                different, values = rewrite.figures(machine, hour, scrap)
                found += different
                if different and not job.preview:
                    parts.append(rows_of_figures(self._store, machine.path, hour, values, different[0].new_version))
            job.take(found, len(hours))
            if not job.preview:
                self._write(job, found, joined(parts) if parts else None, scrap)
                self._mark(job, windows=job.windows, changed=self._count(job), figures=job.figures)

    # --- writing -----------------------------------------------------------------------------------------------

    def _write(self, job: Job, found: Sequence[Change], made: pa.RecordBatch | None, scrap: frozenset[str] = frozenset()) -> None:
        """Write old and new values down, then the rows; a repeat keeps the first account of what was there before."""
        if not found and not scrap:
            return
        self._account(job, found)
        if made is not None and made.num_rows:
            self._store.show(self._store.append_derived(made, 0))
            self._store.commit()
        if scrap:
            with self._db.begin() as tx:
                Corrections.apply(tx, scrap, job.id, now_ns())

    def _account(self, job: Job, found: Sequence[Change]) -> None:
        with self._db.begin() as tx:
            mine = changes.c.recompute_id == job.id
            first, last = min((one.ts for one in found), default=0), max((one.ts for one in found), default=0)
            query = sa.select(changes.c.series, changes.c.ts).where(mine, changes.c.ts >= first, changes.c.ts <= last)
            known = {(row.series, row.ts) for row in tx.execute(query)}
            fresh = [_row(job.id, one) for one in found if (one.series, one.ts) not in known]
            if fresh:
                tx.execute(changes.insert(), fresh)

    def _count(self, job: Job) -> int:
        query = sa.select(sa.func.count()).select_from(changes).where(changes.c.recompute_id == job.id)
        return int(self._db.rows(query.with_only_columns(sa.func.count().label("n")))[0]["n"])

    def _mark(self, job: Job, **values: object) -> None:
        with self._db.begin() as tx:
            fresh = {"version": recomputes.c.version + 1, **values}
            tx.execute(recomputes.update().where(recomputes.c.id == job.id).values(**fresh))


def _row(one: str, change: Change) -> dict[str, object]:
    values = {"series": change.series, "path": change.path, "ts": change.ts, "old": change.old, "new": change.new}
    return {"recompute_id": one, **values, "old_version": change.old_version, "new_version": change.new_version}


def _change(row: Mapping[str, Any]) -> Change:
    names = ("series", "path", "ts", "old", "new", "old_version", "new_version")
    return Change(**{name: row[name] for name in names})


def told(job: Job) -> dict[str, Any]:
    """Return a job as a row is shown."""
    r = job.request
    asked: dict[str, Any] = {name: getattr(r, name) for name in ("start", "end", "reason", "note", "formula")}
    asked |= {"paths": list(r.paths), "edits": [asdict(edit) for edit in r.edits]}
    names = ("id", "state", "by", "created", "share", "windows", "changed", "error", "figures", "versions", "preview", "capped")
    return {**asked, **{name: getattr(job, name) for name in names}, "by_property": job.by_property, "ended": None, "version": 1}
