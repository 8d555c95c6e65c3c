"""Years of an older historian come in while the node is stopped; the running node answers with them and hands them out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flow.node import BAKERY, Node, run

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
    assert "another node is running" in refused.stderr
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
