"""The SQL source: asks for what is newer than its mark, again for what may have come late, and gives each row once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from lineshaft.connect.collect import Collector
from lineshaft.connect.places import Places, home
from lineshaft.connect.record import Clock, Unreadable, quality_of, value_of
from lineshaft.connect.source import Outlet, Source, SourceState, SourceStatus
from lineshaft.connect.sources.sql.options import SqlOptions
from lineshaft.core import ConfigError, did_you_mean, parse_duration

MARK = "mark"
MOST_REASONS, TRIAL = 50, 200
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
Mark = int | str | datetime | None


class SqlSource:
    """Reads one query of one database."""

    Options: ClassVar[type[SqlOptions]] = SqlOptions

    def __init__(self, name: str, options: SqlOptions, *, keeps: bool = True) -> None:
        self.name, self.options = name, options
        self._keeps = keeps
        self._column = options.mark or options.time
        self._clock = Clock(options.timezone)
        self._places = Places(name, None)
        self._seen: dict[str, Any] = {}
        self._bad: dict[str, str] = {}
        self._rows = Collector()
        self._engine: sa.Engine | None = None
        self._asking = threading.Lock()
        self._count = 0

    def rehearsal(self) -> Source:
        """Return a source that reads the newest the same way and keeps no mark."""
        return SqlSource(self.name, self.options.model_copy(update={"rows": TRIAL}), keeps=False)

    async def run(self, out: Outlet) -> None:
        """Ask until cancelled. Raises ConfigError for an address that nobody here can speak."""
        out.status(self._status(SourceState.CONNECTING, f"calling {self._where}"))
        self._places = await asyncio.to_thread(Places, self.name, home() / "places.db" if self._keeps else None)
        self._seen.clear()
        self._engine = engine_of(self.options)
        delay = FIRST_DELAY
        try:
            while True:
                try:
                    while await self._round(out):
                        pass
                    delay = FIRST_DELAY
                    wait = self.options.seconds("every")
                except OperationalError as error:
                    out.status(self._status(SourceState.DOWN, f"{self._where}: {brief(error)}; calling again"))
                    wait, delay = delay, min(delay * 2, LONGEST_DELAY)
                except SQLAlchemyError as error:
                    out.status(self._status(SourceState.DOWN, f"the query is refused: {brief(error)}"))
                    wait = LONGEST_DELAY
                except ConfigError as error:
                    out.status(self._status(SourceState.DOWN, str(error)))
                    wait = LONGEST_DELAY
                await asyncio.sleep(wait)
        finally:  # a question under way ends first: its line is closed then, not forgotten
            asyncio.get_running_loop().run_in_executor(None, self._close, self._engine)

    def _close(self, engine: sa.Engine) -> None:
        with self._asking:
            engine.dispose()

    @property
    def _where(self) -> str:
        return self.options.url.rpartition("@")[2] if "@" in self.options.url else self.options.url

    async def _round(self, out: Outlet) -> bool:
        """Ask once and give on what is new; return whether there is more."""
        await out.ready()
        since = _read(self._places.get(MARK) or self.options.start)
        most = self.options.rows
        rows = await asyncio.to_thread(self._ask, self._back(since), most)
        fresh = [row for row in rows if self._is_fresh(row)]
        self._forget(since)
        for row in fresh:
            self._take(out, row)
        batch = self._rows.take()
        if batch is not None:
            out.emit(batch)
            self._count += batch.num_rows
        await out.kept()
        last = rows[-1][self._column] if rows else since
        if rows and self._keeps:
            await asyncio.to_thread(self._places.put, MARK, _written(_greater(since, last)))
        elif rows:
            self._places.put(MARK, _written(last))
        out.status(self._told())
        return len(rows) >= most and bool(fresh) and self._keeps

    def _ask(self, since: Mark, most: int) -> list[Mapping[str, Any]]:
        """Return the rows from a mark on, in its order; more than `most` where they all have one mark."""
        engine = cast("sa.Engine", self._engine)
        inner, column = sa.text(f"({self.options.query}) lineshaft_rows"), sa.column(self._column)
        query = sa.select(sa.text("*")).select_from(inner)
        if since is not None:
            query = query.where(column >= sa.bindparam("since", since))
        with self._asking, engine.connect() as line:
            read_only(line)
            if not self._keeps:
                found = line.execute(query.order_by(column.desc()).limit(most)).mappings().all()
                return [self._checked(row) for row in reversed(found)]
            while True:
                rows = [self._checked(row) for row in line.execute(query.order_by(column).limit(most)).mappings()]
                fresh = any(self._key(row) not in self._seen for row in rows)
                if len(rows) < most or (fresh and rows[0][self._column] != rows[-1][self._column]):
                    return rows
                most *= 4

    def _checked(self, row: Any) -> Mapping[str, Any]:
        """Return a row that has what was named. Raises ConfigError."""
        wide = self.options.layout == "wide"
        needed = [self._column, self.options.time, *(() if wide else (*self.options.tag, self.options.value))]
        missing = [name for name in [*needed, self.options.quality] if name and name not in row]
        if missing:
            raise ConfigError(f"the query has no column '{missing[0]}'", hint=did_you_mean(missing[0], list(row)))
        return cast("Mapping[str, Any]", row)

    def _back(self, since: Mark) -> Mark:
        """Return the mark from which is asked: earlier, for rows that were entered late."""
        if isinstance(since, int):
            return since - self.options.overlap_rows
        if isinstance(since, datetime):
            return since - self._overlap
        if isinstance(since, str):
            try:
                return (datetime.fromisoformat(since) - self._overlap).isoformat(sep=since[10:11] or " ")
            except ValueError:
                return since
        return since

    @property
    def _overlap(self) -> timedelta:
        return timedelta(microseconds=parse_duration(self.options.overlap) // 1_000)

    def _key(self, row: Mapping[str, Any]) -> str:
        return repr(tuple(row.values()))

    def _is_fresh(self, row: Mapping[str, Any]) -> bool:
        key = self._key(row)
        if key in self._seen:
            return False
        self._seen[key] = row[self._column]
        return True

    def _forget(self, since: Mark) -> None:
        """Forget rows that are too old to be asked for again."""
        if since is not None and len(self._seen) > 4 * self.options.rows:
            back = self._back(since)
            self._seen = {key: mark for key, mark in self._seen.items() if not _less(mark, back)}

    def _take(self, out: Outlet, row: Mapping[str, Any]) -> None:
        options = self.options
        tag = ""
        try:
            at = self._clock.read(_plain(row[options.time]), "/".join(str(row[name]) for name in options.tag if name in row))
            q = 0 if not options.quality else quality_of(row[options.quality], options.quality_codes)
            if options.layout == "long":
                tag = "/".join(str(row[name]) for name in options.tag)
                cells = {tag: row[options.value]}
            else:
                aside = {options.time, self._column, options.quality}
                cells = {name: cell for name, cell in row.items() if name not in aside and cell is not None}
            for name, cell in cells.items():
                value, own = value_of(_plain(cell), integers=options.integers)
                self._rows.add(name, at, value, max(own, q))
        except Unreadable as error:
            out.reject(tag or "row", str(error))
            if len(self._bad) < MOST_REASONS:
                self._bad[tag or "row"] = str(error)

    def _told(self) -> SourceStatus:
        mark = self._places.get(MARK)
        text = f"{self._count} values read from {self._where}, up to {mark['at'] if mark else 'nothing yet'}"
        return self._status(SourceState.DEGRADED if self._bad else SourceState.CONNECTED, text)

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        heard = self._rows.known if state in (SourceState.CONNECTED, SourceState.DEGRADED) else 0
        return SourceStatus(self.name, state, message, tags_ok=heard, tags_bad=dict(self._bad))


def engine_of(options: SqlOptions) -> sa.Engine:
    """Return the way to a database. Raises ConfigError for an address that nobody here can speak."""
    variable = options.password_env
    if variable and variable not in os.environ:
        raise ConfigError(f"the environment variable {variable} is not set", hint="it holds the database's password")
    try:
        url = sa.make_url(options.url)
        url = url.set(password=os.environ[variable]) if variable else url
        more: dict[str, Any] = {}
        if url.get_backend_name() == "postgresql":
            more = {"connect_args": {"connect_timeout": max(1, int(options.seconds("timeout")))}}
        return sa.create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True, **more)
    except (NoSuchModuleError, ImportError) as error:
        hint = "install its driver beside Lineshaft; for PostgreSQL: the extra `postgres`"
        raise ConfigError(f"{options.url.partition(':')[0]}: {error}", hint=hint) from None
    except (SQLAlchemyError, TypeError) as error:
        raise ConfigError(f"{options.url}: {error}", hint="write dialect+driver://user@host/database") from None


def read_only(line: sa.Connection) -> None:
    """Let the database itself refuse to be changed, where it can."""
    told = {
        "postgresql": "SET TRANSACTION READ ONLY",
        "mysql": "SET TRANSACTION READ ONLY",
        "mariadb": "SET TRANSACTION READ ONLY",
        "oracle": "SET TRANSACTION READ ONLY",
        "sqlite": "PRAGMA query_only = ON",
    }.get(line.dialect.name)
    if told:
        line.execute(sa.text(told))


def _plain(cell: object) -> object:
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - the zone named for it follows
    return cell


def _written(mark: object) -> dict[str, Any] | None:
    """Return a mark as JSON: its kind and its text."""
    if isinstance(mark, datetime):
        return {"kind": "time", "at": mark.isoformat()}
    if isinstance(mark, int | Decimal):
        return {"kind": "number", "at": str(int(mark))}
    return {"kind": "text", "at": str(mark)}


def _read(kept: object) -> Mark:
    if isinstance(kept, dict):
        place = cast("dict[str, str]", kept)
        kind, text = place["kind"], place["at"]
        return datetime.fromisoformat(text) if kind == "time" else int(text) if kind == "number" else text
    text = str(kept or "")
    if not text:
        return None
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _less(one: Any, other: Any) -> bool:
    if isinstance(one, datetime) and isinstance(other, datetime) and (one.tzinfo is None) != (other.tzinfo is None):
        one, other = (moment.replace(tzinfo=moment.tzinfo or UTC) for moment in (one, other))
    try:
        return bool(one < other)
    except TypeError:
        return False


def _greater(one: Any, other: Any) -> Any:
    return other if one is None or not _less(other, one) else one


def brief(error: SQLAlchemyError) -> str:
    """Return what a database complains of, in one line."""
    text = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    return " ".join(text.split())[:300]
