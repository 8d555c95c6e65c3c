"""`lineshaft etl` against a real door: jobs, a run, its history, and what it says when something is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from lineshaft.cli.etl import etl
from lineshaft.core import ConfigError, Forbidden, NotAuthenticated, NotFound
from tests.doors.conftest import House, make_house

JOB = """job: parts
owner: user:anna
schedule: {every: 1h}
retries: 0
steps:
  - {name: all, sql: "SELECT part, on_hand FROM spares", table: part_counts}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for house in make_house(tmp_path_factory.mktemp("etl")):
        folder = house.rooms.store.etl.folder
        folder.mkdir(exist_ok=True)
        (folder / "parts.yaml").write_text(JOB)
        yield house


def typed(house: House, *words: str, role: str = "engineer") -> Result:
    """Type a command as somebody; what it raises is raised here."""
    command, *rest = words
    at = ("--url", str(house.client.base_url), "--token", house.secrets[role])
    result = CliRunner().invoke(etl, [command, *at, *rest], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def test_a_job_that_never_ran_says_so(house: House):
    (line,) = typed(house, "list").stdout.splitlines()
    assert line.startswith("parts  every 1h  user:anna  ")
    assert line.endswith("never ran")


def test_a_file_that_is_no_job_is_told_and_hides_no_other(house: House):
    wrong = house.rooms.store.etl.folder / "wrong.yaml"
    wrong.write_text("job: wrong\n")
    try:
        result = typed(house, "list")
        assert result.stdout.startswith("parts  ")
        assert "etl/wrong.yaml" in result.stderr
    finally:
        wrong.unlink()


def test_a_job_is_run_and_its_history_shown(house: House):
    assert typed(house, "run", "parts").stdout == "parts will run; see: lineshaft etl history parts\n"
    assert "waiting" in typed(house, "history", "parts").stdout
    house.rooms.store.etl.tend(0)
    (line,) = typed(house, "history", "parts").stdout.splitlines()
    rows = house.post("sql", {"sql": "SELECT count(*) FROM part_counts"}).json()["rows"][0][0]
    assert rows > 0
    assert f"  parts  done  {rows} rows  " in line
    assert f"done {line.split('  ')[1]} {rows} rows" in typed(house, "list").stdout


def test_a_run_that_failed_says_why(house: House):
    path = house.rooms.store.etl.folder / "parts.yaml"
    path.write_text(JOB.replace("on_hand", "no_such_column"))
    try:
        typed(house, "run", "parts")
        house.rooms.store.etl.tend(0)
        newest, why, *older = typed(house, "history", "--limit", "2").stdout.splitlines()
        assert "  parts  failed  0 rows  " in newest
        assert why.startswith("    ")
        assert "no_such_column" in why
        assert len(older) == 1
    finally:
        path.write_text(JOB)


def test_what_is_wrong_is_told_in_the_nodes_words(house: House, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(NotFound, match="party"):
        typed(house, "run", "party")
    with pytest.raises(Forbidden):
        typed(house, "list", role="planner")
    with pytest.raises(NotAuthenticated):
        CliRunner().invoke(
            etl, ["list", "--url", str(house.client.base_url), "--token", "wrong"], standalone_mode=False, catch_exceptions=False
        )
    monkeypatch.delenv("LINESHAFT_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="needs an API token") as told:
        CliRunner().invoke(etl, ["list"], standalone_mode=False, catch_exceptions=False)
    assert "lineshaft token create --role engineer" in told.value.hint
