"""Programs and files on the node itself: ETL steps and questions, edited processes, and hands in the audit."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineshaft.act.tables import cases
from lineshaft.core import Database
from lineshaft.guard import Guard
from tests.redteam.conftest import PUMP, Target

pytestmark = pytest.mark.redteam
PROCESSES = Path(__file__).parents[2] / "src" / "lineshaft" / "act" / "processes"
STEP = """
import os, pathlib
import pyarrow as pa

HOME = {home!r}

def attempt(what):
    try:
        return str(what())[:200]
    except BaseException as error:
        return f"refused: {{type(error).__name__}}"

def approve():
    import sqlite3
    with sqlite3.connect(HOME + "/lineshaft.db") as db:
        return db.execute("UPDATE approval SET state = 'approved', decided_by = 'id-boss'").rowcount

def run(tables):
    found = [attempt(one) for one in (
        approve,
        lambda: pathlib.Path(HOME, "lineshaft.db").read_bytes()[:6],
        lambda: pathlib.Path(HOME, "settings.toml").read_text(),
        lambda: pathlib.Path(HOME, "processes").mkdir(),
        lambda: pathlib.Path(HOME, "config", "plant.yaml").write_text("assets: []"),
        lambda: os.kill(os.getppid(), 9),
        lambda: pathlib.Path("/proc", str(os.getppid()), "environ").read_bytes(),
    )]
    found.append("secrets: " + ",".join(name for name in os.environ if "SECRET" in name or "TOKEN" in name or "PASSWORD" in name))
    return pa.table({{"said": found}})
"""


def landlock() -> bool:
    import ctypes

    return sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1


def etl(target: Target, name: str, owner: str, steps: str, **files: str) -> None:
    folder = target.plant.store.etl.folder
    folder.mkdir(exist_ok=True)
    for file, text in files.items():
        (folder / f"{file}.py").write_text(text)
    (folder / f"{name}.yaml").write_text(f"job: {name}\nowner: {owner}\nretries: 0\nsteps:\n{steps}")


def ran(target: Target, name: str) -> dict:
    """Run a job to its end and return how it ended; what is refused at once is `refused`."""
    asked = target.post(f"etl/{name}/run", None, "eng")
    if asked.status_code >= 400:
        return {"state": "refused", "error": str(asked.json()["code"])}
    for _ in range(600):
        target.plant.store.etl.tend(0)
        row = target.ask("GET", f"etl/runs?job={name}", "eng").json()["items"][0]
        if row["state"] not in {"waiting", "running"}:
            return row
        time.sleep(0.05)
    raise AssertionError(row)


@pytest.mark.skipif(not landlock(), reason="this system has no Landlock: an ETL step has the files of the node's user")
def test_an_etl_step_that_reaches_for_the_node(target: Target, attempt, monkeypatch):
    monkeypatch.setenv("ERP_SECRET", "hunter2")
    made = target.proposal("eng")
    script = STEP.format(home=str(target.plant.home))
    etl(target, "reach", "user:anna", "  - {name: a, python: reach.py, table: reached}\n", reach=script)
    before = target.state("etl_run", "etl_step", "etl_mark")
    done = ran(target, "reach")
    assert done["state"] == "done", done
    rows = target.post("sql", {"sql": "SELECT said FROM reached"}, "anna").json()["rows"]
    assert [row[0] for row in rows[:7]] == ["refused: " + why for why in _whys(rows)]
    assert rows[7][0] == "secrets: "
    assert target.state("etl_run", "etl_step", "etl_mark") == before
    open_ = target.ask("GET", "approvals?state=open", "bert").json()["items"]
    assert made["id"] in {row["id"] for row in open_}
    with attempt("etl_run", "etl_step", "etl_mark") as tried:
        etl(target, "reach", "user:view", "  - {name: a, sql: 'SELECT * FROM audit', table: stolen}\n")
        tried.answers.append(f"run {_failed(target, 'reach')}")
    (target.plant.store.etl.folder / "reach.yaml").unlink()


def _whys(rows: list) -> list[str]:
    said = [row[0].removeprefix("refused: ") for row in rows[:7]]
    assert set(said) <= {"PermissionError", "OperationalError", "FileNotFoundError"}, rows
    return said


def _failed(target: Target, job: str) -> str:
    row = ran(target, job)
    assert row["state"] in {"failed", "refused"}, row
    return str(row["error"])[:60]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '/tmp/redteam-etl.csv'",
        "DELETE FROM samples",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT 1; DROP TABLE samples",
        "SELECT * FROM users",
    ],
)
def test_an_etl_question_that_does_more_than_read(target: Target, attempt, sql):
    etl(target, "evil", "user:anna", f'  - {{name: a, sql: "{sql}", table: evil}}\n')
    with attempt("etl_run", "etl_step", "etl_mark") as tried:
        tried.answers.append(_failed(target, "evil"))
    assert not Path("/tmp/redteam-etl.csv").exists()
    (target.plant.store.etl.folder / "evil.yaml").unlink()


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        ("user:anna", "{name: a, python: ../../../tmp/evil.py, table: x}"),
        ("user:anna", "{name: a, python: /tmp/evil.py, table: x}"),
        ("user:nobody", "{name: a, sql: SELECT 1, table: x}"),
        ("user:anna", "{name: a, sql: SELECT 1, table: samples}"),
        ("user:anna", "{name: a, sql: SELECT 1, table: ../lake}"),
    ],
)
def test_a_job_that_leaves_its_folder_or_is_nobodys(target: Target, attempt, owner, step):
    Path("/tmp/evil.py").write_text("def run(tables): raise SystemExit('ran')\n")
    etl(target, "evil", owner, f"  - {step}\n")
    with attempt("etl_run", "etl_step", "etl_mark") as tried:
        tried.answers.append(_failed(target, "evil"))
    (target.plant.store.etl.folder / "evil.yaml").unlink()


def own(target: Target, text: str, name: str = "own") -> Path:
    folder = target.plant.home / "processes"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("does: triage.rule", "does: shell.run"),
        ("when: stock.low", "when: __import__('os').system('id')"),
        ("risk: high if proposal.cost >= 50 else low", "risk: open('/etc/passwd')"),
        ("version: 1", "version: 1\nevil: true"),
        ("after: [repair]", "after: [nothing]"),
    ],
)
def test_a_process_that_asks_for_what_there_is_not(target: Target, attempt, old, new):
    text = (PROCESSES / "maintenance.yaml").read_text()
    assert old in text
    before = target.plant.act.processes.known["maintenance"]
    path = own(target, text.replace(old, new, 1))
    with attempt() as tried:
        tried.answers.append(f"{len(target.plant.act.reload())} problems")
        assert target.plant.act.processes.known["maintenance"] == before
    path.unlink()
    target.plant.act.reload()


def test_a_process_edited_to_spend_without_a_second_person(target: Target, attempt):
    """Risk is talked down in the file; the matrix holds a purchase of this size to a person all the same."""
    text = (PROCESSES / "maintenance.yaml").read_text().replace("risk: high if proposal.cost >= 50 else low", "risk: low")
    path = own(target, text)
    assert target.plant.act.reload() == []
    row = target.plant.guard.audit(1, action="processes.read")[0]
    assert row.detail["changed"] == ["maintenance"]
    seq = target.seq()
    target.made("findings", {"asset": PUMP, "kind": "drift", "score": 0.9, "failure_mode": "VIB"}, "eng")
    assert target.plant.act.settle()
    waiting = [row for row in target.ask("GET", "approvals?state=open", "bert").json()["items"] if row["task"] == "replenish"]
    assert len(waiting) == 1
    assert {row["state"] for row in target.ask("GET", "purchases", "anna").json()["items"]} == {"proposed"}
    floors = [row for row in target.plant.guard.audit(200) if row.seq > seq and row.detail.get("code") == "matrix.floor"]
    assert [row.outcome for row in floors] == ["refused"]
    path.unlink()
    target.plant.act.reload()


def test_an_open_case_is_not_changed_by_an_edit(target: Target):
    """The definition is an input of the case."""
    before = target.plant.db.rows(sa.select(cases.c.id, cases.c.definition))
    assert before
    path = own(
        target,
        (PROCESSES / "maintenance.yaml")
        .read_text()
        .replace("version: 1", "version: 99")
        .replace("role: planner", "role: viewer"),
    )
    target.plant.act.reload()
    assert target.plant.db.rows(sa.select(cases.c.id, cases.c.definition)) == before
    path.unlink()
    target.plant.act.reload()


TAMPER = {
    "a subject": "UPDATE audit SET subject_id = 'somebody-else' WHERE seq = 5",
    "an outcome": "UPDATE audit SET outcome = 'ok' WHERE outcome = 'refused'",
    "a resource": "UPDATE audit SET resource = 'nothing' WHERE seq = 3",
    "a detail": "UPDATE audit SET detail = '{}' WHERE seq = 4",
    "a moment": "UPDATE audit SET at = at - 3600000000000 WHERE seq = 6",
    "a row taken out": "DELETE FROM audit WHERE seq = 7",
    "the end cut off": "DELETE FROM audit WHERE seq > (SELECT max(seq) - 3 FROM audit)",
    "the end cut off with its head": "DELETE FROM audit WHERE seq > 8; UPDATE audit_head SET seq = 8",
    "two rows exchanged": (
        "UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = -1"
    ),
    "a row put in": (
        "INSERT INTO audit SELECT (SELECT max(seq) + 1 FROM audit), at, subject_kind, action, resource, outcome, subject_id, "
        "detail, salt, sealed, prev, hash FROM audit WHERE seq = 2"
    ),
    "somebody forgotten": "UPDATE audit SET subject_id = NULL, detail = NULL, salt = NULL WHERE subject_kind = 'person'",
    "all of it": "DELETE FROM audit",
}


@pytest.mark.parametrize("what", list(TAMPER))
def test_a_hand_in_the_audit_is_found(target: Target, tmp_path: Path, request, what):
    while target.seq() < 12:
        target.ask("GET", "users", "view")
    copy = tmp_path / "lineshaft.db"
    with sqlite3.connect(target.plant.home / "lineshaft.db") as source, sqlite3.connect(copy) as goal:
        source.backup(goal)
    db = Database(f"sqlite:///{copy}")
    assert Guard(db).verify().ok
    with sqlite3.connect(copy) as hand:
        hand.executescript(TAMPER[what])
    report = Guard(db).verify()
    db.close()
    assert not report.ok
    assert report.first_bad is not None
    request.node.user_properties.append(("redteam", [request.node.name, f"found: {report.reason}"[:60], "audit verify"]))


def test_the_command_line_says_that_the_audit_was_changed(target: Target, tmp_path: Path):
    target.ask("GET", "users", "view")
    home = tmp_path / "home"
    home.mkdir()
    with sqlite3.connect(target.plant.home / "lineshaft.db") as source, sqlite3.connect(home / "lineshaft.db") as goal:
        source.backup(goal)
        goal.execute("UPDATE audit SET action = 'nothing' WHERE seq = 2")
    words = [sys.executable, "-m", "lineshaft", "audit", "verify", "--home", str(home)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0
    assert "2" in done.stdout + done.stderr
    shutil.rmtree(home)
