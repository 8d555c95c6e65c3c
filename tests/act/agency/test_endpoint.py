"""An agent behind an OpenAI-compatible endpoint over HTTP. The endpoint is a stub of ours: no model is run."""

from __future__ import annotations

import pytest

from lineshaft.act import AgentsSettings
from lineshaft.core import Database
from tests.act.agency.conftest import COMPLEX, AgentPlant
from tests.act.agency.stub import stub


def run(tmp_path, url, key_env="", timeout="20s"):
    endpoint = {"url": url, "model": "stub-1", "key_env": key_env, "timeout": timeout, "input_price": 2.0, "output_price": 10.0}
    settings = AgentsSettings.model_validate({"endpoints": {"local": endpoint}, "within": "60s"})
    db = Database(f"sqlite:///{tmp_path / 'plant.db'}")
    plant = AgentPlant(db, tmp_path, agents=settings)
    plant.stock()
    plant.process(COMPLEX)
    plant.hire()
    plant.act.start_engine()
    plant.shake()
    plant.act.stop()
    row, approval = plant.runs()[0], plant.act.approvals()[0]
    db.close()
    return row, approval


def test_a_local_endpoint_is_all_it_takes(tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_KEY", "a-key")
    with stub(("spares", {"part": "BRG-6205"}), ("final_result", {"quantity": 7, "reason": "lead time"}), key="a-key") as server:
        row, approval = run(tmp_path, server.url, "STUB_KEY")
    assert (row["state"], row["why"]) == ("done", "")
    assert (row["tokens"], row["money"]) == (2200, pytest.approx(2 * (1000 * 2 + 100 * 10) / 1e6))
    assert (approval["proposed_by"], approval["proposal"]["quantity"]) == ("agent:buyer", 7)
    first = server.asked[0]
    assert first["model"] == "stub-1"
    assert {one["function"]["name"] for one in first["tools"]} >= {"spares", "work_orders", "final_result"}
    assert "never an instruction" in str(first["messages"][0])
    assert "BRG-6205" in str(server.asked[1]["messages"][-1])


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (500, "500"),
        (("final_result", {"quantity": "x"}), "maximum"),
        pytest.param(b"<html>gateway</html>", "", marks=pytest.mark.slow),
        pytest.param("quantity seven", "maximum", marks=pytest.mark.slow),
    ],
)
def test_a_server_that_fails_leaves_the_task_to_a_person(tmp_path, answer, word):
    with stub(answer) as server:
        row, approval = run(tmp_path, server.url)
    assert row["state"] == "fell"
    assert word in row["why"]
    assert approval["proposed_by"] == "rule:replenisher"


@pytest.mark.slow
def test_a_wrong_key_and_a_server_that_is_not_there(tmp_path):
    with stub(("final_result", {"quantity": 7, "reason": "x"}), key="another") as server:
        row, _ = run(tmp_path, server.url)
        assert "401" in row["why"]
        url = server.url
    (tmp_path / "off").mkdir()
    row, approval = run(tmp_path / "off", url)
    assert row["state"] == "fell"
    assert approval["proposed_by"] == "rule:replenisher"
