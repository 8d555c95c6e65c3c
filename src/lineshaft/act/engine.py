"""The engine under the cases: DBOS on the node's own database, so that a move once begun is finished after any crash.

A run moves one case on until nothing is ready, then ends; a case that waits has no run, no thread and no polling. Whatever
the case waited for wakes it again. Runs are recovered at start; steps may be repeated, the moves they make are not.
This is the only file that knows DBOS.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import event
from sqlalchemy.engine import Engine as SqlEngine
from sqlalchemy.exc import OperationalError

from lineshaft.core import LineshaftError, Retryable, new_id

INTERPRETER = "act-1"
"""Version of what a run does: pinned, so that an update of the program never strands an open case."""

MOST_MOVES = 1000
_BLOCKS = 20
"""Thousands of old runs deleted at once, at most: others want to write in between."""
log = logging.getLogger("lineshaft.act")


class Work(Protocol):
    """What a run calls."""

    def move(self, ref: str) -> tuple[bool, str]:
        """Make the next move; say whether there is more, and which task must reach another system first."""
        ...

    def send(self, ref: str, task: str) -> str:
        """Reach the other system."""
        ...

    def sent(self, ref: str, task: str, reference: str) -> None:
        """Note what came back."""
        ...

    def fail(self, ref: str, error: str) -> None:
        """Give up, saying why."""
        ...

    def finished(self, ref: str, well: bool) -> None:
        """Note that a run has ended."""
        ...


class _Desk:
    """Where a recovered run finds the work of this process."""

    work: Work | None = None


def _work() -> Work:
    if _Desk.work is None:
        raise Retryable("the engine is not running", code="act.stopped")
    return _Desk.work


def _again(error: BaseException) -> bool:
    """Say whether repeating may help: a busy database does, a wrong definition does not."""
    return isinstance(error, Retryable | OperationalError | OSError)


@DBOS.step(name="move", retries_allowed=True, interval_seconds=0.2, max_attempts=8, should_retry=_again)
def _move(ref: str) -> list[Any]:
    return list(_work().move(ref))


@DBOS.step(name="send", retries_allowed=True, interval_seconds=0.5, max_attempts=8, should_retry=_again)
def _send(ref: str, task: str) -> str:
    return _work().send(ref, task)


@DBOS.step(name="sent", retries_allowed=True, interval_seconds=0.2, max_attempts=8, should_retry=_again)
def _sent(ref: str, task: str, reference: str) -> bool:
    _work().sent(ref, task, reference)
    return True


@DBOS.step(name="fail", retries_allowed=True, interval_seconds=0.2, max_attempts=8, should_retry=_again)
def _fail(ref: str, error: str) -> bool:
    _work().fail(ref, error)
    return True


def _moves(ref: str) -> int:
    for number in range(MOST_MOVES):
        more, outside = _move(ref)
        if outside:
            _sent(ref, outside, _send(ref, outside))
        elif not more:
            return number
    raise LineshaftError(f"a case made {MOST_MOVES} moves in one run", hint="its process goes in circles")


@DBOS.step(name="moves", retries_allowed=True, interval_seconds=0.2, max_attempts=8, should_retry=_again)
def _all_moves(ref: str) -> str:
    """Make every move there is; return the task that must reach another system before the next."""
    for _ in range(MOST_MOVES):
        more, outside = _work().move(ref)
        if outside or not more:
            return outside
    raise LineshaftError(f"a case made {MOST_MOVES} moves in one run", hint="its process goes in circles")


def _moves_at_once(ref: str) -> int:
    sent = 0
    while outside := _all_moves(ref):
        _sent(ref, outside, _send(ref, outside))
        sent += 1
    return sent


@DBOS.workflow(name="lineshaft.moves")
def _run(ref: str) -> int:
    """Move a case on. A move done twice is done once, by its own key: so one record of the engine is enough for all of them."""
    return _guarded(ref, _moves_at_once)


@DBOS.workflow(name="lineshaft.case")
def _run_of_before(ref: str) -> int:
    """Go on with a run that an older version began, a record for each move."""
    return _guarded(ref, _moves)


def _guarded(ref: str, moves: Callable[[str], int]) -> int:
    well = False
    try:
        made = moves(ref)
        well = True
    except Exception as error:
        log.exception("the case %s cannot go on", ref)
        _fail(ref, f"{type(error).__name__}: {error}"[:1000])
        raise
    finally:
        if _Desk.work is not None:
            _Desk.work.finished(ref, well)
    return made


class Engine:
    """DBOS in this process."""

    def __init__(self, url: str, executor: str, threads: int) -> None:
        self._url, self._executor, self._threads = url, executor, threads
        self._sql: SqlEngine | None = None

    def start(self, work: Work) -> None:
        """Begin; runs a crash has cut off go on by themselves."""
        logging.getLogger("dbos").setLevel(logging.ERROR)
        _Desk.work = work
        config: DBOSConfig = {
            "name": "lineshaft",
            "application_version": INTERPRETER,
            "executor_id": self._executor,
            "system_database_url": _dbos_url(self._url),
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "max_executor_threads": self._threads,
            # Nothing here receives notifications or is scheduled: cases are woken in process. What polls for them
            # looks at nothing, and a node that ends waits for its pause.
            "notification_listener_polling_interval_sec": 0.1,
            "scheduler_polling_interval_sec": 300.0,
            "use_listen_notify": False,
        }
        if self._url.startswith("sqlite"):
            self._sql = sqlite_engine(self._url)
            config["system_database_engine"] = self._sql
        DBOS(config=config)
        DBOS.launch()

    def run(self, ref: str) -> None:
        """Begin a run for a case."""
        with SetWorkflowID(f"{ref}/{new_id()}"):
            DBOS.start_workflow(_run, ref)

    def owners(self) -> list[str]:
        """Return the executors that have begun runs which are not at their end."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return sorted({run.executor_id for run in pending if run.executor_id})

    def resume(self, executor: str) -> int:
        """Let the runs of an executor that died go on with whoever is alive; return how many there were."""
        pending = DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
        if pending:
            DBOS.resume_workflows([run.workflow_id for run in pending])
        return len(pending)

    def stop(self) -> None:
        """End; what is cut off goes on at the next start."""
        DBOS.destroy()
        _Desk.work = None
        if self._sql is not None:
            self._sql.dispose()

    def forget(self, keep: int = 2000) -> int:
        """Delete the records of old runs (cases themselves are rows of ours and stay); return how many."""
        count = 0
        for _ in range(_BLOCKS):
            old = DBOS.list_workflows(
                status="SUCCESS", sort_desc=True, offset=keep, limit=1000, load_input=False, load_output=False
            )
            if old:
                DBOS.delete_workflows([run.workflow_id for run in old])
            count += len(old)
            if len(old) < 1000:
                break
        return count


def _dbos_url(url: str) -> str:
    """Return the URL as DBOS wants it: psycopg 3 is its own default."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def sqlite_engine(url: str) -> SqlEngine:
    """Return an engine on the node's own file: durable like ours, and locking it only for writing."""
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    def pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", pragmas)
    return engine


Runner = Callable[[str], None]
