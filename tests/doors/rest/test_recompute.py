from __future__ import annotations

from lineshaft.core import NS, iso, now_ns
from tests.doors.conftest import OVEN, House

HOUR = 3600 * NS
START = (now_ns() // HOUR - 30) * HOUR
RANGE = {"start": iso(START), "end": iso(START + HOUR)}


def said(house: House) -> None:
    """The oven ran for an hour and made 3600 parts, none bad."""
    tag = "ns=2;s=Oven/"
    rows = [(f"{tag}State", 1, START), (f"{tag}Good", 0, START), (f"{tag}Bad", 0, START)]
    rows += [(f"{tag}Good", 60 * n, START + n * 60 * NS) for n in range(1, 61)]
    house.values([*rows, (f"{tag}State", 1, START + HOUR)])


def done(house: House, one: str):
    assert house.rooms.compute.recompute.wait(one, 20)
    return house.get(f"recompute/{one}")


def test_late_scrap_is_previewed_applied_and_explained(house: House):
    said(house)
    before = house.get("oee", params={"asset": OVEN, **RANGE})
    assert before["counts"] == {"good": 3600, "bad": 0}
    scrap = {"check": "colour", "machine": OVEN, "scrap": 360, "reason": "too dark", **RANGE}
    assert house.post("production/quality", scrap, "operator").status_code == 201
    assert house.get("oee", params={"asset": OVEN, **RANGE})["waiting"] == 360
    body = {"paths": [OVEN], **RANGE, "reason": "correction", "note": "colour card"}
    seen = house.post("recompute/preview", body, "engineer").json()
    assert (seen["preview"], seen["state"], seen["capped"]) == (True, "done", False)
    assert {one["path"] for one in seen["changes"]} >= {f"{OVEN}/quality", f"{OVEN}/good"}
    assert house.get("recompute")["items"] == []
    made = house.post("recompute", body, "engineer")
    assert made.status_code == 201
    row = done(house, made.json()["id"])
    assert (row["state"], row["by"], row["reason"], row["note"]) == ("done", "test engineer", "correction", "colour card")
    assert row["changed"] == seen["changed"] == len(row["changes"])
    after = house.get("oee", params={"asset": OVEN, **RANGE, "explain": True})
    assert (after["counts"], after["waiting"]) == ({"good": 3240, "bad": 360}, 0)
    assert after["corrections"][0]["recompute"] == row["id"]
    then = house.get("oee", params={"asset": OVEN, **RANGE, "as_of": row["created"]})
    assert then["counts"] == before["counts"]
    replaced = house.get("recompute/changes", params={"asset": "Bakery/Line 1", **RANGE})["items"]
    assert {(r["old"], r["new"]) for r in replaced if r["path"] == f"{OVEN}/good"} == {(3600, 3240)}
    assert house.get("recompute")["items"][0]["id"] == row["id"]
    over = house.post(f"recompute/{row['id']}/cancel", None, "engineer")
    assert (over.status_code, over.json()["code"]) == (409, "recompute.over")
    assert house.rooms.guard.audit(limit=50)
    assert house.post("store/flush", None, "engineer").json()["rows"] > 0


def test_raw_values_are_taken_back_with_a_preview_and_an_explanation(house: House):
    said(house)
    house.values([("ns=2;s=Oven/State", 4, START + 600 * NS), ("ns=2;s=Oven/State", 1, START + 1200 * NS)])
    wrong = {"property": f"{OVEN}/State", "start": iso(START + 600 * NS), "end": iso(START + 660 * NS)}
    body = {"edits": [wrong], "reason": "correction", "note": "a test of the light barrier"}
    seen = house.post("recompute/preview", body, "engineer").json()
    (raw,) = [one for one in seen["changes"] if one["path"] == f"{OVEN}/State"]
    assert (raw["at"], raw["old"], raw["new"]) == (wrong["start"], 4, None)
    assert house.get("oee", params={"asset": OVEN, **RANGE})["elements"]["down"] == 600, "a preview writes nothing"
    assert house.post("recompute", body, "operator").status_code == 403
    assert house.post("recompute", body, "elsewhere").status_code == 403
    row = done(house, house.post("recompute", body, "engineer").json()["id"])
    assert (row["state"], row["edits"]) == ("done", [{**wrong, "value": None}])
    assert house.get("oee", params={"asset": OVEN, **RANGE})["elements"]["down"] == 0
    (replaced,) = house.get("recompute/changes", params={"asset": f"{OVEN}/State", **RANGE})["items"]
    assert (replaced["old"], replaced["new"], replaced["note"]) == (4, None, "a test of the light barrier")
    assert house.post("recompute/preview", {"reason": "correction"}, "engineer").json()["code"] == "time.span"


def test_what_cannot_be_recomputed_is_told(house: House):
    body = {"paths": [OVEN], **RANGE}
    assert house.post("recompute/preview", {**body, "paths": ["Bakery/Line 1/Ofen"]}).status_code == 404
    assert house.post("recompute/preview", {**body, "reason": "mood"}).status_code == 422
    assert house.post("recompute", {**body, "start": body["end"]}).json()["code"] == "time.span"
    assert house.ask("GET", "recompute/nothing").json()["code"] == "recompute.unknown"
    assert house.post("recompute", body, "elsewhere").status_code == 403


def test_the_time_models_and_the_bad_actors(house: House):
    assert "semi-e10" in house.get("time-models")
    e10 = house.get("oee", params={"asset": OVEN, **RANGE, "model": "semi-e10"})
    assert (e10["model"], e10["e10"]["productive"]) == ("semi-e10", 3600)
    said(house)
    house.values([("ns=2;s=Oven/State", 4, START + 600 * NS), ("ns=2;s=Oven/State", 1, START + 1200 * NS)])
    first = house.get("bad-actors", params={"under": "Bakery/Line 1", **RANGE})["items"][0]
    assert (first["asset"], first["down_s"], first["failures"], first["mttr_s"]) == (OVEN, 600, 1, 600)
    assert first["cost"] == first["rate_per_hour"] / 6
    assert "DowntimeRate" in first["assumption"]
