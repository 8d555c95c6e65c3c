from __future__ import annotations

import pytest

from lineshaft.act.chart import drawn, edges, modes
from lineshaft.act.process import Kpi, Process
from tests.act.conftest import BERT, CODES, Plant


def test_a_figure_is_measured_from_the_cases_that_are_done(plant_lite: Plant):
    plant = plant_lite
    plant.process()
    kpi = Kpi(name="hours", baseline=9.5, target=6, measured="hours-to:verify")
    assert plant.act.figures.kpi("maintenance", kpi)["now"] is None
    plant.shake()
    (standing,) = [row for row in plant.act.figures.standing("maintenance") if row["task"] == "repair"]
    assert standing["asset"] == "Bakery/Pump"
    plant.repair(codes=CODES)
    plant.press(BERT, "verify")
    found = plant.act.figures.kpi("maintenance", kpi)
    assert 0 < found["now"] < 1
    assert found["months"][-1]["cases"] == found["cases"] == 1
    assert found["months"][0]["value"] is None
    times = plant.act.figures.times("maintenance", 0)
    assert times["repair"]["count"] == 1
    assert 0 < times["repair"]["median"] <= times["repair"]["p90"]
    share = plant.act.figures.kpi("maintenance", Kpi(name="x", measured="share-of:stock.low"))
    assert share["now"] is None, "the case is not done: its purchase waits"
    assert plant.act.figures.kpi("maintenance", Kpi(name="x", measured="cases"))["cases"] == 1
    assert plant.act.figures.kpi("maintenance", Kpi(name="x"))["months"] == []
    assert plant.act.figures.kpi("maintenance", None) is None


def process(*tasks: dict) -> Process:
    return Process.model_validate({"process": "p", "version": 1, "start": [{"event": "alarm"}], "tasks": list(tasks)})


def test_ways_that_another_way_says_already_are_not_drawn():
    one = process(
        {"id": "a", "does": "x"},
        {"id": "b", "does": "x"},
        {"id": "c", "does": "x", "after": ["a"], "blocks": False},
        {"id": "d", "does": "x"},
    )
    assert edges(one) == [("a", "b"), ("a", "c"), ("b", "d")]
    places = {task["id"]: (task["column"], task["row"]) for task in drawn(one)}
    assert places == {"a": (0, 0), "b": (1, 0), "c": (1, 1), "d": (2, 0)}


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({}, ["automation"]),
        ({"physical": True, "complexity": "high"}, ["human_assistant"]),
        ({"does": "person.do"}, ["human_assistant"]),
        ({"complexity": "high", "risk": "high if cost > 1 else low"}, ["agent", "agent_human"]),
    ],
)
def test_the_modes_a_task_can_be_done_in(card, said):
    assert modes(process({"id": "a", "does": "x", **card}).tasks[0]) == said
