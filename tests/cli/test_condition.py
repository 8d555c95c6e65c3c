"""`lineshaft condition` against a real door: positions listed, raw records handed over, tables written."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lineshaft.cli.condition import condition
from lineshaft.core import ConfigError, InvalidInput
from tests.doors.conftest import PUMP, House, make_house

END = f"{PUMP}/Drive end"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from make_house(tmp_path_factory.mktemp("condition"))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    values = np.random.default_rng(1).normal(0, 0.1, 16_000)
    path = tmp_path / "pump.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.rint(values * 2**15).astype("<i2").tobytes())
    return path


def typed(*words: str) -> str:
    result = CliRunner().invoke(condition, list(words), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_records_are_handed_over_and_positions_listed(house: House, record: Path):
    at = ("--url", str(house.client.base_url), "--token", house.secrets["technician"])
    with pytest.raises(InvalidInput, match="there is no sensor position"):
        typed("import", *at, END, str(record))
    body = {"asset": PUMP, "name": "Drive end", "power_kw": 3, "rpm": 1450, "bearing": "6205"}
    assert house.post("condition/positions", body).status_code == 201
    with pytest.raises(InvalidInput, match="does not say its unit") as told:
        typed("import", *at, END, str(record))
    assert "never guessed" in told.value.hint
    said = typed("import", *at, END, str(record), "--unit", "g")
    assert said.startswith("pump.wav: ")
    assert "zone" in said
    assert "no part of the bearing stands out" in said
    assert typed("list", *at).split()[0] in ("healthy", "warning")
    assert END in typed("list", *at)


def test_what_a_file_says_of_itself_and_tables_to_edit(record: Path, tmp_path: Path):
    assert typed("channels", str(record)) == "1: 16000 samples, 8000 samples a second, unit not said\n"
    typed("tables", str(tmp_path / "config"))
    assert "class-1" in (tmp_path / "config" / "zones.yaml").read_text()
    assert "6205" in (tmp_path / "config" / "bearings.yaml").read_text()
    with pytest.raises(ConfigError, match="there already"):
        typed("tables", str(tmp_path / "config"))
    with pytest.raises(ConfigError, match="same time"):
        typed("import", "x", str(record), str(record), "--at", "2026-11-20T06:00:00Z")
