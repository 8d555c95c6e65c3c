"""A model trained at the plant works at an edge: its alert is one finding, one case and one order, whatever dies in between.

Values come from mosquitto with a time of their own; the plant is killed while the machine drifts, the edge too, the line is cut.
After the repair is verified the edge's charts begin anew.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lineshaft.core import NS, now_ns
from tests.counterparts.mosquitto import Mosquitto, mosquitto
from tests.flow.node import BAKERY, free_port, until
from tests.flow.test_drift_to_closed import DRIFTING, LEARNED, pump, trained
from tests.flow.test_edge import Site
from tests.flow.test_scenario_b import PUMP, order_of, person, repair

pytest.importorskip("onnxruntime")
MINUTE = 60 * NS
EDGE = "hall-2/pump watch"
SETTINGS = '[edge]\nreport_every = "300ms"\ntimeout = "2s"\n'
SOURCE = """
[[sources]]
name = "press"
type = "mqtt"
url = "mqtt://127.0.0.1:{port}"
[[sources.topics]]
filter = "pump"
tag = "pump/{{path}}"
time = "t"
time_format = "ns"
"""
DETECTOR = """
[[detectors]]
name = "pump watch"
source = "press"
content = "{content}"
[detectors.sensors]
"""
pytestmark = [pytest.mark.slow, pytest.mark.counterpart, pytest.mark.timeout(900)]


class Machine:
    """A pump that says all it measures once a minute; minute 0 is `LEARNED + DRIFTING` minutes ago."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker, self._columns = broker, pump()
        self.began = (now_ns() // MINUTE - LEARNED - DRIFTING) * MINUTE

    def at(self, minute: int) -> int:
        return self.began + minute * MINUTE - 30 * NS

    def say(self, first: int, last: int, since: int | None = None) -> None:
        """Say minutes [first, last), or the same values as of the minutes after `since`, and return once the broker has them."""
        lines = []
        for place, minute in enumerate(range(first, last)):
            at = self.at(minute) if since is None else since + (place + 1) * MINUTE
            lines.append(
                json.dumps({"t": at, **{name: round(float(values[minute]), 5) for name, values in self._columns.items()}})
            )
        words = ["mosquitto_pub", "-p", str(self._broker.port), "-t", "pump", "-q", "1", "-l"]
        subprocess.run(words, input="\n".join(lines) + "\n", text=True, check=True, timeout=120)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[Site, Machine, str]]:
    config = tmp_path / "config"
    config.mkdir()
    subprocess.run(["cp", "-r", f"{BAKERY}/.", str(config)], check=True)
    plant = (config / "plant.yaml").read_text()
    here = "                model: Pump\n                tag_prefix: ns=2;s=Coolant pump/\n"
    assert here in plant
    (config / "plant.yaml").write_text(
        plant.replace(
            here, "                model: Pump\n                source: hall-2/press\n                tag_prefix: pump/\n"
        )
    )
    site, port = Site(tmp_path, config), free_port()
    with mosquitto(tmp_path, port, "allow_anonymous true", "autosave_on_changes false") as broker:
        try:
            source = SOURCE.format(port=port)
            (site.edge_home / "settings.toml").write_text(SETTINGS + source)
            site.enrol()
            site.start_edge()
            until(lambda: any(one["state"] == "connected" for one in site.plant.get("edges/hall-2")["sources"]), 120)
            yield site, Machine(broker), source
        finally:
            site.stop()


def had(site: Site, tag: str = "pump/Vibration", source: str = "hall-2/press") -> int:
    asked = f"SELECT count(DISTINCT ts) AS n FROM samples WHERE source = '{source}' AND tag = '{tag}'"
    return int(site.plant.post("sql", {"sql": asked})["rows"][0][0])


def judged(site: Site) -> int:
    """Return through when the detector has judged; asked at the edge, as the plant may be away."""
    files = list(site.edge_home.rglob("detectors/pump watch.json"))
    return int(json.loads(files[0].read_text())["done"]) if files else 0


def model_at_the_edge(site: Site, machine: Machine, source: str) -> str:
    """Train a model, give it to the edge, and have it work there; return its id."""
    node = site.plant
    body: dict[str, Any] = {"asset": PUMP, "name": "pump", "failure_mode": "VIB", "lookback": f"{LEARNED}m"}
    body |= {"properties": [f"{PUMP}/{name}" for name in pump()], "settings": {"drivers": [f"{PUMP}/Flow"]}}
    model = str(node.post("anomaly-models", body)["id"])
    end = datetime.fromtimestamp((machine.began + LEARNED * MINUTE) / NS, UTC)
    node.post(f"anomaly-models/{model}/train", {"end": end.isoformat()})
    trained(node, model, 1)
    content = base64.b64encode(node.http.get(f"anomaly-models/{model}/export", params={"number": 1}).content).decode()
    tags = "".join(f'"{PUMP}/{name}" = "pump/{name}"\n' for name in pump())
    node.post("edges/hall-2/configs", {"text": source + DETECTOR.format(content=content) + tags})
    (heard,) = until(lambda: node.get(f"anomaly-models/{model}")["heard"], 120)
    assert (heard["source"], heard["number"]) == (EDGE, 1)
    made = node.post(f"anomaly-models/{model}/use", {"number": 1, "mode": "active", "place": EDGE})
    assert (made["active"], made["versions"][0]["place"]) == (1, EDGE)
    return model


def only(site: Site) -> dict[str, Any]:
    """Return the one finding there is."""
    (found,) = until(lambda: site.plant.get("findings")["items"], 120)
    return dict(found)


def again(site: Site) -> None:
    site.plant.start()
    site.plant.login()


def test_an_edges_alert_is_one_finding_one_order_and_the_repair_begins_its_charts_anew(line: tuple[Site, Machine, str]):
    site, machine, source = line
    machine.say(0, LEARNED)
    until(lambda: had(site) == LEARNED, 120)
    model = model_at_the_edge(site, machine, source)
    machine.say(LEARNED, LEARNED + 60)
    until(lambda: site.plant.get(f"anomaly-models/{model}")["versions"][0]["now"].get("reason") == "normal", 60)

    site.plant.kill()
    machine.say(LEARNED + 60, LEARNED + 300)
    until(lambda: judged(site) >= machine.at(LEARNED + 297), 120)
    site.kill_edge()
    machine.say(LEARNED + 300, LEARNED + DRIFTING)
    site.start_edge()
    until(lambda: judged(site) >= machine.at(LEARNED + DRIFTING - 3), 120)
    again(site)
    found = only(site)
    site.plant.kill()
    again(site)
    site.wire.cut()
    site.wire.open()
    until(lambda: had(site) == LEARNED + DRIFTING, 120)
    assert only(site)["id"] == found["id"]
    assert (found["kind"], found["asset"], found["failure_mode"]) == ("anomaly", PUMP, "VIB")
    assert found["score"] >= 0.7
    evidence = found["evidence"]
    assert (evidence["edge"], evidence["model_id"], evidence["version"]) == (EDGE, model, 1)
    assert machine.at(LEARNED + 60) < evidence["start_ns"] <= machine.at(LEARNED + DRIFTING) + MINUTE
    worn = {f"{PUMP}/Vibration", f"{PUMP}/BearingTemperature"}
    assert worn & {one["property"] for one in found["sensors"][:2]}
    assert worn & {one["sensor"] for one in evidence["explanation"][:2] if one["observed"] > one["expected"]}, (
        "its values are here"
    )
    strongest = evidence["strongest"]
    assert evidence["lasts"] is True
    assert strongest["at_ns"] > evidence["start_ns"], "its wear went on after the alert was raised"
    assert strongest["score"] >= found["score"], "filed from what was told last: the plant was away"
    assert worn & {one["sensor"] for one in strongest["explanation"][:2] if one["observed"] > one["expected"]}
    asked = f"SELECT value_text FROM samples WHERE source = '{EDGE}' AND tag = 'alert record'"
    told = [json.loads(row[0]) for row in site.plant.post("sql", {"sql": asked})["rows"]]
    assert {(one["start"], one["end"]) for one in told} == {(evidence["start_ns"], None)}, "one alert"
    assert 1 < len(told) < DRIFTING / 10, "told again when it grew by much"
    assert had(site, "pump/reason", "models") == 0, "the plant does not judge what the edge judges"
    order = until(lambda: order_of(site.plant), 120)
    assert (order["failure_mode"], order["kind"], order["score"]) == ("VIB", "predictive", found["score"])
    assert len(site.plant.get("cases")["items"]) == 1

    bert, anna = person(site.plant, "bert", "planner"), person(site.plant, "anna", "technician")
    repair(site.plant, order["id"], anna)
    site.plant.post(f"work-orders/{order['id']}/verify", {"note": "runs quietly"}, token=bert)
    repaired = until(lambda: not (said := only(site)["evidence"])["lasts"] and said["end_ns"], 60)
    for _ in range(2):  # the answer to a report after the repair tells the edge of it
        before = site.plant.get("edges/hall-2")["seen"]
        until(lambda before=before: site.plant.get("edges/hall-2")["seen"] != before, 60)
    machine.say(LEARNED - 9, LEARNED, since=repaired)

    def after() -> list[Any]:
        asked = f"SELECT ts, value_text FROM samples WHERE source = '{EDGE}' AND tag = 'reason' ORDER BY ts DESC LIMIT 6"
        return list(site.plant.post("sql", {"sql": asked})["rows"])

    until(lambda: judged(site) > repaired + 7 * MINUTE, 120)
    until(lambda: after()[0][0] > datetime.fromtimestamp(repaired / NS + 360, UTC).isoformat(), 60)
    assert [row[1] for row in after()] == ["normal"] * 6
    assert len(site.plant.get("findings")["items"]) == len(site.plant.get("cases")["items"]) == 1
    assert site.plant.get("audit/verify")["ok"]
