"""Sources that send only what has changed: a value holds until the next, as long as is usual, and ends with a bad one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.core import NS, Quality
from lineshaft.detect.machines.table import ALWAYS, gather

MINUTE = 60 * NS


class Kept:
    """Rows of some properties, as the store answers for them."""

    def __init__(self, **rows: list[tuple[int, float | str, int]]) -> None:
        self.rows = rows

    def aggregates(self, ref, window_ns, start, end, functions, *, partial=False):
        assert functions == ("avg",), "the store has aggregates of numbers alone"
        good = [(-(-at // window_ns) * window_ns, value) for at, value, q in self.rows[ref] if q == 0 and start < at <= end]
        ends = sorted({at for at, _ in good})
        said = [float(np.mean([value for at, value in good if at == one])) for one in ends]
        return pa.table({"ts": pa.array(ends, pa.timestamp("ns", "UTC")), "avg": said})

    def before(self, ref, at):
        good = [row for row in self.rows[ref] if row[0] <= at and row[2] == 0]
        return type("Last", (), {"ts": good[-1][0], "value": good[-1][1]})() if good else None

    def history(self, ref, start, end, *, limit=None):
        rows = [row for row in self.rows[ref] if start < row[0] <= end]
        return pa.table(
            {
                "ts": pa.array([row[0] for row in rows], pa.timestamp("ns", "UTC")),
                "value": pa.array([row[1] for row in rows]),
                "q": pa.array([row[2] for row in rows], pa.int16()),
            }
        )


def minutes(*places: int, value=1.0, q: int = 0):
    return [(place * MINUTE, value, q) for place in places]


def test_a_value_holds_as_long_as_is_usual_for_it():
    seldom = Kept(a=minutes(*range(0, 600, 5)))
    found = gather(seldom, ["a"], frozenset(), MINUTE, 0, 700 * MINUTE)
    assert found.holds == {"a": 15 * MINUTE}
    assert not np.isnan(found.table["a"][: 595 + 15]).any()
    assert np.isnan(found.table["a"][595 + 15 :]).all(), "what usually comes every five minutes is missing after fifteen"


def test_a_dense_sensor_that_was_away_is_not_held():
    dense = Kept(a=minutes(*range(600), *range(640, 1000)))
    found = gather(dense, ["a"], frozenset(), MINUTE, 0, 1000 * MINUTE)
    assert found.holds == {}
    assert np.isnan(found.table["a"]).sum() == 40 + 1


def test_a_set_point_that_hardly_ever_changes_holds_until_the_next_also_from_before():
    rare = Kept(a=[(-(10**6) * MINUTE, 7.0, 0), (300 * MINUTE, 9.0, 0)], b=[(5 * MINUTE, "run", 0)])
    found = gather(rare, ["a", "b"], frozenset({"b"}), MINUTE, 0, 600 * MINUTE)
    assert found.holds == {"a": ALWAYS, "b": ALWAYS}
    assert found.table["a"][0] == 7.0
    assert found.table["a"][298] == 7.0
    assert found.table["a"][-1] == 9.0
    assert found.table["b"].tolist() == [None] * 4 + ["run"] * 596


@pytest.mark.parametrize(("bad", "then"), [(200, 250), (0, 50)])
def test_a_bad_value_ends_it_until_the_next_good_one(bad, then):
    rows = [(-50 * MINUTE, 7.0, 0), *minutes(bad, value=0.0, q=Quality.BAD), *minutes(then, value=8.0)]
    found = gather(Kept(a=rows), ["a"], frozenset(), MINUTE, 0, 300 * MINUTE)
    column = found.table["a"]
    assert np.isnan(column[max(bad - 1, 0) : then - 1]).all()
    assert (column[then - 1 :] == 8.0).all()
    if bad > 0:
        assert (column[: bad - 1] == 7.0).all()


def test_what_training_found_out_is_used_live():
    rare = Kept(a=minutes(-500, value=3.0), b=minutes(-500, value=3.0))
    found = gather(rare, ["a", "b"], frozenset(), MINUTE, 0, 5 * MINUTE, {"a": ALWAYS})
    assert found.table["a"].tolist() == [3.0] * 5
    assert np.isnan(found.table["b"]).all()
