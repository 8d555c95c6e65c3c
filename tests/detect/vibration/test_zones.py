from __future__ import annotations

import pytest

from lineshaft.core import ConfigError, InvalidInput
from lineshaft.detect import vibration


@pytest.mark.parametrize(
    ("power", "given", "limits"),
    [
        (5.5, {}, (0.71, 1.8, 4.5)),  # never the groups of 20816-3 below 15 kW
        (15, {"mounting": "flexible"}, (0.71, 1.8, 4.5)),
        (55, {}, (1.4, 2.8, 4.5)),
        (55, {"mounting": "flexible"}, (2.3, 4.5, 7.1)),
        (300, {}, (1.4, 2.8, 4.5)),
        (500, {}, (2.3, 4.5, 7.1)),
        (500, {"mounting": "flexible"}, (3.5, 7.1, 11.0)),
        (90, {"kind": "pump-1"}, (2.5, 4.0, 6.6)),
        (400, {"kind": "pump-2"}, (4.2, 6.1, 9.5)),
    ],
)
def test_limits_by_power_mounting_and_kind(power, given, limits):
    told = vibration.zones(power, **given)
    assert told.limits == limits
    assert told.standard.startswith("ISO 10816")
    assert told.source


def test_zones_and_the_warning_limit():
    told = vibration.zones(55)
    assert [told.zone(value) for value in (1.4, 1.5, 2.8, 2.9, 4.5, 4.6)] == ["A", "B", "B", "C", "C", "D"]
    assert told.warning_limit() == 2.8
    assert told.warning_limit(1.0) == pytest.approx(1.7)
    assert told.warning_limit(9.0) == pytest.approx(3.5)  # at most 1.25 of B/C


def test_what_is_not_known_is_asked_for():
    for given, word in (
        ({}, "power_kw"),
        ({"power_kw": 5, "mounting": "soft"}, "known are"),
        ({"power_kw": 5, "kind": "fan"}, "known"),
    ):
        with pytest.raises(InvalidInput) as refused:
            vibration.zones(**given)
        assert word in refused.value.hint


def test_a_table_of_ones_own(tmp_path):
    path = tmp_path / "zones.yaml"
    row = "{name: fans, standard: ours, source: our measurements, kw: [0, null], limits: {rigid: [1, 2, 3]}}"
    path.write_text(f"groups: {{fans: {row}}}\n")
    assert vibration.zones(3, table=path).limits == (1, 2, 3)
    path.write_text(path.read_text().replace("[1, 2, 3]", "[3, 2, 1]"))
    with pytest.raises(ConfigError, match="do not rise"):
        vibration.zones(3, table=path)
    path.write_text("groups: 3\n")
    with pytest.raises(ConfigError, match="no table of zones"):
        vibration.zones(3, table=path)


def test_a_small_motor_is_never_judged_by_the_groups_of_20816_3():
    with pytest.raises(InvalidInput, match="not of 4 kW") as refused:
        vibration.zones(4, group="group-2")
    assert "baseline" in refused.value.hint
    assert vibration.zones(4, group="class-1").limits == (0.71, 1.8, 4.5)
    assert vibration.zones(group="group-2").limits == (1.4, 2.8, 4.5)
