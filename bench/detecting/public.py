"""Public data sets, read where they lie (../shared/data or LINESHAFT_DATA); the product holds none of them."""

from __future__ import annotations

import csv
import gzip
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(os.environ.get("LINESHAFT_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def there(name: str) -> bool:
    """Say whether a data set is on this machine."""
    return (DATA / name).is_dir()


def tep(name: str) -> dict[str, Any]:
    """Return a file of the Tennessee Eastman process: 52 variables, one row in 3 minutes."""
    with gzip.open(DATA / "tep" / f"{name}.dat.gz") as file:
        rows = np.loadtxt(file)
    rows = rows.T if rows.shape[0] == 52 else rows
    names = [f"XMEAS({n + 1})" if n < 41 else f"XMV({n - 40})" for n in range(52)]
    return {label: rows[:, place] for place, label in enumerate(names)}


def batadal(name: str) -> tuple[dict[str, Any], np.ndarray]:
    """Return hourly rows of the water network and whether there was an attack."""
    with (DATA / "batadal" / f"{name}.csv").open() as file:
        lines = list(csv.reader(file))
    heads = [head.strip() for head in lines[0]]
    times = np.array([np.datetime64(datetime.strptime(line[0], "%d/%m/%y %H"), "ns") for line in lines[1:]])  # noqa: DTZ007
    values = np.array([[float(cell) for cell in line[1:]] for line in lines[1:]])
    table: dict[str, Any] = {"time": times, **{head: values[:, n] for n, head in enumerate(heads[1:]) if head != "ATT_FLAG"}}
    return table, values[:, heads.index("ATT_FLAG") - 1] > 0


@dataclass(frozen=True)
class Skab:
    """One experiment with the water pump: 1 row a second, and which sensors the fault shows in."""

    name: str
    table: dict[str, Any]
    anomaly: np.ndarray
    culprits: frozenset[str]


def skab() -> list[Skab]:
    """Return the labelled experiments. Culprits by what was done: valve, rotor imbalance (other/5 to 9), hot water (other/14)."""
    paths = sorted(path for folder in ("valve1", "valve2", "other") for path in (DATA / "skab" / folder).glob("*.csv"))
    return [_skab(path) for path in paths]


def _skab(path: Path) -> Skab:
    with path.open() as file:
        lines = list(csv.reader(file, delimiter=";"))
    heads = lines[0]
    values = np.array([[float(cell) for cell in line[1:]] for line in lines[1:]])
    times = np.array([np.datetime64(line[0], "ns") for line in lines[1:]])
    sensors = {head: values[:, n] for n, head in enumerate(heads[1:]) if head not in ("anomaly", "changepoint")}
    return Skab(
        f"{path.parent.name}/{path.stem}", {"time": times, **sensors}, values[:, heads.index("anomaly") - 1] > 0, _culprits(path)
    )


def _culprits(path: Path) -> frozenset[str]:
    if path.parent.name.startswith("valve"):
        return frozenset({"Volume Flow RateRMS", "Pressure", "Current"})
    if path.stem in {"5", "6", "7", "8", "9"}:
        return frozenset({"Accelerometer1RMS", "Accelerometer2RMS"})
    return frozenset({"Temperature", "Thermocouple"}) if path.stem == "14" else frozenset()


def part(table: dict[str, Any], start: int, end: int | None) -> dict[str, Any]:
    """Return rows of a table."""
    return {name: values[start:end] for name, values in table.items()}


def cmapss(name: str) -> tuple[dict[str, Any], dict[str, Any], np.ndarray]:
    """Return engines run to their end, engines seen up to some cycle, and what was then left of each, in cycles."""
    tables = []
    for part in ("train", "test"):
        with gzip.open(DATA / "cmapss" / f"{part}_{name}.txt.gz") as file:
            rows = np.loadtxt(file)
        sensors = {f"column {n}": rows[:, n] for n in range(2, rows.shape[1])}
        tables.append({"asset": rows[:, 0].astype(int), "time": rows[:, 1].astype(int), **sensors})
    with gzip.open(DATA / "cmapss" / f"RUL_{name}.txt.gz") as file:
        left = np.loadtxt(file)
    return tables[0], tables[1], left
