"""Size and names: alarms with a named exception list, not laws. An exception that is no longer needed is red as well."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "lineshaft"
DOORS = ["see", "doors"]
ROOMS = ["core", "guard", "connect", "assets", "production", "store", "compute", "detect", "maintain", "act", "twin", *DOORS]

MODULE_REMARK, MODULE_RED = 400, 600
FUNCTION_RED = 60
CORE_FILES, CORE_LINES = 12, 1500
BANNED = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "service", "services", "models", "misc"}
HEAVY = {"duckdb", "deltalake", "asyncua", "dbos", "pint", "fastapi", "uvicorn"}

LARGE_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "examples" not in path.relative_to(PACKAGE).parts)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every function with its lines, its docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            said = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if said else 0
            yield f"{name_of(path)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_modules_are_short():
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    for name, lines in sizes.items():
        if lines > MODULE_REMARK:
            print(f"remark: {name} has {lines} lines; above {MODULE_RED} it is red")
    assert {name for name, lines in sizes.items() if lines > MODULE_RED} == set(LARGE_MODULES)


def test_functions_are_short():
    assert {name for path in modules() for name, lines in functions(path) if lines > FUNCTION_RED} == set(LONG_FUNCTIONS)


def test_core_stays_small():
    files = sorted((PACKAGE / "core").rglob("*.py"))
    assert len(files) <= CORE_FILES
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) <= CORE_LINES


def test_no_file_is_a_dump():
    dumps = [name_of(path) for path in modules() if {part.removesuffix(".py") for part in Path(name_of(path)).parts} & BANNED]
    assert dumps == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_front_door_says_what_the_room_is_and_what_it_offers(room: str):
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring, "a front door begins with a docstring"
    assert 3 <= len(docstring.splitlines()) <= 10
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)], "no logic in a door"
    named = [node for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"]
    offered = ast.literal_eval(named[0].value) if named else []
    assert offered, "a front door has __all__"
    assert offered == sorted(offered, key=sort_key)


def sort_key(name: str) -> tuple[int, list[object]]:
    """Constants, then types, then functions, numbers by value: as ruff sorts `__all__`."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


@pytest.mark.parametrize("module", ["lineshaft", "lineshaft.cli"])
def test_importing_it_loads_nothing_heavy(module: str):
    program = f"import {module}, sys; print(' '.join(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "src", capture_output=True, text=True, check=True).stdout
    assert set(told.split()) & HEAVY == set()
