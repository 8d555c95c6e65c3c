"""What other systems are told and have, over REST."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lineshaft.app.telling import webhook_events
from lineshaft.maintain.webhook import signature
from tests.doors.conftest import OVEN, House


def test_webhooks_are_seen_tested_and_replayed_by_engineers_only(house: House):
    assert house.get("webhooks", "engineer")["items"] == [
        {"name": "board", "url": "http://127.0.0.1:9", "events": ["order", "case", "alarm", "finding", "purchase"], "asset": ""}
    ]
    made = house.post("webhooks/board/test", {}, "engineer").json()
    assert (made["state"], made["type"]) == ("waiting", "org.lineshaft.test")
    assert house.get("webhooks/deliveries?state=waiting&hook=board", "engineer")["items"][0]["id"] == made["id"]
    assert house.post(f"webhooks/deliveries/{made['id']}/replay", {}, "engineer").json()["event_id"] == made["event_id"]
    for path in ("webhooks", "webhooks/deliveries"):
        assert house.ask("GET", path, "planner").status_code == 403
        assert house.ask("GET", path, "line 1").status_code == 403


def test_a_message_is_shown_as_it_would_go_out(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BOARD", raising=False)
    blind = house.post("webhooks/board/check", None, "engineer").json()
    assert (blind["headers"], "BOARD" in blind["why"]) == ({}, True)
    monkeypatch.setenv("BOARD", "wh-s3cret-value")
    before = house.get("webhooks/deliveries", "engineer")["items"]
    seen = house.post("webhooks/board/check", None, "engineer").json()
    assert house.get("webhooks/deliveries", "engineer")["items"] == before, "nothing was written down to be sent"
    assert (seen["url"], json.loads(seen["body"])["type"], seen["state"]) == ("http://127.0.0.1:9", "org.lineshaft.test", "new")
    named = [seen["headers"][f"Webhook-{name}"] for name in ("Id", "Timestamp", "Signature")]
    assert signature("wh-s3cret-value", named[0], named[1], seen["body"]) == named[2]
    assert "s3cret" not in str(seen)
    made = house.post("webhooks/board/test", {}, "engineer").json()
    again = house.post(f"webhooks/deliveries/{made['id']}/check", None, "engineer").json()
    assert again["headers"]["Webhook-Id"] == made["event_id"]
    assert house.ask("POST", f"webhooks/deliveries/{made['id']}/check", "planner").status_code == 403
    assert house.ask("POST", "webhooks/NO-SUCH/check", "engineer").status_code == 404


def test_what_sending_an_order_to_another_system_would_write(house: House):
    wanted = {"asset": "Bakery/Line 1/Oven", "title": "Clean the fan"}
    seen = house.post("work-orders/check", wanted, "technician").json()
    assert (seen["number"], seen["would"], seen["why"]) == ("WO-new", {}, "no other maintenance system is connected")
    made = house.post("work-orders", wanted, "technician").json()
    assert house.post(f"work-orders/{made['id']}/partner/check", None, "technician").json()["number"] == made["number"]
    assert house.ask("POST", f"work-orders/{made['id']}/partner/check", "elsewhere").status_code == 403
    assert house.ask("POST", "work-orders/check", "elsewhere", json=wanted).status_code == 403


def test_a_purchase_on_its_way_is_asked_for_again(house: House):
    made = house.post("purchases", {"part": "BRG-6205", "quantity": 6}, "planner").json()
    assert made["erp"] is None
    assert house.post(f"purchases/{made['id']}/retry", {}, "planner").status_code == 409
    waiting = next(one for one in house.get("approvals?state=open")["items"] if one["proposal"]["purchase_id"] == made["id"])
    assert house.post(f"approvals/{waiting['id']}/decide", {"decision": "approve"}, "admin").status_code == 200
    again = house.post(f"purchases/{made['id']}/retry", {}, "planner").json()
    assert (again["erp"]["system"], again["erp"]["error"]) == ("outbox", "")
    order = house.post("work-orders", {"asset": "Bakery/Line 1/Oven", "title": "x"}, "technician").json()
    assert house.get(f"work-orders/{order['id']}/partner") is None


def test_parts_come_in_from_a_file_after_a_dry_run(house: House):
    def send(text: str, path: str, as_: str = "planner"):
        return house.ask("POST", path, as_, files={"file": ("parts.csv", text.encode(), "text/csv")})

    good = "part,name,on_hand,used_by\nFILE-1,Filter,2,Bakery/Line 1/Oven\n"
    dry = send(good, "import/parts?dry_run=true").json()
    assert (dry["dry_run"], dry["added"], dry["wrong"]) == (True, 1, [])
    assert not [one for one in house.get("spares")["items"] if one["part"] == "FILE-1"]
    assert send(good, "import/parts").json()["added"] == 1
    assert [one["on_hand"] for one in house.get("spares")["items"] if one["part"] == "FILE-1"] == [2]
    bad = send("part,name,on_hand\nFILE-2,Fan,1\nFILE-3,Fan,-1\n", "import/parts")
    assert (bad.status_code, bad.json()["where"]) == (422, "line 3, on_hand")
    assert not [one for one in house.get("spares")["items"] if one["part"] == "FILE-2"]
    orders = "external,asset,title\nX-1,Bakery/Line 1/Oven,Clean it\n"
    assert send(orders, "import/orders", "line 1").json()["added"] == 1
    assert send(orders, "import/orders", "elsewhere").status_code == 403
    exported = house.ask("GET", "export/orders", "line 1")
    assert "X-1" in exported.text
    assert "X-1" not in house.ask("GET", "export/orders", "elsewhere").text
    assert house.ask("GET", "export/parts?format=xlsx", "viewer").content[:2] == b"PK"


def test_every_kind_a_webhook_is_told_of_is_told_within_its_change(house: House, monkeypatch: pytest.MonkeyPatch):
    bus, within, outside = house.rooms.bus, [], []
    kinds = {event for event, _ in webhook_events(house.rooms.webhooks)}
    tell, tell_with = bus.tell, bus.tell_with

    def inside(tx: Any, event: object) -> None:
        within.append(event)
        tell_with(tx, event)

    def heard(event: object) -> None:
        if type(event) in kinds and not any(event is one for one in within):
            outside.append(event)
        tell(event)

    monkeypatch.setattr(bus, "tell_with", inside)
    monkeypatch.setattr(bus, "tell", heard)
    alarm = house.shake_the_pump()
    house.post(f"alarms/{alarm['id']}/acknowledge", {})
    house.calm_the_pump()
    house.post("findings", {"asset": OVEN, "kind": "drift", "score": 0.9})
    house.post("work-orders", {"asset": OVEN, "title": "told"})
    house.post("purchases", {"part": "SEAL-32", "quantity": 1}, "planner")
    assert {type(event) for event in within} >= kinds
    assert outside == []
    told: list[tuple[object, ...]] = []
    board = SimpleNamespace(tell=lambda kind, what, _asset, subject, *_: told.append((kind, what, subject)))
    handlers = dict(webhook_events(board))
    for event in within:
        if type(event) in handlers:
            handlers[type(event)](None, event)
    steps = [what for kind, what, subject in told if (kind, subject) == ("alarm", alarm["id"])]
    steps = [what for what in steps if not str(what).startswith("input")]
    assert sorted(map(str, steps)) == ["acknowledge", "cleared", "raised"], "each step once"


def test_assets_come_in_from_a_table_after_a_dry_run(house: House):
    def send(text: str, path: str = "import/assets", as_: str = "engineer"):
        return house.ask("POST", path, as_, files={"file": ("assets.csv", text.encode(), "text/csv")})

    house.rooms.assets.export(house.rooms.models)
    good = "path;level;model;tag_prefix;attributes\nBakery/Line 1/Oven 2;machine;Oven;ns=2,s=Oven 2/;IdealCycle=0,5\n"
    good = good.replace("0,5", "0.5")
    dry = send(good, "import/assets?dry_run=true").json()
    assert (dry["dry_run"], dry["added"], dry["what"], dry["wrong"]) == (True, 1, ["+ Bakery/Line 1/Oven 2"], [])
    assert house.ask("GET", "assets/Bakery/Line 1/Oven 2").status_code == 404
    assert send(good, as_="planner").status_code == 403
    assert send(good, as_="elsewhere").status_code == 403
    assert send(good, as_="line 1").json()["added"] == 1
    assert house.get("assets/Bakery/Line 1/Oven 2")["attributes"]["IdealCycle"] == 0.5
    assert send(good).json()["known"] == 1
    bad = send("path,model\nBakery/Line 1/Oven 3,Ovn\n")
    assert (bad.status_code, bad.json()["where"], bad.json()["hint"]) == (422, "line 2, model", "did you mean 'Oven'?")
    out = house.ask("GET", "export/assets", "viewer")
    assert "Bakery/Line 1/Oven 2" in out.text
    again = house.ask("POST", "import/assets?dry_run=true", files={"file": ("assets.csv", out.content, "text/csv")}).json()
    assert (again["added"], again["changed"], again["wrong"]) == (0, 0, [])
    assert house.ask("GET", "export/assets?format=xlsx", "viewer").content[:2] == b"PK"


def test_orders_go_out_and_come_in_as_b2mml(house: House):
    def send(text: str, as_: str = "technician"):
        return house.ask("POST", "import/b2mml", as_, files={"file": ("x.xml", text.encode(), "application/xml")})

    scope = "<HierarchyScope><EquipmentID>{}</EquipmentID><EquipmentLevel>Other</EquipmentLevel>{}</HierarchyScope>"
    place = scope.format("Bakery", scope.format("Line 1", scope.format("Oven", "")))
    job = f"<WorkRequest><ID>MES-7</ID><Description>Door leaks</Description>{place}<Priority>2</Priority></WorkRequest>"
    made = send(job).json()
    assert (len(made["added"]), made["known"]) == (1, [])
    assert send(job).json() == {"added": [], "known": made["added"], "moved": []}
    done = "<JobResponse><JobOrderID>MES-7</JobOrderID><JobState>Completed</JobState></JobResponse>"
    assert send(done).json()["moved"] == [f"{made['added'][0]}: start, done"]
    order = house.get(f"work-orders/{made['added'][0]}")
    assert (order["state"], order["asset"], order["priority"]) == ("done", "Bakery/Line 1/Oven", 2)
    text = house.ask("GET", f"work-orders/{order['id']}/b2mml?form=job-response", "viewer").text
    assert "<JobState>Completed</JobState>" in text
    assert house.ask("GET", f"work-orders/{order['id']}/b2mml", "elsewhere").status_code == 403
    assert send(job.replace("MES-7", "MES-8"), "elsewhere").status_code == 403
    unknown = send(job.replace("Oven", "Owen").replace("MES-7", "MES-9"))
    assert (unknown.status_code, unknown.json()["where"]) == (404, "line 1")
