"""What many series were at one time, and pages of a history whose rows share a nanosecond."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from lineshaft.assets import Assets
from lineshaft.core import Bus, InvalidInput
from lineshaft.store import Store, Tag
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain
from tests.store.test_query import spread

MODEL = "model: M\nversion: 1\nproperties:\n  - {name: P, kind: measurement, type: double, unit: ''}\n"
PLANT = "assets:\n  - {name: S, level: machine, model: M, source: m, tags: {P: a}}\n"


@pytest.mark.parametrize("place", ["both", "compacted"])
def test_pages_skip_and_double_nothing_though_rows_share_a_nanosecond(store: Store, place: str):
    """Three qualities at one time are three rows; neighbours differ by a nanosecond, where a double would see one time."""
    rows = [("a", T0 + n, float(3 * n + q), q) for n in range(5) for q in range(3)]
    spread(store, rows, place)
    for descending, size in product((False, True), (1, 2, 4, 50)):
        whole = plain(store.history(Tag("m", "a"), 0, 2**62, descending=descending))
        assert len(whole) == 15
        found: list[tuple[object, ...]] = []
        after: str | None = None
        while True:
            page = store.history(Tag("m", "a"), 0, 2**62, descending=descending, limit=size, after=after)
            found += plain(page)
            after = store.page(page)
            if len(page) < size:
                break
        assert found == whole


def test_a_token_of_another_list_is_refused(store: Store):
    give(store, 1, [("a", T0, 1.0)])
    for token in ("x", "1", "1.2.3", "1.5.x"):
        with pytest.raises(InvalidInput, match="not a page"):
            store.history(Tag("m", "a"), 0, 2**62, after=token)


@pytest.mark.parametrize("place", ["hot", "late", "compacted"])
def test_many_series_each_have_their_last_good_value_of_a_time(store: Store, place: str):
    rows = [(f"t{n}", T0 + k * 60 * SECOND + n, float(100 * n + k)) for k in range(10) for n in range(20)]
    rows += [("t3", T0 + 5 * 60 * SECOND + 4, -1.0, 2), ("old", T0 - 3 * DAY, 7.0), ("bad", T0, 1.0, 1)]
    spread(store, rows, place)
    tags = [Tag("m", name) for name in ("t5", "old", "none", "bad", *(f"t{n}" for n in range(20)))]
    at = T0 + 5 * 60 * SECOND + 10
    found = store.as_of(tags, at)
    assert [None if one is None else (one.ts, one.value, one.quality) for one in found[:4]] == [
        (T0 + 5 * 60 * SECOND + 5, 505.0, 0),
        (T0 - 3 * DAY, 7.0, 0),
        None,
        None,
    ]
    assert [one and one.value for one in found[4:]] == [100.0 * n + (5 if n <= 10 else 4) for n in range(20)]
    assert found == [store.before(tag, at) for tag in tags]
    near = store.as_of(tags, at, 60 * SECOND)
    assert near[1] is None
    assert [one and one.value for one in near[4:]] == [one and one.value for one in found[4:]]
    assert store.as_of(tags[:1], at, 5)[0] is not None
    assert store.as_of(tags[:1], at, 4)[0] is None
    assert [one and one.value for one in store.as_of(tags[:2], T0 - 2 * DAY)] == [None, 7.0]
    assert store.as_of([], at) == []


def test_a_property_that_was_bound_to_another_tag_then_has_its_value_of_then(home: Home, tmp_path: Path):
    folder = tmp_path / "config"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "m.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text(PLANT)
    assets = Assets(home.db, Bus())
    assert not assets.load(folder).problems
    store = home.store(assets)
    give(store, 1, [("a", T0, 1.0), ("b", T0 - SECOND, 50.0), ("a", T0 + 20 * SECOND, 2.0), ("b", T0 + 30 * SECOND, 60.0)])
    with home.db.begin() as tx:
        assets.bind(tx, "S/P", "m", "b", T0 + 10 * SECOND)
    for seconds, value in ((-1, None), (0, 1.0), (9, 1.0), (15, 1.0), (29, 1.0), (30, 60.0), (99, 60.0)):
        (one,) = store.as_of(["S/P"], T0 + seconds * SECOND)
        assert (one and one.value) == value, seconds
        assert one == store.before("S/P", T0 + seconds * SECOND)
