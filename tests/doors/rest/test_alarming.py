"""Every state of ISA-18.2 over REST; figures, first-out, rationalisation and precision as people and programs read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft.core import NS, iso, now_ns
from tests.doors.conftest import House, make_house

MODEL = """\
model: Press
version: 1
properties:
  - {name: Pressure, kind: measurement, type: double, unit: bar}
  - {name: Running, kind: measurement, type: boolean}
  - {name: Highest, kind: attribute, type: double, unit: bar, default: 100}
alarms:
  - {name: Pressure high, property: Pressure, operator: '>', limit: Highest, deadband: 5, latched: true, impact: major,
     respond_within: 5m, cause: the relief valve sticks, consequence: the seal bursts, action: open the bypass}
  - {name: Runs dry, when: Running and Pressure < 10}
  - {name: Too hot to say, property: Pressure, operator: '<', limit: -10, suppress_when: not Running}
"""
PLANT = """\
assets:
  - name: Hall
    level: site
    children:
      - name: Line 7
        level: line
        children:
          - {name: Press 1, model: Press, source: plc, tag_prefix: "P1/"}
          - {name: Press 2, model: Press, source: plc, tag_prefix: "P2/", attributes: {Highest: 60}}
"""


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    home = tmp_path_factory.mktemp("hall")
    folder: Path = home / "config"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "press.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text(PLANT)
    for house in make_house(home):
        house.rooms.assets.load(folder)
        assert house.rooms.detect.reload() == []
        yield house


def say(hall: House, tag: str, value, machine: str = "P1"):
    hall.values([(f"{machine}/{tag}", value, hall.moment())], source="plc")


def kpis(hall: House, more: str = "", role: str = "admin"):
    """The last day of the plant's time, which in these tests runs ahead of ours."""
    return hall.get(f"alarm-kpis?end={iso(hall.at + NS)}{more}", role)


def one(hall: House, name: str, asset: str = "Hall/Line 7/Press 1"):
    items = hall.get("alarms?state=all&kind=all&limit=500")["items"]
    return next(item for item in items if (item["name"], item["asset"]) == (name, asset))


def step(hall: House, alarm, verb, body=None, role="admin"):
    return hall.post(f"alarms/{alarm['id']}/{verb}", body or {}, role)


def test_every_state_is_reached_and_left_over_rest(hall: House):
    say(hall, "Running", True)
    say(hall, "Pressure", 50.0)
    alarm = one(hall, "Pressure high")
    seen = [alarm["state"]]

    def note(answer):
        assert answer.status_code == 200, answer.text
        seen.append(answer.json()["state"])

    say(hall, "Pressure", 120.0)
    seen.append(one(hall, "Pressure high")["state"])
    say(hall, "Pressure", 50.0)
    seen.append(one(hall, "Pressure high")["state"])
    note(step(hall, alarm, "acknowledge"))
    note(step(hall, alarm, "reset", {"note": "seal looked at"}))
    say(hall, "Pressure", 120.0)
    note(step(hall, alarm, "acknowledge"))
    assert seen == ["normal", "unack", "latched-unack", "latched-acked", "normal", "acked"]
    note(step(hall, alarm, "shelve", {"until": iso(now_ns() + 60 * NS), "reason": "gauge is changed"}))
    refused = step(hall, alarm, "return-to-service")
    assert (refused.status_code, refused.json()["code"]) == (409, "alarms.step")
    note(step(hall, alarm, "unshelve"))
    note(step(hall, alarm, "out-of-service", {"reason": "press is dismantled"}, "technician"))
    assert step(hall, alarm, "out-of-service", {"reason": "x"}, "operator").status_code == 403
    assert step(hall, alarm, "unshelve").status_code == 409
    note(step(hall, alarm, "return-to-service", {}, "technician"))
    assert seen[6:] == ["shelved", "unack", "out-of-service", "unack"]
    say(hall, "Pressure", 50.0)
    step(hall, alarm, "acknowledge")
    step(hall, alarm, "reset")
    dry = one(hall, "Runs dry")
    say(hall, "Pressure", 5.0)
    assert one(hall, "Runs dry")["state"] == "unack"
    assert one(hall, "Runs dry")["condition"] == "Running and Pressure < 10"
    say(hall, "Running", False)
    assert one(hall, "Runs dry")["state"] == "rtn-unack"
    assert one(hall, "Too hot to say")["state"] == "suppressed"
    back = step(hall, one(hall, "Too hot to say"), "unshelve").json()
    assert "comes back by itself" in back["hint"]
    assert step(hall, dry, "acknowledge").json()["state"] == "normal"


def test_the_shelf_ends_within_seven_days_and_out_of_service_wants_a_reason(hall: House):
    alarm = one(hall, "Pressure high")
    answer = step(hall, alarm, "shelve", {"until": iso(now_ns() + 8 * 86_400 * NS), "reason": "holidays"})
    assert (answer.status_code, answer.json()["hint"]) == (422, "take it out of service if it is away for longer")
    assert step(hall, alarm, "out-of-service", {"reason": " "}).json()["code"] == "alarms.reason"


def test_each_press_has_its_own_limit(hall: House):
    limits = {one(hall, "Pressure high", f"Hall/Line 7/Press {n}")["limit"] for n in (1, 2)}
    assert limits == {100, 60}


def test_the_history_of_an_alarm_names_steps_and_people(hall: House):
    alarm = one(hall, "Pressure high")
    items = hall.get(f"alarms/{alarm['id']}/history")["items"]
    assert {"raise", "clear", "acknowledge", "reset", "shelved", "unshelve", "out-of-service"} <= {item["what"] for item in items}
    assert next(item for item in items if item["what"] == "out-of-service")["by"] == "test technician"
    assert hall.get(f"alarms/{alarm['id']}")["latched"] is True
    assert hall.ask("GET", f"alarms/{alarm['id']}/history", "elsewhere").status_code == 403
    assert hall.ask("GET", "alarms/nothing").status_code == 404


def test_alarms_that_come_together_name_the_first(hall: House):
    say(hall, "Running", True, "P2")
    say(hall, "Pressure", 5.0, "P2")
    say(hall, "Pressure", 120.0)
    (group,) = [g for g in hall.get("alarm-groups")["items"] if g["area"] == "Hall/Line 7"]
    names = [(a["asset"], a["name"]) for a in group["alarms"]]
    assert group["first"] == group["alarms"][0]["id"]
    assert names.index(("Hall/Line 7/Press 2", "Runs dry")) < names.index(("Hall/Line 7/Press 1", "Pressure high"))
    assert hall.get("alarm-groups", "elsewhere")["items"] == []


def test_a_rationalisation_record_makes_the_priority_and_is_never_overwritten(hall: House):
    alarm = one(hall, "Runs dry")
    path = f"alarms/{alarm['id']}/rationalisation"
    assert hall.get(path)["items"] == []
    said = {"impact": "severe", "respond_within": "2m", "cause": "no oil", "consequence": "the pump seizes", "action": "stop it"}
    empty = hall.post(path, {**said, "action": " "}).json()
    assert (empty["code"], empty["where"]) == ("alarms.rationalise", "action")
    assert hall.post(path, {**said, "respond_within": "soon"}).status_code == 422
    first = hall.post(path, {**said, "note": "HAZOP 12"}, "engineer")
    assert first.status_code == 201, first.text
    assert (first.json()["priority"], first.json()["number"], first.json()["outdated"]) == (1, 1, False)
    hall.post(path, {**said, "impact": "minor", "respond_within": "1h"}, "engineer")
    assert [(r["number"], r["priority"]) for r in hall.get(path)["items"]] == [(2, 4), (1, 1)]
    hall.rooms.detect.reload()
    now = one(hall, "Runs dry")
    assert (now["priority"], now["action"], now["respond_within_s"]) == (4, "stop it", 3600)
    assert now["rationalised"] is not None
    stale = hall.post(path, {**said, "version": 1})
    assert stale.status_code == 409


def test_figures_count_what_operators_were_told_and_nothing_else(hall: House):
    figures = kpis(hall, "&asset=Hall")
    raises = 0
    for item in hall.get("alarms?state=all&limit=500")["items"]:
        if item["asset"].startswith("Hall"):
            steps = hall.get(f"alarms/{item['id']}/history")["items"]
            raises += sum(s["what"] == "raise" and s["state"] == "unack" for s in steps)
    assert figures["alarms"] == raises > 5
    assert sum(figures["periods"]) == raises
    assert sum(figures["priorities"].values()) == raises
    assert [a["area"] for a in figures["areas"]] == ["Hall/Line 7"]
    assert {b["name"] for b in figures["benchmarks"]} >= {"per_hour", "peak_10min", "flood_share", "stale", "chattering"}
    assert figures["shelved"] == figures["out_of_service"] == 1
    assert figures["not_rationalised"] == 5
    half = kpis(hall, "&asset=Hall&operators=2")
    assert half["per_hour"] == pytest.approx(figures["per_hour"] / 2)
    assert hall.ask("GET", "alarm-kpis?asset=Hal").status_code == 404
    assert hall.ask("GET", "alarm-kpis?asset=Hall", "elsewhere").status_code == 403
    assert kpis(hall, role="elsewhere")["alarms"] == 0
    short = hall.ask("GET", "alarm-kpis?start=2026-01-01T00:00:00Z&end=2026-01-01T00:05:00Z")
    assert (short.status_code, short.json()["code"]) == (422, "alarm-kpis.span")


def test_a_finding_is_an_alert_until_it_is_rationalised_and_its_precision_is_published(hall: House):
    before = kpis(hall, "&asset=Hall")["alarms"]
    body = {"asset": "Hall/Line 7/Press 1", "kind": "anomaly", "score": 0.9, "failure_mode": "VIB"}
    first = hall.post("findings", body).json()
    hall.post("findings", {**body, "score": 0.95})
    alert = one(hall, "Finding: anomaly (VIB)")
    assert (alert["kind"], alert["state"], alert["origin"], alert["value"]) == ("alert", "unack", "finding", 0.95)
    assert alert["id"] not in {a["id"] for a in hall.get("alarms")["items"]}
    assert kpis(hall, "&asset=Hall")["alarms"] == before
    assert step(hall, alert, "acknowledge").json()["state"] == "acked"
    hall.post(f"findings/{first['id']}/label", {"label": "false_alarm"})
    assert one(hall, "Finding: anomaly (VIB)")["state"] == "acked", "another finding is open"
    second = next(f for f in hall.get("findings?asset=Hall/Line 7/Press 1")["items"] if f["label"] is None)
    hall.post(f"findings/{second['id']}/label", {"label": "confirmed"})
    assert one(hall, "Finding: anomaly (VIB)")["state"] == "normal"
    (row,) = [r for r in hall.get("finding-precision")["items"] if r["asset"] == "Hall/Line 7/Press 1"]
    assert (row["confirmed"], row["false_alarm"], row["precision"]) == (1, 1, 0.5)
    assert hall.get("finding-precision", "elsewhere")["items"] == []
    said = {"impact": "major", "respond_within": "20m", "cause": "wear", "consequence": "it stops", "action": "listen to it"}
    hall.post(f"alarms/{alert['id']}/rationalisation", said)
    hall.post("findings", body)
    assert alert["id"] in {a["id"] for a in hall.get("alarms")["items"]}
    assert kpis(hall, "&asset=Hall")["alarms"] == before + 1
    with hall.rooms.db.begin() as tx:
        assert hall.rooms.detect.returned(tx, "Hall/Line 7") == 1
    assert one(hall, "Finding: anomaly (VIB)")["state"] == "rtn-unack", "an operators' alarm is for operators to acknowledge"
