"""The wheel is complete: pages, example plant, process definitions; whoever installs it needs no node and no checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.parametrize(
    "file",
    [
        "lineshaft/py.typed",
        "lineshaft/see/static/index.html",
        "lineshaft/see/static/index.html.gz",
        "lineshaft/examples/bakery/plant.yaml",
        "lineshaft/examples/bakery/calendar.yaml",
        "lineshaft/examples/bakery/models/pump.yaml",
        "lineshaft/act/processes/maintenance.yaml",
    ],
)
def test_it_carries(wheel: zipfile.ZipFile, file: str):
    assert file in wheel.namelist(), "`make web` builds the pages; other files belong below src/lineshaft"


def test_it_carries_its_licence_and_nothing_of_the_workshop(wheel: zipfile.ZipFile):
    names = wheel.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"lineshaft"}
    assert [name for name in names if "node_modules" in name or name.endswith((".map", ".pyc"))] == []


def test_it_names_the_command(wheel: zipfile.ZipFile):
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "lineshaft = lineshaft.__main__:main" in wheel.read(entry).decode()
