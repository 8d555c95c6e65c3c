from __future__ import annotations

import pytest
from deltalake import DeltaTable

from lineshaft.core import NotFound, now_ns
from lineshaft.store import Tag
from tests.store.conftest import Home
from tests.store.giving import DAY, T0, give, plain

A = Tag("m", "a")


def test_the_lake_is_read_as_it_was_at_any_time_that_is_kept(home: Home):
    store = home.store()
    times: list[int] = []
    for n, rows in enumerate(([("a", T0 + 1, 1.0)], [("a", T0 + 1, 1.5), ("a", T0 + DAY, 2.0)], [("a", T0 + 2, 3.0)]), 1):
        give(store, n, rows)
        store.flush()
        times.append(now_ns())
    assert store.compact() > 0
    give(store, 9, [("a", T0 + 3, 4.0)])
    values = [[row[1] for row in plain(store.history(A, 0, 2**62, as_of=at))] for at in (T0, *times, now_ns())]
    assert values == [[], [1.0], [1.5, 2.0], [1.5, 3.0, 2.0], [1.5, 3.0, 2.0]]
    assert [row[1] for row in plain(store.history(A, 0, 2**62))] == [1.5, 3.0, 4.0, 2.0]
    home.close()
    again = home.store()
    assert [row[1] for row in plain(again.history(A, 0, 2**62, as_of=times[1]))] == [1.5, 2.0]
    again.sweep(2**62)
    with pytest.raises(NotFound, match="no longer kept"):
        again.history(A, 0, 2**62, as_of=times[1])
    assert [row[1] for row in plain(again.history(A, 0, 2**62, as_of=now_ns()))] == [1.5, 3.0, 2.0]


def test_other_programs_read_older_versions_of_the_table_while_replaced_files_are_kept(home: Home):
    store = home.store()
    give(store, 1, [("a", T0 + 1, 1.0)])
    store.flush()
    path = str(store.lake.root / "samples")
    before = DeltaTable(path).version()
    give(store, 2, [("a", T0 + 1, 2.0)])
    store.flush()
    store.compact()
    store.sweep()
    assert DeltaTable(path, version=before).to_pyarrow_table()["v"].to_pylist() == [1.0]
    assert DeltaTable(path).to_pyarrow_table()["v"].to_pylist() == [2.0]
