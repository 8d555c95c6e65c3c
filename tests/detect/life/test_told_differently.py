"""Lives as people hand them in: clocks, names and tables of any kind, and what was learned is asked for under the same names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import life
from lineshaft.detect.life import boosting


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Few trees: here it counts what is read, not how good it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosting, "ROUNDS", 12)
        yield


def mills(number: int, seed: int) -> pd.DataFrame:
    """Liners that wear out: power falls, vibration rises at the end."""
    chance, parts = np.random.default_rng(seed), []
    for place in range(number):
        rows = int(chance.integers(60, 140))
        wear = np.linspace(0, 1, rows) ** 2
        power, vibration = 400 - 60 * wear + chance.normal(0, 4, rows), 2 + 3 * wear + chance.normal(0, 0.3, rows)
        parts.append(pd.DataFrame({"unit": place, "cycle": np.arange(1, rows + 1), "power": power, "vibration": vibration}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def past():
    return mills(24, 1)


@pytest.fixture(scope="module")
def now(past):
    return mills(6, 2).groupby("unit").head(50)


@pytest.fixture(scope="module")
def model(past, quick):
    return life.fit(past, asset="unit", time="cycle")


@pytest.fixture(scope="module")
def plain(model, now):
    return [one.remaining for one in model.predict(now)]


def test_what_was_learned_is_asked_for_under_the_same_names(model, now, plain):
    named = model.predict(now, asset="unit", time="cycle")
    assert [one.remaining for one in named] == plain
    assert all(0 < one <= model.cap for one in plain)
    renamed = now.rename(columns={"unit": "mill", "cycle": "n"})
    assert [one.remaining for one in model.predict(renamed, asset="mill", time="n")] == plain
    with pytest.raises(InvalidInput, match="no column 'cycle'"):
        model.predict(now.drop(columns="cycle"))
    again = life.load(model.to_bytes())
    assert [one.remaining for one in again.predict(now)] == plain


def test_a_sensor_that_stands_still_in_what_is_asked_is_still_there(model, now):
    one = model.predict(now.head(1))[0]
    assert not one.error
    held = now[now["unit"] == 0].assign(vibration=2.0)
    assert not model.predict(held)[0].error


def test_without_a_clock_the_column_that_counts_up_in_every_life_is_it(past, now, plain):
    model = life.fit(past)
    assert "column 'cycle' counts up in every life" in model.about["notes"][0]
    assert [one.remaining for one in model.predict(now)] == pytest.approx(plain)
    rows = life.fit(past.drop(columns="cycle"))
    assert "remaining life is in rows" in rows.about["notes"][0]
    told = rows.predict(now.drop(columns="cycle"))
    assert [one.remaining for one in told] == pytest.approx(plain, rel=0.05)
    assert str(told[0]).endswith("rows") or "rows (" in str(told[0])


def test_datetimes_give_days_also_as_an_index(past, now, model, plain):
    def dated(table):
        return table.assign(when=pd.Timestamp("2024-03-01") + pd.to_timedelta(table["cycle"], unit="h")).drop(columns="cycle")

    for told in (dated, lambda table: dated(table).set_index("when")):
        dates = life.fit(told(past))
        found = dates.predict(told(now))
        assert [one.remaining / 3.6e12 for one in found] == pytest.approx(plain)
        assert found[0].unit == "ns"
        assert " h" in str(found[0]) or " days" in str(found[0])


def test_tables_may_be_many_and_names_may_be_numbers(past):
    tables = [table for _, table in past.groupby("unit")]
    assert life.fit(tables, failed=list(range(20))).about["failures"] == 20
    with pytest.raises(InvalidInput, match="'77' has no rows"):
        life.fit(past, failed=[77])
    with pytest.raises(InvalidInput, match="the same name"):
        life.fit(pd.concat([past, past[["power"]]], axis=1))


def test_a_clock_that_counts_something_else_is_refused(model, now):
    with pytest.raises(InvalidInput, match="the same unit"):
        model.predict(now.assign(cycle=now["cycle"] * 3_600_000_000))
    with pytest.raises(InvalidInput, match="whole numbers"):
        life.fit(now.assign(cycle=now["cycle"] * 0.25), time="cycle")


def test_what_counts_down_to_the_end_is_no_sensor(past):
    left = past.groupby("unit")["cycle"].transform("max") - past["cycle"]
    learned = life.fit(past.assign(RUL=left))
    assert "known only afterwards" in learned.about["left_out"]["RUL"]
    assert "RUL" not in learned.about["sensors"]
