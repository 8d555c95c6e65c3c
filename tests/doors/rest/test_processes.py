from __future__ import annotations

import pytest

from tests.doors.conftest import PUMP, House


@pytest.fixture(scope="module")
def case(house: House) -> dict:
    alarm = house.shake_the_pump()
    return house.get(f"cases/{alarm['case_id']}")


def test_the_processes_in_use_are_listed_with_their_figure(house: House, case):
    items = {one["process"]: one for one in house.get("processes")["items"]}
    assert set(items) >= {"maintenance", "quality-hold", "spare-replenishment", "energy-idle", "on-time-delivery"}
    one = items["maintenance"]
    assert (one["open_cases"], one["starts"], one["tasks"]) == (1, ["alarm", "finding"], 8)
    assert (one["kpi"]["baseline"], one["kpi"]["target"], one["kpi"]["unit"]) == (9.5, 6, "h")
    assert len(one["kpi"]["months"]) == 6
    elsewhere = {one["process"]: one for one in house.get("processes", "elsewhere")["items"]}
    assert elsewhere["maintenance"]["open_cases"] == 0


def test_a_process_is_a_map_with_its_open_cases(house: House, case):
    found = house.get("processes/maintenance")
    tasks = {task["id"]: task for task in found["map"]}
    assert tasks["repair"]["after"] == ["reserve_parts"]
    assert tasks["replenish"]["after"] == ["reserve_parts"]
    assert tasks["replenish"]["modes"] == ["automation", "human_assistant"]
    assert (tasks["repair"]["modes"], tasks["repair"]["role"], tasks["repair"]["due"]) == (
        ["human_assistant"],
        "technician",
        "8h",
    )
    assert tasks["repair"]["escalates"] == {"after": "4h", "to": "planner"}
    spots = [(task["column"], task["row"]) for task in found["map"]]
    assert len(set(spots)) == len(spots), "no task lies on another"
    assert found["open_cases"] == 1
    assert found["before"][0]["who"] == "operator"
    assert found["begins"][1] == {"event": "finding", "when": "score >= 0.7"}
    assert house.ask("GET", "processes/maintenence").json()["hint"] == "did you mean 'maintenance'?"


def test_the_tags_it_needs_say_whether_they_are_ready(house: House, case):
    found = house.get("processes/maintenance")
    ready = {one["property"]: one["state"] for one in found["readiness"]}
    assert ready[f"{PUMP}/Vibration"] in {"ready", "stale"}
    assert house.get("processes/maintenance", "elsewhere")["readiness"] == []


def test_only_a_planner_gives_a_case_up(house: House, case):
    asked = house.ask("GET", f"cases/{case['id']}")
    refused = house.post(f"cases/{case['id']}/cancel", {"reason": "x"}, "technician")
    assert refused.status_code == 403
    body = {"reason": "the pump is taken out", "version": asked.json()["version"]}
    done = house.post(f"cases/{case['id']}/cancel", body, "planner").json()
    assert (done["state"], done["outcome"]) == ("cancelled", "the pump is taken out")
    assert house.post(f"cases/{case['id']}/cancel", {"reason": "x"}, "planner").status_code == 409
    refused = house.post(f"cases/{case['id']}/tasks/repair/answer", {"answer": "done"}, "technician")
    assert refused.json()["code"] == "cases.task"
