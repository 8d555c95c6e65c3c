from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.assets.tree import Place, moved, paths, property_id
from lineshaft.core import Conflict


@st.composite
def trees(draw: st.DrawFn) -> list[Place]:
    size = draw(st.integers(1, 15))
    parents = [draw(st.none() | st.integers(0, max(0, number - 1))) if number else None for number in range(size)]
    return [Place(f"id{n}", f"n{n}", None if parent is None else f"id{parent}") for n, parent in enumerate(parents)]


@given(trees())
def test_every_place_has_one_path_below_its_parents(places: list[Place]) -> None:
    way = paths(places)
    assert len(set(way.values())) == len(places)
    for place in places:
        above = f"{way[place.parent_id]}/" if place.parent_id else ""
        assert way[place.id] == above + place.name


@given(trees(), st.data())
def test_a_move_keeps_everything_or_is_refused(places: list[Place], data: st.DataObject) -> None:
    ids = [p.id for p in places]
    who, where = data.draw(st.sampled_from(ids)), data.draw(st.none() | st.sampled_from(ids))
    before = paths(places)
    below = where is not None and (before[where] + "/").startswith(before[who] + "/")
    if below:
        with pytest.raises(Conflict):
            moved(places, who, where, "new")
        return
    after = paths(moved(places, who, where, "new"))
    assert set(after) == set(before)
    assert after[who] == (f"{after[where]}/new" if where else "new")
    for place in places:
        if (before[place.id] + "/").startswith(before[who] + "/"):
            assert after[place.id] == after[who] + before[place.id].removeprefix(before[who])
        else:
            assert after[place.id] == before[place.id]


def test_a_name_is_free_only_once_at_a_place() -> None:
    places = [Place("a", "Line", None), Place("b", "Oven", "a"), Place("c", "Oven", None)]
    with pytest.raises(Conflict, match="already an asset 'Oven'"):
        moved(places, "c", "a", "Oven")


def test_a_property_keeps_its_identity_by_asset_and_name() -> None:
    asset = "aa8df953-6cdb-5b47-9198-b17c1cf341b5"
    assert property_id(asset, "Flow") == property_id(asset, "Flow") != property_id(asset, "Speed")
