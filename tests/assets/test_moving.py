"""Renaming and moving: identities stay, and a room that keeps paths is told each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft.assets import DERIVED, Moved, Span, register
from lineshaft.core import parse_time
from tests.assets.conftest import PLANT, PUMP, Plant

SECOND = PUMP.replace("version: 1", "version: 2")
RENAMED = SECOND.replace("{name: Vibration,", "{name: Shake, was: Vibration,").replace("vibration: Vibration", "vibration: Shake")


def moved(plant: Plant, who: str = "detect") -> Moved:
    with plant.db.begin() as tx:
        return plant.assets.followed(tx, who)


def meaning(plant: Plant, tag: str) -> str:
    """Return the path of what a tag means now."""
    found = plant.assets.property_of("plc", tag)
    assert found is not None
    return found.path


def test_a_room_hears_of_each_path_once_and_only_for_what_it_knew(plant: Plant) -> None:
    assert not moved(plant), "what it did not know cannot be another"
    with plant.db.begin() as tx:
        plant.assets.move(tx, "Works", None, "Plant")
    found = moved(plant)
    assert found.assets == {"Works": "Plant", "Works/P1": "Plant/P1", "Works/P2": "Plant/P2"}
    assert found.of("Works/P1/Flow") == "Plant/P1/Flow"
    assert found.of("Works/P9/Flow") == "Works/P9/Flow"
    assert not moved(plant)
    assert not moved(plant, "another")


def test_two_positions_change_places(plant: Plant) -> None:
    moved(plant)
    with plant.db.begin() as tx:
        plant.assets.move(tx, "Works/P1", "Works", "P3")
    with plant.db.begin() as tx:
        plant.assets.move(tx, "Works/P2", "Works", "P1")
    with plant.db.begin() as tx:
        plant.assets.move(tx, "Works/P3", "Works", "P2")
    found = moved(plant)
    assert (found.of("Works/P1/Flow"), found.of("Works/P2/Flow")) == ("Works/P2/Flow", "Works/P1/Flow")
    assert found.within({"Works/P1": ["Works/P2/Flow", "text", 3]}) == {"Works/P2": ["Works/P1/Flow", "text", 3]}


def test_a_position_that_was_another_keeps_identity_tags_and_what_was_bound_by_hand(plant: Plant) -> None:
    moved(plant)
    before = plant.assets.property("Works/P1/Vibration")
    with plant.db.begin() as tx:
        plant.assets.bind(tx, "Works/P1/Flow", "plc", "by hand")
    text = PLANT.replace("name: Works", "name: Plant\n    was: Works")
    plant.write(text.replace("{name: P1,", "{name: Feed, was: P1,"))
    assert plant.load() == []
    assert plant.assets.property("Plant/Feed/Vibration").id == before.id
    assert plant.assets.spans(before.id) == [Span("plc", "P1.Vibration")]
    assert meaning(plant, "by hand") == "Plant/Feed/Flow"
    stay = plant.assets.thing_at("Plant/Feed")
    assert stay is not None
    assert stay.serial == "S-1"
    assert moved(plant).of("Works/P1/Flow") == "Plant/Feed/Flow"
    assert not plant.assets.load(plant.folder), "the entry that says it is done"
    assert [one.path for one in plant.assets.tree()] == ["Plant", "Plant/Feed", "Plant/P2"]


def test_a_position_that_was_below_another(plant: Plant) -> None:
    moved(plant)
    before = plant.assets.asset("Works/P1").id
    line = next(line for line in PLANT.splitlines() if "name: P1" in line)
    text = PLANT.replace(line + "\n", "") + "  - {name: Pump 1, was: Works/P1, model: Pump, source: plc, tag_prefix: P1.}\n"
    assert plant.write(text).load() == []
    assert plant.assets.asset("Pump 1").id == before
    assert moved(plant).assets == {"Works/P1": "Pump 1"}


def test_a_rename_without_a_word_is_another_machine_and_can_be_mended(plant: Plant) -> None:
    moved(plant)
    before = plant.assets.asset("Works/P1").id
    assert plant.write(PLANT.replace("{name: P1,", "{name: Feed,")).load() == []
    assert plant.assets.asset("Works/Feed").id != before
    assert not moved(plant)
    assert plant.write(PLANT.replace("{name: P1,", "{name: Feed, was: P1,")).load() == []
    assert plant.assets.asset("Works/Feed").id == before
    assert moved(plant).of("Works/P1/Flow") == "Works/Feed/Flow"
    assert meaning(plant, "P1.Flow") == "Works/Feed/Flow"


def test_what_a_position_was_must_be_known_and_gone(plant: Plant) -> None:
    found = plant.write(PLANT + "      - {name: P3, was: P9, model: Pump}\n      - {name: P4, was: P2, model: Pump}\n").load()
    assert [problem.split(" - ")[0] for problem in found] == [
        "plant.yaml:8: 'Works/P3' was 'Works/P9', which is not known",
        "plant.yaml:9: 'Works/P2' is still in this file",
    ]


def test_a_property_that_was_another_keeps_identity_and_tag(plant: Plant) -> None:
    moved(plant)
    old = plant.assets.property("Works/P1/Vibration")
    derived = plant.assets.property("Works/P1/Index")
    assert plant.write(pump=RENAMED).load() == []
    new = plant.assets.property("Works/P1/Shake")
    assert new.id == old.id
    assert plant.assets.spans(new.id) == [Span("plc", "P1.Vibration")], "the machine's tag has its name still"
    assert plant.assets.spans(derived.id) == [Span(DERIVED, derived.id)]
    found = moved(plant)
    assert found.properties == {f"Works/{one}/Vibration": f"Works/{one}/Shake" for one in ("P1", "P2")}
    third = RENAMED.replace("version: 2", "version: 3").replace("Shake, was: Vibration", "Shaking, was: Shake")
    assert plant.write(pump=third.replace("vibration: Shake", "vibration: Shaking")).load() == []
    assert plant.assets.property("Works/P1/Shaking").id == old.id
    assert moved(plant).of("Works/P2/Shake") == "Works/P2/Shaking"


def test_names_of_properties_change_places_and_a_free_name_is_another_property(plant: Plant) -> None:
    moved(plant)
    ids = {name: plant.assets.property(f"Works/P1/{name}").id for name in ("Vibration", "Flow")}
    swapped = SECOND.replace("{name: Vibration,", "{name: X, was: Flow,").replace("{name: Flow,", "{name: Flow, was: Vibration,")
    swapped = swapped.replace("{name: X,", "{name: Vibration,")
    assert plant.write(pump=swapped).load() == []
    assert plant.assets.property("Works/P1/Flow").id == ids["Vibration"]
    assert plant.assets.property("Works/P1/Vibration").id == ids["Flow"]
    assert moved(plant).of("Works/P1/Flow") == "Works/P1/Vibration"
    assert plant.write(pump=swapped.replace("version: 2", "version: 3")).load() == [], "still written, and done already"
    assert plant.assets.property("Works/P1/Flow").id == ids["Vibration"]
    assert not moved(plant)
    more = swapped.replace("version: 2", "version: 4").replace("{name: Flow, was: Vibration,", "{name: Rate, was: Flow,")
    assert plant.write(pump=more + "  - {name: Flow, kind: measurement}\n").load() != [], "its tag is still that of Rate"
    assert plant.assets.property("Works/P1/Rate").id == ids["Vibration"]
    assert plant.assets.property("Works/P1/Flow").id not in ids.values()


def test_a_property_without_a_word_is_another_one_and_the_way_out_is_told(plant: Plant) -> None:
    plant.write(PLANT.replace("tag_prefix: P1.", "tags: {Vibration: V, Flow: F}")).load()
    text = PLANT.replace("tag_prefix: P1.", "tags: {Shake: V, Flow: F}")
    (told,) = plant.write(text, pump=RENAMED.replace(" was: Vibration,", "")).load()
    assert "'Works/P1/Shake' wants a tag that belongs to 'Works/P1/Vibration' already" in told
    assert "write was: Vibration in its next version" in told
    assert plant.write(pump=RENAMED.replace("version: 2", "version: 3")).load() == []
    assert meaning(plant, "V") == "Works/P1/Shake"


def test_what_a_property_was_is_told_if_nobody_knows_it(plant: Plant) -> None:
    (told,) = plant.write(pump=RENAMED.replace("was: Vibration", "was: Vibratio")).load()[:1]
    assert told.startswith("models/pump.yaml:5: no earlier version of model Pump has a property 'Vibratio' - did you mean")
    (told,) = plant.write(pump=SECOND.replace("{name: Rating,", "{name: Power, was: Rating,")).load()[:1]
    assert "the attribute 'Power' was another" in told


def test_a_renamed_plant_is_exported_with_ids_and_tags(plant: Plant, tmp_path: Path) -> None:
    assert plant.write(PLANT.replace("{name: P1,", "{name: Feed, was: P1,"), pump=RENAMED).load() == []
    before = plant.assets.property("Works/Feed/Shake")
    plant.assets.export(tmp_path / "out", canonical=True)
    text = (tmp_path / "out" / "plant.yaml").read_text()
    assert "was:" not in text
    assert before.asset_id in text
    assert "{Shake: P1.Vibration}" in text, "the tag its prefix no longer says"


def test_positions_with_ids_change_names_in_one_file(plant: Plant) -> None:
    moved(plant)
    ids = {name: plant.assets.asset(f"Works/{name}").id for name in ("P1", "P2")}
    text = PLANT.replace("{name: P1,", f"{{name: P2, id: {ids['P1']},")
    text = text.replace("{name: P2, model", f"{{name: P1, id: {ids['P2']}, model")
    assert plant.write(text).load() == []
    assert plant.assets.asset("Works/P2").id == ids["P1"]
    found = moved(plant)
    assert found.assets == {"Works/P1": "Works/P2", "Works/P2": "Works/P1"}


def test_a_name_that_comes_of_age_is_heard_of_then(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    moved(plant)
    text = RENAMED.replace("version: 2", 'version: 2\nvalid_from: "2100-01-01T00:00:00Z"')
    assert plant.write(pump=text).load() == []
    assert not moved(plant)
    assert plant.assets.find("Works/P1/Shake") is None
    monkeypatch.setattr(register, "now_ns", lambda: parse_time("2100-01-01T00:00:01Z"))
    plant.assets.tick()
    assert moved(plant).of("Works/P1/Vibration") == "Works/P1/Shake"
