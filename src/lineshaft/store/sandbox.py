"""Where foreign SQL runs: a DuckDB of its own that reads the lake's folder and nothing else, with limits it cannot lift."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from lineshaft.core import Retryable
from lineshaft.store.statement import SqlError, told

_BATCH = 4096
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_MOST_BYTES = 256 << 20
_MOST_GROWTH = 2 << 30
"""By how much the node may grow while a question is answered before the question is stopped."""


class Fetched(NamedTuple):
    """Rows of an answer, and whether more would have come."""

    table: pa.Table
    truncated: bool


class Sandbox:
    """One locked engine for all questions; each gets a connection of its own."""

    def __init__(self, lake: Path, scratch: Path, memory: str, threads: int) -> None:
        self._lock = threading.Lock()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._options = (lake, scratch, memory, threads)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection; the engine is started by the first question ever asked."""
        with self._lock:
            if self._engine is None:
                self._engine = _locked(*self._options)
            return self._engine.cursor()

    def close(self) -> None:
        """Free the memory."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None


def _locked(lake: Path, scratch: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    lake.mkdir(parents=True, exist_ok=True)
    engine = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": str(scratch / "sql"),
            "max_temp_directory_size": "4GB",
            "python_enable_replacements": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        },
    )
    folder = str(lake).replace("'", "''")
    engine.execute("create schema drop")
    engine.execute("set global timezone='UTC'; set global errors_as_json=true; set global parquet_metadata_cache=true")
    engine.execute(f"set global allowed_directories=['{folder}/']; set global enable_external_access=false")
    engine.execute("set global lock_configuration=true")
    return engine


class Question:
    """One statement that is being answered; another thread may cancel it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str, timeout_s: float) -> None:
        self.connection = connection
        self.held: list[object] = []
        self._sql = sql
        self._timeout_s = timeout_s
        self._began = time.monotonic()
        self._why = ""
        self._done = threading.Event()

    def cancel(self, why: str = "cancelled") -> None:
        """Stop answering; the one who waits gets an error."""
        self._why = self._why or why
        self.connection.interrupt()

    def ask(self, sql: str) -> None:
        """Ask this in place of the statement that came: the same question, of what may be seen."""
        self._sql = sql

    def check(self) -> None:
        """Raise SqlError if it was cancelled."""
        if self._why:
            raise self._ended()

    def fetch(self, limit: int) -> Fetched:
        """Return at most `limit` rows. Raises SqlError for a wrong statement, for one cancelled or too slow or too large."""
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            return self._read(limit)
        except duckdb.InterruptException:
            raise self._ended() from None
        except duckdb.OutOfMemoryException:
            hint = "ask for less at once: a shorter time, fewer columns, or minute and hour in place of samples"
            raise SqlError("this needs more memory than one question may use", hint=hint, code="sql.memory") from None
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            raise told(self._sql, self._again(error)) from None
        except duckdb.Error as error:
            raise told(self._sql, error) from None
        except pa.ArrowException as error:
            raise SqlError(f"the answer has no form: {error}", hint="cast the column to VARCHAR") from None
        finally:
            self._done.set()
            watch.join()

    def _read(self, limit: int) -> Fetched:
        reader = self.connection.sql(self._sql).to_arrow_reader(_BATCH)
        batches: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in reader:
            self.check()
            batches.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows > limit or size > _MOST_BYTES:
                break
        table = pa.Table.from_batches(batches, reader.schema)
        return Fetched(table.slice(0, limit), rows > limit or size > _MOST_BYTES)

    def _again(self, error: duckdb.Error) -> duckdb.Error:
        """Return the same error with its position: only this way of asking tells it."""
        try:
            self.connection.execute(self._sql)
        except duckdb.Error as better:
            return better
        return error

    def _watch(self) -> None:
        most = _resident() + _MOST_GROWTH
        while not self._done.wait(min(0.05, max(0.0, self._timeout_s - (time.monotonic() - self._began)))):
            late = time.monotonic() - self._began >= self._timeout_s
            if late or _resident() > most:  # values under way are not in the engine's account of its memory
                self.cancel("timeout" if late else "memory")
                break
        if self._why:
            while not self._done.wait(0.05):  # an interrupt between two steps of the engine is not seen by it
                self.connection.interrupt()

    def _ended(self) -> SqlError:
        if self._why == "memory":
            hint = "ask for shorter values and fewer of them at once"
            return SqlError("this makes values that need too much memory", hint=hint, code="sql.memory")
        if self._why == "timeout":
            hint = "narrow the time or the properties, ask minute or hour, or raise [store] sql_timeout"
            return SqlError(f"no answer within {self._timeout_s:g} s", hint=hint, code="sql.timeout")
        return SqlError("the question was cancelled", code="sql.cancelled")


def _resident() -> int:
    """Return the bytes of memory this process holds; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


class Turnstile:
    """Lets so many questions run at once."""

    def __init__(self, most: int) -> None:
        self._places = threading.BoundedSemaphore(most)

    def __enter__(self) -> None:
        """Wait shortly for a place. Raises Retryable if all stay taken."""
        if not self._places.acquire(timeout=5):
            raise Retryable("too many questions at once", hint="try again in some seconds", code="sql.busy")

    def __exit__(self, *_error: object) -> None:
        """Leave."""
        self._places.release()


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> Sequence[tuple[str, str]]:
    """Return (name, type) of a relation."""
    return [(str(row[0]), str(row[1])) for row in connection.execute(f"describe {source}").fetchall()]
