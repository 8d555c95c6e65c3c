"""A node that dies between writing a message and its arrival: it arrives, under the id it was written with."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from lineshaft.core import Database
from tests.act.notify.receivers import Hook

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def node(home: Path, hook: Hook, what: str):
    """Run a node in a process of its own until it is killed."""
    args = [sys.executable, "-m", "tests.act.notify.child", str(home), str(hook.port), what]
    with subprocess.Popen(
        args, cwd=ROOT, env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": ""}, stdout=subprocess.PIPE
    ) as one:
        try:
            assert one.stdout is not None
            assert one.stdout.readline() == b"READY\n"
            yield one
        finally:
            one.send_signal(signal.SIGKILL)
            one.wait(30)


def ids(said: list[dict]) -> set[str]:
    return {one["message"].rpartition("id ")[2] for one in said}


@pytest.mark.chaos
def test_a_message_written_before_the_crash_is_sent_after_it(tmp_path: Path, hook: Hook):
    with node(tmp_path, hook, "queue"):
        pass
    assert hook.said == []
    with node(tmp_path, hook, "send"):
        assert len(hook.wait(1)) == 1


@pytest.mark.chaos
def test_a_message_on_its_way_in_the_crash_arrives_again_under_the_same_id(tmp_path: Path, hook: Hook):
    hook.hold = threading.Event()
    with node(tmp_path, hook, "queue"):
        pass
    for n in range(1, 3):
        with node(tmp_path, hook, "send"):  # killed while the receiver has it and has not answered
            hook.wait(n)
    hook.hold.set()
    with node(tmp_path, hook, "send"):
        hook.wait(3)
        _until_delivered(tmp_path)
    assert len(hook.said) == 3
    assert len(ids(hook.said)) == 1


def _until_delivered(home: Path) -> None:
    db = Database(f"sqlite:///{home / 'child.db'}")
    try:
        import time

        import sqlalchemy as sa

        end = time.monotonic() + 60
        while db.rows(sa.text("SELECT state FROM notice_delivery"))[0]["state"] != "delivered":
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        db.close()
