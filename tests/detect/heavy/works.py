"""Pieces of work for tests; other processes import them by name."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from lineshaft.core import InvalidInput


def double(number, tell):
    tell(0.5, "half")
    return 2 * number


def refuse(number, tell):
    print("a library that talks", flush=True)
    tell(0.5, "half")
    raise InvalidInput(f"{number} rows are too few", hint="take more")


def fail(number, tell):
    raise ValueError("no such column")


def die(number, tell):
    sys.stderr.flush()
    os.abort()


def grow(number, tell):
    held = []
    while True:
        held.append(bytearray(os.urandom(1) * (16 << 20)))
        tell(0.5, f"{len(held)}")
        time.sleep(0.02)


def gated(folder: str, tell):
    """Say where it runs, and go on when the test opens the gate."""
    home = Path(folder)
    tell(0.3, "half")
    (home / f"at-{os.getpid()}").touch()
    while not (home / "go").exists():
        time.sleep(0.05)
    (home / f"out-{os.getpid()}").touch()
    return os.getpid()
