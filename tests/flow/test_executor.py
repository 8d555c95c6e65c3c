"""`lineshaft executor` as an operator starts it: on a node's PostgreSQL database it moves what the node left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineshaft.core import Database
from tests.act.conftest import PUMP, Plant
from tests.flow.node import lineshaft, run, until


def test_on_sqlite_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    said = run("executor", "--home", str(tmp_path), "--name", "spare")
    assert said.returncode == 2
    assert "needs the node's PostgreSQL database" in said.stderr
    assert "[node] database" in said.stderr


@pytest.fixture
def left(postgresql_server, tmp_path: Path) -> Iterator[Plant]:
    """A plant whose node has died: its case is open on PostgreSQL, and nobody moves it."""
    url = postgresql_server.fresh()
    (tmp_path / "settings.toml").write_text(f'[node]\ndatabase = "{url}"\n\n[act]\nlease = "2s"\n')
    db = Database(url)
    plant = Plant(db, tmp_path)
    plant.stock()
    plant.feed((1, 9.0), (4, 9.2))
    yield plant
    db.close()
    postgresql_server.drop(url)


@pytest.mark.counterpart
@pytest.mark.timeout(180)
def test_it_goes_on_with_what_a_node_left(left: Plant, tmp_path: Path) -> None:
    assert left.case["tasks"] == []
    with (tmp_path / "executor.log").open("wb") as log:
        process = lineshaft("executor", "--home", str(tmp_path), "--name", "spare-1", stdout=log, stderr=log)
        try:
            until(lambda: left.case["current_task"] == "repair", 120)
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(60)
    assert ended == 0, (tmp_path / "executor.log").read_text()[-3000:]
    (order,) = left.orders.list()
    assert (order["asset"], order["state"]) == (PUMP, "triaged")
    assert left.db.rows(sa.text("SELECT * FROM executor")) == []
