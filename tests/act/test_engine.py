from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from dbos import DBOS

from lineshaft.act import engine
from lineshaft.core import Retryable, now_ns
from tests.act.conftest import Plant


def test_records_of_old_runs_are_forgotten_and_the_case_stays(plant: Plant):
    plant.shake()
    plant.calm()
    plant.until(lambda: plant.act._engine.forget(keep=0) >= 1)
    assert plant.case["current_task"] == "repair"


def test_waiting_cases_hold_no_run_and_no_thread(plant_lite: Plant):
    before = threading.active_count()
    plant_lite.shake()
    plant_lite.feed((1, 9.0), (4, 9.0), tag="Pump2/Vibration")
    assert plant_lite.act.settle()
    assert len(plant_lite.act.cases("open")) == 2
    assert threading.active_count() <= before + 4, "only the engine's few workers"
    query = sa.text("SELECT count(*) AS n FROM workflow_status WHERE status = 'PENDING'")
    plant_lite.until(lambda: plant_lite.db.rows(query)[0]["n"] == 0)


def test_the_engine_can_be_stopped_and_started_again(plant_lite: Plant):
    plant_lite.act.stop()
    plant_lite.feed((1, 9.0), (4, 9.2))
    assert plant_lite.case["tasks"] == []
    plant_lite.act.start_engine()
    assert plant_lite.act.settle()
    assert plant_lite.case["current_task"] == "repair"


def test_old_runs_are_forgotten_while_the_node_runs(plant_lite: Plant, monkeypatch: pytest.MonkeyPatch):
    forgot = threading.Event()
    monkeypatch.setattr(plant_lite.act._engine, "forget", forgot.set)
    plant_lite.act._forget_at = 0
    plant_lite.act._clock.look()
    assert forgot.wait(5)
    assert plant_lite.act._forget_at > now_ns()


def test_an_alarm_whose_case_could_not_be_opened_is_taken_when_the_clock_looks(plant_lite: Plant):
    opened = plant_lite.act._cases.open

    def busy(*_: object) -> None:
        plant_lite.act._cases.open = opened
        raise Retryable("the database was busy")

    plant_lite.act._cases.open = busy
    plant_lite.feed((1, 9.0), (4, 9.2))
    plant_lite.until(lambda: any(event.key.startswith("bus:act") for event in plant_lite.events))
    plant_lite.act._clock.look()
    plant_lite.until(lambda: [case["current_task"] for case in plant_lite.act.cases()] == ["repair"])


def test_a_start_begins_no_run_for_a_case_that_waits(plant_lite: Plant):
    plant_lite.shake()
    plant_lite.feed((1, 9.0), (4, 9.0), tag="Pump2/Vibration")
    assert plant_lite.act.settle()
    begun: list[str] = []
    plant_lite.act._clock._run = begun.append
    plant_lite.act.recover()
    assert begun == []
    assert len(plant_lite.act.cases("open")) == 2
    assert all(plant_lite.act._cases.rests(row["id"]) for row in plant_lite.act.cases())
    with plant_lite.db.begin() as tx:
        tx.execute(sa.text("DELETE FROM case_task WHERE name = 'repair'"))
    assert not any(plant_lite.act._cases.rests(row["id"]) for row in plant_lite.act.cases())


def test_a_run_that_an_older_version_began_is_finished(plant_lite: Plant):
    plant_lite.act._clock._run = plant_lite.act._clock.finished  # nobody else moves it
    plant_lite.shake()
    assert plant_lite.case["tasks"] == []
    assert DBOS.start_workflow(engine._run_of_before, plant_lite.case["id"]).get_result() >= 2
    assert plant_lite.case["current_task"] == "repair"
