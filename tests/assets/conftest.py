from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import assets
from lineshaft.assets import Assets, AssetsChanged
from lineshaft.core import Bus, Database
from tests.schema import migrate

PUMP = """\
model: Pump
version: 1
properties:
  - {name: Rating, kind: attribute, unit: kW, default: 3}
  - {name: Vibration, kind: measurement, unit: mm/s}
  - {name: Flow, kind: measurement, unit: l/min}
  - {name: Index, kind: transform, formula: vibration / 7, inputs: {vibration: Vibration}}
"""
PLANT = """\
assets:
  - name: Works
    timezone: Europe/Berlin
    source: plc
    children:
      - {name: P1, model: Pump, tag_prefix: P1., thing: {serial: S-1, maker: Rotaflow}}
      - {name: P2, model: Pump, tag_prefix: P2., attributes: {Rating: 5}}
"""


class Plant:
    """A register on an empty database, and a folder to write its files in."""

    def __init__(self, db: Database, folder: Path) -> None:
        migrate(db, {"assets": assets.MIGRATIONS})
        self.db, self.folder, self.bus = db, folder, Bus()
        self.changes = 0
        self.bus.on(AssetsChanged, self._count)
        self.assets = Assets(db, self.bus)
        (folder / "models").mkdir(parents=True)

    def _count(self, _event: AssetsChanged) -> None:
        self.changes += 1

    def write(self, plant: str | None = None, **models: str) -> Plant:
        if plant is not None:
            (self.folder / "plant.yaml").write_text(plant)
        for name, text in models.items():
            (self.folder / "models" / f"{name}.yaml").write_text(text)
        return self

    def load(self, at: int | None = None) -> list[str]:
        return [str(problem) for problem in self.assets.load(self.folder, at=at).problems]


@pytest.fixture
def empty(database: Database, tmp_path: Path) -> Plant:
    return Plant(database, tmp_path / "files")


@pytest.fixture
def plant(empty: Plant) -> Plant:
    empty.write(PLANT, pump=PUMP)
    assert empty.load(at=1000) == []
    return empty
