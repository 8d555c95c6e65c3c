"""Other engines read the lake while the node runs, and count what we count."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from lineshaft.core import ConfigError
from lineshaft.store import Store, Tag, files_of
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


def count(lake: Path) -> tuple[int, int]:
    """The rows DuckDB finds in the files, and those DataFusion finds in the Delta table of the same version."""
    table = DeltaTable(str(lake / "samples"))
    files = sorted(table.file_uris())
    found = duckdb.execute(f"select count(*) from read_parquet({files!r}, hive_partitioning=false)").fetchone()
    batches = QueryBuilder().register("samples", table).execute("select count(*) as n from samples").read_all()
    assert found is not None
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
