"""The import laws hold, and each of them bites: a seeded breach in a copy of the tree is red with the right law named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
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


class Tree:
    """A copy of the package in which breaches are planted and taken out again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.planted: list[Path] = []
        skipped = shutil.ignore_patterns("__pycache__", "static", "examples")
        shutil.copytree(ROOT / "src" / "lineshaft", folder / "lineshaft", ignore=skipped)

    def plant(self, file: str, text: str) -> None:
        path = self.folder / "lineshaft" / file
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            self.planted.append(path.parent)
        path.write_text(text + "\n", encoding="utf-8")
        self.planted.append(path)

    def clear(self) -> None:
        for path in reversed(self.planted):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.planted.clear()

    def broken_laws(self) -> tuple[list[str], str]:
        """Run every contract and return the names of the broken ones, and all that was said."""
        command = [
            Path(sys.executable).parent / "lint-imports",
            "--config",
            ROOT / "pyproject.toml",
            "--cache-dir",
            self.folder / "cache",
        ]
        env = {**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200", "NO_COLOR": "1"}
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        broken = re.findall(r"^(.+?) BROKEN(?: \(.*\))?\s*$", done.stdout, re.MULTILINE)
        assert (done.returncode == 0) == (not broken), done.stdout + done.stderr
        return broken, done.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def tree(copied: Tree) -> Iterator[Tree]:
    yield copied
    copied.clear()


def test_every_law_is_kept(tree: Tree):
    broken, told = tree.broken_laws()
    assert broken == [], told


@pytest.mark.parametrize(("file", "text", "law"), BREACHES, ids=[f"{file}: {text or 'a new room'}" for file, text, _ in BREACHES])
def test_a_breach_is_red_with_the_right_law_named(tree: Tree, file: str, text: str, law: str):
    for companion in COMPANIONS.get(text, []):
        if not (tree.folder / "lineshaft" / companion).exists():
            tree.plant(companion, "")
    tree.plant(file, text)
    broken, told = tree.broken_laws()
    assert law in broken, told


def test_a_ring_inside_a_room_is_red(tree: Tree):
    tree.plant("maintain/ring_one.py", "import lineshaft.maintain.ring_two")
    tree.plant("maintain/ring_two.py", "import lineshaft.maintain.ring_one")
    broken, _ = tree.broken_laws()
    assert broken == ["No rings, at any depth"]


def test_every_room_has_a_front_door_law():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for room in ["core", *ROOMS, "see", "doors"]:
        assert f'name = "{room} is entered by its front door"' in text
