"""Edge nodes at the door: invited, enrolled, told how they are, configured with approval and back, shut out."""

from __future__ import annotations

import json

import pytest

from lineshaft.connect import Accounts, Reception
from lineshaft.connect.authority import new_key, request, verified
from lineshaft.connect.edge.versions import canonical
from lineshaft.core import NS, now_ns
from tests.doors.conftest import PASSWORD, House

PLAIN = '[[sources]]\nname = "press"\ntype = "opcua"\nurl = "opc.tcp://127.0.0.1:1"\nsecurity = "None"\nnodes = ["ns=2;s=Vib"]\n'
RULE = """
[[rules]]
name = "slow down"
source = "press"
formula = "if(v > 7, 60)"
inputs = {v = "Vib"}
target = "press"
tag = "Speed"
minimum = 50
maximum = 120
expires = "2099-01-01T00:00:00Z"
"""


@pytest.fixture
def reception(house: House, tmp_path):
    accounts = Accounts(tmp_path / "edges.db")
    yield Reception(house.rooms.guard, house.rooms.edges, accounts, house.rooms.ingest)
    accounts.close()


def enrol(house: House, reception: Reception, name: str) -> str:
    """Invite and enrol; return the serial number of the certificate."""
    made = house.post("edges", {"name": name}).json()
    body = json.dumps({"claim": made["code"].split("-")[0], "request": request(new_key(), "edge")}).encode()
    status, answer = reception.answer("POST /edge/enrol", None, body)
    assert (status, answer["name"]) == (200, name)
    return house.rooms.edges.edge(name)["serial"]


def report(reception: Reception, serial: str, **said: object) -> dict:
    status, answer = reception.answer("POST /edge/report", serial, json.dumps({"buffer": "b1", **said}).encode())
    assert status == 200, answer
    return answer


def test_an_edge_is_invited_once_told_of_and_shut_out(house: House, reception: Reception):
    made = house.post("edges", {"name": "hall-1", "valid": "1h"})
    assert made.status_code == 201
    assert made.json()["listening"] is False
    assert house.get("edges/hall-1")["state"] == "invited"
    serial = enrol(house, reception, "hall-1")
    assert house.get("edges/hall-1")["state"] == "silent"
    source = {"name": "press", "state": "connected", "message": "ok", "since": 1, "bad": 2}
    depth = {"batches": 3, "rows": 600, "bytes": 9_000, "oldest": now_ns() - 5 * NS}
    report(reception, serial, version="0.1.0", depth=depth, sources=[source], offset_ns=12_500_000, lost=7)
    found = house.get("edges/hall-1")
    assert (found["state"], found["version"], found["waiting_values"], found["lost_values"]) == ("online", "0.1.0", 600, 7)
    assert found["clock_offset_ms"] == 12.5
    assert found["sources"] == [{"name": "press", "state": "connected", "message": "ok", "bad": 2}]
    assert house.post("edges/hall-1/revoke", {"reason": "stolen"}).status_code == 200
    status, answer = reception.answer("POST /edge/report", serial, b"{}")
    assert (status, answer["code"]) == (403, "edge.revoked")
    assert "stolen" in answer["what"]
    assert house.get("edges/hall-1")["state"] == "revoked"


def test_a_claim_is_good_once_and_a_redeemed_certificate_replaces_the_one_before(house: House, reception: Reception):
    made = house.post("edges", {"name": "hall-2"}).json()
    body = json.dumps({"claim": made["code"].split("-")[0], "request": request(new_key(), "edge")}).encode()
    assert reception.answer("POST /edge/enrol", None, body)[0] == 200
    before = house.rooms.edges.edge("hall-2")["serial"]
    assert reception.answer("POST /edge/enrol", None, body)[0] == 403
    enrol(house, reception, "hall-2")
    assert reception.answer("POST /edge/report", before, b"{}")[1]["code"] == "edge.certificate-unknown"
    assert reception.answer("POST /edge/report", None, b"{}")[1]["code"] == "edge.certificate-missing"


def test_a_configuration_is_signed_versioned_and_one_step_back(house: House, reception: Reception):
    serial = enrol(house, reception, "hall-3")
    assert report(reception, serial)["config"] is None
    assert house.post("edges/hall-3/configs", {"text": PLAIN, "note": "first"}).json()["number"] == 1
    assert house.post("edges/hall-3/configs", {"text": PLAIN + "# two\n"}).json()["number"] == 2
    wanted = report(reception, serial)["config"]
    ca = house.rooms.edges.authority.ca
    assert wanted["number"] == 2
    assert verified(ca, canonical("hall-3", wanted), wanted["signature"])
    assert not verified(ca, canonical("hall-2", wanted), wanted["signature"])
    assert not verified(ca, canonical("hall-3", {**wanted, "text": PLAIN}), wanted["signature"])
    assert house.post("edges/hall-3/configs/1/want").json()["number"] == 1
    assert report(reception, serial)["config"]["text"] == PLAIN
    assert house.post("edges/hall-3/configs/0/want").status_code == 200
    assert report(reception, serial)["config"] is None
    assert house.ask("POST", "edges/hall-3/configs/9/want").status_code == 404
    assert [one["number"] for one in house.get("edges/hall-3/configs")["items"]] == [2, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[sources]", "TOML"),
        ('[[sources]]\nname = "press"\ntype = "opcuaa"', "opcuaa"),
        ('[[derived]]\nsource = "p"\nname = "x"\nformula = "avg(a)"\ninputs = {a = "A"}', "avg() works"),
        ('[[functions]]\nname = "press"\ncode = ""\n' + PLAIN, "name of two things"),
        (RULE, "which is no source"),
        ("[[pipelines]]\ndeadbnad = 1", "deadbnad"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_with_its_place(house: House, reception: Reception, text: str, said: str):
    from lineshaft.app.edge_parts import check

    house.rooms.edges.versions.check = check
    if not [one for one in house.get("edges")["items"] if one["name"] == "hall-4"]:
        house.post("edges", {"name": "hall-4"})
    answer = house.post("edges/hall-4/configs", {"text": text})
    assert answer.status_code == 422, answer.text
    assert said in answer.text
    assert house.get("edges/hall-4/configs")["items"] == []


def test_what_writes_or_is_a_program_waits_for_a_second_person(house: House, reception: Reception):
    serial = enrol(house, reception, "hall-5")
    made = house.post("edges/hall-5/configs", {"text": PLAIN + RULE}, "engineer").json()
    assert made == {"name": "hall-5", "number": 1, "waits": True}
    assert report(reception, serial)["config"] is None
    assert house.ask("POST", "edges/hall-5/configs/1/want").status_code == 409
    own = house.post("edges/hall-5/configs/1/approve", None, "engineer")
    assert (own.status_code, own.json()["code"]) == (403, "approval.own-proposal")
    boss = house.client.post("/api/v1/login", json={"name": "boss", "password": PASSWORD}).json()["token"]
    house.client.cookies.clear()
    answer = house.client.post("/api/v1/edges/hall-5/configs/1/approve", headers={"Authorization": f"Bearer {boss}"})
    assert answer.status_code == 200, answer.text
    wanted = report(reception, serial)["config"]
    assert wanted["approved_by"] not in ("", wanted["by"])
    assert verified(house.rooms.edges.authority.ca, canonical("hall-5", wanted), wanted["signature"])
    again = house.client.post("/api/v1/edges/hall-5/configs/1/approve", headers={"Authorization": f"Bearer {boss}"})
    assert again.status_code == 409
    shown = house.get("edges/hall-5/configs")["items"][0]
    assert (shown["waits"], shown["approved_by"]) == (False, "Die Chefin")


def test_a_deed_of_a_rule_is_in_the_audit_once_and_a_lock_out_reaches_the_edge(house: House, reception: Reception):
    serial = enrol(house, reception, "hall-6")
    deed = {"number": 1, "at": now_ns(), "rule": "slow down", "source": "press", "tag": "Speed", "value": 60, "outcome": "ok"}
    assert report(reception, serial, deeds=[deed])["deeds"] == 1
    assert report(reception, serial, deeds=[deed, {**deed, "number": 2, "outcome": "refused"}])["deeds"] == 2
    rows = [one for one in house.rooms.guard.audit(limit=50, action="writes.rule") if "hall-6" in one.resource]
    assert [(one.outcome, one.subject_kind) for one in rows] == [("refused", "rule"), ("ok", "rule")]
    assert house.rooms.guard.verify().ok
    reception.locked = lambda edge, source, tag: f"locked out: {edge} {source} {tag}"
    assert report(reception, serial, targets=[["press", "Speed"]])["locked"] == [
        ["press", "Speed", "locked out: hall-6 press Speed"]
    ]
    status, answer = reception.answer("POST /edge/report", serial, json.dumps({"deeds": [{"number": "x"}]}).encode())
    assert status == 422, answer


def test_a_login_for_a_part_of_the_plant_does_not_reach_the_edge_nodes(house: House):
    for path in ("edges", "edges/hall-1"):
        assert house.ask("GET", path, "line 1").status_code == 403
    assert house.post("edges", {"name": "hall-9"}, "line 1").status_code == 403
    assert house.ask("GET", "edges/hall-1/configs", "planner").status_code == 403
