"""`lineshaft edges` against a real door: how edge nodes are, a configuration given, printed, approved and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from lineshaft.cli.edges import edges
from lineshaft.core import ConfigError, Conflict, Forbidden, InvalidInput, NotFound
from tests.doors.conftest import House, make_house

SOURCE = '[[sources]]\nname = "press"\ntype = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n[[sources.topics]]\nfilter = "a/b"\n'
FUNCTION = "[[functions]]\nname = \"f\"\ncode = '''\ndef run(rows):\n    return []\n'''\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for house in make_house(tmp_path_factory.mktemp("edges")):
        assert house.ask("POST", "edges", "engineer", json={"name": "hall-2"}).status_code == 201
        yield house


def typed(house: House, *words: str, role: str = "engineer", given: str = "") -> str:
    """Type a command as somebody; what it raises is raised here."""
    command, *rest = words
    at = ("--url", str(house.client.base_url), "--token", house.secrets[role])
    result: Result = CliRunner().invoke(edges, [command, *at, *rest], input=given, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_nodes_are_listed_and_shown(house: House):
    assert typed(house, "list") == "hall-2  invited  configuration 0  0 values wait\n"
    shown = typed(house, "show", "hall-2")
    assert shown.splitlines()[0] == "hall-2  invited  version -  last seen never"
    assert "keeps the sources of its own settings.toml" in shown
    with pytest.raises(NotFound):
        typed(house, "show", "hall-3")


def test_a_configuration_is_given_printed_and_taken_back(house: House):
    with pytest.raises(Conflict, match="nothing before"):
        typed(house, "back", "hall-2")
    assert "configuration 1" in typed(house, "configure", "hall-2", "-", given=SOURCE)
    assert "configuration 2" in typed(house, "configure", "--note", "slower", "hall-2", "-", given=SOURCE + "# 2\n")
    assert typed(house, "configuration", "hall-2") == SOURCE + "# 2\n"
    assert typed(house, "configuration", "--number", "1", "hall-2") == SOURCE
    assert "slower  wanted" in typed(house, "show", "hall-2")
    assert "(2 is wanted)" in typed(house, "list")
    assert "configuration 3 waits for a second person" in typed(house, "configure", "hall-2", "-", given=SOURCE + FUNCTION)
    with pytest.raises(Forbidden, match="you made this configuration"):
        typed(house, "approve", "hall-2", "3")
    assert "to run configuration 3" in typed(house, "approve", "hall-2", "3", role="admin")
    assert "to run configuration 2" in typed(house, "back", "hall-2")
    assert "to run configuration 1" in typed(house, "back", "hall-2")
    assert "to run its own settings" in typed(house, "back", "hall-2")
    assert "to run configuration 2" in typed(house, "back", "hall-2", "2")
    with pytest.raises(NotFound):
        typed(house, "back", "hall-2", "9")
    with pytest.raises(NotFound):
        typed(house, "configuration", "--number", "9", "hall-2")


def test_what_is_wrong_is_told(house: House):
    with pytest.raises(InvalidInput, match="not TOML"):
        typed(house, "configure", "hall-2", "-", given="[[")
    with pytest.raises(Forbidden):
        typed(house, "configure", "hall-2", "-", role="viewer", given=SOURCE)
    result = CliRunner().invoke(edges, ["show", "hall-2"], standalone_mode=False, env={"LINESHAFT_TOKEN": ""})
    assert isinstance(result.exception, ConfigError)
    assert "lineshaft token create" in result.exception.hint
