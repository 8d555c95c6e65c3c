"""Build the pages: `npm ci` in web/, type check, Vite into src/lineshaft/see/static; nothing is done when nothing changed.

python -m tools.build_web           build when web/ changed
python -m tools.build_web check     type check only (for `make lint`)
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tools import bootstrap

WEB = bootstrap.ROOT / "web"
STATIC = bootstrap.ROOT / "src" / "lineshaft" / "see" / "static"
MODULES = WEB / "node_modules"
SKIPPED = {"node_modules", "dist", "coverage", "test-results"}


def inputs() -> Iterator[Path]:
    """Yield every file that can change the pages, in a fixed order."""
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            yield Path(folder) / name


def digest(files: Iterator[Path] | list[Path]) -> str:
    """Return one hash of the files, by name and content."""
    total = hashlib.sha256()
    for file in files:
        total.update(str(file.relative_to(WEB)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()


def install() -> None:
    """Install exactly what the package lock names, when it changed."""
    lock = digest([WEB / "package.json", WEB / "package-lock.json"])
    stamp = MODULES / ".lineshaft-lock"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == lock:
        return
    bootstrap.say("installing the packages of web/package-lock.json")
    bootstrap.npm("ci", "--no-fund", "--no-audit", folder=WEB)
    stamp.write_text(lock, encoding="utf-8")


def build() -> None:
    """Build the pages when an input changed since the last build."""
    mark = digest(inputs())
    stamp = bootstrap.VENV / ".stamp-web"
    if (STATIC / "index.html").exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return
    began = time.monotonic()
    install()
    bootstrap.say("building the pages")
    bootstrap.npm("run", "--silent", "build", folder=WEB)
    if not (STATIC / "index.html").exists():
        raise bootstrap.Stuck(f"the build left no {STATIC.relative_to(bootstrap.ROOT)}/index.html: see web/vite.config.ts")
    stamp.write_text(mark, encoding="utf-8")
    bootstrap.say(f"pages built in {time.monotonic() - began:.0f} s")


def main(words: list[str]) -> None:
    """Build, or only check the types, or run the unit tests."""
    if not (WEB / "package.json").exists():
        bootstrap.say("there is no web/ here: nothing to build")
    elif "check" in words:
        install()
        bootstrap.npm("run", "--silent", "check", folder=WEB)
    elif "test" in words:
        install()
        bootstrap.say("unit tests of the pages")
        bootstrap.npm("run", "--silent", "test", folder=WEB)
    else:
        build()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except bootstrap.Stuck as stuck:
        sys.exit(f"web: {stuck}")
