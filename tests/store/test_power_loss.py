"""The power goes: ext4 on a loop-mounted file, the writer frozen at a random moment, what had reached the disk recovered.

What a kill leaves in the page cache is gone here: only what was fsynced is in the copy of the backing file.
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

import pytest

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
        subprocess.run(["umount", str(at)], check=True, capture_output=True)


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
    reason = why_not(tmp_path)
    if reason:
        pytest.skip(f"no simulated power loss: {reason}")
    for number in range(TRIALS):
        image, copy = disk(tmp_path / "disk.img"), tmp_path / "copy.img"
        acknowledged = cut(tmp_path, image, copy, 2 + random.random() * 6)
        with mounted(copy, tmp_path / "after") as after:
            assert check(after / "home", acknowledged, 0) > 0, f"trial {number + 1}"
        assert acknowledged > 10, f"trial {number + 1} wrote nothing"


def cut(folder: Path, image: Path, copy: Path, seconds: float) -> int:
    """Write on the disk for some seconds, freeze the writer, and copy what the disk holds; return what was acknowledged."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    with mounted(image, folder / "before") as before:
        home = before / "home"
        home.mkdir()
        command = [sys.executable, "-m", "tests.store.appender", str(home), "1"]
        with (
            (folder / "acknowledged").open("wb") as out,
            subprocess.Popen(command, stdout=out, env=environment, cwd=ROOT) as writer,
        ):
            while not (folder / "acknowledged").stat().st_size:
                assert writer.poll() is None, "the writer ended"
                time.sleep(0.05)
            time.sleep(seconds)
            writer.send_signal(signal.SIGSTOP)
            lines = (folder / "acknowledged").read_bytes().split(b"\n")[:-1]
            subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
            writer.kill()
            writer.wait()
    return int(lines[-1])
