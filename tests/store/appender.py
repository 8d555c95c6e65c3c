"""A process that appends, flushes and compacts until it is killed; prints every batch number once it is acknowledged.

Batch i gives TAGS tags the value i at second i; every fifth corrects second i-3 to 1e6 + i. From each comes a derived row.
With a third word `tables` two tables of the lake are written as well: number n appends a row n to `lines`, sets the row
n % KEYS of `state` to n, and now and then their files are joined; `T n` is printed when both are acknowledged.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.core import SAMPLES, Batch, Bus, Database
from lineshaft.store import STORED, Change, Store, StoreSettings
from tests.store.giving import SECOND, T0

TAGS, KEYS = 40, 7
COLUMN = pa.DictionaryArray.from_arrays(pa.array(np.arange(TAGS, dtype=np.int32)), pa.array([f"t{n}" for n in range(TAGS)]))


def filled(schema: pa.Schema, first: pa.Array, second: int, value: float) -> pa.RecordBatch:
    n = len(first)
    ts = pa.array(np.full(n, T0 + second * SECOND)).cast(pa.timestamp("ns", "UTC"))
    nulls = [pa.nulls(n, schema.field(name).type) for name in ("vi", "vs", "vb")]
    columns = [first, ts, pa.array(np.full(n, value)), *nulls, pa.array(np.zeros(n, np.int16)), pa.nulls(n, pa.int32())]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def batches(i: int) -> list[Batch]:
    """What belongs to number i: its values, and every fifth time a correction."""
    given = [Batch("m", 2 * i, T0, filled(SAMPLES, COLUMN, i, float(i)))]
    if i % 5 == 0 and i > 3:
        given.append(Batch("m", 2 * i + 1, T0, filled(SAMPLES, COLUMN, i - 3, 1e6 + i)))
    return given


def expected(i: int, newest: int) -> set[float]:
    """The values second i may have when everything up to `newest` was acknowledged (the next may be there already)."""
    corrected = i + 3 if (i + 3) % 5 == 0 and i > 0 else None
    if corrected is None or corrected > newest + 1:
        return {float(i)}
    return {1e6 + corrected} if corrected <= newest else {float(i), 1e6 + corrected}


def write_tables(store: Store) -> None:
    """Write tables of the lake until the process ends, going on after the last number that is in both."""
    tablets = store.sql.tablets
    n = min(tablets.get(name).marks.get("w", 0) for name in ("lines", "state")) + 1
    while True:
        when = pa.array([T0 + n * SECOND]).cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("us", "UTC"))
        rows = pa.table({"k": pa.array([n % KEYS]), "n": pa.array([n]), "at": when})
        tablets.write("lines", Change(rows, "append", day="at", mark=("w", n)), {"made_of": []})
        tablets.write("state", Change(rows, "upsert", key=("k",), mark=("w", n)))
        os.write(1, b"T %d\n" % n)
        if n % 25 == 0:
            tablets.compact("lines")
            tablets.compact("state")
        n += 1


def main() -> None:
    home, start = Path(sys.argv[1]), int(sys.argv[2])
    store = Store(home, None, Database(f"sqlite:///{home / 'l.db'}"), StoreSettings(query_threads=1), Bus())
    sid = np.array([store.derived_sid("sum")], np.int32)

    def keep() -> None:
        count = 0
        while True:
            store.flush()
            count += 1
            if count % 3 == 0:
                store.compact()
                store.sweep(2**62)

    threading.Thread(target=keep, daemon=True).start()
    if sys.argv[3:] == ["tables"]:
        threading.Thread(target=write_tables, args=(store,), daemon=True).start()
    i = start
    while True:
        stored = store.append(batches(i))
        os.write(1, b"%d\n" % i)
        derived = store.append_derived(filled(STORED, pa.array(sid), i, float(i)), stored[-1].seq)
        store.show([*stored, derived])
        i += 1


if __name__ == "__main__":
    main()
