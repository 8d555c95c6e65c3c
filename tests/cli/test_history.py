"""History in from an older historian and out again, and the lake's files, as a person types it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from lineshaft.cli import root
from lineshaft.cli.home import lock
from lineshaft.cli.selection import away, write
from lineshaft.core import ConfigError, parse_time

PLANT = """
assets:
  - name: Site
    level: site
    children:
      - {name: Oven, model: Oven, level: machine, source: plc, tag_prefix: "oven."}
"""
OVEN = """
model: Oven
version: 1
properties:
  - {name: Temperature, kind: measurement, type: double, unit: degC}
  - {name: Recipe, kind: measurement, type: string, unit: ''}
  - {name: State, kind: measurement, type: integer, unit: ''}
  - {name: 'On', kind: measurement, type: boolean, unit: ''}
"""
OLD = """\
when,point,reading
2026-01-01 01:00:00,oven.Temperature,180
2026-01-01 01:00:01,oven.Temperature,181.5
2026-01-01 01:00:00,oven.Recipe,007
never,oven.Recipe,008
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "config" / "models").mkdir(parents=True)
    (home / "settings.toml").write_text("")
    (home / "config" / "plant.yaml").write_text(PLANT)
    (home / "config" / "models" / "oven.yaml").write_text(OVEN)
    (tmp_path / "old.csv").write_text(OLD)
    return home


def typed(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(root, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def take(home: Path) -> str:
    how = ("--time", "when", "--value", "reading", "--source", "plc", "--timezone", "Europe/Berlin")
    return typed("import-history", home.parent / "old.csv", "--home", home, *how)


def test_in_and_out_again(home: Path, tmp_path: Path) -> None:
    told = take(home)
    assert "3 rows are in the lake" in told
    assert "1 rows were refused (time 1)" in told
    assert "nothing to do" in take(home)
    names = ("--property", "Site/Oven/Temperature", "--property", "Site/Oven/Recipe", "--start", "2025-12-01T00:00:00Z")
    assert "3 rows" in typed("export-history", "--home", home, *names, "-o", tmp_path / "out.csv", "--format", "csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == '"property","timestamp","value","quality"'
    assert lines[1] == '"Site/Oven/Temperature","2026-01-01T00:00:00.000000000Z","180","good"'
    one = tmp_path / "out.parquet"
    typed("export-history", "--home", home, *names[:2], *names[4:], "-o", one)
    assert pq.read_table(one)["value"].to_pylist() == [180.0, 181.5]
    again = tmp_path / "again"
    typed("import-history", one, "--properties", "--home", home)
    typed("import-history", tmp_path / "out.csv", "--home", again.parent / "home", "--properties")
    typed("export-history", "--home", home, *names[:2], *names[4:], "-o", again)
    assert pq.read_table(again).equals(pq.read_table(one))


def test_other_engines_count_the_same_from_the_list_of_files(home: Path) -> None:
    take(home)
    files = typed("lake", "files", "--home", home).split()
    assert files
    with duckdb.connect() as db:
        assert db.execute(f"select count(*), sum(v) from read_parquet({files!r})").fetchall() == [(3, 361.5)]
    assert typed("lake", "files", "--home", home, "--table", "late") == "\n"
    assert typed("lake", "files", "--home", home, "--table", "series", "--json").startswith("[")


def test_a_running_node_keeps_its_home(home: Path, tmp_path: Path) -> None:
    with lock(home), pytest.raises(ConfigError, match="the node runs, and asking it needs an API token"):
        take(home)
    with pytest.raises(ConfigError, match="no Lineshaft home"):
        typed("lake", "files", "--home", tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="there is no table"):
        typed("lake", "files", "--home", home)


def test_a_node_that_does_not_answer_is_told(tmp_path: Path) -> None:
    start = parse_time("2026-01-01T00:00:00Z")
    for url, what in (("http://127.0.0.1:9", "no node answers"), ("plant", "not the address")):
        with pytest.raises(ConfigError, match=what):
            write(tmp_path / "x.csv", "csv", {"Site/Oven": away(url, "", "Site/Oven", start, start + 1)})
    assert not list(tmp_path.iterdir())


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return sorted(csv.reader(file))


def test_the_bulk_import_layout_of_sitewise_goes_in_and_out_the_same(home: Path, tmp_path: Path) -> None:
    """The golden file names paths of the plant as its aliases."""
    golden = Path(__file__).parents[1] / "store" / "golden" / "bulk-import.csv"
    old = tmp_path / "bulk.csv"
    old.write_bytes(golden.read_bytes())
    typed("import", old, "--home", home, "--layout", "sitewise", "--properties")
    how = ("--home", home, "--under", "Site", "--start", "2025-12-01T00:00:00Z", "-o")
    assert "5 rows" in typed("export-history", *how, tmp_path / "out.csv", "--format", "sitewise")
    assert rows_of(tmp_path / "out.csv") == rows_of(golden)
    assert "4 rows" in typed("export-history", *how, tmp_path / "good.csv", "--format", "sitewise", "--quality", "good")
    told = typed("export-history", *how, tmp_path / "cold", "--format", "cold-tier")
    files = sorted((tmp_path / "cold").rglob("*.avro"))
    assert f"5 rows are in {len(files)} files" in told
    again = tmp_path / "again"
    shutil.copytree(home / "config", again / "config")
    (again / "settings.toml").write_text("")
    typed("import", tmp_path / "cold", "--home", again, "--properties")
    how = ("--home", again, *how[2:])
    typed("export-history", *how, tmp_path / "back.csv", "--format", "sitewise")
    assert rows_of(tmp_path / "back.csv") == rows_of(golden)


def test_nothing_chosen_is_told(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is chosen"):
        typed("export-history", "--home", home, "--start", "2025-12-01T00:00:00Z", "-o", tmp_path / "x.csv")
    with pytest.raises(ConfigError, match="one folder"):
        typed("import", home, tmp_path / "old.csv", "--home", home)
