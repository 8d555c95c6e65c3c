"""A plant for tests: a real asset register from YAML text, and a store that is a dictionary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.assets import MIGRATIONS, Assets
from lineshaft.compute.plan import Plan, make
from lineshaft.compute.points import STORED
from lineshaft.core import Bus, Database
from tests.schema import migrate

NS = 1_000_000_000


def register(folder: Path, models: Mapping[str, str], plant: str) -> Assets:
    """Return the register of the models and the plant written as YAML."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    for name, text in models.items():
        (folder / "models" / f"{name}.yaml").write_text(text)
    (folder / "plant.yaml").write_text(plant)
    db = Database(f"sqlite:///{folder / 'assets.db'}")
    migrate(db, {"assets": MIGRATIONS})
    assets = Assets(db, Bus())
    changes = assets.load(folder)
    assert not changes.problems, changes.problems
    return assets


def row(sid: int, ts: int, value, q: int = 0) -> dict:
    found = {"sid": sid, "ts": ts, "v": None, "vi": None, "vs": None, "vb": None, "q": q, "code": None}
    if value is not None:
        column = {bool: "vb", int: "vi", float: "v", str: "vs"}[type(value)]
        found[column] = value
    return found


def batch(rows: Sequence[dict]) -> pa.RecordBatch:
    columns = {name: [r[name] for r in rows] for name in STORED.names}
    arrays = [
        pa.array(columns[f.name], pa.int64()).cast(f.type) if f.name == "ts" else pa.array(columns[f.name], f.type)
        for f in STORED
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=STORED)


class Memory:
    """The store as compute sees it: rows by (series, time, quality), the last arrival wins."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], int] = {}
        self.rows: dict[tuple[int, int, int], dict] = {}

    def sids(self, source: str, tags: Sequence[str]) -> np.ndarray:
        return np.array([self.names.setdefault((source, tag), len(self.names)) for tag in tags], np.int32)

    def show(self, rows: pa.RecordBatch) -> None:
        columns = rows.set_column(1, "ts", rows.column(1).cast(pa.int64()))
        for one in columns.to_pylist():
            self.rows[one["sid"], one["ts"], one["q"]] = one

    def span(self, sids, start: int, end: int, *, carry: bool = False) -> pa.Table:
        wanted = set(np.asarray(sids).tolist())
        found = sorted(key for key in self.rows if key[0] in wanted and start < key[1] <= end)
        if carry:
            for sid in wanted:
                earlier = [k for k in self.rows if k[0] == sid and k[1] <= start and k[2] == 0 and self._usable(self.rows[k])]
                found = [*([max(earlier, key=lambda k: k[1])] if earlier else []), *found]
        return pa.Table.from_batches([batch([self.rows[key] for key in sorted(found)])], STORED)

    def latest_sids(self, sids):
        ts = [max((k[1] for k in self.rows if k[0] == sid), default=np.iinfo(np.int64).min) for sid in np.asarray(sids).tolist()]
        return np.array(ts, np.int64), np.zeros(len(ts)), np.zeros(len(ts), np.int16)

    @staticmethod
    def _usable(one: dict) -> bool:
        return any(one[name] is not None and one[name] == one[name] for name in ("v", "vi", "vs", "vb"))

    def values(self, sid: int) -> dict[int, object]:
        """Return the good values of a series by time; taken back ones are absent."""
        return {
            ts: next(one[name] for name in ("v", "vi", "vs", "vb") if one[name] is not None)
            for (s, ts, q), one in sorted(self.rows.items())
            if s == sid and q == 0 and self._usable(one)
        }


def compiled(assets: Assets, store: Memory) -> Plan:
    plan = make(assets)
    plan.channels.settle(store, [assets.spans(p.id) for p in plan.channels.properties])
    return plan
