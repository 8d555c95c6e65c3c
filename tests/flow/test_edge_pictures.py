"""A camera's folder at an edge: its model judges each picture there, the plant has class, score and the picture, once each."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.connect.test_pictures import model, picture
from tests.flow.node import BAKERY, Node, ended, free_port, lineshaft, run, until
from tests.flow.test_edge import CODE

OVEN = "Bakery/Line 1/Oven"
CAMERA = """
[edge]
report_every = "300ms"
[[sources]]
name = "camera"
type = "pictures"
folder = "shots"
asset = "{asset}"
station = "Camera 2"
[sources.model]
name = "shade 1"
file = "shade.onnx"
classes = ["dark", "bright"]
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pictures_are_judged_at_the_edge_and_arrive_once_also_after_a_kill_and_a_cut(tmp_path: Path):
    home, there = tmp_path / "plant", tmp_path / "edge"
    shutil.copytree(BAKERY, home / "config")
    port = free_port()
    (home / "settings.toml").write_text(f'[edges]\nlisten = true\nhost = "127.0.0.1"\nport = {port}\n')
    (there / "shots").mkdir(parents=True)
    (there / "settings.toml").write_text(CAMERA.format(asset=OVEN))
    (there / "shade.onnx").write_bytes(model())
    plant, log = Node(home), tmp_path / "edge.log"
    edge: subprocess.Popen[bytes] | None = None
    try:
        plant.start()
        plant.login()
        code = CODE.search(run("edges", "--home", str(home), "invite", "hall-2").stdout)
        assert code is not None
        run("edge", "--home", str(there), "enrol", f"https://127.0.0.1:{port}", code[0])
        with log.open("ab") as out:
            edge = lineshaft("edge", "--home", str(there), stdout=out, stderr=subprocess.STDOUT)
        (there / "shots" / "a.jpg").write_bytes(picture(240, "JPEG"))
        (there / "shots" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
        found = until(lambda: plant.get("images")["items"], 60)
        one = found[0]
        assert (one["asset"], one["station"], one["result"], one["name"]) == (OVEN, "Camera 2", "bright", "a.jpg")
        assert one["score"] > 0.9
        assert one["model"].startswith("shade 1 (")
        assert plant.http.get(f"images/{one['id']}/content").content == picture(240, "JPEG")
        until(lambda: [source["state"] for source in plant.get("edges/hall-2")["sources"]] == ["degraded"], 30)
        plant.kill()
        (there / "shots" / "b.png").write_bytes(picture(5))
        until(lambda: "pictures wait" in log.read_text(), 60)
        edge.kill()
        edge.wait()
        plant.start()
        plant.login()
        with log.open("ab") as out:
            edge = lineshaft("edge", "--home", str(there), stdout=out, stderr=subprocess.STDOUT)
        until(lambda: len(plant.get("images")["items"]) == 2, 60)
        asked = (
            "SELECT value_text, count(*) AS n FROM samples WHERE source = 'hall-2/camera' AND tag = 'class' GROUP BY 1 ORDER BY 1"
        )
        until(lambda: plant.post("sql", {"sql": asked})["rows"] == [["bright", 1], ["dark", 1]], 60)
        until(lambda: all(row["balance"] == 0 for row in plant.get("ledger")["items"]), 60)
        until(lambda: not list((there / "inbox" / "images").glob("*.*")), 30)
    finally:
        if edge is not None:
            ended(edge)
        plant.stop()
