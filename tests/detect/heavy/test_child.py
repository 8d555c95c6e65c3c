"""A process for one piece of work: its result, what it says, and that it ends when it should."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time

import psutil
import pytest

from lineshaft.detect.heavy.child import in_child
from lineshaft.detect.heavy.job import ENDED
from tests.detect.heavy.works import die, gated, grow, refuse


def carried(work, argument=3, *, unwanted=lambda: False, memory=0):
    steps = []
    made, error = in_child(pickle.dumps((work, argument)), lambda *step: steps.append(step), unwanted, memory)
    return pickle.loads(made) if made else None, error, steps


def until(true, seconds=240.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("work", "said", "steps"),
    [(refuse, "3 rows are too few - take more", [(0.5, "half")]), (die, ENDED, [])],
)
def test_the_reason_why_there_is_no_result(work, said, steps):
    assert carried(work) == (None, said, steps)


@pytest.mark.slow
def test_what_takes_too_much_memory_is_ended_and_says_so():
    made, error, steps = carried(grow, memory=400 << 20)
    assert made is None
    assert error == "it needs more memory than the 400 MB it may take (look back less, or allow more)"
    assert steps


def test_what_nobody_wants_any_more_is_ended(tmp_path):
    gone = threading.Event()
    watcher = threading.Thread(target=lambda: (until(lambda: list(tmp_path.glob("at-*"))), gone.set()))
    watcher.start()
    made, error, _ = carried(gated, str(tmp_path), unwanted=gone.is_set)
    watcher.join()
    assert (made, error) == (None, "cancelled")
    assert not psutil.pid_exists(int(next(tmp_path.glob("at-*")).name[3:]))


@pytest.mark.slow
def test_a_child_whose_parent_is_killed_ends_by_itself(tmp_path):
    code = (
        "import pickle; from lineshaft.detect.heavy.child import in_child; from tests.detect.heavy.works import gated; "
        f"in_child(pickle.dumps((gated, {str(tmp_path)!r})), lambda *s: None, lambda: False)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=env)
    try:
        until(lambda: list(tmp_path.glob("at-*")))
    finally:
        parent.kill()
        parent.wait()
    child = int(next(tmp_path.glob("at-*")).name[3:])
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    assert not list(tmp_path.glob("out-*"))
