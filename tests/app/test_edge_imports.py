"""An edge node has the memory of a small machine: it imports connect and no later room, unless asked for more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EARLIER = {"app", "cli", "client", "connect", "core", "guard"}
LARGE = {"dbos", "deltalake", "duckdb", "fastapi", "onnxruntime", "polars", "uvicorn"}
CHILD = """
import json, sys
from pathlib import Path
from lineshaft.cli import root
command = root.get_command(None, "edge")
from lineshaft.app.edge_parts import Parts, check
from lineshaft.app.edge_settings import read_home
from lineshaft.connect import EdgeConfig
home = Path(sys.argv[1])
settings = read_home(home)
config = EdgeConfig.model_validate({name: getattr(settings, name) for name in ("sources", "derived", "functions")})
check(config)
rooms = {name.split(".")[1] for name in sys.modules if name.startswith("lineshaft.")}
print(json.dumps({"rooms": sorted(rooms), "all": sorted({name.split(".")[0] for name in sys.modules})}))
"""
MACHINE = '[[sources]]\nname = "press"\ntype = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n[[sources.topics]]\nfilter = "a/b"\n'
FORMULA = '[[derived]]\nsource = "press"\nname = "half"\nformula = "v / 2"\ninputs = {v = "a/b"}\n'


def imported(home: Path, settings: str) -> dict[str, Any]:
    (home / "settings.toml").write_text(settings, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", CHILD, str(home)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "said": done.stderr}


def test_an_edge_imports_connect_and_no_later_room(tmp_path: Path):
    found = imported(tmp_path, MACHINE + '[edge]\nreport_every = "1s"\n')
    assert set(found["rooms"]) <= EARLIER, found["rooms"]
    assert not LARGE & set(found["all"])


@pytest.mark.parametrize(("more", "room"), [(FORMULA, "compute"), ("[store]\n", "store")])
def test_what_is_asked_for_is_imported(tmp_path: Path, more: str, room: str):
    found = imported(tmp_path, MACHINE + more)
    assert room in found["rooms"], "the check above sees nothing"
    if room == "store":
        assert "does not heed these sections of settings.toml: [store]" in found["said"]
