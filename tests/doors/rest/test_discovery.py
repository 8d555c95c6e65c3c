"""Sources and discovery over REST: what is found is proposed, confirmed, listened to and part of the plant without a restart."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect.discovery.found import Found
from lineshaft.core import NS, now_ns
from tests.doors.conftest import House

LONG = 30


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The bakery line behind Modbus, in a process of its own, as `lineshaft simulate --as modbus`."""
    command = [sys.executable, "-m", "lineshaft", "simulate", "--home", str(tmp_path), "--as", "modbus", "--port", "0"]
    with subprocess.Popen([*command, "--with-parent"], stdout=subprocess.PIPE, text=True) as process:
        try:
            file = tmp_path / "simulator.json"
            while not file.exists() and process.poll() is None:
                assert process.stdout is not None
                process.stdout.readline()
                for _ in range(500):
                    if file.exists():
                        break
                    subprocess.run(["sleep", "0.02"], check=True)
            yield tomllib.loads((tmp_path / "simulator-source.toml").read_text())["sources"][0]
        finally:
            process.terminate()


def test_a_source_is_tried_added_listed_and_removed(house: House, machine: dict[str, Any]):
    options = {name: value for name, value in machine.items() if name not in ("name", "type")}
    tried = house.post("sources/test", {"name": "line", "type": "modbus", "options": options}, "engineer").json()
    assert tried["state"] in ("connected", "degraded")
    assert "Oven/Temperature" in [one["tag"] for one in tried["items"]]
    assert {one["quality"] for one in tried["items"]} == {"good"}
    assert "line" not in [one["name"] for one in house.get("sources")["items"]], "trying adds nothing"
    made = house.post("sources", {"name": "line", "type": "modbus", "options": options}, "engineer").json()
    row = next(one for one in house.get("sources")["items"] if one["name"] == "line")
    assert (row["id"], row["written"], row["options"]["url"]) == (made["id"], "here", options["url"])
    assert next(one for one in house.get("sources", "viewer")["items"] if one["name"] == "line")["options"] == {}
    paused = house.ask("PATCH", f"sources/{made['id']}", "engineer", json={"paused": True, "version": 1})
    assert paused.json()["version"] == 2
    assert house.ask("PATCH", f"sources/{made['id']}", "engineer", json={"paused": False, "version": 1}).status_code == 409
    assert house.ask("DELETE", f"sources/{made['id']}", "engineer").status_code == 200
    assert {"opcua", "modbus", "mqtt"} <= {one["type"] for one in house.get("sources/kinds")["items"]}


def test_two_ways_to_a_machine_are_compared(house: House):
    at = now_ns() - 120 * NS
    rows: list[tuple[str, object, int]] = [("T", 20.0 + n, at + n * 10 * NS) for n in range(5)]
    house.values(rows, "old way")
    house.values([(tag, 29.0 if n == 3 else value, ts + NS // 2) for n, (tag, value, ts) in enumerate(rows)], "new way")
    house.values([("extra", 1.0, at)], "new way")
    told = house.get("sources/compare?old=old way&new=new way&start=1h", "viewer")
    assert [(one["old"], one["verdict"]) for one in told["items"]] == [("T", "apart"), ("extra", "only-new")]
    first = told["items"][0]
    assert (first["old_rows"], first["new_rows"], first["compared"], first["equal"]) == (5, 5, 10, 8)
    assert (first["largest"], first["late_s"]) == (6.0, 0.5)
    near = house.get("sources/compare?old=old way&new=new way&start=1h&pair=T=T&within=10", "viewer")
    assert [one["verdict"] for one in near["items"]] == ["same"]
    assert house.ask("GET", "sources/compare?old=old way&new=gone", "viewer").status_code == 422


def test_the_inventory_is_kept_by_people(house: House):
    with house.rooms.db.begin() as tx:
        house.rooms.discovery.inventory.take(tx, [Found("modbus", "10.0.0.5:502 unit 1", "C7", facts={"unit": 1})], now_ns())
    row = house.get("discovery/systems", "viewer")["items"][0]
    assert (row["status"], row["gaps"]) == ("new", [])
    path = f"discovery/systems/{row['id']}"
    assert house.ask("PATCH", path, "engineer", json={"owner": "Energy", "status": "known", "version": 1}).json()["version"] == 2
    assert house.ask("PATCH", path, "engineer", json={"owner": "x", "version": 1}).status_code == 409
    proposed = house.post(f"{path}/proposal", role="engineer").json()
    assert proposed["entry"]["type"] == "modbus"
    entry = dict(proposed["entry"])
    body = {"name": entry.pop("name"), "type": entry.pop("type"), "options": entry, "system": row["id"]}
    made = house.post("sources", body, "engineer")
    assert made.status_code == 201, made.text
    assert house.get("discovery/systems")["items"][0]["status"] == "connected"
    house.ask("DELETE", f"sources/{made.json()['id']}", "engineer")


def test_only_networks_that_are_allowed_are_looked_through(house: House):
    about = house.get("discovery", "viewer")
    assert (about["networks"], about["look"]) == (["127.0.0.1/32"], None)
    refused = house.post("discovery/look", {"network": "10.0.0.0/24", "protocols": ["modbus"]}, "engineer")
    assert (refused.status_code, refused.json()["code"]) == (403, "discovery.not-allowed")
    begun = house.post("discovery/look", {"network": "", "protocols": ["sparkplug"]}, "engineer")
    assert begun.status_code == 200, begun.text
    house.rooms.discovery.wait(LONG)
    assert house.get("discovery")["look"]["state"] == "done"
    outside = house.ask("GET", "discovery/browse?url=opc.tcp://10.9.9.9:4840", "engineer")
    assert outside.status_code == 403
    assert house.ask("GET", "discovery/browse?url=opc.tcp://10.9.9.9:4840", "viewer").status_code == 403


MODEL = """\
model: Skid
version: 1
properties:
  - {name: Pressure, kind: measurement, type: double}
"""


def test_a_proposed_machine_is_in_the_plant_at_once_and_its_values_are_known(house: House):
    tags = {"Pressure": "ns=1;s=Skid/Pressure"}
    body = {"text": MODEL, "positions": [{"name": "Skid 1", "source": "skid", "tags": tags}]}
    told = house.post("assets/adopt", body, "engineer").json()
    assert (told["added"], told["bound"], told["problems"]) == (["Skid 1"], 1, [])
    assert house.get("assets/Bakery/Line 1/Oven")["path"] == "Bakery/Line 1/Oven", "what stood there stands there"
    house.values([("ns=1;s=Skid/Pressure", 4.5, house.moment())], "skid")
    assert house.get("latest?property=Skid 1/Pressure")["items"][0]["value"] == 4.5
    assert house.post("assets/adopt", body, "engineer").status_code == 409
    wrong = house.post("assets/adopt", {"text": "model: X\nversion: one\n", "positions": []}, "engineer")
    assert (wrong.status_code, wrong.json()["where"]) == (422, "proposal.yaml:2")
