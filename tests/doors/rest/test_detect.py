from __future__ import annotations

from lineshaft.core import NS, iso, now_ns
from lineshaft.guard import Subject
from tests.doors.conftest import PUMP, House


def test_an_alarm_is_raised_acknowledged_and_over(house: House):
    alarm = house.shake_the_pump()
    assert (alarm["asset"], alarm["priority"], alarm["state"]) == (PUMP, 1, "unack")
    assert alarm["value"] > alarm["limit"] == 7.1
    assert alarm["raised"].endswith("Z")
    assert alarm["case_id"] == house.get("cases?state=open")["items"][0]["id"]
    path = f"alarms/{alarm['id']}/acknowledge"
    stale = house.post(path, {"version": alarm["version"] - 1}, "operator")
    assert (stale.status_code, stale.json()["code"]) == (409, "version.conflict")
    seen = house.post(path, {"note": "I hear it", "version": alarm["version"]}, "operator").json()
    assert (seen["state"], seen["acknowledged_by"]) == ("acked", "test operator")
    assert house.post(path, {}, "operator").status_code == 409
    house.calm_the_pump()
    assert house.get("alarms")["items"] == []
    assert alarm["id"] in {a["id"] for a in house.get("alarms?state=all")["items"]}


def test_shelving_needs_an_end_and_a_reason(house: House):
    alarm = house.get("alarms?state=all")["items"][0]
    path = f"alarms/{alarm['id']}/shelve"
    until = iso(now_ns() + 3600 * NS)
    assert house.post(path, {"until": until, "reason": ""}).status_code == 422
    assert house.post(path, {"until": "2020-01-01T00:00:00Z", "reason": "x"}).json()["code"] == "alarms.until"
    assert house.post(path, {"until": until, "reason": "sensor is replaced"}).json()["state"] == "shelved"
    assert house.post(f"alarms/{alarm['id']}/unshelve").json()["state"] != "shelved"


def test_alerts_are_not_in_the_operators_list(house: House):
    kinds = {a["kind"] for a in house.get("alarms?state=all")["items"]}
    assert kinds == {"alarm"}
    assert len(house.get("alarms?state=all&kind=all")["items"]) >= len(house.get("alarms?state=all")["items"])


def test_a_login_for_one_line_sees_and_acknowledges_only_there(house: House):
    alarm = house.get("alarms?state=all")["items"][0]
    assert house.get("alarms?state=all", "elsewhere")["items"] == []
    assert len(house.get("alarms?state=all", "line 1")["items"]) > 0
    refused = house.post(f"alarms/{alarm['id']}/acknowledge", {}, "elsewhere")
    assert (refused.status_code, refused.json()["hint"]) == (403, "this login reaches Bakery/Line 2 only")


def test_a_finding_is_filed_and_labelled(house: House):
    body = {"asset": PUMP, "kind": "drift", "score": 0.91, "sensors": [{"property": f"{PUMP}/Flow", "share": 0.7}]}
    made = house.post("findings", body)
    assert made.status_code == 201
    finding = made.json()
    assert (finding["by"], finding["sensors"][0]["share"]) == ("test admin", 0.7)
    assert house.post("findings", {**body, "asset": "Bakery/Line 1/Cooler/Coolant pmp"}).json()["code"] == "findings.asset"
    labelled = house.post(f"findings/{finding['id']}/label", {"label": "no_fault_found", "version": 1}).json()
    assert (labelled["label"], labelled["version"]) == ("no_fault_found", 2)
    assert house.post(f"findings/{finding['id']}/label", {"label": "confirmd"}).json()["hint"] == "did you mean 'confirmed'?"


def test_findings_come_in_pages(house: House):
    for n in range(5):
        house.post("findings", {"asset": PUMP, "kind": f"page {n}", "score": 0.1})
    first = house.get("findings?limit=3")
    second = house.get(f"findings?limit=3&after={first['next']}")
    kinds = [f["kind"] for f in first["items"] + second["items"]]
    assert kinds[:5] == [f"page {n}" for n in (4, 3, 2, 1, 0)]
    assert [f["case_id"] for f in first["items"]] == [None] * 3, "so little opens no case"


def test_the_list_is_read_on_though_the_alarm_at_the_cut_has_left_it(house: House):
    whole = [one["id"] for one in house.get("alarms?state=all&limit=1000")["items"]]
    read: list[str] = []
    after = ""
    while True:
        cut = house.get(f"alarms?state=all&limit=1{after}")
        read += [one["id"] for one in cut["items"]]
        if cut["next"] is None:
            break
        after = f"&after={cut['next']}"
    assert read == whole
    alarm = house.shake_the_pump()
    row = house.rooms.detect.alarm(alarm["id"])
    token = house.rooms.detect.place(row)
    house.calm_the_pump()
    house.post(f"alarms/{alarm['id']}/acknowledge", {})
    assert house.get(f"alarms?after={token}")["items"] == []
    for wrong in ("x", "1.2", f"x.1.{alarm['id']}", "1.1.nobody", f"1.{'9' * 40}.{alarm['id']}"):
        assert house.ask("GET", f"alarms?after={wrong}").json()["code"] == "page.token"


def test_a_page_of_one_line_is_filled_with_that_lines_alarms(house: House):
    mine = house.get("alarms?state=all&kind=all&limit=1000", "line 1")["items"]
    page = house.get(f"alarms?state=all&kind=all&limit={len(mine)}", "line 1")
    assert ([one["id"] for one in page["items"]], page["next"]) == ([one["id"] for one in mine], None)


def test_a_finding_is_labelled_by_whoever_reaches_its_machine_and_by_nobody_else(house: House):
    made = house.post("findings", {"asset": PUMP, "kind": "reach", "score": 0.1}).json()
    path = f"findings/{made['id']}/label"
    assert house.post(path, {"label": "confirmed"}, "elsewhere").status_code == 403
    assert house.post(path, {"label": "neutral"}, "line 1").json()["label"] == "neutral"
    assert house.post("findings/none/label", {"label": "neutral"}, "line 1").status_code == 404


def test_a_page_of_findings_is_filled_with_those_of_ones_own_line(house: House):
    other = "Bakery/Line 10"
    mine = house.post("findings", {"asset": PUMP, "kind": "mine", "score": 0.1}).json()
    with house.rooms.db.begin() as tx:  # a line whose name begins like ours
        house.rooms.detect._found.add(tx, other, "theirs", 0.1, by=Subject.system("test"))
        house.rooms.detect._found.add(tx, other, "theirs", 0.1, by=Subject.system("test"))
    page = house.get("findings?limit=1", "line 1")
    assert [one["id"] for one in page["items"]] == [mine["id"]]
    assert page["next"] is not None
    assert all(one["asset"].startswith("Bakery/Line 1/") for one in house.get("findings?limit=1000", "line 1")["items"])


def test_findings_of_a_time(house: House):
    made = house.post("findings", {"asset": PUMP, "kind": "of a time", "score": 0.1}).json()
    at = made["raised"]
    assert made["id"] in [one["id"] for one in house.get("findings", params={"end": at})["items"]]
    assert made["id"] not in [one["id"] for one in house.get("findings", params={"start": at})["items"]]
    page = house.get("findings", params={"end": at, "limit": 1})
    assert [one["id"] for one in page["items"]] == [made["id"]]
    rest = house.get("findings", params={"end": at, "after": page["next"], "limit": 500})["items"]
    assert made["id"] not in [one["id"] for one in rest]
    assert house.ask("GET", "findings?start=yesterday").status_code == 422
