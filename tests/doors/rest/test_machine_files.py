"""Models as files over REST: a version of a notebook taken in, its scores as a table, labels in and out, schedules changed."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from lineshaft.core import NS, iso, now_ns
from lineshaft.detect import anomaly

PUMP = "Bakery/Line 1/Cooler/Coolant pump"
SENSORS = ("Flow", "Vibration", "BearingTemperature")
TAGS = {"Flow": "Flow", "Vibration": "Vibration", "BearingTemperature": "BearingTemperature"}
LABEL = "2026-01-01T06:00:00,2026-01-02T06:00:00,ANOMALY,BRG"
MINUTE = 60 * NS


@pytest.fixture(scope="module")
def model(house):
    made = house.post(
        "anomaly-models", {"asset": PUMP, "name": "of a notebook", "properties": [f"{PUMP}/{one}" for one in SENSORS]}
    )
    assert made.status_code == 201, made.text
    chance = np.random.default_rng(1)
    load = 60 + 15 * np.sin(np.arange(2000) / 37)
    table = {name: load * gain + chance.normal(0, gain, 2000) for name, gain in zip(SENSORS, (1, 0.02, 0.5), strict=True)}
    start = (now_ns() // MINUTE - 2000) * MINUTE
    content = anomaly.fit({"time": start + MINUTE * np.arange(2000, dtype=np.int64), **table}).to_bytes()
    taken = house.ask("POST", f"anomaly-models/{made.json()['id']}/versions", content=content)
    assert taken.status_code == 201, taken.text
    return taken.json()


def test_a_version_is_taken_in_and_given_out_as_a_file(house, model):
    (version,) = model["versions"]
    assert (version["number"], version["state"], version["verdict"]) == (1, "ready", None)
    assert model["active"] is None, "it works only when somebody says so"
    given = house.ask("GET", f"anomaly-models/{model['id']}/file")
    assert anomaly.load(given.content).sensors == tuple(f"{PUMP}/{one}" for one in SENSORS)
    empty = house.ask("POST", f"anomaly-models/{model['id']}/versions", content=b"")
    assert (empty.status_code, empty.json()["code"]) == (422, "models.empty")
    wrong = house.ask("POST", f"anomaly-models/{model['id']}/versions", content=b"nothing of the kind")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "anomaly.file")


def test_scores_of_a_time_are_a_table_to_take_away(house, model):
    end = now_ns() // MINUTE * MINUTE
    rows = [(f"ns=2;s=Coolant pump/{TAGS[name]}", 50.0, end - n * MINUTE - NS) for name in SENSORS for n in range(30)]
    house.values(rows)
    url = f"anomaly-models/{model['id']}/table?start={end - 20 * MINUTE}&end={end}"
    text = house.ask("GET", url).text.splitlines()
    assert text[0].split(",")[:3] == ['"time"', '"score"', '"reason"']
    assert len(text) == 21
    table = pq.read_table(io.BytesIO(house.ask("GET", f"{url}&format=parquet").content))
    assert table.num_rows == 20
    assert table.column_names[3:] == [f"share: {PUMP}/{one}" for one in SENSORS]
    lines = [json.loads(line) for line in house.ask("GET", f"{url}&format=jsonl").text.splitlines()]
    assert len(lines) == 20
    assert set(lines[-1]) == {"timestamp", "prediction", "prediction_reason", "anomaly_score", "diagnostics"}
    assert lines[-1]["timestamp"][:19] == iso(end)[:19]
    made = house.post("tokens", {"name": "oven alone", "role": "viewer", "scope": ["Bakery/Line 1/Oven"]}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    for path in (url, f"anomaly-models/{model['id']}/file"):
        assert house.ask("GET", path, None, headers=headers).status_code == 403


def test_the_schedule_changes_with_the_version_that_was_seen(house, model):
    url = f"anomaly-models/{model['id']}"
    seen = house.get(url)["version"]
    told = house.ask("PATCH", url, json={"retrain": "30d", "promote": "better", "delay": "10m", "version": seen}).json()
    assert (told["retrain_s"], told["promote"], told["delay_s"]) == (30 * 86_400, "better", 600)
    assert told["next_training"] is None, "by the schedule, after the first training"
    assert house.ask("PATCH", url, json={"retrain": "60d", "version": seen}).status_code == 409
    fixed = house.ask("PATCH", url, json={"every": "5m"})
    assert fixed.status_code == 422
    often = house.ask("PATCH", url, json={"retrain": "P1M"})
    assert (often.status_code, often.json()["hint"]) == (
        422,
        "a month or a year has no fixed length: write days, such as 30d or P30D",
    )
    assert house.post(f"{url}/use", {"number": 1, "mode": "shadow"}).status_code == 200
    busy = house.ask("DELETE", url)
    assert (busy.status_code, busy.json()["code"]) == (409, "models.at-work")
    assert house.post(f"{url}/use", {"number": 1, "mode": "off"}).status_code == 200
    assert house.ask("DELETE", url).json() == {"id": model["id"]}
    assert house.ask("GET", url).status_code == 404


def test_labels_of_a_file_are_taken_in_and_given_out(house):
    body = {"content": LABEL, "asset": PUMP, "timezone": "Europe/Berlin"}
    assert house.post("anomaly-labels/import", {**body, "timezone": ""}).json()["code"] == "labels.zone"
    tried = house.post("anomaly-labels/import", {**body, "dry_run": True}).json()
    assert tried == {"rows": 1, "added": 1, "known": 0, "dry_run": True}
    assert house.get("anomaly-labels")["items"] == []
    assert house.post("anomaly-labels/import", body).json()["added"] == 1
    assert house.post("anomaly-labels/import", body).json()["known"] == 1
    written = house.ask("GET", "anomaly-labels/table").text
    assert written == f"asset,start,end,kind,code,note\n{PUMP},2026-01-01T05:00:00Z,2026-01-02T05:00:00Z,anomaly,BRG,\n"
    assert house.post("anomaly-labels/import", {"content": written}).json()["known"] == 1
    assert (
        house.post("anomaly-labels/import", {"content": LABEL.replace("05:", "06:"), "asset": "Bakery/Nowhere"}).status_code
        == 422
    )
    assert [one["code"] for one in house.get("anomaly-labels", params={"start": "2026-01-02T00:00:00Z"})["items"]] == ["BRG"]
    assert house.get("anomaly-labels", params={"kind": "normal"})["items"] == []
    (row,) = house.get("anomaly-labels")["items"]
    assert house.ask("DELETE", f"anomaly-labels/{row['id']}").status_code == 200
