"""Other engines read the lake while the node runs, and count what we count."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from lineshaft.core import ConfigError
from lineshaft.store import Store, Tag, files_of
from tests.counterparts.programs import MEND, python
from tests.store.giving import DAY, SECOND, T0, give

ROWS = 40


def test_duckdb_and_datafusion_agree_with_us_while_the_node_writes(store: Store) -> None:
    store.start()
    failed: list[Exception] = []
    stop = threading.Event()

    def work() -> None:
        try:
            for seq in range(1, 1000):
                if stop.is_set():
                    break
                give(store, seq, [("t", T0 + seq * SECOND + n, float(n)) for n in range(ROWS)])
                store.flush()
                if seq % 5 == 0:
                    store.compact()
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    worker = threading.Thread(target=work)
    give(store, 0, [("t", T0, 1.0)])
    store.flush()
    worker.start()
    seen = [count(store.lake.root) for _ in range(15)]
    stop.set()
    worker.join()
    store.flush()
    assert not failed
    assert all(ours == theirs for ours, theirs in seen)
    assert all(n % ROWS == 1 for n, _ in seen)  # whole flushes only
    mine = len(store.history(Tag("m", "t"), 0, T0 + DAY))
    assert count(store.lake.root) == (mine, mine)


@pytest.fixture
def written(store: Store) -> Store:
    """Four series over two days in several files, one value overwritten, and some still in memory only."""
    for seq in range(1, 5):
        give(store, seq, [(f"t{seq}", T0 + n * (DAY // 200), float(n)) for n in range(300)])
        store.flush()
    give(store, 5, [("t4", T0 + 299 * (DAY // 200) + 1, 7.0)])
    store.flush()
    give(store, 6, [("t1", T0 + 2 * DAY, 1.0)])
    return store


EXPECTED = [(0, 300, 44850.0), (1, 300, 44850.0), (2, 300, 44850.0), (3, 301, 44857.0)]
"""Number of the series, its rows in the lake, their sum."""


def test_polars_reads_the_delta_table(written: Store) -> None:
    frame = pl.scan_delta(str(written.lake.root / "samples"))
    found = frame.group_by("sid").agg(pl.len().alias("n"), pl.col("v").sum()).sort("sid").collect()
    assert found.rows() == EXPECTED
    assert frame.filter(pl.col("day") > pl.col("day").min()).select(pl.len()).collect().item() == 4 * 100 + 1
    mine = [len(written.history(Tag("m", f"t{n}"), 0, T0 + 2 * DAY - 1)) for n in range(1, 5)]
    assert mine == [n for _, n, _ in EXPECTED]


SPARK = """
import json, sys
from pyspark.sql import SparkSession, functions as f
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.read.parquet(*json.load(sys.stdin)).groupBy("sid").agg(f.count("*"), f.sum("v")).orderBy("sid").collect()
print("ANSWER" + json.dumps([list(row) for row in rows]))
"""


@pytest.mark.slow
@pytest.mark.counterpart
@pytest.mark.timeout(300)
def test_pyspark_reads_the_files_we_name(written: Store) -> None:
    interpreter = python("pyspark")
    if interpreter is None or shutil.which("java") is None:
        pytest.skip(f"pyspark or a Java is missing: {MEND}")
    files = json.dumps(files_of(written.lake.root, "samples"))
    done = subprocess.run([interpreter, "-c", SPARK], input=files, capture_output=True, text=True, timeout=280, check=False)
    answer = next((line for line in done.stdout.splitlines() if line.startswith("ANSWER")), "")
    assert answer, done.stderr[-3000:]
    assert [tuple(row) for row in json.loads(answer.removeprefix("ANSWER"))] == EXPECTED


def count(lake: Path) -> tuple[int, int]:
    """The rows DuckDB finds in the files, and those DataFusion finds in the Delta table of the same version."""
    table = DeltaTable(str(lake / "samples"))
    files = sorted(table.file_uris())
    with duckdb.connect() as db:
        (found,) = db.execute(f"select count(*) from read_parquet({files!r}, hive_partitioning=false)").fetchall()
    batches = QueryBuilder().register("samples", table).execute("select count(*) as n from samples").read_all()
    return int(found[0]), int(pa.table(batches)["n"][0].as_py())


def test_the_list_of_files_is_the_table(store: Store) -> None:
    with pytest.raises(ConfigError, match="no table"):
        files_of(store.lake.root, "samples")
    give(store, 1, [("t", T0, 1.0)])
    store.flush()
    give(store, 2, [("t", T0, 2.0)])
    store.flush()
    assert len(files_of(store.lake.root, "samples")) == len(files_of(store.lake.root, "late")) == 1
    store.compact()
    assert files_of(store.lake.root, "late") == []
    assert Path(files_of(store.lake.root, "samples")[0]).exists()
