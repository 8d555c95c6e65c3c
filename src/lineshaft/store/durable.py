"""Nothing is safe before its file, its folder and the folder's folder are on the disk: fsync, written once, used everywhere."""

from __future__ import annotations

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Return when a file's content, or a folder's list of names, has reached the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


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


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file that is either there completely or not at all, also after a power cut."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    fsync(part)
    part.replace(path)
    fsync(path.parent)
