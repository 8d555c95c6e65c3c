"""`lineshaft sql` against a real door, and its words when no node runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineshaft.cli.sql import sql
from lineshaft.core import ConfigError, InvalidInput, NotAuthenticated
from tests.doors.conftest import House, make_house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from make_house(tmp_path_factory.mktemp("sql"))


def typed(*words: str) -> str:
    result = CliRunner().invoke(sql, list(words), standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def at(house: House) -> tuple[str, ...]:
    return ("--url", str(house.client.base_url), "--token", house.secrets["planner"])


def test_rows_come_as_a_table_as_csv_and_as_json(house: House):
    question = "SELECT name, 1.5 AS n FROM assets WHERE name IN ('Oven', 'Mixer') ORDER BY name"
    assert typed(*at(house), question).splitlines() == ["name     n", "-----  ---", "Mixer  1.5", "Oven   1.5"]
    assert typed(*at(house), "--format", "csv", question).splitlines() == ['"name","n"', '"Mixer",1.5', '"Oven",1.5']
    assert json.loads(typed(*at(house), "--format", "json", question)) == [
        {"name": "Mixer", "n": 1.5},
        {"name": "Oven", "n": 1.5},
    ]


def test_a_mistake_is_told_in_the_nodes_words(house: House):
    with pytest.raises(InvalidInput, match="there is no table 'asets'") as told:
        typed(*at(house), "SELECT * FROM asets")
    assert told.value.hint == "did you mean 'assets'?"
    with pytest.raises(NotAuthenticated) as told:
        typed("--url", str(house.client.base_url), "--token", "wrong", "SELECT 1")
    assert "lineshaft token create" in told.value.hint


def test_without_a_node_it_says_so(tmp_path: Path):
    (tmp_path / "settings.toml").write_text("[web]\nport = 9\n")
    with pytest.raises(ConfigError, match="no node answers") as told:
        typed("--home", str(tmp_path), "--token", "x", "SELECT 1")
    assert told.value.where == "http://127.0.0.1:9"
    assert "lineshaft up" in told.value.hint
    with pytest.raises(ConfigError, match="needs an API token"):
        typed("--home", str(tmp_path), "SELECT 1")
