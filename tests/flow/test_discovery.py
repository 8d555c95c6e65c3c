"""From an empty node to a machine in the plant, on the command line: looked for, proposed, confirmed, heard, compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.node import Node, ended, free_port, lineshaft, run, until


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[int]:
    """The bakery line behind OPC UA."""
    port = free_port()
    home = tmp_path / "machine"
    process = lineshaft("simulate", "--home", str(home), "--port", str(port), "--with-parent")
    try:
        until((home / "simulator.json").exists, 90)
        yield port
    finally:
        ended(process)


@pytest.mark.slow
def test_a_machine_is_found_proposed_confirmed_and_compared(tmp_path: Path, machine: int):
    home = tmp_path / "plant"
    (home / "config").mkdir(parents=True)
    (home / "config" / "plant.yaml").write_text("# our hall\nassets:\n  - name: Hall\n    level: site\n")
    (home / "settings.toml").write_text(
        f'[discovery]\nnetworks = ["127.0.0.1/32"]\nopcua_ports = [{machine}]\nper_second = 200\n'
    )
    node = Node(home).start()
    try:
        node.login()
        secret = node.post("tokens", {"name": "cli", "role": "engineer"})["secret"]
        told = {"LINESHAFT_TOKEN": secret, "LINESHAFT_URL": f"http://127.0.0.1:{node.port}", "LINESHAFT_HOME": str(home)}

        def ask(*words: str) -> str:
            done = run(*words, env=told)
            assert done.returncode == 0, done.stderr
            return done.stdout

        refused = run("discover", "look", "10.0.0.0/24", env=told)
        assert refused.returncode == 2
        assert "only 127.0.0.1/32 may be looked through" in refused.stderr
        found = ask("discover", "look", "127.0.0.1", "--protocol", "opcua")
        assert "done: 1 of 1 questions asked, 1 found" in found
        assert "it only offers connections without security" in found
        match = re.search(r"^([0-9a-f-]{36})  opcua", found, re.MULTILINE)
        assert match is not None
        proposed = ask("discover", "propose", match[1])
        number = re.search(r"# model (\d+): 'Coolant pump' looks like", proposed)
        assert number is not None, proposed
        done = ask("discover", "confirm", match[1], "--name", "line", "--model", number[1], "--under", "Hall")
        assert "source line is listened to" in done
        assert "Coolant pump: Hall/Coolant pump; 5 measurements bound" in done
        path = "Hall/Coolant pump/Vibration"
        value = until(lambda: node.get("latest", property=path)["items"][0]["value"])  # none yet until the source is connected
        assert 0 < value < 5
        listed = ask("discover", "list")
        assert "connected" in listed
        assert "# our hall" in (home / "config" / "plant.yaml").read_text()
        row = next(one for one in node.get("sources")["items"] if one["name"] == "line")
        node.post("sources", {"name": "line again", "type": "opcua", "options": row["options"]})
        until(lambda: "same" in ask("compare", "line", "line again", "--since", "10m", "--within", "1000"), 60, 1)
        node.stop()
        node = Node(home, tmp_path / "again.log").start()
        node.login()
        until(
            lambda: (
                {one["name"]: one["state"] for one in node.get("sources")["items"]}
                == dict.fromkeys(["line", "line again"], "connected")
            )
        )
        assert node.get("latest", property=path)["items"][0]["value"] > 0
    finally:
        node.stop()
