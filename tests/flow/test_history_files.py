"""Years of an older historian come in while the node is stopped; the running node answers with them and hands them out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flow.node import BAKERY, Node, lineshaft, run, until

T0 = 1_735_689_600_000_000_000
PATH = "Bakery/Line 1/Oven/Power"
ROWS = 120_000
"""More than one page of REST."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    home = tmp_path / "home"
    assert run("import", str(BAKERY), "--home", str(home)).returncode == 0
    (home / "settings.toml").write_text("")
    one = Node(home)
    yield one
    one.stop()


def test_history_goes_in_and_comes_out_of_the_running_node(node: Node, tmp_path: Path) -> None:
    ts = pa.array(range(T0, T0 + ROWS * 1_000_000_000, 1_000_000_000)).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"time": ts, "name": pa.array([PATH] * ROWS), "value": pa.array([n / 2 for n in range(ROWS)])})
    pq.write_table(table, tmp_path / "old.parquet")
    taken = run("import-history", str(tmp_path / "old.parquet"), "--home", str(node.home), "--properties")
    assert taken.returncode == 0, taken.stderr
    assert f"{ROWS:,} rows are in the lake" in taken.stdout
    node.start()
    token = node.login()
    refused = run("import-history", str(tmp_path / "old.parquet"), "--home", str(node.home))
    assert "asking it needs an API token" in refused.stderr
    out, url = tmp_path / "out.parquet", f"http://127.0.0.1:{node.port}"
    words = ("export-history", "--url", url, "--property", PATH, "--start", "2024-12-31T00:00:00Z", "-o", str(out))
    told = run(*words, env={"LINESHAFT_TOKEN": token})
    assert told.returncode == 0, told.stderr
    back = pq.read_table(out)
    assert back["value"].equals(table["value"])
    assert back["timestamp"].equals(table["time"])
    files = run("lake", "files", "--home", str(node.home)).stdout.split()
    assert sum(pq.read_metadata(file).num_rows for file in files) == ROWS
    assert "give an API token" in run(*words, env={"LINESHAFT_TOKEN": "nonsense"}).stderr


def test_a_file_is_taken_in_beside_the_running_node_though_client_and_node_are_killed(node: Node, tmp_path: Path) -> None:
    """Live values go on; the node is killed in the middle, then the same command is typed again."""
    rows = 600_000
    ts = pa.array(range(T0, T0 + rows * 1_000_000_000, 1_000_000_000)).cast(pa.timestamp("ns", "UTC"))
    old = tmp_path / "old.parquet"
    pq.write_table(pa.table({"time": ts, "name": pa.array([PATH] * rows), "value": pa.array(range(rows))}), old)
    node.start()
    how = ("import", str(old), "--properties", "--url", f"http://127.0.0.1:{node.port}")
    token = {"LINESHAFT_TOKEN": node.login()}
    client = lineshaft(*how, env=token)
    until(lambda: any(one["done"] for one in node.get("imports")["items"]), 60, 0.02)
    client.kill()
    client.wait()
    node.kill()
    node.start()
    token = {"LINESHAFT_TOKEN": node.login()}
    path = "Bakery/Line 1/Oven/Temperature"
    live = {"rows": [{"property": path, "timestamp": "2025-01-03T00:00:00.5Z", "value": 7, "quality": "good"}]}
    assert node.post("values", live)["stored"] == 1
    told = run(*how, env=token, timeout=110)
    assert told.returncode == 0, told.stderr
    assert f"{rows:,} rows" in told.stdout
    done = node.get("imports")["items"]
    assert [(one["state"], one["stored"], one["rejected"]) for one in done] == [("done", rows, {})]
    assert "nothing to do" in run(*how, env=token).stdout
    assert node.get("latest", property=PATH)["items"][0]["value"] == rows - 1
    window = node.get("aggregates", property=PATH, window="1d", start="2025-01-01T00:00:00Z", end="2025-01-07T00:00:00Z")
    assert [row["count"] for row in window["rows"]] == [86_400] * 6
    account = next(row for row in node.get("ledger")["items"] if row["tag"].endswith("Oven/Power"))
    assert (account["stored"], account["balance"]) == (rows, 0)
