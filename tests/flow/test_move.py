"""The page for those who lost Lookout for Equipment and Monitron: its files and commands, run as they are printed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.flow.node import Node, run, until

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move-from-lookout-and-monitron.md"
START = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = 80 * 288


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def history(path: Path) -> None:
    """Write eighty days of a pump as Lookout for Equipment wanted them, with a fault that is labelled and one that is not."""
    draw = np.random.default_rng(4)
    load = 60 + 15 * np.sin(np.arange(STEPS) / 137) + 5 * np.sin(np.arange(STEPS) / 41) + draw.normal(0, 1, STEPS)
    gains = {"flow": 2.0, "pressure": -0.05, "current": 0.1, "bearing": 0.3}
    table = {"load": load, **{name: gain * load + draw.normal(0, 0.3 * abs(gain), STEPS) for name, gain in gains.items()}}
    for day in (40, 70):
        table["bearing"][day * 288 : (day + 2) * 288] += np.linspace(0, 4, 576)
    lines = [",".join(["Timestamp", *table])]
    for row, values in enumerate(zip(*table.values(), strict=True)):
        at = (START + timedelta(minutes=5 * row)).strftime("%Y-%m-%dT%H:%M:%S.%f")
        lines.append(",".join([at, *(f"{value:.4f}" for value in values)]))
    path.write_text("\n".join(lines) + "\n")


def monitron(path: Path) -> None:
    band = {"rms": 1.4, "absMax": 3.0, "absMin": 0.1, "crestFactor": 3.1}
    new = {
        "timestamp": "2026-05-01 06:00:00.000",
        "version": "2.0",
        "eventType": "measurement",
        "eventPayload": {
            "siteName": "Works",
            "assetName": "Pump 1",
            "positionName": "Drive end",
            "sensor": {"physicalId": "a", "rssi": -60},
            "features": {"velocity": {"band10To1000Hz": {"totalVibration": band}}, "temperature": 41.5},
        },
    }
    old = {
        "timestamp": "2026-05-01 05:00:00.000",
        "siteDisplayName": "Works",
        "assetDisplayName": "Pump 1",
        "sensorPositionDisplayName": "Drive end",
        "sensor": {"physicalId": "a", "rssi": -61},
        "measurement": {"features": {"velocity": {"band10To1000Hz": {"resultantVector": band}}, "temperature": 41.0}},
    }
    state = {**new, "eventType": "gatewayConnected", "eventPayload": {}}
    path.write_text("\n".join(json.dumps(one) for one in (old, new, state)) + "\n")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.chdir(tmp_path)
    for text in blocks("yaml"):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    history(tmp_path / "pump-1.csv")
    at = [START + timedelta(days=day) for day in (40, 42)]
    (tmp_path / "labels.csv").write_text(",".join(one.strftime("%Y-%m-%dT%H:%M:%S.%f") for one in at) + "\n")
    (tmp_path / "positions.csv").write_text(blocks("csv")[0])
    monitron(tmp_path / "monitron.jsonl")
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "settings.toml").write_text("")
    one = Node(tmp_path / "plant")
    yield one
    one.stop()


def trained(env: dict[str, str]) -> None:
    until(lambda: "training" not in run("anomaly", "list", env=env).stdout, 240, 1.0)


@pytest.mark.timeout(600)
def test_what_the_page_says_is_what_happens(node: Node, tmp_path: Path) -> None:
    (code,) = blocks("python")
    exec(code, {})
    said: dict[str, str] = {}
    env: dict[str, str] = {}
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line)[1:]
        if words[0] == "up":
            node.start()
            node.login()
            token = node.http.post("tokens", json={"name": "move", "role": "engineer"}).json()["secret"]
            env = {"LINESHAFT_URL": str(node.http.base_url).removesuffix("/api/v1/"), "LINESHAFT_TOKEN": token}
            continue
        done = run(*words, env=env)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        said[" ".join(words[:2])] = done.stdout
        if words[:2] == ["anomaly", "train"]:
            trained(env)
    assert "missing values" in said["anomaly look"]
    assert said["anomaly labels"] == "1 new, 0 there already\n"
    assert "1  ready  good: 1 of 1 labelled anomalies found" in said["anomaly list"]
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    found = [line["timestamp"][:10] for line in lines if line["prediction"]]
    assert found, "the second fault is found"
    assert min(found) >= "2026-05-10"
    assert said["anomaly use"] == "version 1 of Pump 1: shadow\n"
    assert "trained again every 90 days, waits 10 min" in said["anomaly change"]
    assert said["condition list"].count("Works/Pump 1/") == 2
    assert "6 rows" in said["import-history monitron.csv"]
