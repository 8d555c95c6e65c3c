"""The joined rooms in one process: the way of a value, and what happens when a step of it fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from lineshaft.app import Plant
from lineshaft.app.plant import listen
from lineshaft.app.settings import open_database
from lineshaft.core import NS, Batch, ConfigError, now_ns, samples
from lineshaft.store import Stored
from tests.flow.node import BAKERY, until

PUMP = "Bakery/Line 1/Cooler/Coolant pump"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    plant = Plant(home)
    plant.load_models()
    plant.shaft.start()
    yield plant
    plant.stop()


def batch(seq: int, at: int, *, current: float, flow: float) -> Batch:
    rows = [
        {"tag": "ns=2;s=Coolant pump/Current", "ts": at, "value": current},
        {"tag": "ns=2;s=Coolant pump/Flow", "ts": at, "value": flow},
    ]
    return Batch("bakery", seq, now_ns(), samples(rows))


def test_a_value_is_visible_when_it_is_acknowledged_and_what_follows_from_it_soon(plant: Plant) -> None:
    at = now_ns()
    plant.shaft.take([batch(1, at, current=6.0, flow=120.0)])
    newest = plant.store.latest([f"{PUMP}/Current"])[0]
    assert newest is not None
    assert newest.value == 6.0
    until(lambda: plant.store.latest([f"{PUMP}/PowerIndex"])[0], 10)
    derived = plant.store.latest([f"{PUMP}/PowerIndex"])[0]
    assert derived is not None
    assert derived.value == pytest.approx(5.0)
    assert derived.ts == at


def test_a_repeated_batch_changes_nothing(plant: Plant) -> None:
    at = now_ns()
    first = plant.shaft.take([batch(1, at, current=6.0, flow=120.0)])
    again = plant.shaft.take([batch(1, at, current=6.0, flow=120.0)])
    assert first[0].rows.num_rows == 2
    assert again[0].rows.num_rows == 0
    assert again[0].duplicate == 2


def test_a_step_that_fails_is_told_and_the_next_values_go_their_way(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_stored: object) -> None:
        raise RuntimeError("out of order")

    with monkeypatch.context() as broken:
        broken.setattr(plant.compute, "on_rows", fail)
        plant.shaft.take([batch(1, now_ns(), current=6.0, flow=120.0)])
        until(lambda: any(event.key == "shaft:derive" for event in plant.system_events.current()), 10)
    plant.shaft.take([batch(2, now_ns() + NS, current=3.0, flow=120.0)])
    until(lambda: plant.store.latest([f"{PUMP}/PowerIndex"])[0], 10)
    until(lambda: not any(event.key == "shaft:derive" for event in plant.system_events.current()), 10)


def test_a_batch_that_fails_takes_no_other_with_it_and_is_still_judged(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    on_rows, seen = plant.compute.on_rows, []

    def fail_once(stored: Stored) -> pa.RecordBatch:
        if stored.rows.column("v").to_pylist()[0] == 6.0:
            raise RuntimeError("out of order")
        return on_rows(stored)

    monkeypatch.setattr(plant.compute, "on_rows", fail_once)
    monkeypatch.setattr(plant.detect, "on_rows", lambda rows: seen.extend(rows.column("v").to_pylist()))
    at = now_ns()
    plant.shaft.take([batch(1, at, current=6.0, flow=120.0), batch(2, at + 1, current=3.0, flow=120.0)])
    until(lambda: plant.store.latest([f"{PUMP}/PowerIndex"])[0], 10)
    until(lambda: {6.0, 3.0} <= set(seen), 10)


def test_values_in_the_lake_before_anything_was_derived_are_derived_from_after_a_stop(plant: Plant, tmp_path: Path) -> None:
    plant.shaft.stop()
    plant.store.show(plant.store.append([batch(1, now_ns(), current=6.0, flow=120.0)]))
    assert plant.store.flush() == 2
    plant.stop()
    again = Plant(tmp_path / "home")
    again.load_models()
    again.shaft.start()
    try:
        assert again.store.latest([f"{PUMP}/PowerIndex"])[0] is not None
    finally:
        again.stop()


def test_values_kept_before_a_stop_are_derived_from_after_it(plant: Plant, tmp_path: Path) -> None:
    plant.shaft.stop()
    plant.store.append([batch(1, now_ns(), current=6.0, flow=120.0)])
    plant.stop()
    again = Plant(tmp_path / "home")
    again.load_models()
    again.shaft.start()
    try:
        derived = again.store.latest([f"{PUMP}/PowerIndex"])[0]
        assert derived is not None
        assert derived.value == pytest.approx(5.0)
    finally:
        again.stop()


def test_the_bakery_has_no_problem(plant: Plant) -> None:
    assert plant.load_models() == []


def test_a_port_in_use_names_the_port_and_the_mend() -> None:
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(ConfigError, match=str(port)) as told:
        listen("127.0.0.1", port)
    assert "--port" in told.value.hint
    taken.close()


def test_who_may_log_in_is_for_the_nodes_own_user_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        db, _ = open_database(tmp_path / "home")
        files = {file.name: file.stat().st_mode & 0o077 for file in (tmp_path / "home").glob("lineshaft.db*")}
        db.close()
    finally:
        os.umask(before)
    assert "lineshaft.db" in files
    assert set(files.values()) == {0}


def test_a_model_that_cannot_be_read_stops_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    oven = home / "config" / "models" / "oven.yaml"
    oven.write_text(oven.read_text().replace("name: Speed,", "name: Speed, colour: red,"))
    plant = Plant(home)
    try:
        problems = plant.load_models()
        assert any("oven.yaml" in problem.where and "colour" in problem.what for problem in problems)
        assert any(problem.where == "Bakery/Line 1/Oven" for problem in problems)
        assert "Bakery/Line 1/Cooler/Coolant pump" in {path.path for path in plant.assets.tree()}
    finally:
        plant.stop()


def test_models_are_compiled_once_at_the_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    plant, made = Plant(home), list[int]()
    reload = plant.compute.reload
    monkeypatch.setattr(plant.compute, "reload", lambda: (reload(), made.append(1)))
    assert plant.load_models() == []
    plant.stop()
    assert len(made) == 1
