"""`lineshaft life` against a real door: a fleet trained by a process of its own, shown with its reasons, forecast."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from lineshaft.cli.life import life
from lineshaft.client import Unreached
from lineshaft.core import NS, ConfigError, Conflict, Forbidden, NotFound, iso, now_ns
from tests.cli.conftest import typed
from tests.doors.conftest import PUMP, House, make_house

DAY = 86_400 * NS
AGES = [{"asset": f"old pump {n}", "age": f"{days}d"} for n, days in enumerate((170, 200, 230, 190, 215))]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from make_house(tmp_path_factory.mktemp("life"))


def test_a_fleet_is_trained_shown_and_forecast(house: House):
    assert typed(life, house, "list") == ""
    house.post("life", {"assets": [PUMP], "name": "pumps", "lives": [*AGES, {"asset": PUMP, "begin": iso(now_ns() - 60 * DAY)}]})
    with pytest.raises(NotFound, match="no fleet 'pump'") as told:
        typed(life, house, "show", "pump")
    assert "pumps" in told.value.hint
    with pytest.raises(Forbidden):
        typed(life, house, "train", "pumps", role="operator")
    assert typed(life, house, "train", "pumps") == "version 1 is being trained; see: lineshaft life show 'pumps'\n"
    with pytest.raises(Conflict, match="being trained already"):
        typed(life, house, "train", "pumps")
    for work in list(house.rooms.fleets._trainings.values()):
        work.wait(120)
    said = typed(life, house, "show", "pumps", role="viewer").splitlines()
    assert said[0] == "version 1  ready  history"
    assert any("5 failures" in line for line in said), said
    house.rooms.fleets.tick()
    (line,) = typed(life, house, "list", role="viewer").splitlines()
    assert line.startswith(f"{PUMP}  about ")
    assert line.endswith("h)  pumps  history")


def test_a_fleet_that_cannot_learn_says_why(house: House):
    house.post("life", {"assets": [PUMP], "name": "nothing known"})
    with house.rooms.db.begin() as tx:
        fleet = next(one for one in house.rooms.fleets.book.list() if one["name"] == "nothing known")
        row = house.rooms.fleets.train(tx, fleet["id"], "eva")
    house.rooms.fleets.trained(row, None, "there are no failures (give a health index)")
    assert typed(life, house, "show", "nothing known") == "version 1  failed    there are no failures (give a health index)\n"


def test_without_a_token_or_a_node_the_way_out_is_said(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LINESHAFT_TOKEN", raising=False)
    with pytest.raises(ConfigError) as told:
        CliRunner().invoke(life, ["list"], standalone_mode=False, catch_exceptions=False)
    assert "lineshaft token create" in told.value.hint
    with pytest.raises(Unreached):
        CliRunner().invoke(
            life, ["list", "--url", "http://127.0.0.1:9", "--token", "lst_x"], standalone_mode=False, catch_exceptions=False
        )
