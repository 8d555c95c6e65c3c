"""What compute writes down, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from lineshaft.assets import Input, Kind, Property
from lineshaft.compute import MIGRATIONS
from lineshaft.compute.books import Books
from lineshaft.compute.downtime import Stops
from lineshaft.core import Conflict, DataType


def of(formula, version=1):
    about = {"formula": formula, "inputs": {"x": Input(property="X")}, "model": "M", "model_version": version}
    return Property("p1", "A/P", "a1", "A", "P", Kind.TRANSFORM, DataType.DOUBLE, **about)


@pytest.fixture
def books(database):
    database.migrate({"compute": MIGRATIONS})
    return Books(database)


def test_marks_and_waiting_windows_are_kept(books):
    books.settle({"60:s": 120}, (), {"p1": (5, 9)})
    books.settle({"60:s": 180}, ["gone"], {"p1": (3, 9), "p2": (2**61, 2**62)})
    assert books.marks() == {"60:s": 180}
    assert books.touched() == {"p1": (3, 9), "p2": (2**61, 2**62)}
    books.settle({}, ["p1", "p2"], {"p2": (1, 1)})
    assert books.touched() == {"p2": (1, 1)}


def test_a_formula_gets_a_new_version_only_when_it_changes(books):
    assert books.note_formulas([of("x")], 100) == 1
    assert books.note_formulas([of("x")], 200) == 0
    assert books.note_formulas([of("x + 1", 2)], 300) == 1
    assert [(v.version, v.formula, v.model_version, v.valid_from) for v in books.versions("p1")] == [
        (1, "x", 1, 0),
        (2, "x + 1", 2, 300),
    ]


def test_reasons_are_locked_optimistically(books, database):
    stops = Stops(database, None)  # type: ignore[arg-type] - reasons need no machine
    stops._seen["s1"] = ("a1", 7)
    with database.begin() as tx:
        assert stops.code(tx, "s1", "belt", 1) == 1
    with database.begin() as tx:
        assert stops.code(tx, "s1", "motor", 2, version=1) == 2
    with pytest.raises(Conflict), database.begin() as tx:
        stops.code(tx, "s1", "belt", 3, version=1)
    assert [row["reason"] for row in stops.history("s1")] == ["belt", "motor"]
