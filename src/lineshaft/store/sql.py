"""The workbench: one SELECT over values, rooms' views and dropped files, within limits, showing a subject what it may see."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.core import Forbidden
from lineshaft.guard import Sight, Subject, allowed
from lineshaft.store.bounds import Bound, Bounds, write
from lineshaft.store.drop import Drop
from lineshaft.store.hot import Hot
from lineshaft.store.index import Index
from lineshaft.store.last import NEVER
from lineshaft.store.laying import lay_tables, without_veiled
from lineshaft.store.samples import (
    FOREVER,
    NAMED_BY,
    NOBODY,
    VALUE_VIEWS,
    WINDOWS,
    Plant,
    collect,
    dictionary,
    last_rows,
    latest_sql,
    rows_sql,
    samples_sql,
    series_sql,
    windows_sql,
)
from lineshaft.store.sandbox import Question, Sandbox, Turnstile
from lineshaft.store.series import Series
from lineshaft.store.settings import StoreSettings
from lineshaft.store.sight import prunes, select_list
from lineshaft.store.statement import SqlError, Statement, parse
from lineshaft.store.stored import Sids
from lineshaft.store.tablet import Tablets
from lineshaft.store.view import Range, View

Reaches = Callable[[str], bool] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question gave: its rows, whether more would have come, which tables it read, how long it took."""

    table: pa.Table
    truncated: bool
    tables: tuple[str, ...]
    elapsed_ms: float


class Asked:
    """One question: `run` answers it in the caller's thread, any other thread may `cancel` it."""

    def __init__(self, bench: Workbench, sql: str, subject: Subject, limit: int) -> None:
        self._bench = bench
        self._sql = sql
        self._subject = subject
        self._limit = limit
        self._lock = threading.Lock()
        self._question: Question | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Stop; `run` raises SqlError."""
        with self._lock:
            self._cancelled = True
            if self._question is not None:
                self._question.cancel()

    def run(self) -> Answer:
        """Answer. Raises SqlError with the place in the statement, Forbidden for a table out of reach, Retryable if busy."""
        began = time.perf_counter()
        with self._bench.turnstile:
            question = self._bench.question(self._sql)
            with self._lock:
                self._question = question
                if self._cancelled:
                    raise SqlError("the question was cancelled", code="sql.cancelled")
            try:
                statement = self._bench.prepare(question, self._sql, self._subject)
                question.check()
                fetched = question.fetch(self._limit)
            finally:
                with self._lock:
                    self._question = None
                question.connection.close()
        elapsed = (time.perf_counter() - began) * 1000
        return Answer(fetched.table, fetched.truncated, tuple(sorted(statement.names)), round(elapsed, 1))


class Workbench:
    """Read-only SQL over everything the plant knows."""

    def __init__(self, hot: Hot, index: Index, series: Series, home: Path, settings: StoreSettings) -> None:
        self._hot = hot
        self._index = index
        self.series = series
        self._timeout_s = settings.sql_timeout_s
        self.most_rows = settings.sql_rows
        self._sandbox = Sandbox(home / "lake", home / "scratch", settings.sql_memory, settings.query_threads)
        self.turnstile = Turnstile(settings.sql_at_once)
        self.drop = Drop(home / "lake" / "drop", self._sandbox)
        self.tablets = Tablets(home / "lake" / "tables")
        self.plant: Plant = NOBODY
        self.views: dict[str, View] = {}

    def register(self, *views: View) -> None:
        """Offer tables of rooms; one of the same name is replaced."""
        self.views.update({view.name: view for view in views})

    def ask(self, sql: str, subject: Subject, limit: int = 10_000) -> Asked:
        """Return a question to run (and to cancel)."""
        return Asked(self, sql, subject, max(1, min(limit, self.most_rows)))

    def close(self) -> None:
        """Let go of the engine."""
        self._sandbox.close()

    def question(self, sql: str) -> Question:
        """Return a question with a connection of its own and its time running."""
        return Question(self._sandbox.connect(), sql.rstrip().rstrip(";").rstrip(), self._timeout_s)

    def names(self) -> dict[str, frozenset[str]]:
        """Return the columns of every table that can be asked, by its name."""
        found = {name: frozenset(one.name for one in fields) for name, (fields, _) in VALUE_VIEWS.items()}
        found |= {name: frozenset(one for one, _ in self.tablets.columns(name)) for name in self.tablets.names()}
        found |= {view.name: frozenset(one.name for one in view.columns) for view in self.views.values()}
        return found | {one.name: frozenset[str]() for one in self.drop.crawl() if not one.problem}

    def prepare(self, question: Question, sql: str, subject: Subject) -> Statement:
        """Check a statement and lay out, on the question's connection, what it names: nothing else can be read there."""
        connection, columns = question.connection, self.names()
        statement = parse(connection, sql, columns)
        self._may_see(subject, statement.names)
        reaches: Reaches = subject.reaches if subject.scope else None
        times = dict.fromkeys(("samples", *WINDOWS), "ts")
        times |= {view.name: view.time for view in self.views.values() if view.time}
        bounds: dict[str, list[Bound]] = dict(Bounds(connection, columns, times).of(statement, NAMED_BY))
        for name in statement.names:  # what a subject does not see must not pick rows either
            if not prunes(subject, name, {*NAMED_BY, times.get(name, "ts")}):
                bounds[name] = []
        if statement.names & set(VALUE_VIEWS):
            self._lay_values(question, statement.names, bounds, subject)
        for name in sorted(statement.names & set(self.views)):
            question.check()
            hidden = f"_ls_{secrets.token_hex(6)}"
            connection.register(hidden, self.views[name].table(reaches, _range(bounds[name])))
            shown = select_list(subject, name, [(one.name, one.type) for one in self.views[name].columns])
            connection.execute(f'create temp view "{name}" as select {shown} from {hidden}')
        lay_tables(connection, sorted((statement.names & set(self.tablets.names())) - set(self.views)), self.tablets, subject)
        if subject.veil:
            dropped = {one.name: list(one.columns) for one in self.drop.crawl() if not one.problem}
            question.ask(without_veiled(connection, statement, dropped, subject))
        return statement

    def _may_see(self, subject: Subject, names: frozenset[str]) -> None:
        may_see(subject, names - set(self.tablets.names()), self.views)
        for name in sorted(names - set(self.views)):
            if name in self.tablets.names() and not self.shows(subject, name):
                raise Forbidden(f"{subject.display or subject.name} may not read {name}", where=name, code="sql.forbidden-table")

    def shows(self, subject: Subject, name: str) -> bool:
        """Return whether a subject may read a named table of the lake; a limited login only one whose rows name an asset."""
        if subject.sight(name) is Sight.HIDDEN:
            return False
        return not subject.scope or any(one == "asset" for one, _ in self.tablets.columns(name))

    def _lay_values(self, question: Question, names: frozenset[str], bounds: Mapping[str, list[Bound]], subject: Subject) -> None:
        connection = question.connection
        reaches: Reaches = subject.reaches if subject.scope else None

        def view(name: str, text: str) -> None:
            shown = select_list(subject, name, [(one.name, one.type) for one in VALUE_VIEWS[name][0]])
            connection.execute(f"create temp view {name} as select {shown} from ({text})")

        hidden = f"_ls_{secrets.token_hex(6)}"
        known = dictionary(self.series, self.plant, reaches)
        connection.register(f"{hidden}_arrow", known)
        connection.execute(f"create temp table {hidden} as select * from {hidden}_arrow")
        if "series" in names:
            view("series", series_sql(hidden))
        if "latest" in names:
            connection.register(f"{hidden}_last", last_rows(self._hot))
            view("latest", latest_sql(f"{hidden}_last", hidden))
        always = len(set(known["sid"].to_pylist())) == len(known)
        always = always and all(set(known[c].to_pylist()) <= {edge} for c, edge in (("start_ns", NEVER), ("end_ns", FOREVER)))
        for name in sorted(names & {"samples", *WINDOWS}):
            window = WINDOWS.get(name, 0)
            sids, start, end = self._asked(connection, hidden, bounds[name], window // 1000)
            rows = collect(self._hot, self._index, sids, start, end, window, None if always else known)
            question.held.append(rows)
            connection.register(f"{hidden}_{name}", rows.memory)
            inner = rows_sql(rows, f"{hidden}_{name}")
            text = windows_sql(inner, hidden, window, always, rows.rolled) if window else samples_sql(inner, hidden, always)
            view(name, text)

    def _asked(
        self, connection: duckdb.DuckDBPyConnection, hidden: str, bounds: list[Bound], window_us: int
    ) -> tuple[Sids, int, int]:
        """Return which series and time (UTC microseconds) all mentions of a table need together."""
        wanted: list[str] = []
        for bound in bounds:
            terms = " and ".join(f"({write(connection, term)})" for term in bound.conditions)
            wanted.append(f"select sid from {hidden}{f' where {terms}' if terms else ''}")
        every = f"select distinct sid from {hidden} order by sid"
        try:
            rows = connection.execute(
                f"select distinct sid from ({' union all '.join(wanted)}) order by sid" if wanted else every
            )
            found = rows.fetchall()
        except duckdb.Error:  # the statement itself will tell what is wrong with it
            found = connection.execute(every).fetchall()
        start = min((bound.start for bound in bounds), default=-(2**62))
        end = max((bound.end for bound in bounds), default=2**62)
        return np.array([row[0] for row in found], np.int32), max(start - window_us, -(2**62)), end


def may_see(subject: Subject, names: frozenset[str], views: Mapping[str, View]) -> None:
    """Raise Forbidden for a table a subject must not read."""
    for name in sorted(names):
        if not visible(subject, name, views):
            view = views.get(name)
            right = view is not None and not allowed(subject.roles, subject.kind, view.action)
            hint = f"this needs the right {view.action}" if right and view else "its rows belong to no asset"
            hint = "a permission takes this table away" if subject.sight(name) is Sight.HIDDEN else hint
            raise Forbidden(
                f"{subject.display or subject.name} may not read {name}", where=name, hint=hint, code="sql.forbidden-table"
            )


def visible(subject: Subject, name: str, views: Mapping[str, View]) -> bool:
    """Return whether a subject may read a table at all: a limited login only those whose rows name their asset."""
    view = views.get(name)
    if subject.sight(name) is Sight.HIDDEN:
        return False
    if view is None:
        return name in VALUE_VIEWS or not subject.scope
    return allowed(subject.roles, subject.kind, view.action) and (view.asset is not None or not subject.scope)


def _range(bounds: list[Bound]) -> Range:
    """Return the time that all mentions of a view need together, in nanoseconds; `start` itself is not in it."""
    start = min((bound.start for bound in bounds), default=-(2**62))
    end = max((bound.end for bound in bounds), default=2**62)
    return Range(None if start <= -(2**61) else start * 1000 - 1, None if end >= 2**61 else end * 1000 + 999)
