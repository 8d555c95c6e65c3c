"""Install the foreign programs that tests talk to: Chromium, a PostgreSQL server, and npm packages such as node-opcua.

python -m tools.counterparts        install what is missing, when we may; else name the one command
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tools import bootstrap

FOLDER = bootstrap.ROOT / "tests" / "counterparts"


def has_postgresql() -> bool:
    """Whether a server's programs are here (Debian keeps them off the PATH)."""
    return shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def has_chromium() -> bool:
    """Whether a Chromium is here."""
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def missing_from_debian() -> list[str]:
    """Return the Debian packages whose programs are not here."""
    wanted = {"chromium": has_chromium(), "postgresql": has_postgresql()}
    return [package for package, here in wanted.items() if not here]


def install_npm() -> None:
    """Install the locked npm counterparts into tests/counterparts/node_modules, where their scripts find them."""
    lock = FOLDER / "package-lock.json"
    mark = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".lineshaft-lock"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return
    bootstrap.say("installing the packages of tests/counterparts/package-lock.json")
    bootstrap.npm("ci", "--no-fund", "--no-audit", "--ignore-scripts", folder=FOLDER)
    stamp.write_text(mark, encoding="utf-8")


def main() -> int:
    """Install all; what could not be installed is named, and its tests will skip with that reason."""
    left: list[str] = []
    packages = missing_from_debian()
    try:
        if packages:
            bootstrap.apt_install(*packages, reason="tests talk to foreign programs")
    except bootstrap.Stuck as stuck:
        left.append(str(stuck))
    try:
        install_npm()
    except bootstrap.Stuck as stuck:
        left.append(str(stuck))
    for sentence in left:
        print(f"counterparts: {sentence}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
