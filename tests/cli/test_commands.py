"""Every command as a person types it, on a home of its own."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineshaft.app import SECTIONS
from lineshaft.cli import COMMANDS, main, root
from lineshaft.cli.home import lock
from lineshaft.core import ConfigError, load
from tests.flow.node import BAKERY, EXAMPLES


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "settings.toml").write_text("")
    return folder


def typed(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(root, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_every_command_tells_what_it_does() -> None:
    listed = typed("--help")
    for name in COMMANDS:
        assert name in listed
        assert "Usage:" in typed(name, "--help")


def test_an_unknown_command_is_refused() -> None:
    assert "No such command" in typed("dmeo", code=2)


def test_the_sample_settings_are_what_a_node_takes(tmp_path: Path) -> None:
    text = typed("sample", "config")
    file = tmp_path / "settings.toml"
    file.write_text(text)
    commented = load(file, SECTIONS)
    uncommented = "\n".join(
        line.removeprefix("# ") if line.startswith("# [[") or (line.startswith("# ") and " = " in line) else line
        for line in text.splitlines()
    )
    assert set(tomllib.loads(uncommented)) >= {"node", "web", "gateway", "store"}
    assert commented.keys() == SECTIONS.keys()


@pytest.mark.parametrize("what", ["model", "plant", "calendar", "process"])
def test_every_sample_is_there(what: str) -> None:
    assert ":" in typed("sample", what)


def test_models_go_in_and_come_out_the_same(home: Path, tmp_path: Path) -> None:
    typed("import", "--home", str(home), str(BAKERY))
    typed("export", "--home", str(home), str(tmp_path / "out"))
    for path in sorted((BAKERY / "models").glob("*.yaml")):
        assert (tmp_path / "out" / "models" / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "out" / "plant.yaml").read_bytes() == (BAKERY / "plant.yaml").read_bytes()


def test_an_import_names_what_is_wrong_and_takes_the_rest(home: Path, tmp_path: Path) -> None:
    shutil.copytree(BAKERY, tmp_path / "in")
    pump = tmp_path / "in" / "models" / "pump.yaml"
    pump.write_text(pump.read_text().replace("kind: measurement, unit: A", "knid: measurement, unit: A"))
    output = typed("import", "--home", str(home), str(tmp_path / "in"), code=1)
    assert "pump.yaml:" in output
    assert "knid" in output


def test_the_example_of_the_cookie_factory_is_taken_with_its_settings(tmp_path: Path) -> None:
    typed("import", "--home", str(tmp_path / "home"), str(EXAMPLES / "cookiefactory"))
    assert "cookiefactory" in (tmp_path / "home" / "settings.toml").read_text()


def test_rooms_prints_the_floor_plan_and_the_wiring() -> None:
    printed = typed("rooms")
    assert "nothing is lost" in printed
    assert "AlarmRaised" in printed
    assert "a case" in printed


def test_a_token_is_printed_once_and_only_its_hash_is_kept(home: Path) -> None:
    secret = typed("token", "create", "--home", str(home), "--role", "viewer", "--name", "wall").strip()
    assert len(secret) >= 20
    assert "wall" in typed("token", "list", "--home", str(home))
    assert secret.encode() not in b"".join(path.read_bytes() for path in home.glob("lineshaft.db*"))


WRONG = """model: Pump
properties:
  - {name: Flow, kind: measurement}
  - {name: Mean, kind: metric, window: 1m, formula: "averag(flow)", inputs: {flow: Flow}}
"""


def test_doctor_finds_a_new_home_well_and_an_edited_audit_ill(home: Path) -> None:
    typed("token", "create", "--home", str(home), "--role", "viewer", "--name", "wall")
    well = typed("doctor", "--home", str(home))
    assert "chain intact" in well
    assert "MEND" not in well
    with sqlite3.connect(home / "lineshaft.db") as db:
        db.execute("UPDATE audit SET action = 'nothing' WHERE seq = 1")
    db.close()
    ill = typed("doctor", "--home", str(home), code=1)
    assert "MEND" in ill
    assert "chain" in ill


def test_doctor_names_a_wrong_formula_also_before_the_first_start(home: Path) -> None:
    (home / "config" / "models").mkdir(parents=True)
    (home / "config" / "models" / "pump.yaml").write_text(WRONG)
    (home / "config" / "plant.yaml").write_text("assets:\n  - {name: P, model: Pump}\n")
    output = typed("doctor", "--home", str(home), code=1)
    assert "MEND  models: models/pump.yaml:4: 'Mean' is not computed: there is no function 'averag' (character 1)" in output
    assert "-> did you mean 'avg'?" in output
    assert not (home / "lineshaft.db").exists(), "the look leaves nothing behind"


def test_doctor_names_a_damaged_database(home: Path) -> None:
    typed("token", "create", "--home", str(home), "--role", "viewer", "--name", "wall")
    (home / "journal.db").write_bytes(b"this is no database" * 500)
    output = typed("doctor", "--home", str(home), code=1)
    assert "journal.db: damaged" in output


def test_a_home_belongs_to_one_node(home: Path) -> None:
    with lock(home), pytest.raises(ConfigError, match="another node"):
        lock(home)
    lock(home).close()


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="the home cannot be used"):
        lock(tmp_path / "file" / "home")


@pytest.mark.parametrize("command", ["up", "demo", "simulate"])
def test_a_port_that_is_none_is_refused(home: Path, command: str) -> None:
    assert "99999" in typed(command, "--home", str(home), "--port", "99999", code=2)


def test_an_error_is_told_in_plain_words(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.toml").write_text("[web]\nport = 0\n")
    monkeypatch.setattr("sys.argv", ["lineshaft", "up", "--home", str(home)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "[web] port" in told
    assert "settings.toml" in told
    assert json.dumps(told)
