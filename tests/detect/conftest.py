"""A small plant with alarms on a real register and a real database; only the store's numbering is a plain dict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from lineshaft import assets, detect, guard
from lineshaft.assets import Assets
from lineshaft.core import NS, Bus, Database
from lineshaft.detect import AlarmChanged, AlarmCleared, AlarmRaised, AlarmsSettings, Detect, FindingRaised
from lineshaft.guard import Role, Subject
from lineshaft.store import STORED
from tests.schema import migrate

OPERATOR = Subject("olga", "olga", "person", frozenset({Role.OPERATOR}), "Olga")
PUMP = "Bakery/Pump"
MODEL = """\
model: Pump
version: 1
properties:
  - {name: Vibration, kind: measurement, type: double, unit: mm/s}
  - {name: Running, kind: measurement, type: boolean}
  - {name: Mode, kind: measurement, type: string}
  - {name: HotAbove, kind: attribute, type: double, unit: degC, default: 80}
  - {name: Temperature, kind: measurement, type: double, unit: degC}
alarms:
ALARMS
"""
PLANT = """\
assets:
  - name: Bakery
    children:
      - {name: Pump, model: Pump, source: plc, tag_prefix: "Pump/"}
      - {name: Pump 2, model: Pump, source: plc, tag_prefix: "Pump2/", attributes: {HotAbove: 60}}
"""
VIBRATION = (
    "  - {name: High, property: Vibration, operator: '>', limit: 7.1, deadband: 0.5, on_delay: 2s, off_delay: 1s, "
    "priority: 1, failure_mode: VIB, process: maintenance}"
)


class Numbers:
    """Numbers of series, as the store gives them."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}

    def sids(self, source, tags):
        return np.array([self.known.setdefault((source, tag), len(self.known)) for tag in tags], np.int32)

    def derived_sid(self, property_id):
        return int(self.sids("derived", [property_id])[0])


class Said(NamedTuple):
    ts: int
    value: str
    quality: int


class Shelf(Numbers):
    """Numbers of a store that remembers the newest value of each series, as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[int, tuple[int, float, int]] = {}
        self.texts: dict[int, Said] = {}

    def keep(self, rows: pa.RecordBatch) -> None:
        for row in rows.to_pylist():
            value = next((row[name] for name in ("v", "vi", "vb") if row[name] is not None), float("nan"))
            ts = round(row["ts"].timestamp() * NS)
            if row["vs"] is not None:
                self.texts[row["sid"]] = Said(ts, row["vs"], row["q"])
            if ts >= self.newest.get(row["sid"], (0, 0.0, 0))[0]:
                self.newest[row["sid"]] = ts, float(value), row["q"]

    def latest(self, refs):
        tags = [ref.removeprefix("Bakery/").replace("Pump 2", "Pump2") for ref in refs]
        return [self.texts.get(int(sid)) for sid in self.sids("plc", tags)]

    def latest_sids(self, sids):
        found = [self.newest.get(int(sid), (-(2**63), float("nan"), 2)) for sid in sids]
        columns = zip(*found, strict=True) if found else ((), (), ())
        return tuple(np.array(column, kind) for column, kind in zip(columns, (np.int64, float, np.int16), strict=True))


class Watch:
    """Detect over a model, with a clock the test turns."""

    def __init__(self, db: Database, folder: Path, alarms: Iterable[str] = (VIBRATION,), numbers: Numbers | None = None) -> None:
        self.settings = AlarmsSettings()
        self.db, self.folder = db, folder
        migrate(db, {"guard": guard.MIGRATIONS, "assets": assets.MIGRATIONS, "detect": detect.MIGRATIONS})
        (folder / "models").mkdir(exist_ok=True)
        self.write(*alarms)
        self.now = 0.0
        self.numbers = numbers or Numbers()
        self.start()

    def write(self, *alarms: str, version: int = 1) -> None:
        text = MODEL.replace("ALARMS", "\n".join(alarms)) if alarms else MODEL.replace("alarms:\nALARMS\n", "")
        (self.folder / "models" / "pump.yaml").write_text(text.replace("version: 1", f"version: {version}"))
        (self.folder / "plant.yaml").write_text(PLANT)

    def start(self) -> None:
        """Start anew on the same disk, as after a crash."""
        self.bus = Bus()
        self.told: list[object] = []
        for event in (AlarmRaised, AlarmCleared, FindingRaised):
            self.bus.on(event, self.told.append)
        self.steps: list[AlarmChanged] = []
        self.bus.on(AlarmChanged, self.steps.append)
        self.assets = Assets(self.db, self.bus)
        self.assets.load(self.folder)
        self.detect = Detect(self.db, self.assets, self.numbers, self.bus, clock=lambda: self.now, settings=self.settings)
        self.problems = self.detect.reload()

    def feed(self, *rows, tag="Pump/Vibration"):
        stored = self.stored(*rows, tag=tag)
        if isinstance(self.numbers, Shelf):
            self.numbers.keep(stored)
        self.detect.on_rows(stored)

    def stored(self, *rows, tag="Pump/Vibration"):
        """Rows of (seconds, value[, quality]) as the store keeps them."""
        sid = int(self.numbers.sids("plc", [tag])[0])
        full = [(*row, 0)[:3] for row in rows]
        values = [value for _, value, _ in full]
        columns = {
            "sid": pa.array([sid] * len(full), pa.int32()),
            "ts": pa.array([round(at * NS) for at, _, _ in full], STORED.field("ts").type),
            "v": pa.array([v if isinstance(v, float) else None for v in values], pa.float64()),
            "vi": pa.array([v if isinstance(v, int) and not isinstance(v, bool) else None for v in values], pa.int64()),
            "vs": pa.array([v if isinstance(v, str) else None for v in values], pa.string()),
            "vb": pa.array([v if isinstance(v, bool) else None for v in values], pa.bool_()),
            "q": pa.array([q for _, _, q in full], pa.int16()),
            "code": pa.array([None] * len(full), pa.int32()),
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in STORED.names], schema=STORED)

    @property
    def alarm(self):
        return next(row for row in self.detect.alarms(False, kind=None) if row["asset"] == PUMP)

    def named(self, name, asset=PUMP):
        return next(row for row in self.detect.alarms(False, kind=None) if (row["name"], row["asset"]) == (name, asset))

    def do(self, verb, *args, **values):
        alarm_id = self.alarm["id"]
        with self.db.begin() as tx:
            return getattr(self.detect, verb)(tx, alarm_id, OPERATOR, *args, **values)


@pytest.fixture
def watch(database: Database, tmp_path: Path) -> Watch:
    return Watch(database, tmp_path)


@pytest.fixture
def make(tmp_path: Path):
    """Make a watch over other alarms, on SQLite."""
    opened: list[Database] = []

    def build(*alarms: str, numbers: Numbers | None = None) -> Watch:
        opened.append(Database(f"sqlite:///{tmp_path / 'detect.db'}"))
        return Watch(opened[-1], tmp_path, alarms, numbers)

    yield build
    for db in opened:
        db.close()
