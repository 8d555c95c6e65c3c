"""The page of the formula language cannot rot: every function is on it, and every example gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lineshaft.compute.formula import parse
from lineshaft.compute.formula.check import known_functions
from lineshaft.compute.formula.evaluate import CONSTANTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "formulas.md"
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
]
EXAMPLES = [(row[-2].strip("`"), row[-1].strip("`")) for row in ROWS if len(row) == 4 and row[-1] and row[-2].startswith("`")]


def test_every_function_is_on_the_page_and_no_other():
    named = {name.lower() for row in ROWS for name in re.findall(r"^`([a-z][a-z0-9]*)\(", row[0])}
    assert named == set(known_functions())


def test_every_constant_is_on_the_page():
    (row,) = [row for row in ROWS if row[0] == "constant"]
    assert set(re.findall(r"`([a-z]+)`", row[1])) == set(CONSTANTS)


@pytest.mark.parametrize(("formula", "gives"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_every_example_gives_what_the_page_says(formula: str, gives: str):
    found = parse(formula, {}).evaluate({})
    value = found.values[0] if found.ok[0] else None
    if gives == "nothing":
        assert value is None
    elif gives.startswith("'"):
        assert value == gives[1:-1].replace("''", "'")
    else:
        assert value == pytest.approx(float(gives), abs=1e-12)
    assert len(EXAMPLES) > 60
