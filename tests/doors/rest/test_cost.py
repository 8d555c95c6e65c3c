"""What storage costs, over the door: the estimate, prices and budget, and who may see and write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineshaft.cli.cost import cost
from lineshaft.core import NS, ConfigError, now_ns
from tests.doors.conftest import House


@pytest.fixture(scope="module")
def grown(house: House) -> House:
    """A house that got a value every second for the last twenty minutes, in the lake."""
    now = now_ns()
    house.values([("ns=2;s=Oven/Power", 20.0 + n % 7, now - (1200 - n) * NS) for n in range(1200)])
    assert house.post("store/flush").status_code == 200
    return house


def test_the_estimate_says_what_lies_where_and_what_it_will_cost(grown: House):
    found = grown.get("cost")
    assert found["terms"]["currency"] == "USD"
    assert found["pace"]["rows_per_s"] > 0.9
    samples = next(line for line in found["lines"] if line["table"] == "samples")
    assert samples["tier"] == "local"
    assert samples["now"] < samples["months_1"] < samples["months_3"] < samples["months_12"]
    assert samples["months_12"] == pytest.approx(samples["now"] + 360 * samples["per_day"], rel=0.001)
    assert [month["days"] for month in found["months"]] == [30 * n for n in range(1, 13)]
    assert sum(line["now"] for line in found["lines"]) == sum(found["sizes"].values())
    assert sum(line["money"] for line in found["lines"]) == pytest.approx(found["money"])
    assert [one["older_than_days"] for one in found["what_if"]] == [7, 30, 90, 365]


def test_a_budget_written_on_the_page_warns_at_once(grown: House):
    before = grown.get("cost")
    year = before["months"][-1]["sizes"]["local"]
    soon = (before["sizes"]["local"] + (year - before["sizes"]["local"]) * 10 / 360) / 1e9
    body = {"prices": {"local": 0.5}, "currency": "EUR", "budget": {"local": soon}, "version": before["terms"]["version"]}
    answer = grown.ask("PATCH", "cost", "planner", json=body)
    assert answer.status_code == 200, answer.text
    after = grown.get("cost")
    assert (after["terms"]["currency"], after["terms"]["prices"]["local"]) == ("EUR", 0.5)
    assert after["terms"]["version"] == answer.json()["version"]
    assert after["money"] > before["money"]
    budget = next(one for one in after["budget"] if one["what"] == "local")
    assert 8 <= budget["exceeded_in_days"] <= 11
    told = [one for one in grown.get("health")["system_events"] if one["key"] == "cost:budget:local"]
    assert told[0]["severity"] == "warning"
    assert "is exceeded on" in told[0]["message"]
    assert grown.ask("PATCH", "cost", "planner", json={**body, "version": before["terms"]["version"]}).status_code == 409
    assert grown.ask("PATCH", "cost", "planner", json={"budget": {"local": None}}).status_code == 200
    assert not [one for one in grown.get("health")["system_events"] if one["key"].startswith("cost:")]


def test_nonsense_is_refused(grown: House):
    for body in ({"prices": {"cloud": 1}}, {"prices": {"local": -1}}, {"budget": {"year": 1}}, {"price": 1}):
        assert grown.ask("PATCH", "cost", "planner", json=body).status_code == 422, body


def test_who_sees_a_part_of_the_plant_does_not_see_what_all_of_it_costs(grown: House):
    made = grown.post("tokens", {"name": "line one", "role": "engineer", "scope": ["Bakery/Line 1"]}).json()
    answer = grown.client.get("/api/v1/cost", headers={"Authorization": f"Bearer {made['secret']}"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "gate.forbidden"


def test_the_command_line_says_the_same(grown: House, tmp_path: Path):
    home = grown.rooms.store.home
    run = CliRunner().invoke(cost, ["--home", str(home), "--json"], standalone_mode=False)
    assert run.exception is None, run.exception
    told, door = json.loads(run.stdout), grown.get("cost")
    mine = {line["table"]: line["now"] for line in told["lines"]}
    theirs = {line["table"]: line["now"] for line in door["lines"]}
    assert mine["samples"] == theirs["samples"]
    words = CliRunner().invoke(cost, ["--home", str(home)], standalone_mode=False).stdout
    assert "values a second" in words
    assert "in 12 months" in words
    with pytest.raises(ConfigError, match="no Lineshaft home"):
        CliRunner().invoke(cost, ["--home", str(tmp_path / "none")], standalone_mode=False, catch_exceptions=False)
