from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft import assets, detect, guard, maintain, store
from lineshaft.assets import Assets
from lineshaft.core import NS, Batch, Bus, Database, NotFound, now_ns, samples
from lineshaft.detect import Detect
from lineshaft.guard import Subject
from lineshaft.maintain import Orders, Spares, load_spares
from lineshaft.store import Store
from lineshaft.twin import Twin
from tests.schema import migrate

EXAMPLE = Path(__file__).resolve().parents[2] / "src" / "lineshaft" / "examples" / "bakery"
PUMP = "Bakery/Line 1/Cooler/Coolant pump"
BY = Subject.system("test")


class Bakery:
    """The example plant in the rooms before the twin, with a shaking pump."""

    def __init__(self, db: Database, home: Path) -> None:
        rooms = {"guard": guard, "assets": assets, "store": store, "detect": detect, "maintain": maintain}
        migrate(db, {name: room.MIGRATIONS for name, room in rooms.items()})
        self.db, bus = db, Bus()
        self.assets = Assets(db, bus)
        assert self.assets.load(EXAMPLE).problems == []
        self.store = Store(home, self.assets, db)
        self.detect = Detect(db, self.assets, self.store, bus)
        assert self.detect.reload() == []
        self.orders, self.spares = Orders(db, bus), Spares(db, bus)
        load_spares(EXAMPLE / "spares.yaml", db, self.spares)
        self.twin = Twin(self.assets, self.store, self.detect, self.orders, self.spares)

    def shake(self) -> int:
        """Send five seconds of vibration above the limit."""
        end = now_ns()
        rows = [{"tag": "ns=2;s=Coolant pump/Vibration", "ts": end - n * NS, "value": 9.0 + n} for n in range(5, -1, -1)]
        stored = self.store.append([Batch("bakery", 1, end, samples(rows))])
        self.store.show(stored)
        for one in stored:
            self.detect.on_rows(one.rows)
        return end


@pytest.fixture
def bakery(database: Database, tmp_path: Path) -> Iterator[Bakery]:
    plant = Bakery(database, tmp_path / "home")
    yield plant
    plant.store.close()


def test_an_entity_has_everything_that_is_known_about_its_position(bakery: Bakery) -> None:
    end = bakery.shake()
    with bakery.db.begin() as tx:
        bakery.orders.create(tx, BY, asset=PUMP, title="Pump shakes", failure_mode="VIB")
        bakery.store.documents.add(tx, "manual.txt", "text/plain", b"grease it", about=PUMP)
    pump = bakery.twin.entity(PUMP)
    assert pump.components is not None
    values = {v.name: v for v in pump.components.properties}
    assert (values["Vibration"].value, values["Vibration"].at, values["Vibration"].unit) == (9.0, end, "mm/s")
    assert (values["Flow"].value, values["RatedPower"].value) == (None, 3)
    assert [(a["name"], a["state"]) for a in pump.components.alarms] == [("Coolant pump vibration high", "unack")]
    assert [o["title"] for o in pump.components.work_orders] == ["Pump shakes"]
    assert {p["part"]: p["quantity"] for p in pump.components.spares} == {"BRG-6205": 2, "SEAL-32": 1, "COUP-L095": 1}
    assert [d["name"] for d in pump.components.documents] == ["manual.txt"]
    assert pump.components.thing == {"serial": "PU-30911", "maker": "Rotaflow", "year": 2021}
    assert bakery.twin.entity(pump.id).as_dict() == pump.as_dict()


def test_relations_follow_the_tree_and_the_flow_of_material(bakery: Bakery) -> None:
    oven = bakery.twin.entity("Bakery/Line 1/Oven")
    assert oven.related("isChildOf") == ("Bakery/Line 1",)
    assert oven.related("upstream") == ("Bakery/Line 1/Former",)
    assert oven.related("downstream") == ("Bakery/Line 1/Cooler",)
    assert bakery.twin.entity("Bakery/Line 1/Cooler").related("isParentOf") == (PUMP,)
    assert bakery.twin.upstream("Bakery/Line 1/Oven") == ["Bakery/Line 1/Former", "Bakery/Line 1/Mixer"]
    assert bakery.twin.downstream("Bakery/Line 1/Oven") == ["Bakery/Line 1/Cooler", "Bakery/Line 1/Packer"]


def test_entities_are_listed_without_components(bakery: Bakery) -> None:
    everything = bakery.twin.entities()
    assert [e.path for e in everything][:3] == ["Bakery", "Bakery/Line 1", "Bakery/Line 1/Mixer"]
    assert all(e.components is None for e in everything)
    assert [e.path for e in bakery.twin.entities("Bakery/Line 1/Cooler")] == ["Bakery/Line 1/Cooler", PUMP]
    with pytest.raises(NotFound, match="did you mean 'Bakery/Line 1/Oven'"):
        bakery.twin.entity("Bakery/Line 1/Ovem")
