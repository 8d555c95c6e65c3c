from __future__ import annotations

import pytest

from lineshaft.core import InvalidInput, check_unit, factor


@pytest.mark.parametrize("unit", ["mm/s", "degC", "°C", "bar", "l/min", "kW", "part", "part/min", "%", "rpm", "m³/h", "A", ""])
def test_the_units_of_a_plant_are_known(unit):
    assert check_unit(unit) == unit


def test_an_unknown_unit_names_its_place():
    with pytest.raises(InvalidInput) as caught:
        check_unit("furlonk", where="models/pump.yaml:4")
    assert caught.value.code == "unit.unknown"
    assert str(caught.value).startswith("models/pump.yaml:4: ")


@pytest.mark.parametrize(
    ("unit", "to", "value", "same"),
    [("mm/s", "m/s", 7.1, 0.0071), ("degC", "degF", 100, 212), ("kW", "W", 2, 2000), ("h", "s", 2, 7200)],
)
def test_a_factor_converts(unit, to, value, same):
    scale, offset = factor(unit, to)
    assert value * scale + offset == pytest.approx(same)


def test_different_dimensions_are_refused():
    with pytest.raises(InvalidInput) as caught:
        factor("kW", "degC")
    assert caught.value.code == "unit.mismatch"
