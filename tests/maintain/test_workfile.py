from __future__ import annotations

import shutil

import pytest

from lineshaft.core import ConfigError, now_ns
from lineshaft.maintain import load_workshop
from lineshaft.store import Documents
from tests.maintain.conftest import BAKERY, Shop


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
