"""The power goes: ext4 on a loop-mounted file, the writer frozen at a random moment, what had reached the disk recovered.

What a kill leaves in the page cache is gone here: only what was fsynced is in the copy of the backing file. The writer
appends, derives, flushes, rewrites days with their roll-ups, and writes tables of the lake, all at once.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lineshaft.core import Bus, Database
from lineshaft.store import STORED, Change, Store, StoreSettings, Tag
from lineshaft.store.index import ROLL_UPS
from tests.store.appender import KEYS, filled
from tests.store.giving import SECOND, T0, plain
from tests.store.test_crash import ROOT, check

TRIALS = 8
SIZE = 600 << 20


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True, capture_output=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True, capture_output=True)  # also while a failed check holds a file


def disk(image: Path, size: int = SIZE) -> Path:
    with image.open("wb") as file:
        file.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
    return image


def why_not(folder: Path) -> str:
    """Return why no file can be mounted here, or nothing."""
    if os.geteuid() != 0:
        return "a loop mount needs root"
    if not shutil.which("mkfs.ext4"):
        return "there is no mkfs.ext4"
    try:
        with mounted(disk(folder / "try.img", 16 << 20), folder / "try"):
            return ""
    except subprocess.CalledProcessError as error:
        return f"loop mounts are not allowed here: {error.stderr.decode().strip()}"


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_eight_power_cuts_lose_nothing_that_was_acknowledged(tmp_path: Path):
    cuts(tmp_path, TRIALS, 2, 8)


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path):
    cuts(tmp_path, 1, 1.5, 2.5)


def cuts(folder: Path, trials: int, shortest: float, longest: float) -> None:
    reason = why_not(folder)
    if reason:
        pytest.skip(f"no simulated power loss: {reason}")
    rolled = tables = 0
    for number in range(1, trials + 1):
        image, copy = disk(folder / "disk.img"), folder / "copy.img"
        acknowledged, written = cut(folder, image, copy, random.uniform(shortest, longest))
        assert acknowledged > 10, f"trial {number} wrote nothing"
        with mounted(copy, folder / "after") as after:
            home = after / "home"
            check_derived(home, acknowledged)
            assert check(home, acknowledged, 0) > 0, f"trial {number}"
            rolled += check_rolled(home, acknowledged)
            check_tables(home, written)
            tables += written
    assert rolled, "no day was rewritten with its roll-ups: the writer needs longer"
    assert tables, "no table was written"


def cut(folder: Path, image: Path, copy: Path, seconds: float) -> tuple[int, int]:
    """Write on the disk for some seconds, freeze the writer, copy what the disk holds; return what was acknowledged."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    with mounted(image, folder / "before") as before:
        home = before / "home"
        home.mkdir()
        command = [sys.executable, "-m", "tests.store.appender", str(home), "1", "tables"]
        with (
            (folder / "acknowledged").open("wb") as out,
            subprocess.Popen(command, stdout=out, env=environment, cwd=ROOT) as writer,
        ):
            while not (home / "lake" / "minute").exists() and not (home / "lake" / "hour").exists():
                assert writer.poll() is None, "the writer ended"
                time.sleep(0.05)
            time.sleep(seconds)
            writer.send_signal(signal.SIGSTOP)
            lines = (folder / "acknowledged").read_bytes().split(b"\n")[:-1]
            subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
            writer.kill()
            writer.wait()
    written = [int(line[2:]) for line in lines if line.startswith(b"T")]
    return int([line for line in lines if not line.startswith(b"T")][-1]), max(written, default=0)


def opened(home: Path) -> Store:
    return Store(home, None, Database(f"sqlite:///{home / 'l.db'}"), StoreSettings(), Bus())


def check_derived(home: Path, acknowledged: int) -> None:
    """What was derived, and what a start derives again from the journal, is what a clean computation gives: once each."""
    store = opened(home)
    sid = np.array([store.derived_sid("sum")], np.int32)
    for stored in store.unprocessed():
        value = stored.rows["v"][0].as_py()
        second = (stored.rows["ts"][0].cast(pa.int64()).as_py() - T0) // SECOND
        corrected = value >= 1e6
        rows = stored.rows.slice(0, 0) if corrected else filled(STORED, pa.array(sid), second, value)
        store.show(store.append_derived(rows, stored.seq))
    found = plain(store.history(Tag("derived", "sum"), 0, T0 + acknowledged * SECOND))
    assert found == [(T0 + n * SECOND, float(n), 0) for n in range(1, acknowledged + 1)]
    store.close()


def check_rolled(home: Path, acknowledged: int) -> int:
    """Means of minutes and hours, from roll-ups where there are some, are those of the rows; return how many files rolled."""
    store = opened(home)
    for window in (60 * SECOND, 3600 * SECOND):
        told = store.aggregates(Tag("m", "t3"), window, T0, T0 + 86_400 * SECOND, ("sum", "min", "max"), partial=True)
        whole: dict[int, list[float]] = {}
        for ts, value, _ in plain(store.history(Tag("m", "t3"), T0, T0 + 86_400 * SECOND)):
            whole.setdefault(-(-int(str(ts)) // window) * window, []).append(float(str(value)))
        assert plain(told) == [(end, len(v), sum(v), min(v), max(v)) for end, v in sorted(whole.items())]
    rolled = sum(1 for file in store._keeper.files() if file.kind in ROLL_UPS)
    store.close()
    return rolled


def check_tables(home: Path, written: int) -> None:
    """Every acknowledged row of a table is there once; each key has its last value; another engine reads the same."""
    store = opened(home)
    tablets = store.sql.tablets
    if not written:
        store.close()
        return
    lines = DeltaTable(str(tablets.root / "lines")).to_pyarrow_table()["n"].to_pylist()
    assert len(lines) in (written, written + 1)
    assert sorted(lines) == list(range(1, len(lines) + 1))
    assert tablets.get("lines").rows == len(lines)
    last = tablets.get("state").marks["w"]
    assert last in (written, written + 1)
    state = DeltaTable(str(tablets.root / "state")).to_pyarrow_table().to_pylist()
    assert {row["k"]: row["n"] for row in state} == {n % KEYS: n for n in range(1, last + 1)}
    assert len(state) == min(last, KEYS)
    more = pa.table({"k": [0], "n": [last + 1], "at": pa.array([T0 // 1000]).cast(pa.timestamp("us", "UTC"))})
    assert tablets.write("state", Change(more, "upsert", key=("k",), mark=("w", last + 1))).marks["w"] == last + 1
    store.close()
