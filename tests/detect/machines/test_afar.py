"""A model that works at an edge: each alert the edge tells of is one finding here, however often and late it is told."""

from __future__ import annotations

import json

import pytest

from lineshaft.core import NS, Batch, InvalidInput, Quality, now_ns, samples
from lineshaft.detect.machines.machines import Machines
from lineshaft.detect.machines.record import TAG
from lineshaft.maintain import ReturnedToService
from tests.detect.machines.test_machines import ENGINEER, MINUTE, PUMP, Node

START = (now_ns() // MINUTE - 500) * MINUTE


class Edge:
    """An edge that tells a plant of alerts, and a version of a model that works there."""

    def __init__(self, node: Node, name: str) -> None:
        self.node, self.plant, self.seq, self.name, self.source = node, node.plant, 0, name, f"hall-2/{name}"
        self.model = node.create(name=name, failure_mode=name.upper())
        for _ in range(2):
            with self.plant.db.begin() as tx:
                row = node.machines.book.begin(tx, self.model, START - 9000 * MINUTE, START, "eva")
                node.machines.book.write(tx, row["id"], state="ready", through=START)
        self.use(1, "active", self.source)

    def use(self, number: int, mode: str, place: str | None = None) -> None:
        with self.plant.db.begin() as tx:
            self.node.machines.book.use(tx, self.model["id"], number, mode, place=place)

    def text(self, start: int, end: int | None = None, **other: object) -> str:
        said = {"model": self.model["id"], "name": self.name, "version": 1, "start": start, "end": end, "peak": 2.0}
        shares = [[f"{PUMP}/Bearing", 0.7], ["Site/Other/Speed", 0.2], [f"{PUMP}/Flow", 0.1]]
        return json.dumps({**said, "sensors": shares, **other})

    def say(self, *rows: tuple[str, int, object], heard: bool = True) -> None:
        self.seq += 1
        batch = samples({"tag": tag, "ts": ts, "value": value, "q": Quality.GOOD} for tag, ts, value in rows)
        for stored in self.plant.store.append([Batch(self.source, self.seq, ts, batch) for _, ts, _ in rows[:1]]):
            self.plant.store.show(stored)
            if heard:
                self.plant._publish(stored.rows)

    def restart(self) -> None:
        """Have the plant begin again: what it remembered in memory is gone."""
        plant = self.plant
        plant.machines = self.node.machines = Machines(plant.db, plant.assets, plant.store, plant.guard, plant.bus)

    def tick(self) -> None:
        self.node.machines.tick(now_ns())

    def findings(self) -> list[dict]:
        found = self.plant.detect.findings(asset=PUMP)
        return [one for one in found if one["evidence"]["model_id"] == self.model["id"]]

    def conditions(self) -> dict[str, str]:
        return {one.key: one.message for one in self.plant.system_events.current()}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    made = Node(tmp_path_factory.mktemp("plant"))
    yield made
    made.plant.stop()


@pytest.fixture
def edge(node, request):
    made = Edge(node, f"e{len(node.machines.book.list())}")
    yield made
    made.use(1, "off")


def test_an_alert_is_one_finding_however_often_it_is_told(edge: Edge):
    edge.say(
        ("score", START + MINUTE, 0.7), ("reason", START + MINUTE, "anomaly"), (TAG, START + MINUTE, edge.text(START + MINUTE))
    )
    edge.tick()
    (found,) = edge.findings()
    assert (found["kind"], found["failure_mode"], found["at"], found["by"]) == (
        "anomaly",
        edge.name.upper(),
        START + MINUTE,
        "system:models",
    )
    assert found["score"] == 0.85
    assert found["sensors"] == [{"property": f"{PUMP}/Bearing", "share": 0.7}, {"property": f"{PUMP}/Flow", "share": 0.1}]
    evidence = found["evidence"]
    assert (evidence["edge"], evidence["model_id"], evidence["version"]) == (edge.source, edge.model["id"], 1)
    alert = next(
        one for one in edge.plant.detect.alarms(active_only=False, kind=None) if one["failure_mode"] == edge.name.upper()
    )
    assert (alert["kind"], alert["raised"]) == ("alert", START + MINUTE), "an alert for maintenance, in event time"

    edge.say((TAG, START + MINUTE, edge.text(START + MINUTE)), ("reason", START + 2 * MINUTE, "anomaly"))
    edge.tick()
    assert edge.node.machines.book.number(edge.model["id"], 1)["now"]["reason"] == "anomaly"
    edge.restart()
    edge.tick()
    edge.say((TAG, START + 60 * MINUTE, edge.text(START + MINUTE, START + 60 * MINUTE)))
    edge.say((TAG, START + MINUTE, edge.text(START + MINUTE)))
    edge.tick()
    edge.restart()
    edge.tick()
    (found,) = edge.findings()
    assert found["evidence"]["end_ns"] == START + 60 * MINUTE
    assert edge.node.machines.book.number(edge.model["id"], 1)["alerts"] == 1

    edge.say(
        (TAG, START + 70 * MINUTE, edge.text(START + MINUTE)),
        (TAG, START + 90 * MINUTE, edge.text(START + MINUTE, START + 90 * MINUTE)),
    )
    edge.tick()
    (found,) = edge.findings()
    assert found["evidence"]["end_ns"] == START + 90 * MINUTE, "an alert that goes on is the same"
    with edge.plant.db.begin() as tx:
        edge.plant.detect.label(tx, found["id"], "confirmed", ENGINEER)
    assert edge.node.machines.labels.known(PUMP, START + MINUTE, START + 2 * MINUTE) == [
        (START + MINUTE, START + 90 * MINUTE, "anomaly", edge.name.upper())
    ]
    assert next(one for one in edge.plant.detect.precision() if one["asset"] == PUMP)["precision"] == 1.0


def test_what_arrived_while_the_node_was_killed_or_comes_late_is_filed_once(edge: Edge):
    began = now_ns() + MINUTE
    edge.say((TAG, began, edge.text(began)), heard=False)
    edge.restart()
    edge.tick()
    assert [one["at"] for one in edge.findings()] == [began]
    late = START + 5 * MINUTE
    edge.say((TAG, late + 9 * MINUTE, edge.text(late, late + 9 * MINUTE)))
    edge.tick()
    edge.restart()
    edge.tick()
    found = edge.findings()
    assert [one["at"] for one in found] == [began, late], "an alert of which only the end came is one too"
    assert found[1]["evidence"]["end_ns"] == late + 9 * MINUTE


def test_only_the_version_at_its_place_is_listened_to_and_this_node_does_not_score_it(edge: Edge):
    other, at = "hall-2/other", START + MINUTE
    edge.say((TAG, at, edge.text(at, version=2)), (TAG, at + 1, edge.text(at + 1, model="another")))
    edge.tick()
    assert edge.findings() == []
    edge.say((TAG, at + 2, "no JSON"))
    edge.tick()
    assert "cannot be used" in edge.conditions()[f"detect:models:record:{edge.name}"]
    afar = edge.node.machines.afar
    assert afar.told([(other, edge.model["id"], edge.name, "1"), (edge.source, edge.model["id"], edge.name, "2")]) == {}
    wrong = f"detect:models:place:{edge.source}"
    assert f"version 2 of '{edge.name}' runs, not version 1" in edge.conditions()[wrong]
    assert [(one["source"], one["number"]) for one in afar.seen(edge.model)] == [(edge.source, 2), (other, 1)]
    afar.told([(edge.source, edge.model["id"], edge.name, "1")])
    assert wrong not in edge.conditions()
    with pytest.raises(InvalidInput, match="no detector of an edge node"):
        edge.use(1, "active", "pump")

    edge.say((TAG, at + 3, edge.text(at + 3)))
    edge.tick()
    assert len(edge.findings()) == 1
    edge.use(1, "active", "")
    edge.node.machines.afar.tick(edge.node.machines._reported)
    assert "end_ns" in edge.findings()[0]["evidence"], "nobody will tell of its end"
    edge.say((TAG, at + 4, edge.text(at + 4)))
    edge.node.machines.afar.tick(edge.node.machines._reported)
    assert len(edge.findings()) == 1, "what works here is not listened to there"


def test_in_the_shadow_alerts_are_counted_and_one_that_lasts_is_filed_once_it_works(edge: Edge):
    edge.use(1, "shadow")
    first = now_ns() + MINUTE
    second = first + 3 * MINUTE
    edge.say(
        (TAG, first, edge.text(first)), (TAG, first + MINUTE, edge.text(first, first + MINUTE)), (TAG, second, edge.text(second))
    )
    edge.tick()
    assert edge.findings() == []
    assert edge.node.machines.book.number(edge.model["id"], 1)["alerts"] == 2
    edge.use(1, "active")
    edge.tick()
    edge.tick()
    assert [one["at"] for one in edge.findings()] == [second]


def test_a_return_to_service_ends_the_finding_and_the_edge_is_told(edge: Edge):
    at, repaired = START + MINUTE, START + 50 * MINUTE
    running = [(edge.source, edge.model["id"], edge.name, "1")]
    edge.say((TAG, at, edge.text(at)))
    edge.tick()
    assert edge.node.machines.afar.told(running) == {edge.source: (0, False)}
    with edge.plant.db.begin() as tx:
        edge.plant.bus.tell_with(tx, ReturnedToService("o", "WO-1", PUMP, "BRG", (), repaired, "tom"))
    assert edge.node.machines.afar.told(running) == {edge.source: (repaired, False)}
    edge.restart()
    assert edge.node.machines.afar.told(running) == {edge.source: (repaired, False)}, "it is on disk"
    assert edge.findings()[0]["evidence"]["end_ns"] == repaired
    late = at + 2 * MINUTE
    edge.say((TAG, late, edge.text(late)), (TAG, repaired + NS, edge.text(repaired + NS)))
    edge.tick()
    edge.tick()
    ends = {one["at"]: one["evidence"].get("end_ns") for one in edge.findings()}
    assert ends == {at: repaired, late: repaired, repaired + NS: None}, "what comes late of the time before the repair is over"


def test_the_strongest_step_the_edge_tells_of_stands_beside_the_beginning(edge: Edge):
    at = START + MINUTE

    def told(minute: int, peak: float, share: float, end: int | None = None) -> str:
        top = [[f"{PUMP}/Flow", share], [f"{PUMP}/Bearing", 0.9 - share]]
        strongest = {"at": at + minute * MINUTE, "peak": peak, "sensors": top}
        return edge.text(at, end, peak=peak, strongest=strongest)

    edge.say((TAG, at, told(0, 1.2, 0.3)))
    edge.tick()
    (began,) = edge.findings()
    assert began["evidence"]["strongest"]["at_ns"] == at
    asked = []

    def explain(model: str, number: int, every: int, moment: int) -> list[dict]:
        asked.append(moment)
        return [{"sensor": f"{PUMP}/Flow", "share": 0.5, "observed": 7.0, "expected": 2.0, "marginal_z": 4.0, "residual": 3.0}]

    edge.node.machines.afar.explain = explain
    edge.say((TAG, at + 9 * MINUTE, told(9, 4.0, 0.8)))
    edge.tick()
    (found,) = edge.findings()
    strongest = found["evidence"]["strongest"]
    assert asked == [at + 9 * MINUTE]
    assert (strongest["at_ns"], strongest["score"], strongest["rest"]) == (at + 9 * MINUTE, 0.925, pytest.approx(0.1))
    first, second = strongest["explanation"]
    assert (first["sensor"], first["share"], first["observed"], first["expected"]) == (f"{PUMP}/Flow", 0.8, 7.0, 2.0)
    assert second == {"sensor": f"{PUMP}/Bearing", "share": pytest.approx(0.1)}, "what is not known here is not made up"
    assert (found["sensors"], found["score"]) == (began["sensors"], began["score"])
    assert found["evidence"]["lasts"] is True
    edge.say((TAG, at + 60 * MINUTE, told(9, 4.0, 0.8, at + 60 * MINUTE)))
    edge.tick()
    assert edge.findings()[0]["evidence"]["lasts"] is False
    edge.say((TAG, at + 70 * MINUTE, told(69, 6.0, 0.5)))
    edge.tick()
    (found,) = edge.findings()
    assert (found["evidence"]["lasts"], found["evidence"]["strongest"]["at_ns"]) == (True, at + 69 * MINUTE)
    edge.say((TAG, at + 71 * MINUTE, told(9999, 6.0, 0.5, at + 71 * MINUTE)))
    edge.tick()
    assert "times that cannot be" in edge.conditions()[f"detect:models:record:{edge.name}"]


def test_of_an_edge_that_tells_no_step_only_the_score_is_known(edge: Edge):
    at = START + MINUTE
    edge.say((TAG, at, edge.text(at, peak=1.2)))
    edge.tick()
    assert "strongest" not in edge.findings()[0]["evidence"]
    edge.say((TAG, at + MINUTE, edge.text(at, at + MINUTE, peak=4.0)))
    edge.tick()
    assert edge.findings()[0]["evidence"]["strongest"] == {"score": 0.925, "explanation": []}
