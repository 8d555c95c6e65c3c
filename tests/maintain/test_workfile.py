from __future__ import annotations

import shutil

import pytest

from lineshaft.core import ConfigError, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain import load_spares, load_workshop
from lineshaft.store import Documents
from tests.maintain.conftest import BAKERY, Shop

BOSS = Subject.system("test")


class Shelf:
    """The store as the workshop's file asks it."""

    def __init__(self, shop: Shop) -> None:
        self.documents = Documents(shop.home / "documents", shop.db)


def test_the_bakerys_file_brings_people_plans_and_illustrated_instructions(lite):
    lite.bakery()
    shelf = Shelf(lite)
    count = load_workshop(BAKERY / "maintenance.yaml", lite.db, lite.workshop, shelf)
    assert load_workshop(BAKERY / "maintenance.yaml", lite.db, lite.workshop, shelf) == count
    assert [one["login"] for one in lite.workshop.technicians.list({})] == ["anna", "jonas", "meryem"]
    instruction = lite.workshop.instructions.get("change-bearing")
    assert instruction["number"] == 1
    pictures = [one["image"] for one in instruction["content"]["steps"] if "image" in one]
    assert len(pictures) == len(set(pictures)) == 4
    assert shelf.documents.get(pictures[0]).mime == "image/png"
    assert len(shelf.documents.list()) == 4
    assert lite.workshop.codes.lists()["cause"]["FLOUR"] == "flour dust"
    assert {one["trigger_kind"] for one in lite.workshop.plan_list(now_ns())} == {"time", "meter", "condition"}


def test_the_same_file_leaves_alone_what_was_changed_in_the_pages(lite, tmp_path):
    lite.bakery()
    shelf, file = Shelf(lite), tmp_path / "config" / "maintenance.yaml"
    shutil.copytree(BAKERY, file.parent)
    load_workshop(file, lite.db, lite.workshop, shelf)
    load_spares(file.parent / "spares.yaml", lite.db, lite.spares)
    plan = lite.workshop.plans.list()[0]
    with lite.db.begin() as tx:
        lite.workshop.plans.put(tx, {**plan["definition"], "title": "As the planner wrote it"})
        lite.workshop.technicians.put(tx, "anna", {"name": "Anna Berg", "skills": {"mechanical": 5}})
        lite.spares.add(tx, "SEAL-32", {"name": "Seal", "minimum": 9, "target": 12}, BOSS)
    load_workshop(file, lite.db, lite.workshop, shelf)
    load_spares(file.parent / "spares.yaml", lite.db, lite.spares)
    assert lite.workshop.plans.get(plan["name"])["definition"]["title"] == "As the planner wrote it"
    assert lite.workshop.technicians.list({})[0]["skills"] == {"mechanical": 5}
    assert lite.spares.get("SEAL-32")["minimum"] == 9
    file.write_text(file.read_text().replace("mechanical: 4", "mechanical: 3", 1))
    load_workshop(file, lite.db, lite.workshop, shelf)
    assert lite.workshop.technicians.list({})[0]["skills"]["mechanical"] == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mechanical: 4", "mechanical: 9", "level 9"),
        ("pictures/coupling.png", "../plant.yaml", "there is no picture"),
        ("kind: photo", "kind: video", "known kind"),
        ("list: cause", "list: causes", "no list of codes"),
        ("every: 4w", "every: often", "not a duration"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(lite, tmp_path, old, new, said):
    folder = tmp_path / "config"
    shutil.copytree(BAKERY, folder)
    file = folder / "maintenance.yaml"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=said) as wrong:
        load_workshop(file, lite.db, lite.workshop, Shelf(lite))
    assert "maintenance.yaml:" in str(wrong.value.where)
    assert lite.workshop.technicians.list({}) == []
