"""An edge node on a 64-bit ARM machine, as gateways beside machines are: enrolled, killed, and every value there once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.counterparts.programs import MEND
from tests.flow.node import ended, free_port, lineshaft, until
from tests.flow.test_edge import CODE, Site, run

pytestmark = [pytest.mark.slow, pytest.mark.counterpart, pytest.mark.timeout(1200)]
MACHINE = Path(__file__).parents[1] / "counterparts" / "aarch64"
SOURCES = Path(__file__).parents[2] / "src"
VALUES = 20_000
SETTINGS = """\
[edge]
report_every = "1s"
timeout = "30s"
healthy_within = "300s"

[[sources]]
name = "press"
type = "opcua"
url = "opc.tcp://127.0.0.1:{port}"
security = "None"
nodes = ["ns=2;s=Oven/Power", "ns=2;s=Mixer/Power"]

[[sources]]
name = "export"
type = "files"
folder = "in"
timezone = "UTC"
every = "1s"
settle = "0s"

[[derived]]
source = "press"
name = "Double"
formula = "power * 2"
inputs = {{power = "ns=2;s=Oven/Power"}}
"""


def on_arm(*args: str, **kwargs: Any) -> subprocess.Popen[bytes]:
    """Start `python -m lineshaft ...` on the ARM machine."""
    env: Mapping[str, str] = {"QEMU_LD_PREFIX": str(MACHINE / "root"), "PYTHONPATH": f"{SOURCES}:{MACHINE / 'site'}"}
    python = MACHINE / "root" / "usr" / "bin" / "python3.11"
    emulator = MACHINE / "emulator" / "usr" / "bin" / "qemu-aarch64-static"
    return subprocess.Popen(
        [str(emulator), str(python), "-m", "lineshaft", *args], env={**os.environ, **env}, text=False, **kwargs
    )


class ArmSite(Site):
    """A plant here, an edge there, and a machine it listens to."""

    bakery: subprocess.Popen[bytes]

    def enrol(self) -> None:
        code = CODE.search(run("edges", "--home", str(self.home), "invite", "hall-2").stdout)
        assert code is not None
        with on_arm("edge", "--home", str(self.edge_home), "enrol", self.url, code[0], stdout=subprocess.PIPE) as process:
            said, _ = process.communicate(timeout=300)
        assert b"hall-2" in said

    def start_edge(self) -> None:
        with self.log.open("ab") as out:
            self.edge = on_arm("edge", "--home", str(self.edge_home), stdout=out, stderr=subprocess.STDOUT)

    def tags(self) -> dict[str, dict[str, int]]:
        return {row["tag"]: row for row in self.plant.get("ledger")["items"] if row["source"].startswith("hall-2/")}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ArmSite]:
    if not (MACHINE / ".lineshaft-lock").exists():
        pytest.skip(f"there is no ARM machine: {MEND}")
    port = free_port()
    bakery = lineshaft("simulate", "--home", str(tmp_path / "bakery"), "--port", str(port), stdout=subprocess.DEVNULL)
    made = ArmSite(tmp_path)
    made.bakery = bakery
    try:
        (made.edge_home / "settings.toml").write_text(SETTINGS.format(port=port), encoding="utf-8")
        (made.edge_home / "in").mkdir()
        rows = "".join(f"{1_768_456_800 + n},T{n % 7},{n}\n" for n in range(VALUES))
        (made.edge_home / "in" / "a.csv").write_text("time,tag,value\n" + rows, encoding="utf-8")
        made.enrol()
        yield made
    finally:
        made.stop()
        ended(bakery)


def test_an_edge_on_arm_hears_derives_and_hands_over_every_value_once(site: ArmSite) -> None:
    site.start_edge()
    until(lambda: site.tags().get("Double", {}).get("stored", 0) > 3, 300)
    site.kill_edge()
    site.start_edge()
    until(lambda: sum(row["stored"] for tag, row in site.tags().items() if tag.startswith("T")) == VALUES, 300)
    had = site.tags()["Double"]["stored"]
    until(lambda: site.tags()["Double"]["stored"] > had, 300)
    ended(site.bakery)
    until(lambda: all(row["pending"] == 0 for row in site.tags().values()), 120)
    assert {tag: row["balance"] for tag, row in site.tags().items() if row["balance"]} == {}
    found = site.plant.post("sql", {"sql": "SELECT count(*), count(DISTINCT ts_ns) FROM samples WHERE source = 'hall-2/export'"})
    assert found["rows"] == [[VALUES, VALUES]]
