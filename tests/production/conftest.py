from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import assets, production
from lineshaft.assets import Assets
from lineshaft.core import Bus, Database
from lineshaft.production import Production, ProductionChanged
from tests.schema import migrate

PLANT = """\
assets:
  - name: Works
    children:
      - name: Line 1
        children:
          - {name: Press}
          - {name: Oven}
      - name: Line 2
"""
PRODUCTION = """\
products:
  - product: A
    ideal_cycles:
      - {machine: Works/Line 1/Oven, seconds: 2}
      - {machine: Works/Line 1/Oven, seconds: 3, valid_from: "1970-01-01T00:00:05Z"}
  - {product: B}
orders:
  - order: PO-1
    lines:
      - {product: A, quantity: 100, due: "2026-01-10T00:00:00Z"}
      - {product: B, quantity: 5, due: "2026-01-11T00:00:00Z"}
  - {order: PO-2, lines: [{product: B, quantity: 10}]}
lots:
  - {lot: FLOUR, quantity: 10, unit: kg}
  - {lot: DOUGH, parents: [FLOUR], order: PO-1}
  - {lot: TRAY, parents: [DOUGH], product: A}
running:
  - {order: PO-1, at: Works/Line 1, start: "1970-01-01T00:00:00Z"}
"""
CALENDAR = """\
calendar: Two shifts
timezone: Europe/Berlin
shifts:
  - {name: Early, days: [mon, tue, wed, thu, fri], start: 06:00, end: 14:00, breaks: [{start: 10:00, end: 10:15}]}
  - {name: Late, days: [mon, tue, wed, thu, fri], start: 14:00, end: 22:00}
holidays: [2026-12-25]
lines: [Works/Line 1]
"""


class Floor:
    """A shop floor on an empty database, and a folder to write its files in."""

    def __init__(self, db: Database, folder: Path) -> None:
        migrate(db, {"assets": assets.MIGRATIONS, "production": production.MIGRATIONS})
        self.db, self.folder, self.bus = db, folder, Bus()
        folder.mkdir()
        (folder / "plant.yaml").write_text(PLANT)
        self.assets = Assets(db, self.bus)
        self.assets.load(folder)
        self.production = Production(db, self.assets, self.bus)
        self.changes = 0
        self.bus.on(ProductionChanged, self._count)

    def _count(self, _event: ProductionChanged) -> None:
        self.changes += 1

    def write(self, **files: str) -> Floor:
        for name, text in files.items():
            (self.folder / f"{name}.yaml").write_text(text)
        return self

    def load(self, at: int | None = None) -> list[str]:
        return [str(problem) for problem in self.production.load(self.folder, at).problems]


@pytest.fixture
def bare(database: Database, tmp_path: Path) -> Floor:
    return Floor(database, tmp_path / "files")


@pytest.fixture
def floor(bare: Floor) -> Floor:
    assert bare.write(production=PRODUCTION, calendar=CALENDAR).load() == []
    return bare
