"""Positions from a table: what the file says afterwards, what stays as it was, and which cell is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.assets import PositionRow, rows_of
from tests.assets.conftest import Plant

TABLE = [
    {"path": "Works/Hall 2", "level": "area"},
    {"path": "Works/Hall 2/P3", "model": "Pump", "tag_prefix": "P3.", "serial": "S-3", "attributes": "Rating=7.5"},
]


def rows(*entries: dict[str, Any]) -> list[tuple[int, PositionRow]]:
    return [(number, PositionRow.model_validate(entry)) for number, entry in enumerate(entries, 2)]


def test_new_positions_are_there_and_the_file_keeps_its_lines(plant: Plant):
    before = (plant.folder / "plant.yaml").read_text()
    table, changes = plant.assets.take_table(plant.folder, rows(*TABLE))
    assert (table.added, table.changed, table.wrong, changes.problems) == (["Works/Hall 2", "Works/Hall 2/P3"], [], [], [])
    made = plant.assets.asset("Works/Hall 2/P3")
    assert (made.model, made.source, made.thing) == ("Pump", "plc", {"serial": "S-3"})
    assert plant.assets.attribute("Works/Hall 2/P3/Rating") == 7.5
    (span,) = plant.assets.spans(plant.assets.property("Works/Hall 2/P3/Flow").id)
    assert (span.source, span.tag) == ("plc", "P3.Flow")
    assert set(before.splitlines()) <= set((plant.folder / "plant.yaml").read_text().splitlines())
    again, _ = plant.assets.take_table(plant.folder, rows(*TABLE))
    assert (again.added, again.changed, len(again.known)) == ([], [], 2)


def test_a_change_keeps_what_the_row_does_not_say_and_the_old_text(plant: Plant):
    before = (plant.folder / "plant.yaml").read_text()
    identity = plant.assets.asset("Works/P1").id
    table, _ = plant.assets.take_table(
        plant.folder, rows({"path": "Works/P1", "description": "spare pump", "attributes": "Rating=4"})
    )
    made = plant.assets.asset("Works/P1")
    assert (table.changed, made.id, made.description) == (["Works/P1"], identity, "spare pump")
    assert made.thing == {"serial": "S-1", "maker": "Rotaflow"}
    assert plant.assets.attribute("Works/P1/Rating") == 4
    assert plant.assets.asset("Works/P2"), "a position the table does not name stays"
    assert (plant.folder / "plant.yaml.before").read_text() == before


def test_what_is_exported_is_imported_as_known(plant: Plant):
    out = rows_of(plant.assets.tree())
    assert [row["path"] for row in out] == ["Works", "Works/P1", "Works/P2"]
    table, _ = plant.assets.take_table(plant.folder, rows(*out))
    assert (table.added, table.changed, table.wrong) == ([], [], [])


def test_a_dry_run_writes_nothing(plant: Plant):
    before = (plant.folder / "plant.yaml").read_text()
    table, _ = plant.assets.take_table(plant.folder, rows(*TABLE), dry_run=True)
    assert len(table.added) == 2
    assert (plant.folder / "plant.yaml").read_text() == before


@pytest.mark.parametrize(
    ("entry", "column", "what"),
    [
        ({"path": "Works/Hall 9/P"}, "path", "no position 'Works/Hall 9'"),
        ({"path": "Works/P4", "model": "Pmup"}, "model", "no model 'Pmup'"),
        ({"path": "Works/P4", "timezone": "Berlin"}, "timezone", "Berlin"),
        ({"path": "Works/P1", "attributes": "Ratng=3"}, "attributes", "no attribute 'Ratng'"),
        ({"path": "Works/P1", "attributes": "Rating=high"}, "attributes", "cannot be 'high'"),
        ({"path": "Works/"}, "path", ""),
    ],
)
def test_one_wrong_cell_and_nothing_is_written(plant: Plant, entry: dict[str, Any], column: str, what: str):
    before = (plant.folder / "plant.yaml").read_text()
    table, _ = plant.assets.take_table(plant.folder, rows(TABLE[0], entry))
    (fault,) = table.wrong
    assert (fault.line, fault.column) == (3, column)
    assert what in fault.what
    assert (plant.folder / "plant.yaml").read_text() == before


def test_a_path_twice_is_told_with_both_lines(plant: Plant):
    table, _ = plant.assets.take_table(plant.folder, rows(TABLE[0], TABLE[0]))
    assert [(one.line, "line 2" in one.what) for one in table.wrong] == [(3, True)]


def test_hundreds_of_positions_are_taken_at_once(empty: Plant):
    empty.write("assets: []\n").load()
    many = [{"path": "Mill"}, *({"path": f"Mill/Drive {number}", "level": "machine"} for number in range(300))]
    table, changes = empty.assets.take_table(empty.folder, rows(*many))
    assert (len(table.added), changes.problems, len(empty.assets.tree())) == (301, [], 301)
