"""The example plant as every room before the screens understands it: no formula, alarm or OEE mapping of it is wrong."""

from __future__ import annotations

from pathlib import Path

from lineshaft import assets, compute, detect, guard, maintain, production, store
from lineshaft.assets import Assets
from lineshaft.compute import Compute, ComputeSettings
from lineshaft.core import Bus, Database, now_ns
from lineshaft.detect import Detect
from lineshaft.maintain import Spares, load_spares
from lineshaft.production import Production
from lineshaft.store import Store

EXAMPLE = Path(__file__).resolve().parents[2] / "src" / "lineshaft" / "examples" / "bakery"
ROOMS = {
    "guard": guard,
    "assets": assets,
    "production": production,
    "store": store,
    "compute": compute,
    "detect": detect,
    "maintain": maintain,
}


def test_every_room_takes_the_example_without_a_word(tmp_path: Path) -> None:
    db, bus = Database(f"sqlite:///{tmp_path / 'plant.db'}"), Bus()
    db.migrate({name: room.MIGRATIONS for name, room in ROOMS.items()})
    register = Assets(db, bus)
    assert register.load(EXAMPLE).problems == []
    floor = Production(db, register, bus)
    assert floor.load(EXAMPLE).problems == []
    shelf = Store(tmp_path / "home", register, db)
    figures = Compute(register, floor, shelf, db, ComputeSettings(), bus)
    figures.reload()
    assert [str(p) for p in figures.problems()] == []
    assert Detect(db, register, shelf, bus).reload() == []
    assert load_spares(EXAMPLE / "spares.yaml", db, Spares(db, bus)) == 6
    end = now_ns()
    oee = figures.oee("Bakery/Line 1/Oven", end - 60 * 10**9, end)
    assert (oee.ideal_cycle_s, oee.elements["planned_stop"]) == (0.5, 0.0)
    shelf.close()
    db.close()
