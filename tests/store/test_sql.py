"""SQL over values: memory and lake as one, what is refused, what a limited login sees, bounds that never lose a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.core import SAMPLES, Batch, DataType, Forbidden, Retryable
from lineshaft.guard import Role, Subject
from lineshaft.store import Field, Plant, Range, SqlError, Store, View
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give

ME = Subject.system("test")
LIMITED = Subject("x", "x", "token", frozenset({Role.ENGINEER}), scope=("Plant/Oven",))


@dataclass(frozen=True)
class Meant:
    """A property of the little plant."""

    path: str
    unit: str = "mm/s"
    kind: str = "measurement"
    type: DataType = DataType.DOUBLE
    formula: str = ""
    inputs: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def id(self) -> str:
        return self.path

    @property
    def asset_path(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Bound:
    tag: str
    start_ns: int = 0
    end_ns: int | None = None
    source: str = "m"


def plant(**spans: Sequence[Bound]) -> Plant:
    paths = {name: f"Plant/{name.replace('_', '/')}" for name in spans}
    return Plant(lambda: [Meant(path) for path in paths.values()], lambda of: next(s for n, s in spans.items() if paths[n] == of))


def rows(store: Store, sql: str, subject: Subject = ME, limit: int = 1000) -> list[tuple[Any, ...]]:
    table = store.sql.ask(sql, subject, limit).run().table
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if table.num_columns else []


@pytest.fixture
def filled(store: Store) -> Store:
    """Tag a in the lake and in memory with one value overwritten; b in memory only; t a text; o old."""
    store.sql.plant = plant(Oven_Temp=[Bound("a")], Mixer_Torque=[Bound("b", 0, T0 + 5 * SECOND), Bound("c", T0 + 5 * SECOND)])
    give(store, 1, [("a", T0 + n * SECOND, float(n)) for n in range(10)])
    store.flush()
    give(store, 2, [("a", T0 + 3 * SECOND, 33.0), ("a", T0 + 20 * SECOND, 20.0, 2), ("a", T0 + DAY + 1, 7.5)])
    fields = (Field("tag", "text"), Field("ts", "time"))
    store.sql.register(View("alert", fields, lambda _: [{"tag": "x", "ts": T0 + n * SECOND} for n in (1, 4, 30)], asset=None))
    give(store, 3, [("b", T0 + n * SECOND, n) for n in range(10)] + [("c", T0 + 6 * SECOND, 60), ("t", T0, "text")])
    return store


def test_memory_and_lake_are_one_and_each_key_counts_once(filled: Store):
    assert rows(filled, "SELECT count(*), sum(value) FROM samples WHERE tag = 'a' AND quality = 'good'") == [(11, 45 + 30 + 7.5)]
    filled.flush()
    assert rows(filled, "SELECT count(*), sum(value) FROM samples WHERE tag = 'a' AND quality = 'good'") == [(11, 45 + 30 + 7.5)]
    filled.compact()
    assert rows(filled, "SELECT count(*), sum(value) FROM samples WHERE tag = 'a' AND quality = 'good'") == [(11, 45 + 30 + 7.5)]


def test_nanoseconds_and_types_are_kept(filled: Store):
    assert rows(filled, "SELECT ts_ns, value FROM samples WHERE tag = 'a' ORDER BY ts_ns DESC LIMIT 1") == [(T0 + DAY + 1, 7.5)]
    assert rows(filled, "SELECT value, value_text FROM samples WHERE tag = 't'") == [(None, "text")]
    assert rows(filled, "SELECT value, value_integer FROM samples WHERE tag = 'c'") == [(60.0, 60)]


def test_a_tag_means_its_property_while_it_is_bound(filled: Store):
    sql = "SELECT tag, count(*) FROM samples WHERE property = 'Plant/Mixer/Torque' GROUP BY 1 ORDER BY 1"
    assert rows(filled, sql) == [("b", 5), ("c", 1)]
    assert rows(filled, "SELECT count(*) FROM samples WHERE property IS NULL AND tag = 'b'") == [(5,)]
    latest = "SELECT tag, value FROM latest WHERE property = 'Plant/Mixer/Torque'"
    assert rows(filled, latest) == [("c", 60.0)]
    assert rows(filled, "SELECT tag, bound_to IS NULL FROM series WHERE asset = 'Plant/Mixer' ORDER BY tag") == [
        ("b", False),
        ("c", True),
    ]


def test_windows_end_at_their_stamp_and_hold_good_values(filled: Store):
    sql = "SELECT epoch_ns(ts) - {t}, n, average, maximum, first, last FROM minute WHERE tag = 'a' ORDER BY ts"
    found = rows(filled, sql.format(t=T0))
    assert found == [
        (0, 1, 0.0, 0.0, 0.0, 0.0),
        (60 * SECOND, 9, 75 / 9, 33.0, 1.0, 9.0),
        (DAY + 60 * SECOND, 1, 7.5, 7.5, 7.5, 7.5),
    ]
    inside = f"{sql.format(t=T0).partition(' ORDER')[0]} AND ts > '2026-01-01 00:00:30' AND ts <= '2026-01-01 00:01:00'"
    assert [row[1] for row in rows(filled, inside)] == [9]
    assert rows(filled, "SELECT sum(n) FROM hour WHERE tag = 'a'") == [(11,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM samples WHERE tag = 'a' AND ts >= '2026-01-01 00:00:05'",
        "SELECT count(*) FROM samples WHERE ts < timestamptz '2026-01-01 00:00:05' + INTERVAL 1 SECOND OR tag = 'c'",
        "SELECT count(*) FROM samples WHERE '2026-01-01 00:00:05' <= ts",
        "SELECT count(*) FROM samples WHERE ts BETWEEN '2026-01-01 00:00:02' AND '2026-01-01 00:00:03'",
        "SELECT count(*) FROM samples s WHERE s.tag IN ('a', 'c') AND NOT s.tag = 'c'",
        "SELECT count(*) FROM samples WHERE tag LIKE 'a%' OR property LIKE '%Torque'",
        "SELECT count(*) FROM samples a JOIN samples b ON a.ts = b.ts AND b.tag = 'b' WHERE a.tag = 'a'",
        "SELECT count(*) FROM range(3) r(i) LEFT JOIN samples s ON s.tag = 'a' AND s.value = r.i WHERE s.tag IS NULL",
        "SELECT count(*) FROM range(3) r(i) LEFT JOIN samples s ON value = i AND tag = 'b' WHERE coalesce(tag, 'b') = 'b'",
        "SELECT count(*) FROM samples a FULL JOIN samples b ON a.ts = b.ts AND a.tag = 'a' AND b.tag = 'b'",
        "SELECT count(*) FROM samples a ANTI JOIN samples b ON a.ts = b.ts AND b.tag = 'b'",
        "SELECT count(*) FROM (SELECT * FROM samples) WHERE tag = 'a'",
        "WITH mine AS (SELECT * FROM samples WHERE tag = 'a') SELECT count(*) FROM mine, series WHERE series.tag = 'b'",
        "SELECT count(*) FROM series s WHERE EXISTS (FROM samples t WHERE t.tag = s.tag AND ts > '2026-01-01 00:00:15')",
        # only the alert of second 30 is asked for: at 1 and 4 two tags share the time, and which one ASOF takes is chance
        (
            "SELECT b.value FROM alert a ASOF JOIN samples b ON a.ts >= b.ts WHERE a.ts > '2026-01-01 00:00:15' "
            "AND b.tag = 'a' AND b.ts < '2026-01-01 00:00:09'"
        ),
        "SELECT b.value FROM alert a ASOF JOIN samples b ON a.ts >= b.ts WHERE b.tag = 'a' AND b.ts > '2026-01-01 00:00:09'",
    ],
)
def test_bounds_leave_out_nothing_that_is_needed(filled: Store, sql: str, monkeypatch: pytest.MonkeyPatch):
    found = _or_error(filled, sql)
    everything = filled.sql._asked.__func__

    def unbounded(self: Any, connection: Any, hidden: str, _bounds: Any, window: int) -> Any:
        return everything(self, connection, hidden, [], window)

    monkeypatch.setattr(type(filled.sql), "_asked", unbounded)
    assert found == _or_error(filled, sql)


def _or_error(store: Store, sql: str) -> Any:
    try:
        return rows(store, sql)
    except SqlError as error:
        return error.what


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", "sql.invalid"),
        ("SELECT 1; SELECT 2", "sql.many"),
        ("SELECT 1; DROP TABLE samples", "sql.many"),
        ("DROP VIEW samples", "sql.read-only"),
        ("INSERT INTO samples VALUES (1)", "sql.read-only"),
        ("CREATE TABLE x AS SELECT 1", "sql.read-only"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "sql.read-only"),
        ("ATTACH '/tmp/x.db'", "sql.read-only"),
        ("INSTALL httpfs", "sql.read-only"),
        ("SET threads = 1", "sql.read-only"),
        ("PRAGMA database_list", "sql.read-only"),
        ("EXPLAIN SELECT 1", "sql.read-only"),
        ("DESCRIBE samples", "sql.read-only"),
        ("SELECT * FROM (SHOW TABLES)", "sql.read-only"),
        ("SELECT * FROM read_csv('/etc/passwd')", "sql.forbidden"),
        ("SELECT * FROM read_text('/etc/passwd')", "sql.forbidden"),
        ("SELECT * FROM glob('/*')", "sql.forbidden"),
        ("SELECT (SELECT max(filename) FROM glob('/*'))", "sql.forbidden"),
        ("WITH x AS (SELECT * FROM parquet_metadata('a')) SELECT * FROM x", "sql.forbidden"),
        ("SELECT * FROM query('SELECT 1')", "sql.forbidden"),
        ("SELECT * FROM duckdb_settings()", "sql.forbidden"),
        ("SELECT getenv('HOME')", "sql.forbidden"),
        ("SELECT len(range(0, 100000000))", "sql.forbidden"),
        ("SELECT unnest(generate_series(1, 100000000))", "sql.forbidden"),
        ("SELECT len(list_resize([1], x)) FROM range(1, 2) t(x)", "sql.forbidden"),
        ("SELECT current_setting('temp_directory')", "sql.forbidden"),
        ("SELECT * FROM '/etc/passwd'", "sql.unknown-table"),
        ('SELECT * FROM "a.parquet"', "sql.unknown-table"),
        ("SELECT * FROM information_schema.tables", "sql.unknown-table"),
        ("SELECT * FROM duckdb_views", "sql.unknown-table"),
        ("SELECT * FROM temp.main.samples", "sql.unknown-table"),
        ("WITH samples AS (SELECT 1) SELECT * FROM samples", "sql.invalid"),
        ("SELECT 1/", "sql.invalid"),
        ("-- nothing", "sql.invalid"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "sql.invalid"),
        ("SELECT " + " + ".join(["1"] * 900), "sql.invalid"),
        ("SELECT " + "[" * 100 + "]" * 100, "sql.invalid"),
        ("SELECT pg_sleep(5)", "sql.forbidden"),
        ("SELECT list_transform([1], x -> getenv('HOME'))", "sql.forbidden"),
        ("SELECT main.getenv('HOME')", "sql.forbidden"),
    ],
)
def test_what_is_not_reading_what_is_offered_is_refused(filled: Store, sql: str, code: str):
    with pytest.raises(SqlError) as told:
        rows(filled, sql)
    assert told.value.code == code, told.value


@pytest.mark.parametrize(
    "sql",
    [
        "FROM samples",
        "SELECT * FROM samples TABLESAMPLE 5 ROWS",
        "WITH RECURSIVE r AS (SELECT 1 a UNION ALL SELECT a + 1 FROM r WHERE a < 5) SELECT * FROM r",
        "FROM samples PIVOT (sum(value) FOR tag IN ('a'))",
        "SELECT * FROM samples, LATERAL (SELECT samples.value + 1)",
        'SELECT "VALUE" FROM "Samples"',
        "VALUES (1), (2);",
        "SELECT * FROM samples NATURAL JOIN latest UNION ALL SELECT * FROM samples ORDER BY ts;",
    ],
)
def test_what_reads_is_answered(filled: Store, sql: str):
    assert rows(filled, sql)


def test_even_past_our_checks_the_engine_reads_no_file(filled: Store):
    question = filled.sql.question("SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(SqlError, match="disabled by configuration"):
        question.fetch(10)
    question = filled.sql.question("SET GLOBAL enable_external_access = true")
    with pytest.raises(SqlError, match="locked"):
        question.fetch(10)


@pytest.mark.parametrize(
    ("sql", "where", "hint"),
    [
        ("SELECT valeu FROM samples", "line 1, column 8", "did you mean 'value'?"),
        ("SELECT *\n  FROM sample", "line 2, column 8", "did you mean 'samples'?"),
        ("SELECT 'ü',\n nosuch(1)", "line 2, column 2", ""),
        ("  SELEC 1", "line 1, column 3", "send one statement that begins with SELECT or WITH"),
    ],
)
def test_a_mistake_has_its_place_and_the_nearest_name(filled: Store, sql: str, where: str, hint: str):
    with pytest.raises(SqlError) as told:
        rows(filled, sql)
    assert told.value.where == where
    assert not hint or told.value.hint == hint


def test_a_limited_login_sees_its_branch_only(filled: Store):
    assert {row[0] for row in rows(filled, "SELECT DISTINCT tag FROM samples", LIMITED)} == {"a"}
    for table in ("latest", "series", "minute"):
        assert {row[0] for row in rows(filled, f"SELECT DISTINCT tag FROM {table}", LIMITED)} == {"a"}
    columns = (Field("asset", "text"), Field("n", "integer"))
    filled.sql.register(View("stock", columns, lambda _: [{"asset": "Plant/Oven", "n": 1}, {"asset": "Plant", "n": 2}, {"n": 3}]))
    assert rows(filled, "SELECT n FROM stock", LIMITED) == [(1,)]
    assert len(rows(filled, "SELECT n FROM stock")) == 3
    filled.sql.register(View("money", columns[1:], lambda _: [{"n": 1}], asset=None))
    with pytest.raises(Forbidden):
        rows(filled, "SELECT 1 WHERE EXISTS (FROM money)", LIMITED)


def test_a_view_is_told_the_time_it_is_asked_for(filled: Store):
    asked: list[Range] = []

    def fetch(when: Range) -> list[dict[str, Any]]:
        asked.append(when)
        return [{"ts": T0, "asset": "x"}]

    filled.sql.register(View("log", (Field("asset", "text"), Field("ts", "time")), fetch, time="ts"))
    assert len(rows(filled, "SELECT * FROM log WHERE ts >= '2026-01-01' AND ts < timestamptz '2026-01-02'")) == 1
    assert asked[-1] == Range(T0 - 1, T0 + DAY + 999)
    rows(filled, "SELECT * FROM log a, log b WHERE a.ts >= '2026-01-01'")
    assert asked[-1] == Range(None, None)
    rows(filled, "SELECT 1")
    assert len(asked) == 2


def test_time_rows_and_places_are_limited(home: Home):
    store = home.store(sql_timeout="300ms", sql_rows=5, sql_at_once=1)
    assert store.sql.ask("SELECT * FROM range(1000000000)", ME, 100).run().truncated
    assert len(rows(store, "SELECT * FROM range(10)")) == 5
    endless = "SELECT count(*) FROM range(10000000) a, range(100000) b WHERE a.range % 7 = b.range % 3"
    with pytest.raises(SqlError) as told:
        rows(store, endless)
    assert told.value.code == "sql.timeout"
    with store.sql.turnstile, pytest.raises(Retryable, match="too many"):
        rows(store, "SELECT 1")


def test_memory_is_limited(home: Home):
    store = home.store(sql_memory="20MB")
    with pytest.raises(SqlError) as told:
        rows(store, "SELECT list(range::varchar || repeat('x', 1000)) FROM range(1000000)")
    assert told.value.code == "sql.memory"


def test_a_question_whose_values_grow_outside_the_engines_account_is_stopped(home: Home, monkeypatch: pytest.MonkeyPatch):
    """Texts doubled inside one expression: the engine's limit of memory does not see them, the watch over the process does."""
    monkeypatch.setattr("lineshaft.store.sandbox._MOST_GROWTH", 64 * 1024**2)
    store, hundred = home.store(sql_memory="4GB"), "x" * 100
    grown = "'xxxxxxxxxx' || range::varchar"
    for _ in range(3):
        grown = f"replace({grown}, 'x', '{hundred}')"  # 10 MB at the end, of 20 rows at once
    with pytest.raises(SqlError, match="values that need too much memory") as told:
        rows(store, f"SELECT max(md5(md5({grown}) || sha256({grown}))) FROM range(20)")
    assert told.value.code == "sql.memory"
    assert rows(store, "SELECT 1") == [(1,)]


def test_a_question_can_be_cancelled_from_another_thread(filled: Store):
    asked = filled.sql.ask("SELECT count(*) FROM range(10000000) a, range(100000) b WHERE a.range % 7 = b.range % 3", ME)
    threading.Timer(0.2, asked.cancel).start()
    with pytest.raises(SqlError) as told:
        asked.run()
    assert told.value.code == "sql.cancelled"
    assert rows(filled, "SELECT 1") == [(1,)]


def test_one_property_of_millions_of_rows_is_quick(store: Store):
    """1.2 M rows of 200 tags over three days, a third of them in memory: one tag's question reads a small part."""
    tags, times = 200, 2000
    dictionary = pa.array([f"t{n}" for n in range(tags)])
    places = pa.array(np.tile(np.arange(tags, dtype=np.int32), times))
    count = tags * times
    for day in range(3):
        ts = T0 + day * DAY + np.repeat(np.arange(times), tags) * SECOND
        columns = [
            pa.DictionaryArray.from_arrays(places, dictionary),
            pa.array(ts).cast(pa.timestamp("ns", "UTC")),
            pa.array(np.arange(count, dtype=float)),
            *(pa.nulls(count, kind) for kind in (pa.int64(), pa.string(), pa.bool_())),
            pa.array(np.zeros(count, np.int16)),
            pa.nulls(count, pa.int32()),
        ]
        store.show(store.append([Batch("m", day + 1, T0, pa.RecordBatch.from_arrays(columns, schema=SAMPLES))]))
        if day < 2:
            store.flush()
    sql = "SELECT count(*) FROM samples WHERE tag = 't17'"
    assert rows(store, sql) == [(3 * times,)]
    quick = min(_timed(store, sql) for _ in range(5))
    slow = min(_timed(store, "SELECT count(value) FROM samples") for _ in range(2))
    assert quick < slow / 4, (quick, slow)


def _timed(store: Store, sql: str) -> float:
    began = time.perf_counter()
    rows(store, sql)
    return time.perf_counter() - began


@pytest.mark.parametrize(
    "text",
    [
        "repeat('x', 4000000000)",
        "repeat('x', 10001)",
        "repeat('x', (SELECT 4000000000))",
        "repeat(repeat('x', 10000), 10000)",
        "lpad('x', 2000000000, 'y')",
        "printf('%2000000000d', 1)",
        "format('{:2000000000}', 1)",
        "bar(1, 0, 1, 2000000000)",
    ],
)
def test_a_function_that_makes_one_huge_value_is_refused(store: Store, text: str):
    with pytest.raises(SqlError) as error:
        rows(store, f"SELECT length({text})")
    assert error.value.code == "sql.forbidden"


def test_a_small_repeat_is_fine(store: Store):
    assert rows(store, "SELECT repeat('ab', 3), lpad('7', 3, '0')") == [("ababab", "007")]
