"""What work costs as it grows: 1, 10 (and with `--points 100000000` 100) million values, and 100, 1,000 and 10,000 assets.

Each step runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from bench.plantset import START, write
from bench.row import Row
from lineshaft.assets import MIGRATIONS, Assets
from lineshaft.core import NS, Batch, Bus, Database, now_ns, samples
from lineshaft.store import Aim, Reading, Store, StoreSettings, Tag

NAME = "growth"
TAGS, ASSETS = 1_000, (100, 1_000, 10_000)
HOUR, DAY = 3600 * NS, 86_400 * NS
MODEL = """model: Pump
version: 1
properties:
  - {name: Flow, kind: measurement, type: double, unit: l/min}
  - {name: Pressure, kind: measurement, type: double, unit: bar}
"""


def _ms(ask: Callable[[], object], times: int = 7) -> float:
    took: list[float] = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begin) * 1000)
    return float(np.median(took))


def _memory() -> float:
    return psutil.Process().memory_full_info().pss / 1e6


def _open(folder: Path, assets: Assets | None = None) -> tuple[Store, float]:
    begin = time.perf_counter()
    store = Store(folder, assets, Database(f"sqlite:///{folder / 'l.db'}"), StoreSettings(), Bus())
    return store, (time.perf_counter() - begin) * 1000


def values(folder: Path, points: int) -> dict[str, float]:
    """Fill a store with values of 1,000 tags, and ask and extend it."""
    seconds = points // TAGS
    path = folder / "old.parquet"
    write(path, range(TAGS), seconds)
    store, _ = _open(folder)
    begin = time.perf_counter()
    store.imports.take(path, Reading(), Aim())
    taken = points / (time.perf_counter() - begin)
    path.unlink()
    begin = time.perf_counter()
    store.compact()
    rolled = points / (time.perf_counter() - begin)
    store.close()
    store, opened = _open(folder)
    refs = [Tag("import", f"t{n}") for n in range(TAGS)]
    end = START + seconds * NS
    tables = {
        "start-up, ms": opened,
        "import, rows/s": taken,
        "roll-ups and compaction, rows/s": rolled,
        "latest of 1,000, ms": _ms(lambda: store.latest(refs)),
        "history of one tag's last hour, ms": _ms(lambda: store.history(refs[0], end - HOUR, end)),
        "one tag by minute, ms": _ms(lambda: store.aggregates(refs[0], 60 * NS, START, end)),
        "100 tags by hour, ms": _ms(lambda: store.aggregates_of(refs[:100], HOUR, START, end + HOUR, ("avg",))),
        "append of 1,000 values, ms": _ms(_giver(store), 50),
        "memory, MB": _memory(),
    }
    store.close()
    return tables


def _giver(store: Store) -> Callable[[], object]:
    seq = iter(range(1, 1_000_000))

    def give() -> None:
        at, n = now_ns(), next(seq)
        rows = samples([{"tag": f"t{sid}", "ts": at, "value": float(n)} for sid in range(TAGS)])
        store.show(store.append([Batch("import", n, at, rows)]))

    return give


def assets(folder: Path, count: int) -> dict[str, float]:
    """Load a plant of so many assets with two properties each, and ask for its newest values by path."""
    plant = folder / "plant"
    (plant / "models").mkdir(parents=True)
    (plant / "models" / "pump.yaml").write_text(MODEL, encoding="utf-8")
    lines = [f"  - {{name: P{n}, model: Pump, source: m, tags: {{Flow: f{n}, Pressure: p{n}}}}}" for n in range(count)]
    (plant / "plant.yaml").write_text("\n".join(["assets:", *lines, ""]), encoding="utf-8")
    db = Database(f"sqlite:///{folder / 'l.db'}")
    db.migrate({"assets": MIGRATIONS})
    begin = time.perf_counter()
    model = Assets(db, Bus())
    model.load(plant)
    loaded = time.perf_counter() - begin
    begin = time.perf_counter()
    model = Assets(db, Bus())
    opened = (time.perf_counter() - begin) * 1000
    store, _ = _open(folder, model)
    rows = [{"tag": f"f{n}", "ts": now_ns(), "value": float(n)} for n in range(count)]
    store.show(store.append([Batch("m", 1, now_ns(), samples(rows))]))
    paths = [f"P{n}/Flow" for n in range(min(count, 1_000))]
    found = {
        "load, s": loaded,
        "start-up of the model, ms": opened,
        f"latest of {len(paths)} by path, ms": _ms(lambda: store.latest(paths)),
        "history by path, ms": _ms(lambda: store.history(paths[-1], 0, now_ns())),
        "memory, MB": _memory(),
    }
    store.close()
    return found


def _step(what: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.bench_growth", what, str(size)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def run() -> list[Row]:
    most = int(os.environ.get("LINESHAFT_BENCH_POINTS", "10000000"))
    sizes = [points for points in (1_000_000, 10_000_000, 100_000_000) if points <= most]
    rows: list[Row] = []
    for what, steps, unit in (("values", sizes, "values"), ("assets", ASSETS, "assets")):
        for size in steps:
            for name, value in _step(what, size).items():
                figure, _, measure = name.rpartition(", ")
                rows.append(Row(f"{NAME}/{size:,} {unit}: {figure}", value, measure))
    return rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        step = {"values": values, "assets": assets}[sys.argv[1]]
        print(json.dumps(step(Path(name), int(sys.argv[2]))))
