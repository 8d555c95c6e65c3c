"""Bad input at the front doors of a node: each says what, where and how to mend, is counted, and stops nothing else."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineshaft.core import iso, now_ns
from tests.flow.node import ADMIN, BAKERY, Node, free_port, run, until

PUMP = "Bakery/Line 1/Cooler/Coolant pump"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    home = tmp_path_factory.mktemp("bad-input") / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    pump = home / "config" / "models" / "pump.yaml"
    pump.write_text(pump.read_text().replace("formula: 100 * current / flow", "formula: 100 * currant / flow"))
    (home / "settings.toml").write_text(
        f'[[sources]]\nname = "bakery"\ntype = "opcua"\nurl = "opc.tcp://127.0.0.1:{free_port()}/"\n'
        'security = "None"\nbrowse = true\n'
    )
    node = Node(home).start()
    node.login()
    yield node
    node.stop()


def post(node: Node, *rows: dict[str, Any]) -> Any:
    return node.post("values", {"rows": list(rows)})


def test_a_config_typo_names_the_file_the_place_and_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[gateway]\nflsh = "1s"\n')
    ended = run("up", "--home", str(tmp_path), "--port", str(free_port()))
    assert ended.returncode == 2
    assert "flsh" in ended.stderr
    assert "settings.toml" in ended.stderr
    assert "did you mean 'flush'?" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_told_with_a_mend(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("up", "--home", str(tmp_path), "--port", str(port))
    assert ended.returncode == 2
    assert str(port) in ended.stderr
    assert "--port" in ended.stderr


def test_a_home_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    assert run("token", "create", "--home", str(tmp_path), "--role", "viewer", "--name", "x").returncode == 2
    (tmp_path / "settings.toml").write_text("")
    assert run("token", "create", "--home", str(tmp_path), "--role", "viewer", "--name", "x").returncode == 0
    with sqlite3.connect(tmp_path / "lineshaft.db") as db:
        db.execute("INSERT INTO migration (room, number, name, at) VALUES ('guard', 999, 'of the future', 0)")
    db.close()
    ended = run("up", "--home", str(tmp_path), "--port", str(free_port()))
    assert ended.returncode == 2
    assert "newer" in ended.stderr


def test_two_nodes_on_one_home_are_refused(node: Node) -> None:
    ended = run("up", "--home", str(node.home), "--port", str(free_port()))
    assert ended.returncode == 2
    assert "another node" in ended.stderr


def test_a_wrong_formula_and_a_silent_machine_are_told_and_everything_else_works(node: Node) -> None:
    def told() -> Any:
        events = node.get("health")["system_events"]
        text = " ".join(event["message"] + " " + event["hint"] for event in events)
        return "currant" in text and "pump.yaml" in text and "bakery" in text

    until(told)
    now = now_ns()
    path = f"{PUMP}/Flow"
    assert post(node, {"property": path, "timestamp": iso(now), "value": 118.5})["stored"] == 1
    assert node.get("latest", property=path)["items"][0]["value"] == 118.5
    doctor = run("doctor", "--home", str(node.home))
    assert doctor.returncode == 1
    assert "currant" in doctor.stdout
    assert "MEND  models/pump.yaml" in node.log.read_text(), "`lineshaft up` prints it too"


def test_rejected_rows_are_named_one_by_one_and_the_good_ones_are_stored(node: Node) -> None:
    now = now_ns()
    rows: list[dict[str, Any]] = [
        {"property": f"{PUMP}/Vibration", "timestamp": iso(now), "value": 1.5},
        {"property": f"{PUMP}/Vibration", "timestamp": iso(now + 3600 * 10**9), "value": 1.5},
        {"property": f"{PUMP}/Vibration", "timestamp": iso(now), "value": "fast"},
        {"property": f"{PUMP}/Vibratoin", "timestamp": iso(now), "value": 1.5},
        {"property": f"{PUMP}/Vibration", "timestamp": "yesterday", "value": 1.5},
        {"source": "hand", "tag": "unbound", "timestamp": iso(now), "value": 7},
    ]
    answer = post(node, *rows)
    assert answer["received"] == 6
    assert answer["stored"] == 2
    assert [rejected["row"] for rejected in answer["rejected"]] == [1, 2, 3, 4]
    assert all(rejected["reason"] and rejected["hint"] for rejected in answer["rejected"])
    assert "Vibration" in answer["rejected"][2]["hint"]
    ledger = {(row["source"], row["tag"]): row for row in node.get("ledger", limit=1000)["items"]}
    assert ledger["rest", "(refused)"]["rejected"] == {"timestamp": 1, "unknown-property": 1}
    assert ledger["rest", "(refused)"]["balance"] == 0


def test_nan_is_stored_and_never_computed_with(node: Node) -> None:
    path, at = f"{PUMP}/Current", now_ns() - 120 * 10**9
    post(node, {"property": path, "timestamp": at, "value": 6.0}, {"property": path, "timestamp": at + 10**9, "value": "NaN"})
    rows = node.get("history", property=path, start=at - 1, end=at + 2 * 10**9)["rows"]
    assert len(rows) == 2
    seconds = at // 10**9
    found = node.get("aggregates", property=path, window="1m", start=(seconds - 60) * 10**9, end=(seconds + 120) * 10**9)["rows"]
    assert [row["average"] for row in found if row["count"]] == [6.0]


def test_the_same_row_twice_is_one_value_and_the_ledger_balances(node: Node) -> None:
    path, at = f"{PUMP}/BearingTemperature", now_ns()
    for value in (48.0, 48.0, 48.5):
        post(node, {"property": path, "timestamp": at, "value": value})
    rows = node.get("history", property=path, start=at - 1, end=at)["rows"]
    assert [row["value"] for row in rows] == [48.5]
    ledger = node.get("ledger", limit=1000)["items"]
    assert ledger
    assert all(row["balance"] == 0 for row in ledger)


def test_a_repeated_command_has_one_effect(node: Node) -> None:
    body = {"asset": PUMP, "title": "Grease the bearing", "kind": "preventive", "priority": 3}
    first = node.post("work-orders", body, key="same-key")
    again = node.post("work-orders", body, key="same-key")
    assert first["id"] == again["id"]
    node.post("work-orders", {**body, "title": "Something else"}, key="same-key", expect=409)


def test_nobody_gets_in_without_a_login(node: Node) -> None:
    for path in ("assets", "alarms", "ledger", "audit"):
        answer = node.http.get(path, headers={"Authorization": "Bearer nonsense"})
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("application/problem+json")
    wrong = node.http.post("login", json={"name": "admin", "password": ADMIN + "x"}, headers={"Authorization": ""})
    assert wrong.status_code == 401
