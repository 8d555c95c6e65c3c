"""Nothing is safe before its file and its folder are on the disk: fsync, written once, used everywhere."""

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


def write_whole(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Write a file that is either there completely or not at all, also after a power cut; a secret is its owner's only."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    fsync(path.parent)
