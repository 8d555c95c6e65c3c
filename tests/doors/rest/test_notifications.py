"""Who is told of what, over REST: routes by planners, one's own choice by everybody, messages by those who may see them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from lineshaft.act import ActSettings
from tests.act.notify.receivers import web_hook
from tests.doors.conftest import PASSWORD, House, make_house

ROUTE = {"name": "All of it", "who": "channel:hook", "kinds": ["alarm"], "gather": "0s"}


@pytest.fixture(scope="module")
def telling(tmp_path_factory) -> Iterator[House]:
    with web_hook() as hook:
        channels = [{"name": "mail", "url": "mailto://localhost:9?from=line@plant.example&to={address}"}]
        channels.append({"name": "hook", "url": f"json://127.0.0.1:{hook.port}/x"})
        settings = ActSettings.model_validate({"channels": channels})
        for house in make_house(tmp_path_factory.mktemp("telling"), settings):
            house.rooms.act.notifier.start()
            house.hook = hook  # type: ignore[attr-defined]
            yield house
            house.rooms.act.notifier.stop()


def test_a_route_is_made_changed_and_ended(telling: House):
    assert telling.get("notifications/channels", "viewer")["items"] == [
        {"name": "mail", "personal": True},
        {"name": "hook", "personal": False},
    ]
    night = {"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}
    steps = [{"after": "15m", "who": "role:planner"}]
    made = telling.post("notifications/routes", {**ROUTE, "quiet": night, "steps": steps}).json()
    assert (made["gather_s"], made["steps"], made["quiet"]["days"][0]) == (0, [{"after_s": 900, "who": "role:planner"}], "mon")
    other, path = {**ROUTE, "priority": 2, "version": made["version"]}, f"notifications/routes/{made['id']}"
    assert telling.ask("PATCH", path, "line 1", json={**other, "asset": "Bakery/Line 1"}).status_code == 403
    changed = telling.ask("PATCH", path, json=other)
    assert (changed.json()["priority"], changed.json()["quiet"]) == (2, {})
    stale = telling.ask("PATCH", f"notifications/routes/{made['id']}", json={**ROUTE, "version": made["version"]})
    assert stale.status_code == 409
    assert telling.ask("DELETE", f"notifications/routes/{made['id']}").status_code == 200
    assert [one["name"] for one in telling.get("notifications/routes")["items"]] == ["The node's own health"]


def test_a_route_elsewhere_is_not_made_by_someone_of_one_line(telling: House):
    assert telling.post("notifications/routes", ROUTE, "line 1").status_code == 403
    assert telling.post("notifications/routes", {**ROUTE, "asset": "Bakery/Line 2"}, "line 1").status_code == 403
    made = telling.post("notifications/routes", {**ROUTE, "asset": "Bakery/Line 1/Oven"}, "line 1")
    assert made.status_code == 201
    assert telling.ask("DELETE", f"notifications/routes/{made.json()['id']}").status_code == 200


def test_an_alarm_is_told_and_the_message_is_seen_by_those_of_its_place(telling: House):
    route = telling.post("notifications/routes", ROUTE).json()
    telling.shake_the_pump()
    assert telling.rooms.act.notifier.settle()
    assert "Coolant pump vibration high" in telling.hook.wait(1)[0]["title"]  # type: ignore[attr-defined]
    (row,) = telling.get("notifications/deliveries")["items"]
    assert (row["state"], row["channel"], row["person"], row["lines"]) == ("delivered", "hook", None, 1)
    assert len(telling.get("notifications/deliveries", "line 1")["items"]) == 1
    assert telling.get("notifications/deliveries", "elsewhere")["items"] == []
    assert telling.get("notifications/deliveries", "viewer")["items"] == []
    again = telling.post(f"notifications/deliveries/{row['id']}/again", {}).json()
    assert again["id"] == row["id"]
    assert len(telling.hook.wait(2)) == 2  # type: ignore[attr-defined]
    telling.ask("DELETE", f"notifications/routes/{route['id']}")


def test_a_person_chooses_and_tries_their_own_channel(telling: House):
    login = telling.client.post("/api/v1/login", json={"name": "anna", "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {login['token']}"}
    said = {"channels": {"mail": "anna@plant.example", "hook": ""}, "language": "de"}
    chosen = telling.client.patch("/api/v1/notifications/choice", json=said, headers=headers).json()
    assert (chosen["channels"], chosen["language"]) == (said["channels"], "de")
    assert telling.client.get("/api/v1/notifications/choice", headers=headers).json() == chosen
    assert telling.get("notifications/choice", "viewer")["channels"] == {}
    assert telling.ask("PATCH", "notifications/choice", json=said).status_code == 409
    wrong = telling.client.patch("/api/v1/notifications/choice", json={"channels": {"mail": "a b"}}, headers=headers)
    assert wrong.json()["code"] == "notify.address"
    sent = telling.client.post("/api/v1/notifications/test", json={"channel": "hook"}, headers=headers).json()
    assert telling.rooms.act.notifier.settle()
    shown = telling.client.get("/api/v1/notifications/deliveries", headers=headers).json()["items"]
    assert (shown[0]["id"], shown[0]["state"]) == (sent["id"], "delivered")
    bodies = [row.detail.get("body") for row in telling.rooms.guard.audit(limit=50, action="notifications.choose")]
    assert bodies
    assert "anna@plant.example" not in str(bodies)


def test_messages_of_one_moment_are_all_on_some_page(telling: House):
    login = telling.client.post("/api/v1/login", json={"name": "boss", "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {login['token']}"}
    telling.client.patch("/api/v1/notifications/choice", json={"channels": {"hook": ""}}, headers=headers)
    for _ in range(4):
        assert telling.client.post("/api/v1/notifications/test", json={"channel": "hook"}, headers=headers).status_code == 201
    with telling.rooms.db.begin() as tx:
        tx.execute(sa.text("UPDATE notice_delivery SET created = 1000"))
    every = [row["id"] for row in telling.get("notifications/deliveries")["items"]]
    found, after = [], ""
    while after is not None:
        page = telling.get(f"notifications/deliveries?limit=2{after and '&after=' + after}")
        found += [row["id"] for row in page["items"]]
        after = page["next"]
    assert len(every) >= 4
    assert found == every
