"""Folders that survive a power cut: each is on the disk, and its name in the folder above it."""

from __future__ import annotations

from pathlib import Path

from lineshaft.core import fsync


def folder(path: Path, top: Path) -> None:
    """Make a folder below `top` so that it survives a power cut."""
    missing: list[Path] = []
    here = path
    while not here.exists() and here != top:
        missing.append(here)
        here = here.parent
    path.mkdir(parents=True, exist_ok=True)
    for made in missing:
        fsync(made)
        fsync(made.parent)
