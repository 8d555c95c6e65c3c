"""What a finding says of its beginning, and of the strongest step of its alert so far."""

from __future__ import annotations

import pytest

from lineshaft.core import iso
from lineshaft.maintain import ReturnedToService
from tests.detect.machines.test_machines import MINUTE, PUMP, ROWS, Node

BEARING = f"{PUMP}/Bearing"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A node with a model that works; each test goes on where the one before stopped feeding."""
    made = Node(tmp_path_factory.mktemp("plant"))
    made.feed(0, ROWS)
    settings = {"drivers": [f"{PUMP}/Load"], "clear_after": "20m"}
    made.model = made.create(name="pump", settings=settings)
    assert made.train(made.model["id"], ROWS)["state"] == "ready"
    made.machines.ingest = lambda batches: None  # nobody takes scores in: this node has no pipeline
    made.written = []
    keep = made.machines._filing.strongest

    def strongest(tx, finding, step, until):
        made.written.append(step["at_ns"])
        keep(tx, finding, step, until)

    made.machines._filing.strongest = strongest
    yield made
    made.plant.stop()


def told(node) -> dict:
    return node.plant.detect.findings(asset=PUMP)[0]


def follow(node, first: int, last: int, every: int) -> None:
    for minute in range(first + every, last + 1, every):
        node.machines.tick(node.at(minute))


def test_a_creeping_fault_shows_its_strongest_step_beside_its_beginning(trained: Node):
    node, at = trained, ROWS
    node.use(node.model["id"], 1, "active")
    node.feed(at, at + 400, drift=1.5)
    follow(node, at, at + 200, 10)
    began = told(node)
    frozen = dict(node.found[0].evidence)
    follow(node, at + 200, at + 300, 10)
    node.machines._following.clear()  # the node begins again
    follow(node, at + 300, at + 400, 10)
    now = told(node)
    assert now["id"] == began["id"]
    assert now["sensors"] == began["sensors"]
    for name in ("explanation", "explained_at", "start_ns"):
        assert now["evidence"][name] == frozen[name], "what it began with stays, and so does what a case was given"
    assert frozen["explained_at"] == frozen["start"]
    assert now["evidence"]["lasts"] is True
    steps = (node.at(at + 400) - now["at"]) // (10 * MINUTE)
    assert 3 <= len(node.written) < steps / 2, "written when it grew by much, never with each step"

    node.feed(at + 400, at + 800)
    follow(node, at + 400, at + 800, 80)
    over = told(node)["evidence"]
    made, scored = node.machines.scores(node.model["id"], 1, node.at(at), node.at(at + 800))
    rows = scored.reason == "anomaly"
    worst = int(scored.times[rows][scored.exceedance[rows].argmax()])
    strongest = over["strongest"]
    assert over["lasts"] is False
    assert strongest["at_ns"] == worst, "at its end the strongest step is written, however little it grew"
    assert strongest["at"] == iso(worst)
    assert strongest["score"] > began["score"]
    shares = [one["share"] for one in strongest["explanation"]]
    assert sum(shares) + strongest["rest"] == pytest.approx(1.0)
    assert len(shares) == len(made.sensors)
    first, top = over["explanation"][0], strongest["explanation"][0]
    assert top["sensor"] == BEARING
    assert top["marginal_z"] > first["marginal_z"]
    assert top["observed"] - top["expected"] > first["observed"] - first["expected"] > 0
    exact = next(one for one in scored.explain(worst) if one.sensor == BEARING)
    assert top["observed"] == pytest.approx(exact.observed), "a mean over what the charts look back on, not one noisy step"
    assert top["share"] == pytest.approx(exact.share, abs=0.02)


def test_what_comes_within_a_day_goes_on_in_the_same_finding(trained: Node):
    node, at = trained, ROWS + 800
    before = told(node)
    node.feed(at, at + 200, drift=4.0)
    follow(node, at, at + 200, 10)
    again = told(node)
    assert again["id"] == before["id"]
    assert again["evidence"]["lasts"] is True
    assert again["evidence"]["explanation"] == before["evidence"]["explanation"]
    assert again["evidence"]["strongest"]["at_ns"] > node.at(at)
    assert again["evidence"]["strongest"]["score"] > before["evidence"]["strongest"]["score"]
    node.plant.bus.tell(ReturnedToService("o", "WO-1", PUMP, "BRG", (), node.at(at + 200), "tom"))
    repaired = told(node)["evidence"]
    assert (repaired["lasts"], repaired["end_ns"]) == (False, node.at(at + 200))


def test_an_alert_that_began_in_the_shadow_or_came_and_went_is_told_from_its_beginning(trained: Node):
    node, at = trained, ROWS + 1000
    known = len(node.plant.detect.findings(asset=PUMP))
    node.use(node.model["id"], 1, "shadow")
    node.feed(at, at + 200, drift=4.0)
    follow(node, at, at + 200, 10)
    assert len(node.plant.detect.findings(asset=PUMP)) == known
    node.use(node.model["id"], 1, "active")
    node.feed(at + 200, at + 220)
    follow(node, at + 200, at + 220, 10)
    found = told(node)
    assert len(node.plant.detect.findings(asset=PUMP)) == known + 1
    assert found["evidence"]["explained_at"] == found["evidence"]["start"]
    assert found["at"] < node.at(at + 200)
    assert found["evidence"]["lasts"]
    node.use(node.model["id"], 1, "off")
    node.machines.tick(node.at(at + 230))
    assert told(node)["evidence"]["lasts"] is False, "a version that is switched off tells no end: it ends here"

    node.use(node.model["id"], 1, "active")
    node.plant.bus.tell(ReturnedToService("o", "WO-2", PUMP, "BRG", (), node.at(at + 230), "tom"))
    node.feed(at + 230, at + 380, drift=2.0)
    node.feed(at + 380, at + 900)
    node.machines.tick(node.at(at + 900))
    found = told(node)
    assert found["at"] > node.at(at + 230), "one that came and went while the node was away is a finding too"
    assert (found["evidence"]["lasts"], found["evidence"]["strongest"]["at_ns"] > found["at"]) == (False, True)
