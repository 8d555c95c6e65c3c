"""`lineshaft agents`: the register and the switch from the command line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from lineshaft.app import open_database
from lineshaft.cli import root
from lineshaft.core import Forbidden
from lineshaft.guard import Guard


@pytest.fixture
def home(tmp_path):
    made = tmp_path / "home"
    db, _ = open_database(made)
    db.close()
    return made


def run(home, *words, code=0):
    answer = CliRunner().invoke(root, ["agents", words[0], "--home", str(home), *words[1:]])
    assert answer.exit_code == code, answer.output
    return answer.output


def test_hire_list_stop_and_resume(home):
    secret = run(home, "hire", "claude", "--role", "planner", "--tools", "alarms,plant_*", "--calls", "50").strip()
    assert secret.startswith("lst_")
    assert "claude" in run(home, "list")
    assert run(home, "stop", "claude", "--why", "drill") == "stopped\n"
    assert "stopped" in run(home, "list")
    assert run(home, "resume", "claude") == "active\n"
    run(home, "stop", "--all", "--why", "fire")
    assert "all agents are stopped: fire" in run(home, "list")
    run(home, "resume", "--all")
    assert "all agents" not in run(home, "list")
    run(home, "stop", code=2)
    run(home, "stop", "claude", "--all", code=2)
    db, settings = open_database(home)
    guard = Guard(db, settings.guard)
    rows = [row.action for row in guard.audit() if row.subject_kind == "system"]
    assert rows.count("agents.stop") == 4
    assert guard.authenticate(secret).id == "agent:claude"
    with pytest.raises(Forbidden):  # no register in this process: nobody is let in
        guard.gate(guard.authenticate(secret), "read")
    db.close()
