from __future__ import annotations

import pytest

from lineshaft.assets import DERIVED, Kind, Span
from lineshaft.core import Conflict, InvalidInput, NotFound, parse_time
from tests.assets.conftest import PLANT, PUMP, Plant


def test_paths_lead_to_properties_and_tags_lead_back(plant: Plant) -> None:
    register = plant.assets
    one = register.property("Works/P1/Vibration")
    assert (one.kind, one.unit, one.timezone, one.model, one.model_version) == (
        Kind.MEASUREMENT,
        "mm/s",
        "Europe/Berlin",
        "Pump",
        1,
    )
    assert register.spans(one.id) == [Span("plc", "P1.Vibration", 0, None)]
    assert register.property_of("plc", "P1.Vibration") == one
    assert register.property_of("plc", "P9.Vibration") is None
    derived = register.property("Works/P1/Index")
    assert register.spans(derived.id) == [Span(DERIVED, derived.id)]
    assert derived.inputs["vibration"].property == "Vibration"
    assert [a.path for a in register.children("Works")] == ["Works/P1", "Works/P2"]
    assert register.property(one.id) == one


def test_unknown_paths_name_the_nearest(plant: Plant) -> None:
    with pytest.raises(NotFound, match="did you mean 'Works/P1/Vibration'"):
        plant.assets.property("Works/P1/Vibrations")
    with pytest.raises(NotFound, match="did you mean 'Works/P1/Flow'"):
        plant.assets.property("Work/P1/Flow")
    with pytest.raises(NotFound, match="'Works' has no model"):
        plant.assets.property("Works/Flow")
    with pytest.raises(NotFound, match="did you mean 'Works/P1'"):
        plant.assets.asset("Work/P1")
    with pytest.raises(NotFound, match="did you mean 'Pump'"):
        plant.assets.model("Pumps")


def test_loading_again_changes_nothing(plant: Plant) -> None:
    told = plant.changes
    assert not plant.assets.load(plant.folder)
    assert plant.changes == told


def test_an_unbound_tag_is_bound_afterwards_with_all_its_history(plant: Plant) -> None:
    plant.write(PLANT.replace("tag_prefix: P2., ", ""))
    plant.write(PLANT.replace("name: P2, model: Pump, tag_prefix: P2., ", "name: P3, model: Pump, ")).load(at=2000)
    register = plant.assets
    assert register.spans(register.property("Works/P3/Flow").id) == []
    with plant.db.begin() as tx:
        register.bind(tx, "Works/P3/Flow", "plc", "raw.42")
    bound = register.property_of("plc", "raw.42", 5)
    assert bound is not None
    assert bound.path == "Works/P3/Flow"


def test_a_new_tag_takes_over_at_its_time_and_the_old_one_keeps_the_past(plant: Plant) -> None:
    register, path = plant.assets, "Works/P1/Flow"
    with plant.db.begin() as tx:
        register.bind(tx, path, "plc", "new.Flow", 5000)
    assert register.spans(register.property(path).id) == [Span("plc", "P1.Flow", 0, 5000), Span("plc", "new.Flow", 5000, None)]
    assert register.property_of("plc", "P1.Flow", 4999) == register.property(path)
    assert register.property_of("plc", "P1.Flow", 5000) is None
    assert register.property_of("plc", "new.Flow", 5000) == register.property(path)


def test_a_tag_means_one_property_at_a_time(plant: Plant) -> None:
    register = plant.assets
    with pytest.raises(Conflict, match="belongs to 'Works/P2/Flow'"), plant.db.begin() as tx:
        register.bind(tx, "Works/P1/Flow", "plc", "P2.Flow", 5000)
    assert register.spans(register.property("Works/P1/Flow").id) == [Span("plc", "P1.Flow", 0, None)]
    with plant.db.begin() as tx:
        register.bind(tx, "Works/P1/Flow", "plc", "P2.Flow", 5000, move=True)
    assert register.spans(register.property("Works/P2/Flow").id) == [Span("plc", "P2.Flow", 0, 5000)]
    with pytest.raises(InvalidInput, match="only a measurement"), plant.db.begin() as tx:
        register.bind(tx, "Works/P1/Index", "plc", "x")


def test_a_change_is_told_once_after_the_commit_and_never_after_a_rollback(plant: Plant) -> None:
    register, told = plant.assets, plant.changes
    with plant.db.begin() as tx:
        register.bind(tx, "Works/P1/Flow", "plc", "a", 10)
        register.bind(tx, "Works/P1/Vibration", "plc", "b", 10)
        assert plant.changes == told
    assert plant.changes == told + 1
    with pytest.raises(ZeroDivisionError), plant.db.begin() as tx:
        register.unbind(tx, "Works/P1/Flow")
        raise ZeroDivisionError
    assert plant.changes == told + 1
    assert len(register.spans(register.property("Works/P1/Flow").id)) == 2


def test_attributes_have_defaults_own_values_and_a_past(plant: Plant) -> None:
    register = plant.assets
    assert register.attribute("Works/P1/Rating") == 3
    assert register.attribute("Works/P2/Rating") == 5
    plant.write(PLANT.replace("Rating: 5", "Rating: 6")).load(at=9000)
    assert register.attribute("Works/P2/Rating", 8999) == 5
    assert register.attribute("Works/P2/Rating", 9000) == 6
    with plant.db.begin() as tx:
        register.set_attribute(tx, "Works/P1/Rating", 4, 7000)
    assert (register.attribute("Works/P1/Rating", 6999), register.attribute("Works/P1/Rating")) == (3, 4)
    with pytest.raises(InvalidInput, match="cannot take 'four'"), plant.db.begin() as tx:
        register.set_attribute(tx, "Works/P1/Rating", "four")


def test_a_thing_moves_and_its_history_goes_with_it(plant: Plant) -> None:
    register = plant.assets
    with plant.db.begin() as tx:
        register.install(tx, "S-2", "Works/P1", 5000, {"maker": "Rotaflow"})
        register.install(tx, "S-1", "Works/P2", 6000)
    assert [(register.asset(s.asset_id).path, s.start_ns, s.end_ns) for s in register.stays("S-1")] == [
        ("Works/P1", 0, 5000),
        ("Works/P2", 6000, None),
    ]
    assert register.thing_spans("S-1", "Flow") == [Span("plc", "P1.Flow", 0, 5000), Span("plc", "P2.Flow", 6000, None)]
    standing = register.thing_at("Works/P1")
    assert standing is not None
    assert standing.serial == "S-2"
    assert register.asset("Works/P2").thing == {"serial": "S-1", "maker": "Rotaflow"}
    with pytest.raises(Conflict, match="moved later already"), plant.db.begin() as tx:
        register.install(tx, "S-1", "Works/P1", 5500)


def test_a_removed_position_is_retired_and_its_history_stays(plant: Plant) -> None:
    register = plant.assets
    old = register.asset("Works/P2")
    plant.write("\n".join(line for line in PLANT.splitlines() if "P2" not in line) + "\n")
    assert plant.assets.load(plant.folder, at=7000).retired == ["Works/P2"]
    assert [a.path for a in register.tree()] == ["Works", "Works/P1"]
    assert register.is_retired(old.id)
    flow = next(p for p in register.properties(old) if p.name == "Flow")
    assert register.spans(flow.id) == [Span("plc", "P2.Flow", 0, 7000)]
    assert register.property_of("plc", "P2.Flow", 6999) == flow
    plant.write(PLANT).load(at=8000)
    assert register.asset("Works/P2").id == old.id
    assert register.spans(flow.id) == [Span("plc", "P2.Flow", 0, 7000), Span("plc", "P2.Flow", 8000, None)]


def test_moving_a_branch_keeps_every_identity(plant: Plant) -> None:
    register = plant.assets
    one = register.property("Works/P1/Flow")
    with plant.db.begin() as tx:
        register.move(tx, "Works/P1", "Works/P2", "Booster")
    moved = register.property("Works/P2/Booster/Flow")
    assert moved.id == one.id
    assert register.spans(moved.id) == [Span("plc", "P1.Flow", 0, None)]
    with pytest.raises(Conflict, match="below itself"), plant.db.begin() as tx:
        register.move(tx, "Works/P2", "Works/P2/Booster")


def test_a_higher_version_of_a_model_leaves_the_past_to_the_old_one(plant: Plant) -> None:
    new = PUMP.replace("version: 1", "version: 2").replace("vibration / 7", "vibration / 11")
    plant.write(pump=new)
    assert plant.load(at=5000) == []
    register = plant.assets
    assert register.model("Pump", 4999).body.version == 1
    assert register.model("Pump").body.version == 2
    now = register.property("Works/P1/Index")
    assert (now.formula, now.model_version, now.valid_from) == ("vibration / 11", 2, 5000)
    assert len(register.versions("Pump")) == 2


def test_a_version_of_tomorrow_is_not_in_force_today(plant: Plant) -> None:
    new = PUMP.replace("version: 1", 'version: 2\nvalid_from: "2199-01-01T00:00:00Z"').replace("/ 7", "/ 11")
    plant.write(pump=new).load()
    assert plant.assets.property("Works/P1/Index").model_version == 1
    assert len(plant.assets.versions("Pump")) == 2


def test_what_was_bound_by_hand_stays_until_the_file_says_something_new(plant: Plant) -> None:
    register = plant.assets
    with plant.db.begin() as tx:
        register.bind(tx, "Works/P1/Flow", "plc", "hand", 5000)
    plant.write(PLANT + "  - {name: Yard}\n").load(at=6000)
    assert register.spans(register.property("Works/P1/Flow").id)[-1].tag == "hand"
    plant.write(PLANT.replace("tag_prefix: P1.,", "tag_prefix: P1., tags: {Flow: file},")).load(at=7000)
    assert [(s.tag, s.start_ns) for s in register.spans(register.property("Works/P1/Flow").id)] == [
        ("P1.Flow", 0),
        ("hand", 5000),
        ("file", 7000),
    ]


def test_two_tags_change_places_in_one_file(plant: Plant) -> None:
    text = PLANT.replace("tag_prefix: P1.", "tag_prefix: PX.").replace("tag_prefix: P2.", "tag_prefix: P1.").replace("PX.", "P2.")
    plant.write(text)
    assert plant.load(at=5000) == []
    at = [plant.assets.property_of("plc", "P1.Flow", moment) for moment in (4999, 5000)]
    assert [one.path for one in at if one] == ["Works/P1/Flow", "Works/P2/Flow"]


def test_an_alias_is_another_name_of_a_property(plant: Plant) -> None:
    plant.write(PLANT.replace("tag_prefix: P1.,", "tag_prefix: P1., aliases: {Flow: /works/p1/flow},")).load()
    assert plant.assets.property("/works/p1/flow").path == "Works/P1/Flow"


def test_everybody_hears_when_a_version_comes_of_age(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    new = PUMP.replace("version: 1", 'version: 2\nvalid_from: "2199-01-01T00:00:00Z"').replace("/ 7", "/ 11")
    plant.write(pump=new).load()
    told = plant.changes
    plant.assets.tick()
    assert plant.changes == told
    monkeypatch.setattr("lineshaft.assets.register.now_ns", lambda: parse_time("2199-01-01T00:00:01Z"))
    assert plant.assets.property("Works/P1/Index").model_version == 2
    plant.assets.tick()
    plant.assets.tick()
    assert plant.changes == told + 1
