"""What lies where, over the door, and the rules applied now by those who may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lineshaft.core import NS, now_ns
from lineshaft.store import Rule
from tests.doors.conftest import House
from tests.store.tiers.bucket import SETTINGS, Bucket


@pytest.fixture
def bucket(house: House) -> Iterator[Bucket]:
    tier, made = house.rooms.store.tier, Bucket()
    before = (tier.settings, tier.mover._settings, tier.mover.make)
    tier.settings = tier.mover._settings = SETTINGS.model_copy(update={"rules": (Rule(older="0s", unread="0s"),)})
    tier.mover.make = lambda _settings: made.objects
    yield made
    tier.settings, tier.mover._settings, tier.mover.make = before


def test_without_a_bucket_everything_is_here(house: House) -> None:
    found = house.get("tiers")
    assert found["bucket"] is None
    assert {one["tier"] for one in found["items"]} <= {"hot", "local"}
    refused = house.ask("POST", "tiers/run", "planner")
    assert refused.status_code == 409
    assert "no bucket" in refused.json()["detail"]


def test_the_rules_are_applied_when_a_planner_says_so(house: House, bucket: Bucket) -> None:
    now = now_ns()
    house.values([("ns=2;s=Oven/Power", 20.0 + n, now - (3 * 86_400 - n) * NS) for n in range(100)])
    assert house.post("store/flush").status_code == 200
    house.rooms.store.compact()
    rule = house.get("tiers")["rules"][0]
    assert rule["due_files"] >= 1
    assert rule["due_size"] > 0
    answer = house.ask("POST", "tiers/run", "planner")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"started": True, "due_files": rule["due_files"], "due_size": rule["due_size"]}
    thread = house.rooms.store.tier._thread
    assert thread is not None
    thread.join(60)
    away = next(one for one in house.get("tiers")["items"] if one["tier"] == "object")
    assert away["files"] == rule["due_files"] == len(bucket.files())
    span = {"property": "Bakery/Line 1/Oven/Power", "start": away["oldest"], "end": away["newest"]}
    assert len(house.get("history", params=span)["rows"]) >= 99
    assert any(row["action"] == "tiers.run" for row in house.get("audit", params={"limit": 50})["items"])
