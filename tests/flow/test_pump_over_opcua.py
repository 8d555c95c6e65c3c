"""A public recording of a water pump whose valve is closed, replayed over OPC UA: the finding names the right sensors."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lineshaft.core import iso
from tests.flow.node import Node, ended, free_port, lineshaft, until

SPEED, LEARNED = 40, 400
PUMP = "Testbed/Pump"
TAGS = ("Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure", "Temperature", "Thermocouple", "Voltage", "Flow")
CULPRITS = {"Flow", "Pressure", "Current"}


@pytest.fixture
def recording(data_folder: Path, tmp_path: Path) -> Path:
    file = data_folder / "skab" / "valve1" / "3.csv"
    if not file.exists():
        pytest.skip(f"{file} is not here (public data lives beside the repository)")
    with file.open() as given:
        rows = list(csv.DictReader(given, delimiter=";"))
    begin = datetime.fromisoformat(rows[0]["datetime"])
    made = tmp_path / "pump.csv"
    with made.open("w") as out:
        out.write("timestamp,asset_name,attribute_name,attribute_value\n")
        for row in rows:
            at = (datetime.fromisoformat(row["datetime"]) - begin).total_seconds()
            for tag in TAGS:
                out.write(f"{at:.0f},Pump,{tag},{row['Volume Flow RateRMS' if tag == 'Flow' else tag]}\n")
    return made


@pytest.fixture
def node(tmp_path: Path, recording: Path) -> Iterator[tuple[Node, datetime]]:
    home, port = tmp_path / "home", free_port()
    (home / "config" / "models").mkdir(parents=True)
    lines = "\n".join(f"  - {{name: {tag}, kind: measurement, type: double}}" for tag in TAGS)
    (home / "config" / "models" / "pump.yaml").write_text(f"model: Pump\nversion: 1\nproperties:\n{lines}\n")
    (home / "config" / "plant.yaml").write_text(
        "assets:\n  - name: Testbed\n    children:\n"
        '      - {name: Pump, model: Pump, source: testbed, tag_prefix: "ns=2;s=Pump/"}\n'
    )
    (home / "settings.toml").write_text(
        f'[[sources]]\nname = "testbed"\ntype = "opcua"\nurl = "opc.tcp://127.0.0.1:{port}"\nbrowse = true\nsecurity = "None"\n'
    )
    begin = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    options = ["--as", "opcua", "--port", str(port), "--start", begin.isoformat(), "--speed", str(SPEED), "--hold", "240"]
    with (tmp_path / "replay.log").open("wb") as log:
        replay = lineshaft(
            "simulate", "--home", str(home), "--replay", str(recording), *options, stdout=log, stderr=subprocess.STDOUT
        )
    made = Node(home)
    try:
        made.start()
        made.login()
        yield made, begin
    finally:
        made.stop()
        ended(replay)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.timeout(900)
def test_a_valve_that_closes_is_found_over_the_wire(node: tuple[Node, datetime]) -> None:
    pump, begin = node
    learned = begin + timedelta(seconds=LEARNED)
    end = begin + timedelta(seconds=1100)
    patience = float(os.environ.get("LINESHAFT_PATIENCE", "1"))

    def arrived() -> bool:
        rows = pump.get("latest", property=f"{PUMP}/Current")["items"]
        return bool(rows and rows[0]["timestamp"] and rows[0]["timestamp"] >= end.strftime("%Y-%m-%dT%H:%M:%S"))

    until(arrived, timeout=240 * patience)
    model = pump.post("anomaly-models", {"asset": PUMP, "name": "pump", "every": "1s", "lookback": f"{LEARNED}s"})
    pump.post(f"anomaly-models/{model['id']}/train", {"end": iso(int(learned.timestamp()) * 10**9)})

    def trained():
        version = pump.get(f"anomaly-models/{model['id']}")["versions"][0]
        assert version["state"] in ("training", "ready"), version["error"]
        return version["state"] == "ready"

    until(trained, timeout=120 * patience)
    pump.post(f"anomaly-models/{model['id']}/use", {"number": 1, "mode": "active"})
    found = until(lambda: pump.get("findings")["items"], timeout=120 * patience)[0]
    named = [one["property"].rsplit("/", 1)[1] for one in found["sensors"][:2]]
    assert found["asset"] == PUMP
    assert set(named) & CULPRITS, named
    told = pump.get(f"anomaly-models/{model['id']}/scores", start=iso(int(learned.timestamp()) * 10**9))
    assert told["alerts"]
    assert sum(one["share"] for one in told["explanation"]) == pytest.approx(1, abs=0.01)
