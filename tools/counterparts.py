"""Install the foreign programs that tests talk to: Chromium, a PostgreSQL server, npm packages, Python programs.

A Python program that we never import (an ERP server, say) gets an environment of its own from its own hashed lock.

python -m tools.counterparts        install what is missing, when we may; else name the one command
python -m tools.counterparts soak   the heavy ones too, whose `.in` begins with `# slow`, Node-RED for the bench, an ARM machine
"""

from __future__ import annotations

import ctypes.util
import hashlib
import os
import shutil
import sys
from pathlib import Path

from tools import aarch64, bootstrap

FOLDER = bootstrap.ROOT / "tests" / "counterparts"
PYTHONS = FOLDER / "python"
NODE_RED = bootstrap.ROOT / "bench" / "nodered"
"""A peer of the benches, in a folder of its own: no test needs it."""


def has_postgresql() -> bool:
    """Whether a server's programs are here (Debian keeps them off the PATH)."""
    return shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def has_chromium() -> bool:
    """Whether a Chromium is here."""
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def missing_from_debian(*, heavy: bool = False) -> list[str]:
    """Return the Debian packages whose programs are not here; Ceph's only when the heavy ones are asked for."""
    wanted = {
        "chromium": has_chromium(),
        "postgresql": has_postgresql(),
        "libgomp1": ctypes.util.find_library("gomp") is not None,
        "libmodbus5": ctypes.util.find_library("modbus") is not None,
        "mbpoll": shutil.which("mbpoll") is not None,
        "mosquitto-clients": shutil.which("mosquitto_pub") is not None,
        "mosquitto": any(shutil.which("mosquitto", path=path) for path in (os.environ.get("PATH"), "/usr/sbin")),
    }
    if heavy:
        wanted |= {package: shutil.which(package) is not None for package in ("ceph-mon", "ceph-osd", "radosgw")}
    return [package for package, here in wanted.items() if not here]


def install_npm(folder: Path = FOLDER) -> None:
    """Install the locked npm packages of a folder into its node_modules, where their scripts find them."""
    lock = folder / "package-lock.json"
    mark = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".lineshaft-lock"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return
    bootstrap.say(f"installing the packages of {lock.relative_to(bootstrap.ROOT)}")
    bootstrap.npm("ci", "--no-fund", "--no-audit", "--ignore-scripts", folder=folder)
    stamp.write_text(mark, encoding="utf-8")


def pythons(*, heavy: bool) -> list[str]:
    """Return the names of the Python programs to install, with the heavy ones only when they are asked for."""
    return [path.stem for path in sorted(PYTHONS.glob("*.in")) if heavy or not path.read_text("utf-8").startswith("# slow")]


def install_python(name: str) -> None:
    """Install exactly the locked packages of a program into an environment of its own, beside its lock."""
    lock, folder = PYTHONS / f"{name}.txt", PYTHONS / name
    mark = bootstrap.fingerprint(lock)
    stamp = folder / ".lineshaft-lock"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return
    bootstrap.say(f"installing the packages of tests/counterparts/python/{name}.txt")
    bootstrap.run(bootstrap.UV, "venv", "--quiet", "--clear", "--python", bootstrap.PYTHON, folder)
    interpreter = folder / "bin" / "python"
    bootstrap.run(bootstrap.UV, "pip", "install", "--quiet", "--python", interpreter, "--require-hashes", "-r", lock)
    stamp.write_text(mark, encoding="utf-8")


def main(words: list[str]) -> int:
    """Install all; what could not be installed is named, and its tests will skip with that reason."""
    left: list[str] = []
    packages = missing_from_debian(heavy="soak" in words)
    try:
        if packages:
            bootstrap.apt_install(*packages, reason="tests talk to foreign programs")
    except bootstrap.Stuck as stuck:
        left.append(str(stuck))
    for folder in (FOLDER, NODE_RED) if "soak" in words else (FOLDER,):
        try:
            install_npm(folder)
        except bootstrap.Stuck as stuck:
            left.append(str(stuck))
    for name in pythons(heavy="soak" in words):
        try:
            install_python(name)
        except bootstrap.Stuck as stuck:
            left.append(str(stuck))
    if "soak" in words:
        try:
            aarch64.install()
        except bootstrap.Stuck as stuck:
            left.append(str(stuck))
    for sentence in left:
        print(f"counterparts: {sentence}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
