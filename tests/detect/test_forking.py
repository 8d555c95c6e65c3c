"""Processes apart: the one that is copied has loaded what each of its users needs."""

from __future__ import annotations

from pathlib import Path

from lineshaft.detect import forking

ROOM = Path(forking.__file__).parent


def test_whoever_begins_processes_so_is_loaded_beforehand():
    users = [path for path in ROOM.rglob("*.py") if "forking import prepared" in path.read_text(encoding="utf-8")]
    names = {".".join(("lineshaft", "detect", *path.relative_to(ROOM).with_suffix("").parts)) for path in users}
    assert names == set(forking.LOADED)
