"""Runs ETL jobs: when they are due or asked for, one at a time, as their owner, with a row of history for every run.

A step is exactly once: the moment until which it has read is committed with the rows it writes, so a run that was killed is
run again and a step that had written already is passed over. After a downtime a job that was due runs once, for all of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import (
    Bus,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotFound,
    Problem,
    SystemEvent,
    after_commit,
    did_you_mean,
    new_id,
    now_ns,
    parse_duration,
)
from lineshaft.guard import Subject, allowed
from lineshaft.store.etl.apart import Apart
from lineshaft.store.etl.job import Job, Step, read_jobs
from lineshaft.store.samples import VALUE_VIEWS
from lineshaft.store.sql import Asked, Workbench
from lineshaft.store.tables import etl_runs
from lineshaft.store.tablet import Change

log = logging.getLogger("lineshaft.store")
Owners = Callable[[str], Subject | None]
_TICK = 1.0
_KEPT = 1000
_MIRRORED = ("alarm_log", "work_orders", "work_order_history", "documents", "images")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job: why, as whom, how far, what came of it."""

    id: str
    version: int
    job: str
    job_version: str
    state: str
    why: str
    by: str
    until: int
    started: int
    ended: int | None = None
    attempt: int = 1
    step: str = ""
    steps_done: int = 0
    steps: int = 0
    rows: int = 0
    error: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def _nobody(_name: str) -> Subject | None:
    return None


def _unheard(_subject: Subject, _job: str, _about: Mapping[str, Any]) -> None:
    return


class Etl:
    """The jobs of HOME/etl and their runs."""

    def __init__(self, bench: Workbench, db: Database, bus: Bus, home: Path) -> None:
        self._bench, self._db, self._bus = bench, db, bus
        self.folder = home / "etl"
        self._scratch = home / "scratch" / "etl"
        self.owners: Owners = _nobody
        self.heard: Callable[[Subject, str, Mapping[str, Any]], None] = _unheard
        self._lock = threading.Lock()
        self._under_way: tuple[str, Asked | Apart | None] = ("", None)
        self._cancelled: set[str] = set()
        self._since = now_ns()
        self._wake, self._closing = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    # -- what there is

    def jobs(self) -> tuple[dict[str, Job], list[Problem]]:
        """Return the jobs as their files are now, and what is wrong with the others."""
        return read_jobs(self.folder, {*VALUE_VIEWS, *self._bench.views, *_MIRRORED})

    def runs(self, job: str | None = None, limit: int = 100, before: int | None = None) -> list[Run]:
        """Return runs, newest first."""
        query = sa.select(etl_runs).order_by(etl_runs.c.started.desc(), etl_runs.c.id).limit(limit)
        if job is not None:
            query = query.where(etl_runs.c.job == job)
        if before is not None:
            query = query.where(etl_runs.c.started < before)
        return [_read(row) for row in self._db.rows(query)]

    def run(self, run_id: str) -> Run:
        """Return one run. Raises NotFound."""
        rows = self._db.rows(sa.select(etl_runs).where(etl_runs.c.id == run_id))
        if not rows:
            raise NotFound(f"there is no run {run_id}", code="etl.no-run")
        return _read(rows[0])

    # -- asking for a run

    def ask(self, tx: Connection, name: str, by: Subject) -> Run:
        """Have a job run as soon as those before it have. Raises NotFound, or Conflict while it waits or runs already."""
        jobs, problems = self.jobs()
        if name not in jobs:
            hint = str(problems[0]) if problems else did_you_mean(name, jobs)
            raise NotFound(f"there is no job '{name}'", hint=hint, code="etl.no-job")
        busy = sa.select(etl_runs.c.id).where(etl_runs.c.job == name, etl_runs.c.state.in_(("waiting", "running")))
        if tx.execute(busy).first():
            raise Conflict(f"the job '{name}' runs already", hint="wait, or cancel it", code="etl.busy")
        run = self._fresh(jobs[name], "asked", by.id, now_ns())
        tx.execute(etl_runs.insert().values(_row(run)))
        after_commit(tx, self._wake.set)
        return run

    def cancel(self, tx: Connection, run_id: str) -> Run:
        """Stop a run that waits or runs; what its finished steps wrote stays."""
        found = tx.execute(sa.select(etl_runs).where(etl_runs.c.id == run_id)).mappings().first()
        if found is None:
            raise NotFound(f"there is no run {run_id}", code="etl.no-run")
        run = _read(dict(found))
        if run.ended is not None:
            raise Conflict("this run has ended", code="etl.ended")
        self._cancelled.add(run_id)
        with self._lock:
            busy, work = self._under_way
            if busy == run_id and work is not None:
                work.cancel()
        if run.state == "waiting":
            ended = {"state": "cancelled", "ended": now_ns(), "error": "cancelled before it began"}
            tx.execute(etl_runs.update().where(etl_runs.c.id == run_id).values(ended))
        return run

    # -- the thread

    def start(self) -> None:
        """Run what is due until `stop`; runs that a stop of the node cut off begin again."""
        cut_off = etl_runs.c.state == "running"
        with self._db.begin() as tx:
            tx.execute(etl_runs.update().where(cut_off).values(state="waiting", attempt=etl_runs.c.attempt + 1))
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="etl", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; a run under way is stopped and begins again at the next start."""
        self._closing = True
        self._wake.set()
        with self._lock:
            if self._under_way[1] is not None:
                self._under_way[1].cancel()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None

    def _keep(self) -> None:
        while not self._closing:
            self._wake.wait(_TICK)
            self._wake.clear()
            try:
                self.tend(now_ns())
            except Exception:
                log.exception("looking after ETL jobs failed")

    def tend(self, now: int) -> int:
        """Run what waits and what is due at a moment; return how many runs ended."""
        jobs, problems = self.jobs()
        self._tell_problems(problems)
        for job in jobs.values():
            self._plan(job, now)
        done = 0
        waiting = sa.select(etl_runs).where(etl_runs.c.state == "waiting").order_by(etl_runs.c.started)
        for row in self._db.rows(waiting):
            if self._closing:
                break
            self._do(_read(row), jobs)
            done += 1
        return done

    def _plan(self, job: Job, now: int) -> None:
        if job.text.schedule is None:
            return
        due = job.text.schedule.latest(now)
        last = self._db.rows(
            sa.select(etl_runs.c.until, etl_runs.c.state)
            .where(etl_runs.c.job == job.name)
            .order_by(etl_runs.c.started.desc())
            .limit(1)
        )
        first = not last and not job.text.schedule.every
        missed = job.text.catch_up == "skip" and due < self._since
        if due and not missed and not (first and due < self._since) and (not last or (last[0]["until"] < due and _ended(last))):
            with self._db.begin() as tx:
                tx.execute(etl_runs.insert().values(_row(self._fresh(job, "due", job.text.owner, due))))

    def _fresh(self, job: Job, why: str, by: str, until: int) -> Run:
        writes = tuple(step.text.table for step in job.steps)
        return Run(new_id(), 1, job.name, job.version, "waiting", why, by, until, now_ns(), steps=len(job.steps), writes=writes)

    # -- one run

    def _do(self, run: Run, jobs: Mapping[str, Job]) -> None:
        job = jobs.get(run.job)
        if job is None:
            self._save(replace(run, state="failed", ended=now_ns(), error="the job's file is gone or wrong"))
            return
        run = replace(run, state="running", job_version=job.version, steps_done=0, rows=0)
        self._save(run)
        error: Exception | None = None
        pause = parse_duration(job.text.retry_after) / 1e9
        for attempt in range(job.text.retries + 1):
            run, error = self._try(replace(run, attempt=run.attempt + min(attempt, 1)), job)
            if error is None or self._closing or run.id in self._cancelled or isinstance(error, InvalidInput | Forbidden):
                break
            if attempt < job.text.retries and self._wait(pause):
                break
        if self._closing and error is not None:
            return  # it stays `running` and begins again at the next start
        self._finish(run, job, error)

    def _wait(self, seconds: float) -> bool:
        """Wait before the next attempt; return whether the node ends meanwhile."""
        self._wake.wait(seconds)
        return self._closing

    def _try(self, run: Run, job: Job) -> tuple[Run, Exception | None]:
        run = replace(run, steps_done=0, rows=0, reads=())
        try:
            owner = self._owner(job)
            for number, step in enumerate(job.steps):
                run = replace(run, step=step.name, steps_done=number)
                self._save(run)
                rows, reads = self._step(run, job, step, owner)
                run = replace(run, rows=run.rows + rows, reads=tuple(sorted({*run.reads, *reads})))
        except Exception as error:  # noqa: BLE001 - kept in the history; a wrong job stops no other
            return run, error
        return replace(run, step="", steps_done=len(job.steps)), None

    def _finish(self, run: Run, job: Job, error: Exception | None) -> None:
        cancelled = run.id in self._cancelled and error is not None
        self._cancelled.discard(run.id)
        state = "cancelled" if cancelled else "failed" if error else "done"
        run = replace(run, state=state, ended=now_ns(), error=_said(error))
        self._save(run)
        key = f"etl:{job.name}"
        if state == "failed":
            self._told.add(key)
            self._bus.tell(SystemEvent(key, f"the ETL job {job.name} failed: {_said(error)}", "warning", hint="see page ETL"))
        elif state == "done" and key in self._told:
            self._told.discard(key)
            self._bus.tell(SystemEvent(key, f"the ETL job {job.name} runs again", active=False))
        owner = self.owners(job.text.owner) or Subject("nobody", job.text.owner, "token")
        about = {"run": run.id, "state": state, "rows": run.rows, "writes": list(run.writes), "version": job.version}
        if error is not None:
            about |= {"error": _said(error)[:500], "refused": isinstance(error, InvalidInput | Forbidden)}
        self.heard(owner, job.name, about)
        self._forget(job.name)

    def _owner(self, job: Job) -> Subject:
        owner = self.owners(job.text.owner)
        if owner is None:
            raise Forbidden(f"the owner {job.text.owner} is nobody any more", hint="name another", code="etl.owner")
        if not allowed(owner.roles, owner.kind, "sql.query"):
            raise Forbidden(f"the owner {job.text.owner} may not ask in SQL", hint="planners and above may", code="etl.owner")
        return owner

    def _step(self, run: Run, job: Job, step: Step, owner: Subject) -> tuple[int, tuple[str, ...]]:
        """Run a step unless it has written already; return its rows and the tables it read."""
        mark, tablets = f"{job.name}/{step.name}", self._bench.tablets
        had = tablets.get(step.text.table).marks.get(mark, 0)
        if had >= run.until // 1000:
            return 0, tuple(tablets.about(step.text.table).get("made_of", ()))
        if step.python is None:
            rows, reads = self._answer(run, step.sql, owner, had)
        else:
            rows, reads = self._python(run, job, step, owner, had)
        change = Change(rows, step.text.mode, tuple(step.text.key), step.text.partition, (mark, run.until // 1000))
        made_of = set(reads).union(*(tablets.about(one).get("made_of", ()) for one in reads)) - {step.text.table}
        about = {"job": job.name, "version": job.version, "made_of": sorted(made_of), "written": now_ns()}
        about |= {name: getattr(step.text, name) for name in ("description", "units", "columns")}
        if run.id in self._cancelled:
            raise LineshaftError("the run was cancelled", code="etl.cancelled")
        tablets.write(step.text.table, change, about)
        return rows.num_rows, reads

    def _answer(self, run: Run, sql: str, owner: Subject, since: int) -> tuple[pa.Table, tuple[str, ...]]:
        text = sql.replace("$since", f"make_timestamptz({since}::bigint)")
        text = text.replace("$until", f"make_timestamptz({run.until // 1000}::bigint)")
        asked = self._bench.ask(text, owner, self._bench.most_rows)
        with self._work(run, asked):
            answer = asked.run()
        if answer.truncated:
            hint = "group it, or take less time at once; [store] sql_rows is the limit"
            raise InvalidInput(f"the answer has more than {self._bench.most_rows:,} rows", hint=hint, code="etl.rows")
        return answer.table, answer.tables

    def _python(self, run: Run, job: Job, step: Step, owner: Subject, since: int) -> tuple[pa.Table, tuple[str, ...]]:
        assert step.python is not None  # noqa: S101 - the caller looked
        tables: dict[str, pa.Table] = {}
        reads: set[str] = set()
        for name, sql in step.python.reads:
            tables[name], used = self._answer(run, sql, owner, since)
            reads.update(used)
        apart = Apart(self._scratch, step.python.file, job.memory, job.timeout_s)
        with self._work(run, apart):
            return apart.run(tables), tuple(sorted(reads))

    def _work(self, run: Run, work: Asked | Apart) -> _Work:
        return _Work(self, run.id, work)

    def hold(self, run_id: str, work: Asked | Apart | None) -> None:
        """Note what can be cancelled now."""
        with self._lock:
            self._under_way = (run_id, work)
            if work is not None and (run_id in self._cancelled or self._closing):
                work.cancel()

    # -- books

    def _save(self, run: Run) -> None:
        with self._db.begin() as tx:
            tx.execute(etl_runs.update().where(etl_runs.c.id == run.id).values(_row(run)))

    def _forget(self, job: str) -> None:
        old = sa.select(etl_runs.c.id).where(etl_runs.c.job == job).order_by(etl_runs.c.started.desc()).offset(_KEPT).limit(100)
        ids = [row["id"] for row in self._db.rows(old)]
        if ids:
            with self._db.begin() as tx:
                tx.execute(etl_runs.delete().where(etl_runs.c.id.in_(ids)))

    def _tell_problems(self, problems: list[Problem]) -> None:
        key = "etl:files"
        if problems:
            self._told.add(key)
            self._bus.tell(SystemEvent(key, f"an ETL job cannot be read: {problems[0]}", "warning", hint=problems[0].hint))
        elif key in self._told:
            self._told.discard(key)
            self._bus.tell(SystemEvent(key, "every ETL job can be read", active=False))


class _Work:
    """What a run does now, so that it can be cancelled."""

    def __init__(self, etl: Etl, run_id: str, work: Asked | Apart) -> None:
        self._etl, self._run_id, self._work = etl, run_id, work

    def __enter__(self) -> None:
        self._etl.hold(self._run_id, self._work)

    def __exit__(self, *_error: object) -> None:
        self._etl.hold("", None)


def _ended(rows: list[dict[str, Any]]) -> bool:
    return rows[0]["state"] not in {"waiting", "running"}


def _said(error: Exception | None) -> str:
    return "" if error is None else str(error)[:4000]


def _row(run: Run) -> dict[str, Any]:
    return {**asdict(run), "reads": list(run.reads), "writes": list(run.writes)}


def _read(row: Mapping[str, Any]) -> Run:
    values: dict[str, Any] = {**row, "reads": tuple(row["reads"]), "writes": tuple(row["writes"])}
    return Run(**values)
