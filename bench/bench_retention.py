"""What a plant's findings, raw records and versions take in a year, and what is left of two years once retention has run.

A tenth of the plant is written and counted ten times: 10 of 100 sensor positions with a record of 50 kB a day, 50 of 500 models
retrained every month, four judged findings a model and year. The versions are one that was really trained, on 20 sensors.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from bench.row import Row
from lineshaft.app.retention import DAY, Retention, RetentionSettings
from lineshaft.app.settings import MIGRATIONS
from lineshaft.core import NS, Database, metadata, new_id, now_ns
from lineshaft.detect.machines.training import Member, Result, Task, learn
from lineshaft.guard import Guard, GuardSettings
from lineshaft.store import Documents, Tablets

NAME = "retention"
SHARE, YEARS = 10, 2
POSITIONS, MODELS, FINDINGS, RECORD = 10, 50, 4, 50_000
SENSORS, ROWS = 20, 30 * 1440


def trained(detector: str) -> Result:
    """Train a version as a node does: 20 sensors, a row a minute for 30 days."""
    draw = np.random.default_rng(1)
    load = 10 + 3 * np.sin(np.arange(ROWS) / 700) + draw.normal(0, 0.5, ROWS)
    table: dict[str, Any] = {"time": (np.arange(ROWS, dtype=np.int64) * 60 + 1_760_000_000) * NS}
    for number in range(SENSORS):
        table[f"Plant/Line 1/Machine 1/Sensor {number}"] = load * (number + 1) / 5 + draw.normal(0, 0.3, ROWS)
    return learn(Task([Member(table, {"detector": detector})]), lambda _share, _what: None)[0]


class Plant:
    """A database, a shelf, and rows of a year."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.db = Database(f"sqlite:///{home / 'lineshaft.db'}")
        self.db.migrate(MIGRATIONS)
        self.shelf = Documents(home / "documents", self.db)
        self._draw = np.random.default_rng(2)

    def put(self, name: str, rows: Iterator[dict[str, Any]]) -> None:
        """Write rows; what is not named is empty in the way of its column."""
        table = metadata.tables[name]
        blank = {"INTEGER": 0, "BIGINT": 0, "FLOAT": 0.0, "BOOLEAN": False, "JSON": {}}
        empty = {one.name: blank.get(str(one.type).split("(")[0], "") for one in table.c if not one.nullable}
        with self.db.begin() as tx:
            for row in rows:
                tx.execute(sa.insert(table).values({**empty, "id": new_id(), **row}))

    def used(self) -> int:
        """Return the bytes of the database that hold something."""
        with self.db.read() as tx:
            pages, free, size = (
                int(tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def files(self) -> int:
        """Return the bytes of the contents."""
        return sum(path.stat().st_size for path in (self.home / "documents").rglob("*") if path.is_file())

    def records(self, begin: int) -> None:
        """Take a record a day in at every position."""
        self.put("document", (self._document(at) for at in self._days(begin) for _ in range(POSITIONS)))
        rows = self.db.rows(sa.select(metadata.tables["document"]).where(metadata.tables["document"].c.created >= begin))
        self.put("vibration_record", (self._record(row, n % POSITIONS) for n, row in enumerate(rows)))

    @staticmethod
    def _days(begin: int) -> Iterator[int]:
        return (begin + day * DAY for day in range(365))

    def _document(self, at: int) -> dict[str, Any]:
        content = self._draw.bytes(RECORD)
        digest = hashlib.sha256(content).hexdigest()
        path = self.home / "documents" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at / NS, at / NS))
        about = {"name": "Drive end 2026-11-21T06:00:00Z.parquet", "mime": "application/vnd.apache.parquet", "size": RECORD}
        return {**about, "sha256": digest, "created": at, "about": "Plant/Area/Line 1/Machine 1/Drive end", "version": 1}

    @staticmethod
    def _record(document: dict[str, Any], position: int) -> dict[str, Any]:
        figures = dict.fromkeys(("rms", "peak", "crest", "kurtosis", "velocity", "1x", "2x", "3x", "level"), 1.2345678901)
        evidence = [{"part": part, "strength": 1.42, "ratios": [1.1, 1.2, 1.3], "band": [500, 5000]} for part in "ioc"]
        said = {"fault": None, "confidence": "none", "says": "nothing of the bearing is seen", "evidence": evidence}
        given = {"document": document["id"], "digest": document["sha256"], "figures": figures, "diagnosis": said}
        at = document["created"]
        return {"position_id": f"p{position}", "at": at, "taken": at, "file": "drive-end.parquet", "judged": True, **given}

    def versions(self, made: Result, year: int, begin: int) -> None:
        """Retrain every model twelve times."""
        each = {"state": "ready", "blob": made.blob, "about": made.about, "backtest": made.backtest}
        self.put(
            "machine_model_version",
            (
                {"model_id": f"m{model}", "number": 12 * year + month, "begun": begin + month * 30 * DAY, **each}
                for model in range(MODELS)
                for month in range(1, 13)
            ),
        )

    def findings(self, begin: int) -> None:
        """File findings with what each sensor showed, all of them judged."""
        names = [f"Plant/Line 1/Machine 1/Sensor {number}" for number in range(8)]
        explained = [{"sensor": name, "share": 0.1, "observed": 1.2, "expected": 1.1, "residual": 0.1} for name in names]
        evidence = {"model": "Machine 1", "start": "2026-11-21T06:00:00Z", "explanation": explained}
        shown = {"kind": "anomaly", "label": "confirmed", "sensors": [{"property": name, "share": 0.1} for name in names]}
        self.put(
            "finding",
            (
                {"asset": f"Plant/Machine {model}", "at": at, "labelled": at, "evidence": evidence, **shown}
                for model in range(MODELS)
                for at in (begin + part * 90 * DAY for part in range(FINDINGS))
            ),
        )


def run() -> list[Row]:
    """Write two years, forget, and weigh both."""
    made = trained("gaussian")
    with tempfile.TemporaryDirectory() as folder:
        plant = Plant(Path(folder))
        now = now_ns()
        plant.put("machine_model", ({"id": f"m{n}", "name": f"Machine {n}", "active": 12 * YEARS} for n in range(MODELS)))
        settings = {"learn": 144}
        place = {"state": "healthy", "vibration": "stream", "settings": settings, "noticed": [], "unsent": []}
        plant.put("sensor_position", ({"id": f"p{n}", "place": f"p{n}", **place} for n in range(POSITIONS)))
        empty, grown, rows = plant.used(), dict[str, float](), list[Row]()
        for year in range(YEARS):
            begin = now - (YEARS - year) * 365 * DAY
            for name, fill in (
                ("records", lambda begin=begin: plant.records(begin)),
                ("versions", lambda begin=begin, year=year: plant.versions(made, year, begin)),
                ("findings", lambda begin=begin: plant.findings(begin)),
            ):
                before = plant.used()
                fill()
                grown[name] = plant.used() - before
        rows += [_mb(f"a year of {name} in the database", size) for name, size in grown.items()]
        rows += [_mb("a year of records, files", plant.files() / YEARS)]
        rows += [_mb(f"{YEARS} years, files", plant.files()), _mb(f"{YEARS} years in the database", plant.used() - empty)]
        begin_s = time.perf_counter()
        # two years are written: with the default of five no finding would be over
        chosen = RetentionSettings().model_copy(update={"findings_days": 365.0})
        gone = Retention(plant.db, chosen, plant.shelf).run(
            now, Tablets(Path(folder) / "lake" / "tables"), Guard(plant.db, GuardSettings())
        )
        rows.append(Row(f"{NAME}/first run", (time.perf_counter() - begin_s) * SHARE, "s"))
        rows += [_mb("afterwards, files", plant.files()), _mb("afterwards in the database", plant.used() - empty)]
        rows += [Row(f"{NAME}/{name} gone", getattr(gone, name) * SHARE, "") for name in ("records", "versions", "findings")]
        plant.db.close()
    rows.append(Row(f"{NAME}/one version, gaussian", len(made.blob or b"") / 1e3, "kB"))
    return [*rows, Row(f"{NAME}/one version, boosted", len(trained("boosted").blob or b"") / 1e3, "kB")]


def _mb(name: str, size: float) -> Row:
    return Row(f"{NAME}/{name}", size * SHARE / 1e6, "MB")
