"""A disk that is full, and a lake that cannot be written: told at once, nothing acknowledged is lost, it goes on by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineshaft.core import NS, now_ns
from tests.flow.node import BAKERY, Node, until
from tests.flow.test_survival import history

OVEN = "Bakery/Line 1/Oven"
POWER = f"{OVEN}/Power"
SIZE_MB = 96


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def events(node: Node) -> dict[str, str]:
    return {one["key"]: one["message"] for one in node.get("health")["system_events"]}


class Values:
    """Posts values and remembers which were acknowledged."""

    def __init__(self, node: Node) -> None:
        self.node, self.base, self.n = node, now_ns() - 3600 * NS, 0
        self.kept: dict[int, float] = {}

    def post(self, count: int = 2000) -> int:
        rows: list[dict[str, Any]] = [
            {"property": POWER, "timestamp": self.base + n * 1_000_000, "value": n + 0.123456789 * (n % 997)}
            for n in range(self.n, self.n + count)
        ]
        answer = self.node.http.post("values", json={"rows": rows})
        if answer.status_code == 200:
            assert answer.json()["stored"] == count
            self.kept |= {row["timestamp"]: row["value"] for row in rows}
            self.n += count
        return answer.status_code


def all_there(node: Node, values: Values) -> None:
    found = history(node, POWER, values.base - 1, values.base + values.n * 1_000_000)
    assert found == values.kept


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_full_disk_is_told_loses_nothing_and_heals(small: Path) -> None:
    home = small / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    (home / "settings.toml").write_text('[store]\nflush_interval = "2s"\nflush_rows = 10000\n')
    node = Node(home, log=small.parent / "node.log")
    try:
        node.start()
        node.login()
        values = Values(node)
        assert values.post() == 200
        ballast = small / "ballast"
        free = shutil.disk_usage(small).free
        ballast.write_bytes(bytes(max(0, free - 300_000)))
        codes = [values.post() for _ in range(60)]
        refused = [code for code in codes if code != 200]
        assert refused, "the disk was never full"
        assert set(refused) <= {503, 507}, refused
        until(lambda: any("disk" in message for message in events(node).values()), 30)
        assert node.get("health")["status"] == "degraded"
        ballast.unlink()
        until(lambda: values.post() == 200, 60)
        until(lambda: not any(key.startswith(("store", "shaft", "journal")) for key in events(node)), 60)
        all_there(node, values)
        node.kill()
        node.start()
        all_there(node, values)
    finally:
        node.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_lake_that_cannot_be_written_is_told_and_written_later(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    (home / "settings.toml").write_text('[store]\nflush_interval = "1s"\nflush_rows = 1000\n')
    node = Node(home)
    try:
        node.start()
        node.login()
        values = Values(node)
        (home / "lake").mkdir(exist_ok=True)
        shutil.rmtree(home / "lake")
        (home / "lake").write_text("somebody put a file where the lake belongs")
        assert values.post() == 200
        told = until(lambda: next((m for k, m in events(node).items() if "lake" in k or "flush" in k or "lake" in m), ""), 60)
        assert told
        assert values.post() == 200, "the journal takes values though the lake cannot"
        all_there(node, values)
        (home / "lake").unlink()
        until(lambda: not any("lake" in k or "flush" in k or "lake" in m for k, m in events(node).items()), 60)
        until(lambda: list((home / "lake" / "samples").glob("**/*.parquet")), 60)
        all_there(node, values)
    finally:
        node.stop()
