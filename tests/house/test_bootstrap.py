"""The bootstrap installs when it may, and otherwise names the one command that helps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap, counterparts

ROOT = Path(__file__).resolve().parents[2]


def test_who_may_not_install_is_told_the_one_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.Stuck, match="sudo apt-get install --yes --no-install-recommends chromium postgresql"):
        bootstrap.apt_install("chromium", "postgresql", reason="tests talk to foreign programs")


def test_where_there_is_no_apt_the_packages_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(bootstrap.Stuck, match="install debian-venv"):
        bootstrap.apt_install("debian-venv", reason="this Python has no venv or pip")


def test_a_python_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    with pytest.raises(bootstrap.Stuck, match=r"3\.11 or newer is needed"):
        bootstrap.main("run")


def test_a_node_that_is_too_old_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v20.20.2\n")
    old.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(old))
    monkeypatch.setattr(bootstrap, "locked_node", lambda: None)
    assert bootstrap.version_of(old) == (20, 20)
    assert bootstrap.node() is None
    old.write_text("#!/bin/sh\necho v22.13.0\n")
    assert bootstrap.node() == old


def test_what_is_missing_for_the_tests_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counterparts, "has_chromium", lambda: False)
    monkeypatch.setattr(counterparts, "has_postgresql", lambda: True)
    assert counterparts.missing_from_debian() == ["chromium"]
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name == "radosgw" else f"/usr/bin/{name}")
    assert counterparts.missing_from_debian(heavy=True) == ["chromium", "radosgw"]


def test_make_lists_what_can_be_made():
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"demo", "test", "lint", "bench", "docs", "soak", "lock"} <= {
        line.split()[1] for line in told.splitlines() if line.split()
    }


def test_a_skipped_counterpart_is_a_failure_where_required(tmp_path: Path):
    met = "@pytest.mark.counterpart\ndef test_met():\n    pytest.skip('not here')\n"
    other = "def test_other():\n    pytest.skip('allowed')\n"
    (tmp_path / "test_made.py").write_text(f"import pytest\n{met}{other}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ROOT, "--confcutdir", ROOT]
    command += ["-c", ROOT / "pyproject.toml", "-p", "tests.conftest", tmp_path / "test_made.py"]
    for required, outcome in (("1", "1 failed, 1 skipped"), ("", "2 skipped")):
        env = {**os.environ, "LINESHAFT_REQUIRE_COUNTERPARTS": required, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        told = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert outcome in told.stdout, told.stdout + told.stderr
