"""An edge whose disk or buffer is full: what the plant's page says, what is lost by which policy, and accounts at 0 afterwards.

The disk is a tmpfs of its own and really full (ENOSPC); messages come from mosquitto with a time of their own, quality 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lineshaft.core import NS, now_ns
from tests.counterparts.mosquitto import Mosquitto, mosquitto
from tests.flow.node import free_port, run, until
from tests.flow.test_edge import Site

TAGS = ("heat", "force", "speed")
SETTINGS = """
[edge]
report_every = "300ms"
timeout = "2s"
{gateway}
[[sources]]
name = "press"
type = "mqtt"
url = "mqtt://127.0.0.1:{port}"
[[sources.topics]]
filter = "press/+"
fields = ["v"]
tag = "{{1}}"
time = "t"
time_format = "ns"
"""
pytestmark = [pytest.mark.slow, pytest.mark.counterpart, pytest.mark.timeout(600)]


class Press:
    """Says numbers of three tags, each once, at times of their own."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self.said, self._began = 0, now_ns() - 3600 * NS

    def say(self, count: int) -> None:
        """Say `count` numbers of every tag, and return once the broker has them."""
        for tag in TAGS:
            lines = [json.dumps({"t": self._began + n * 1_000_000, "v": n}) for n in range(self.said, self.said + count)]
            words = ["mosquitto_pub", "-p", str(self._broker.port), "-t", f"press/{tag}", "-q", "1", "-l"]
            subprocess.run(words, input="\n".join(lines) + "\n", text=True, check=True, timeout=120)
        self.said += count


@contextmanager
def line(folder: Path, gateway: str = "", edge_home: Path | None = None) -> Iterator[tuple[Site, Press]]:
    """A press, a broker, an edge that listens and a plant."""
    site = Site(folder)
    quick = (
        "allow_anonymous true",
        "autosave_on_changes false",
    )  # the broker is not killed here: it need not save at each message
    with mosquitto(folder, free_port(), *quick) as broker:
        try:
            site.edge_home = edge_home or site.edge_home
            (site.edge_home / "settings.toml").write_text(SETTINGS.format(port=broker.port, gateway=gateway), encoding="utf-8")
            site.enrol()
            site.start_edge()
            until(lambda: any(one["state"] == "connected" for one in edge(site)["sources"]), 60)
            yield site, Press(broker)
        finally:
            site.stop()


def edge(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.plant.get("edges/hall-2")
    return found


def events(site: Site) -> dict[str, str]:
    return {one["key"]: one["message"] for one in edge(site)["events"]}


def accounts(site: Site) -> dict[str, dict[str, Any]]:
    return {row["tag"]: row for row in site.plant.get("ledger")["items"] if row["source"] == "hall-2/press"}


def settled(site: Site, each: int) -> dict[str, dict[str, Any]]:
    """Wait until every tag's account is closed, nothing pending; return them."""

    def closed() -> dict[str, dict[str, Any]]:
        found = accounts(site)
        done = len(found) == len(TAGS) and all(row["pending"] == 0 and row["balance"] == 0 for row in found.values())
        return found if done and all(row["received"] >= each for row in found.values()) else {}

    found: dict[str, dict[str, Any]] = until(closed, 90)
    return found


def there(site: Site) -> dict[str, int]:
    """How many different values the plant has of each tag."""
    asked = "SELECT tag, count(DISTINCT ts) AS n FROM samples WHERE source = 'hall-2/press' GROUP BY tag"
    return dict(site.plant.post("sql", {"sql": asked})["rows"])


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_is_told_and_loses_nothing_also_when_killed_meanwhile(small: Path, tmp_path: Path):
    home = small / "edge"
    home.mkdir()
    with line(tmp_path, edge_home=home) as (site, press):
        press.say(200)
        until(lambda: there(site) == dict.fromkeys(TAGS, 200), 60)
        ballast = small / "ballast"
        fill(ballast)
        press.say(2_000)
        said = until(lambda: events(site).get("buffer:refused"), 60)
        assert "full" in said
        assert "values wait in memory, then at their machines" in said
        site.kill_edge()  # what it had in memory was not acknowledged: the broker has it
        site.start_edge()
        assert site.edge is not None
        site.edge.wait(60)
        assert "cannot be opened: " in site.log.read_text(), "a full disk at the start is no traceback"
        assert site.edge.returncode == 2
        press.say(300)
        ballast.unlink()
        site.start_edge()
        found = settled(site, press.said)
        assert there(site) == dict.fromkeys(TAGS, press.said)
        assert all(not row["rejected"] for row in found.values()), found
        until(lambda: not events(site), 60)


def fill(ballast: Path) -> None:
    """Fill a disk to the last byte."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    assert shutil.disk_usage(ballast.parent).free == 0


@pytest.mark.parametrize("cap", ["buffer_bytes = 100000", 'buffer_age = "2s"'])
def test_a_full_buffer_drops_its_oldest_and_counts_each(cap: str, tmp_path: Path):
    with line(tmp_path, f"[gateway]\n{cap}") as (site, press):
        press.say(100)
        until(lambda: there(site) == dict.fromkeys(TAGS, 100), 60)
        site.plant.kill()
        for _ in range(12):
            press.say(500)
        site.plant.start()
        site.plant.login()
        said = until(lambda: events(site).get("buffer:full"), 60)
        assert "the edge buffer was full: its oldest" in said
        assert "counted as lost" in said
        found = settled(site, press.said)
        lost = {tag: row["rejected"].get("buffer full", 0) for tag, row in found.items()}
        assert all(count > 0 for count in lost.values()), lost
        assert edge(site)["lost_values"] == sum(lost.values())
        assert there(site) == {tag: press.said - lost[tag] for tag in TAGS}


def test_a_full_buffer_that_waits_loses_nothing(tmp_path: Path):
    with line(tmp_path, '[gateway]\nbuffer_bytes = 100000\nwhen_full = "wait"') as (site, press):
        press.say(100)
        until(lambda: there(site) == dict.fromkeys(TAGS, 100), 60)
        site.plant.kill()
        for _ in range(12):
            press.say(500)
        until(lambda: "the edge buffer is full" in site.log.read_text(), 60)
        site.plant.start()
        site.plant.login()
        found = settled(site, press.said)
        assert there(site) == dict.fromkeys(TAGS, press.said)
        assert edge(site)["lost_values"] == 0
        assert all(not row["rejected"] for row in found.values()), found


def test_a_home_on_a_full_disk_is_told_before_anything_begins(small: Path):
    fill(small / "ballast")
    done = run("edge", "--home", str(small / "home"), "enrol", "https://127.0.0.1:1", "0" * 32 + "-" + "0" * 20)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
