"""The ledger over the door: one source or tag through its stages, the last rejected rows, and who may see them."""

from __future__ import annotations

import pytest

from lineshaft.core import NS, now_ns
from lineshaft.store.past import EVERY
from tests.doors.conftest import House

POWER = "ns=2;s=Mixer/Power"


@pytest.fixture(scope="module")
def told(house: House) -> House:
    """A tag of which some rows were good, one came twice, one is of tomorrow, and one is a text."""
    at = now_ns() - 3600 * NS
    house.values([(POWER, 1.0, at), (POWER, 2.0, at + NS), (POWER, 3.0, at)])
    house.values([(POWER, 41.5, now_ns() + 86_400 * NS), (POWER, "hot", at + 2 * NS)])
    return house


def test_a_tag_is_followed_through_its_stages(told: House):
    found = told.get("ledger/trace", params={"source": "bakery", "tag": POWER})
    assert found["property"] == "Bakery/Line 1/Mixer/Power"
    assert found["tags"] == 1
    totals = found["totals"]
    assert (totals["received"], totals["stored"], totals["balance"]) == (5, 3, 0)
    assert totals["rejected"] == {"future": 1, "type": 1}
    assert found["overwritten"] == 1
    reasons = {one["reason"]: one for one in found["rejected"]}
    assert reasons["future"]["last"][0]["value"] == "41.5"
    assert "clock" in reasons["future"]["hint"]
    assert reasons["type"]["last"][0]["value"] == "hot"
    assert reasons["type"]["last"][0]["tag"] == POWER


def test_the_stages_say_when_it_happened(told: House):
    store = told.rooms.store
    rows = store.ledger()
    before = told.get("ledger/trace", params={"source": "bakery", "tag": POWER, "hours": 1})["totals"]["stored"]
    store._past.note(rows, now_ns() - EVERY, 30 * 86_400 * NS)
    told.values([(POWER, 5.0 + n, now_ns() - (60 - n) * NS) for n in range(7)])
    found = told.get("ledger/trace", params={"source": "bakery", "tag": POWER, "hours": 1})
    assert found["totals"]["stored"] == before + 7
    last = found["stages"][-1]
    assert (last["received"], last["stored"], last["rejected"], last["pending"]) == (7, 7, {}, 0)
    assert last["start"] < last["end"]


def test_a_whole_source_is_summed_up(told: House):
    found = told.get("ledger/trace", params={"source": "bakery"})
    rows = [row for row in told.get("ledger")["items"] if row["source"] == "bakery"]
    assert found["tags"] == len(rows)
    assert found["totals"]["stored"] == sum(row["stored"] for row in rows)
    assert found["overwritten"] is None
    assert {one["reason"] for one in found["rejected"]} >= {"future", "type"}


def test_what_a_door_refused_says_how_to_mend_it(told: House):
    told.post("values", {"rows": [{"property": "Bakery/Nowhere", "timestamp": "2026-01-01T00:00:00Z", "value": 1}]})
    found = told.get("ledger/trace", params={"source": "rest"})
    assert [(one["reason"], one["last"]) for one in found["rejected"]] == [("unknown-property", [])]
    assert "no property has this path" in found["rejected"][0]["hint"]


def test_an_unknown_tag_is_told_with_the_nearest(told: House):
    answer = told.ask("GET", "ledger/trace", params={"source": "bakery", "tag": "ns=2;s=Mixer/Powr"})
    assert answer.status_code == 404
    assert "Mixer/Power" in answer.json()["hint"]


def test_who_sees_another_part_of_the_plant_does_not_see_it(told: House):
    made = told.post("tokens", {"name": "the oven", "role": "engineer", "scope": ["Bakery/Line 1/Oven"]}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    answer = told.client.get("/api/v1/ledger/trace", params={"source": "bakery", "tag": POWER}, headers=headers)
    assert answer.status_code == 404
    assert POWER not in answer.json().get("hint", "")


def test_who_may_not_see_values_does_not_see_rejected_ones(told: House):
    rule = told.post("permissions", {"who": "role:technician", "tables": "samples", "columns": ["value"], "effect": "mask"})
    assert rule.status_code == 201, rule.text
    assert told.ask("GET", "ledger/trace", "technician", params={"source": "bakery", "tag": POWER}).status_code == 403
    assert told.ask("DELETE", f"permissions/{rule.json()['id']}").status_code in (200, 204)
