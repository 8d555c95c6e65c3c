"""Tables of bearings: the delivered one, a YAML file in its place, or a CSV file that adds to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from lineshaft.core import ConfigError
from lineshaft.detect.vibration.parsed import parsed

GEOMETRY = ("rollers", "roller_diameter", "pitch_diameter")
FACTORS = ("bpfo", "bpfi", "bsf", "ftf")
COLUMNS = ("name", *GEOMETRY, "contact_angle", *FACTORS)
HINT = (
    "compare with the table that is delivered: bearings, each with rollers, roller_diameter, pitch_diameter, "
    "or with bpfo, bpfi, bsf, ftf"
)


def rows_of(table: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by name. A CSV file adds to bearings.yaml beside it, or else to the delivered table."""
    if table is None:
        return _yaml(resources.files("lineshaft.detect.vibration").joinpath("bearings.yaml").read_text("utf-8"), "bearings.yaml")
    if table.suffix.lower() != ".csv":
        return _yaml(table.read_text("utf-8"), str(table))
    beside = table.with_suffix(".yaml")
    return rows_of(beside if beside.is_file() else None) | _csv(table)


def _yaml(text: str, where: str) -> dict[str, dict[str, Any]]:
    try:
        found = {str(name): dict(row) for name, row in parsed(text)["bearings"].items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"this is no table of bearings: {error}", where=where, hint=HINT) from error
    return {name: _whole(row, f"{where}, {name}") for name, row in found.items()}


def _csv(table: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a CSV; separated by semicolons, its numbers may have a decimal comma."""
    lines = table.read_text("utf-8-sig").splitlines()
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    read = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    names = [name.strip().lower().replace(" ", "_") for name in next(read, [])]
    strange = [name for name in names if name not in COLUMNS]
    if strange or "name" not in names:
        said = f"'{strange[0]}' is no column of it" if strange else "no column is called 'name'"
        raise ConfigError(f"this is no table of bearings: {said}", where=f"{table} line 1", hint=f"columns: {', '.join(COLUMNS)}")
    found: dict[str, dict[str, Any]] = {}
    for cells in read:
        said = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
        where = f"{table} line {read.line_num}"
        if said and "name" not in said:
            raise ConfigError("this bearing has no name", where=where, hint=HINT)
        if said:
            name = said.pop("name")
            found[name] = _whole(_numbers(said, where, comma=delimiter == ";"), where)
    return found


def _numbers(said: Mapping[str, str], where: str, *, comma: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, cell in said.items():
        try:
            number = float(cell.replace(",", ".") if comma else cell)
        except ValueError as error:
            raise ConfigError(f"'{cell}' is no number", where=f"{where}, {name}", hint=HINT) from error
        if name == "rollers" and not number.is_integer():
            raise ConfigError(f"a bearing does not have {cell} rolling elements", where=where, hint=HINT)
        made[name] = int(number) if name == "rollers" else number
    return made


def _whole(row: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a row that says all of one of the two."""
    if not (set(GEOMETRY) <= set(row) or set(FACTORS) <= set(row)):
        raise ConfigError("neither the geometry of a bearing nor its four factors", where=where, hint=HINT)
    return row
