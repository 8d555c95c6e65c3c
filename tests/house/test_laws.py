"""The import laws hold, and each of them bites: a seeded breach in a copy of the tree is red with the right law named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["guard", "connect", "assets", "production", "store", "compute", "detect", "maintain", "act", "twin"]

BREACHES = [
    ("assets/breach.py", "import lineshaft.store", "A room may look back to where its data came from, never ahead"),
    ("core/breach.py", "from lineshaft.guard import Guard", "A room may look back to where its data came from, never ahead"),
    ("see/breach.py", "import lineshaft.doors", "A room may look back to where its data came from, never ahead"),
    ("utils/__init__.py", "", "A room may look back to where its data came from, never ahead"),
    ("detect/breach.py", "import lineshaft.assets.breach", "assets is entered by its front door"),
    ("guard/breach.py", "from lineshaft.core.clock import iso", "core is entered by its front door"),
    ("compute/breach.py", "import asyncua", "asyncua is known to the OPC UA source, writer and simulators only"),
    ("connect/breach.py", "import asyncua.ua", "asyncua is known to the OPC UA source, writer and simulators only"),
    ("detect/breach.py", "import duckdb", "duckdb and deltalake are known to store and compute only"),
    ("maintain/breach.py", "import dbos", "dbos is known to act only"),
    ("compute/breach.py", "from fastapi import FastAPI", "Rooms know no web framework"),
    ("doors/breach.py", "import sqlalchemy", "Doors keep no books"),
    ("connect/sources/breach.py", "import lineshaft.connect.sources.other", "Plugins do not know each other"),
]
COMPANIONS = {
    "import lineshaft.assets.breach": ["assets/breach.py"],
    "import lineshaft.connect.sources.other": ["connect/sources/__init__.py", "connect/sources/other.py"],
}


def broken_laws(tree: Path) -> tuple[list[str], str]:
    """Run every contract on a copy of the package and return the names of the broken ones."""
    command = [Path(sys.executable).parent / "lint-imports", "--config", ROOT / "pyproject.toml", "--no-cache"]
    env = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    broken = [line.rsplit(" BROKEN", 1)[0].strip() for line in done.stdout.splitlines() if line.rstrip().endswith("BROKEN")]
    assert (done.returncode == 0) == (not broken), done.stdout + done.stderr
    return broken, done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    skipped = shutil.ignore_patterns("__pycache__", "static", "examples")
    shutil.copytree(ROOT / "src" / "lineshaft", tmp_path / "lineshaft", ignore=skipped)
    return tmp_path


def plant(tree: Path, file: str, text: str) -> None:
    path = tree / "lineshaft" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def test_every_law_is_kept(tree: Path):
    broken, told = broken_laws(tree)
    assert broken == [], told


@pytest.mark.parametrize(("file", "text", "law"), BREACHES, ids=[f"{file}: {text or 'a new room'}" for file, text, _ in BREACHES])
def test_a_breach_is_red_with_the_right_law_named(tree: Path, file: str, text: str, law: str):
    for companion in COMPANIONS.get(text, []):
        if not (tree / "lineshaft" / companion).exists():
            plant(tree, companion, "")
    plant(tree, file, text)
    broken, told = broken_laws(tree)
    assert law in broken, told


def test_a_ring_inside_a_room_is_red(tree: Path):
    plant(tree, "maintain/ring_one.py", "import lineshaft.maintain.ring_two")
    plant(tree, "maintain/ring_two.py", "import lineshaft.maintain.ring_one")
    broken, _ = broken_laws(tree)
    assert broken == ["No rings, at any depth"]


def test_every_room_has_a_front_door_law():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for room in ["core", *ROOMS, "see", "doors"]:
        assert f'name = "{room} is entered by its front door"' in text
