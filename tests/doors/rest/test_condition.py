"""Condition monitoring over REST: three steps of commissioning, raw records, what the scope of somebody hides."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from lineshaft.core import NS, now_ns
from lineshaft.detect import ConditionSettings, Records

PUMP = "Bakery/Line 1/Cooler/Coolant pump"
TAG = "ns=2;s=Coolant pump/Vibration"
BODY = {
    "asset": PUMP,
    "name": "Drive end",
    "vibration": f"{PUMP}/Vibration",
    "temperature": f"{PUMP}/BearingTemperature",
    "running": f"{PUMP}/Running",
    "power_kw": 3,
    "rpm": 1450,
    "bearing": "6205",
    "every": "1s",
    "learn": 20,
}


def shocks(hertz: float, seconds: float = 2.5, rate: int = 8000) -> bytes:
    draw = np.random.default_rng(2)
    values = draw.normal(0, 0.3, int(rate * seconds))
    ring = np.exp(-np.arange(60) / 10) * np.sin(2 * np.pi * 2500 * np.arange(60) / rate)
    for at in np.arange(0.01, seconds - 0.02, 1 / hertz):
        values[int(at * rate) : int(at * rate) + 60] += 3 * ring
    return ("acceleration\n" + "\n".join(f"{value:.5f}" for value in values)).encode()


@pytest.fixture(scope="module")
def position(house):
    found = house.get("condition/streams")["items"]
    one = next(item for item in found if item["path"] == f"{PUMP}/Vibration")
    assert (one["measure"], one["temperature"], one["power_kw"]) == ("velocity", f"{PUMP}/BearingTemperature", 3)
    assert one["running"] == f"{PUMP}/Running"
    tables = house.get("condition/tables")
    assert {row["group"] for row in tables["zones"]} >= {"class-1", "group-1", "group-2"}
    assert all(row["source"] and row["standard"] for row in tables["zones"])
    told = house.post("condition/check", BODY)
    assert told.status_code == 200, told.text
    assert told.json()["zones"]["limits"] == [0.71, 1.8, 4.5]
    assert told.json()["frequencies"]["BPFO"] == pytest.approx(86.6, abs=0.1)
    made = house.post("condition/positions", BODY)
    assert made.status_code == 201, made.text
    return made.json()


def test_a_commissioned_position_is_judged_from_its_first_reading_and_its_results_are_properties(house, position):
    assert (position["path"], position["state"], position["judged_by"]["zones"]["group"]) == (
        f"{PUMP}/Drive end",
        "healthy",
        "class-1",
    )
    now = now_ns() // NS * NS
    house.values([(TAG, 6.0, now + n * NS + NS // 2) for n in range(1, 4)])
    house.rooms.positions.tick(now + 10 * NS)
    one = house.get(f"condition/positions/{position['id']}")
    assert (one["zone"], one["level"]) == ("D", 6.0)
    assert one["state"] in ("warning", "alarm")
    assert one["noticed"][0]["says"].startswith("6.00 mm/s is in zone D")
    rows = house.get("history", params={"property": f"{PUMP}/Drive end/Zone", "end": str(now + 60 * NS)})["rows"]
    assert rows[-1]["value"] == "D"
    listed = house.get("condition/positions")["items"]
    assert [row["id"] for row in listed] == [position["id"]]
    assert house.get("condition/streams")["items"][0]["position"] == f"{PUMP}/Drive end"


def test_what_came_late_is_said(house, position):
    kept = house.rooms.positions
    url = f"condition/positions/{position['id']}"
    assert position["late"] == {"steps": 0, "step": None, "values": 0, "value": None}
    one = kept.book.get(position["id"])
    with house.rooms.db.begin() as tx:
        late = {"steps": 3600, "step": 1_795_000_000 * NS, "values": 7, "value": 1_794_999_000 * NS}
        kept.book.write(tx, position["id"], seen={**one["seen"], "late": late})
    told = house.get(url)["late"]
    assert (told["steps"], told["values"]) == (3600, 7)
    assert told["step"] > told["value"] > "2026"


def test_a_bearing_may_be_given_by_the_factors_of_its_sheet(house, position):
    sheet = {"bpfo": 3.574, "bpfi": 5.426, "bsf": 2.328, "ftf": 0.397}
    told = house.post("condition/check", {**BODY, "bearing": sheet})
    assert told.status_code == 200, told.text
    assert told.json()["frequencies"]["BPFO"] == pytest.approx(3.574 * BODY["rpm"] / 60)
    refused = house.post("condition/check", {**BODY, "bearing": {**sheet, "ftf": 0.367}})
    assert (refused.status_code, refused.json()["code"]) == (422, "bearing.factors")
    assert "standing outer ring" in refused.json()["hint"]
    assert "Timken 205K" in house.get("condition/tables")["bearings"]
    assert position["settings"]["bearing"] == BODY["bearing"]


def test_a_raw_record_is_taken_in_listed_and_looked_at(house, position):
    content = shocks(86.6)
    told = house.ask("POST", "condition/channels?file=a.csv", content=content).json()
    assert told["items"] == [{"name": "acceleration", "samples": 20_000, "rate": None, "unit": None, "rpm": None}]
    url = f"condition/positions/{position['id']}/records"
    for query, code in (
        ("file=a.csv&unit=g", "vibration.rate"),
        ("file=a.csv&rate=8000", "vibration.unit"),
        ("file=a.doc", "record.format"),
    ):
        refused = house.ask("POST", f"{url}?{query}", content=content)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert refused.json()["hint"]
    made = house.ask("POST", f"{url}?file=a.csv&rate=8000&unit=g", content=content, role="technician")
    assert made.status_code == 201, made.text
    record = made.json()
    assert (record["rpm"], record["diagnosis"]["fault"], record["judged"]) == (1450, "outer race", True)
    assert record["figures"]["velocity_rms"] > 0
    assert [one["id"] for one in house.get(url)["items"]] == [record["id"]]
    shown = house.get(f"condition/records/{record['id']}/spectra")
    assert len(shown["envelope"]["x"]) == len(shown["envelope"]["y"]) > 100
    assert set(shown["marks"]) == {"BPFO", "BPFI", "BSF", "FTF"}
    assert house.ask("GET", f"documents/{record['document']}/content").content[:4] == b"PAR1"


def test_a_file_that_unfolds_without_end_is_refused_and_the_node_goes_on(house, position, monkeypatch):
    monkeypatch.setattr(house.rooms.positions, "records", Records(ConditionSettings(record_memory_mb=64)))
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"a": np.zeros(20_000_000)}), file)
    assert len(file.getvalue()) < 1 << 20
    for url in ("condition/channels", f"condition/positions/{position['id']}/records"):
        refused = house.ask("POST", f"{url}?file=bomb.parquet&rate=8000&unit=g", content=file.getvalue())
        assert (refused.status_code, refused.json()["code"]) == (422, "record.memory"), refused.text
        assert "bomb.parquet" in refused.text
        assert "record_memory_mb" in refused.json()["hint"]
    assert house.get(f"condition/positions/{position['id']}")["id"] == position["id"]


def test_settings_change_with_the_version_that_was_seen(house, position):
    one = house.get(f"condition/positions/{position['id']}")
    url = f"condition/positions/{one['id']}"
    told = house.ask("PATCH", url, json={"changes": {"rpm": 1480}, "version": one["version"]})
    assert told.json()["settings"]["rpm"] == 1480
    clash = house.ask("PATCH", url, json={"changes": {"rpm": 1490}, "version": one["version"]})
    assert clash.status_code == 409
    wrong = house.ask("PATCH", url, json={"changes": {"group": "group-2"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "zones.group")


def test_an_alarm_is_acknowledged_and_a_verified_return_begins_anew(house, position):
    url = f"condition/positions/{position['id']}"
    now = now_ns() // NS * NS
    house.values([(TAG, 6.0, now + n * NS + NS // 2) for n in range(30, 40)])
    house.rooms.positions.tick(now + 50 * NS)
    assert house.get(url)["state"] == "alarm"
    assert [one["kind"] for one in house.get("findings", params={"asset": PUMP})["items"]][:1] == ["vibration"]
    assert house.post(f"{url}/acknowledge", role="technician").json()["state"] == "needs maintenance"
    again = house.post(f"{url}/acknowledge", role="technician")
    assert (again.status_code, again.json()["code"]) == (409, "position.no-alarm")
    assert house.post(f"{url}/return", role="technician").json()["state"] == "healthy"


def test_who_does_not_reach_the_machine_sees_no_position(house, position):
    made = house.post("tokens", {"name": "oven only", "role": "viewer", "scope": ["Bakery/Line 1/Oven"]}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert house.ask("GET", "condition/positions", None, headers=headers).json()["items"] == []
    assert house.ask("GET", "condition/streams", None, headers=headers).json()["items"] == []
    assert house.ask("GET", f"condition/positions/{position['id']}", None, headers=headers).status_code == 403
    assert house.ask("GET", f"condition/positions/{position['id']}/records", None, headers=headers).status_code == 403


def test_one_taken_off_is_gone_and_may_be_commissioned_again(house, position):
    assert house.post(f"condition/positions/{position['id']}/take-off").json() == {"id": position["id"]}
    assert house.get("condition/positions")["items"] == []
    assert house.ask("GET", f"condition/positions/{position['id']}").status_code == 404
    assert house.post("condition/positions", BODY).json()["id"] == position["id"]


def test_how_it_ended_is_said_in_the_codes_of_work_orders_and_a_reading_is_taken_now(house):
    (one,) = house.get("condition/positions")["items"]
    url = f"condition/positions/{one['id']}"
    now = now_ns()
    house.values([(TAG, 6.0, now)])
    told = house.post(f"{url}/measure", role="technician").json()["measured"]
    assert (told["zone"], told["level"], told["says"][0][:9]) == ("D", 6.0, "6.00 mm/s")
    wrong = house.post(f"{url}/return", {"mode": "VIB", "cause": "AGE", "remedy": "MAGIC"}, role="technician")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "codes.unknown")
    half = house.post(f"{url}/return", {"mode": "VIB"}, role="technician")
    assert (half.status_code, half.json()["code"]) == (422, "codes.missing")
    said = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE", "note": "6205 changed"}
    assert house.post(f"{url}/return", said, role="technician").json()["state"] == "healthy"
    (row,) = house.get("condition/resolutions", params={"asset": PUMP})["items"]
    assert {name: row[name] for name in said} == said
    assert (row["label"], row["position"]) == ("confirmed", f"{PUMP}/Drive end")
    made = house.post("tokens", {"name": "oven again", "role": "viewer", "scope": ["Bakery/Line 1/Oven"]}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert house.ask("GET", "condition/resolutions", None, headers=headers).json()["items"] == []


def test_positions_go_out_as_a_table_and_come_in_as_one(house):
    text = house.ask("GET", "condition/positions/table").text
    assert text.startswith("asset,name,vibration,temperature,running,speed,battery,signal,")
    more = text + text.splitlines()[1].replace("Drive end", "Free end") + "\n"
    tried = house.post("condition/positions/import", {"content": more, "dry_run": True}).json()
    assert (tried["rows"], tried["known"], tried["added"], tried["wrong"]) == (2, 1, [f"{PUMP}/Free end"], [])
    assert len(house.get("condition/positions")["items"]) == 1, "a dry run leaves nothing"
    wrong = house.post("condition/positions/import", {"content": f"asset,name\nBakery/Nowhere,x\n{PUMP},Free end\n"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "import.rows")
    assert len(house.get("condition/positions")["items"]) == 1, "all or none"
    assert house.post("condition/positions/import", {"content": more}).json()["added"] == [f"{PUMP}/Free end"]
    free = next(one for one in house.get("condition/positions")["items"] if one["name"] == "Free end")
    assert free["settings"]["rpm"] == 1450
    assert house.post(f"condition/positions/{free['id']}/take-off").status_code == 200
