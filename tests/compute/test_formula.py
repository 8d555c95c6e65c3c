from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.compute.formula import Series, Windows, column_of, constant, parse
from lineshaft.core import DataType, FormulaError
from tests.compute.reference import evaluate as one_by_one

CASES = Path(__file__).parent / "cases"


def cases(name: str):
    rows = yaml.safe_load((CASES / f"{name}.yaml").read_text())
    return [pytest.param(row, id=f"{i}: {row['formula'][:50]}") for i, row in enumerate(rows)]


def value(column, row=0):
    return column.values[row] if column.ok[row] else None


def typed(inputs):
    return {name: DataType.STRING if isinstance(v, str) else DataType.DOUBLE for name, v in inputs.items()}


@pytest.mark.parametrize("case", [*cases("literals"), *cases("variables")])
def test_documented_example(case):
    inputs = case.get("with", {})
    formula = parse(case["formula"], typed(inputs))
    found = value(formula.evaluate({name: np.array([v], object) for name, v in inputs.items()}))
    expected = case["gives"]
    assert found == (pytest.approx(expected, abs=1e-9) if isinstance(expected, float) else expected)


@pytest.mark.parametrize("case", cases("errors"))
def test_definition_error_names_place_and_mend(case):
    variables = dict.fromkeys(case.get("with", ()), DataType.DOUBLE)
    with pytest.raises(FormulaError) as caught:
        parse(case["formula"], variables, use=case.get("use", "any"), where="models/pump.yaml:7")
    assert caught.value.position == case["at"]
    assert case["says"] in str(caught.value)
    assert str(caught.value).startswith("models/pump.yaml:7: ")


@pytest.mark.parametrize("case", cases("units"))
def test_units_are_checked_when_a_formula_is_defined(case):
    units, use = case["with"], case.get("use", "any")
    variables = dict.fromkeys(units, DataType.DOUBLE)
    if not case["says"]:
        parse(case["formula"], variables, use=use, units=units, unit=case.get("unit", ""))
        return
    with pytest.raises(FormulaError) as caught:
        parse(case["formula"], variables, use=use, units=units, unit=case.get("unit", ""))
    assert caught.value.position == case["at"]
    assert case["says"] in str(caught.value)


def test_what_a_formula_uses():
    formula = parse("statetime(gt(x, 1)) / timestamp()", {"x": DataType.DOUBLE, "unused": None})
    assert formula.variables == ("x",)
    assert formula.windowed
    assert formula.carries
    assert not formula.looks_ahead
    assert parse("TimeWeightedAvg(x, 'Linear')", {"x": None}).looks_ahead
    assert parse("x - pretrigger(x)", {"x": None}).looks_back


def test_nan_and_null_never_enter():
    column = parse("x * 2", {"x": DataType.DOUBLE}).evaluate({"x": np.array([1.0, np.nan, np.inf, 3.0])})
    assert column.ok.tolist() == [True, False, False, True]
    assert column.values[[0, 3]].tolist() == [2.0, 6.0]


def test_booleans_and_integers_are_numbers():
    formula = parse("if(on, count / 2, none)", {"on": DataType.BOOLEAN, "count": DataType.INTEGER})
    column = formula.evaluate({"on": np.array([True, False]), "count": np.array([5, 7])})
    assert value(column) == 2.5
    assert value(column, 1) is None


# ---- windows -------------------------------------------------------------------------------------------------------
S = 1_000_000_000


def windows(points, ends, length=60, **fixed):
    """Windows of one series given as [(second, value)]."""
    starts = np.array([(end - length) * S for end in ends], np.int64)
    stops = np.array([end * S for end in ends], np.int64)
    ts = np.array([t for t, _ in points], np.int64) * S
    low, high = np.searchsorted(ts, starts, "right"), np.searchsorted(ts, stops, "right")
    series = Series(ts, column_of(np.array([v for _, v in points], object)), low, high, low > 0, high < len(ts))
    return Windows(starts, stops, {"x": series}, {name: constant(v, len(ends)) for name, v in fixed.items()})


def over(text, frame, **variables):
    names = dict.fromkeys([*frame.series, *frame.fixed])
    column = parse(text, names | variables, use="metric").over(frame)
    return [value(column, row) for row in range(frame.size)]


IDLE = [(0, 0.0), (30, 1.0), (75, 1.0), (165, 0.0), (240, 0.0)]


def test_statetime_of_the_guide():
    assert over("statetime(x)", windows(IDLE, (0, 60, 120, 180, 240))) == [None, 30.0, 60.0, 45.0, 0.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("avg(x)", [3.0, None, 10.0]),
        ("sum(x)", [6.0, None, 10.0]),
        ("count(x)", [2.0, 0.0, 1.0]),
        ("min(x)", [2.0, None, 10.0]),
        ("max(x)", [4.0, None, 10.0]),
        ("stdev(x)", [1.0, None, 0.0]),
        ("first(x)", [2.0, None, 10.0]),
        ("last(x)", [4.0, None, 10.0]),
        ("earliest(x)", [None, 4.0, 4.0]),
        ("latest(x)", [4.0, 4.0, 10.0]),
        ("x", [4.0, None, 10.0]),
        ("avg(x * (x - 1))", [7.0, None, 90.0]),
        ("sum(x) / rate", [3.0, None, 5.0]),
        ("max(latest(x), 5)", [5.0, 5.0, 10.0]),
        ("timestamp()", [60.0, 120.0, 180.0]),
        ("increase(x)", [2.0, 0.0, 6.0]),
        ("timeweightedavg(x)", [None, 4.0, 7.0]),
        ("timeweightedavg(x, 'linear')", [None, 5.0, 8.5]),
        ("timeweightedstdev(x, 'p')", [None, 0.0, 3.0]),
    ],
)
def test_window_function(text, expected):
    frame = windows([(20, 2.0), (60, 4.0), (150, 10.0)], (60, 120, 180), rate=2.0)
    if "linear" in text:  # 4 at 60 rising to 10 at 150: 4..8 in the first full window (mean 6), then 8..10 and held
        expected = [None, 6.0, 9.5]
    assert over(text, frame) == [v if v is None else pytest.approx(v) for v in expected]


def test_counter_resets_and_rolls_over():
    points = [(10, 60000.0), (20, 65000.0), (30, 400.0), (40, 900.0)]
    assert over("increase(x, 65536)", windows(points, (60,))) == [5000 + 936 + 500]
    assert over("increase(x)", windows(points, (60,))) == [5000 + 400 + 500]


def test_a_window_no_point_was_ever_seen_in_has_only_a_count():
    empty = windows([], (60,))
    assert over("count(x)", empty) == [0.0]
    for text in ("avg(x)", "latest(x)", "statetime(x)", "timeweightedavg(x)", "timeweightedavg(x, 'linear')", "increase(x)"):
        assert over(text, empty) == [None]


def test_an_aggregate_of_an_expression_skips_undefined_points_but_state_does_not_jump_over_them():
    points = [(10, 4.0), (30, 0.0), (50, 2.0)]
    assert over("sum(1 / x)", windows(points, (60,))) == [0.75]
    assert over("statetime(1 / x)", windows(points, (60,))) == [30.0]


# ---- properties ----------------------------------------------------------------------------------------------------
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
TEXTS = st.text("abAB01 .{}", max_size=4)


def leaf():
    return st.one_of(
        st.sampled_from(["x", "y", "s", "pi", "none", "true"]),
        st.integers(0, 20).map(str),
        st.floats(0, 100).map(lambda v: f"{v:.2f}"),
        st.sampled_from(["'ab'", "'B'", "''"]),
    )


def grown(inner):
    operators = st.sampled_from(["+", "-", "*", "/", "%", "<", ">", "<=", ">=", "==", "!=", "and", "or"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(-{t})"),
        inner.map(lambda t: f"(not {t})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "floor", "len", "upper"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["gte", "eq", "contains", "find"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"if({t[0]}, {t[1]}, {t[2]})"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda t: f"{t[0]}[{t[1]}]"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda t: f"{t[0]}[:{t[1]}]"),
    )


FORMULAS = st.recursive(leaf(), grown, max_leaves=8)
ROWS = st.lists(st.tuples(st.none() | NUMBERS, st.none() | NUMBERS, st.none() | TEXTS), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(FORMULAS, ROWS)
def test_columns_agree_with_one_row_at_a_time(text, rows):
    try:
        formula = parse(text, {"x": DataType.DOUBLE, "y": DataType.DOUBLE, "s": DataType.STRING})
    except FormulaError:
        return
    table = {name: np.array([row[i] for row in rows], object) for i, name in enumerate("xys")}
    column = formula.evaluate(table)
    for place, row in enumerate(rows):
        expected = one_by_one(formula, dict(zip("xys", row, strict=True)))
        found = value(column, place)
        assert found == (pytest.approx(expected, rel=1e-9, abs=1e-9) if isinstance(expected, float) else expected), text


@settings(max_examples=300, deadline=None)
@given(st.text("xys0123456789.+-*/%^<>=!()[],:'\"{} fabsinot", max_size=60) | st.text(max_size=40))
def test_whatever_is_written_the_answer_is_a_formula_or_a_formula_error(text):
    refused = None
    try:
        formula = parse(text, {"x": DataType.DOUBLE, "y": None, "s": DataType.STRING})
    except FormulaError as error:
        refused = error
    if refused:
        assert 0 <= refused.position <= len(text)
    elif not formula.windowed:
        formula.evaluate({"x": np.array([1.0, np.nan]), "y": np.array(["a", 2.0], object), "s": np.array(["", None], object)})


@pytest.mark.parametrize("text", ["(" * 5000, "-" * 3000 + "1", "+".join("1" * 2000), "x" + ".abs()" * 600, "1" * 5000])
def test_absurd_formulas_are_refused_with_a_sentence(text):
    with pytest.raises(FormulaError):
        parse(text, {"x": None})


def test_columnar_is_fast_enough_for_a_plant():
    import time

    formula = parse("if(gte(x, 100), x, y) * 9 / 5 + 32", {"x": DataType.DOUBLE, "y": DataType.DOUBLE})
    x = np.arange(1_000_000, dtype=np.float64)
    started = time.perf_counter()
    formula.evaluate({"x": x, "y": x})
    assert time.perf_counter() - started < 2.0
