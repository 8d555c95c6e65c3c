"""A 64-bit ARM machine to start an edge node on: Debian's Python for arm64, our locked packages for it, and an emulator.

Nothing is installed into this machine: packages are unpacked into tests/counterparts/aarch64, which `rm -rf` undoes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import bootstrap

FOLDER = bootstrap.ROOT / "tests" / "counterparts" / "aarch64"
LOCK = bootstrap.ROOT / "requirements" / "run.txt"
PACKAGES = ("python3.11", "libpython3.11", "libsqlite3-0", "libstdc++6", "libgomp1", "ca-certificates")


def install() -> None:
    """Unpack emulator, system and packages. Raises bootstrap.Stuck where this is no Debian, or nothing can be fetched."""
    mark, stamp = bootstrap.fingerprint(LOCK, Path(__file__)), FOLDER / ".lineshaft-lock"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return
    if not all(shutil.which(name) for name in ("apt-get", "dpkg")):
        raise bootstrap.Stuck("an ARM machine is unpacked from Debian's packages, and there is no apt-get here")
    bootstrap.say("unpacking a 64-bit ARM machine for the edge's test")
    shutil.rmtree(FOLDER, ignore_errors=True)
    _unpack(("qemu-user-static",), FOLDER / "emulator", {})
    _unpack(PACKAGES, FOLDER / "root", _as_arm())
    target = ("--python-platform", "aarch64-unknown-linux-gnu", "--python-version", "3.11", "--target", FOLDER / "site")
    bootstrap.run(bootstrap.UV, "pip", "install", "--quiet", *target, "--only-binary", ":all:", "--require-hashes", "-r", LOCK)
    for spare in ("apt", "fetched"):
        shutil.rmtree(FOLDER / spare)
    stamp.write_text(mark, encoding="utf-8")


def _unpack(packages: tuple[str, ...], folder: Path, env: dict[str, str]) -> None:
    """Fetch packages with all they need (of another machine: with its own lists) and unpack them into a folder."""
    fetched = FOLDER / "fetched" / folder.name
    (fetched / "partial").mkdir(parents=True)
    machine = {**os.environ, **env}
    bootstrap.run("apt-get", "-qq", "update", env=machine)
    words = ("install", "--yes", "--no-install-recommends", "--download-only", "--reinstall")
    bootstrap.run("apt-get", "-qq", "-o", f"Dir::Cache::archives={fetched}", *words, *packages, env=machine)
    folder.mkdir()
    for one in sorted(fetched.glob("*.deb")):
        bootstrap.run("dpkg", "-x", one, folder)


def _as_arm() -> dict[str, str]:
    """Return the environment in which apt-get speaks of an empty ARM machine, not of this one."""
    state = FOLDER / "apt"
    (state / "lists" / "partial").mkdir(parents=True)
    (state / "status").touch()
    lines = ['APT::Architecture "arm64";', 'APT::Architectures {"arm64";};']
    lines += [f'Dir::State::{name} "{state / name}";' for name in ("lists", "status")]
    (state / "conf").write_text("\n".join([*lines, f'Dir::Cache "{state}";', ""]), encoding="utf-8")
    return {"APT_CONFIG": str(state / "conf")}
