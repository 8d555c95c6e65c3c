"""A real PostgreSQL server for one test session: found on the machine, started on loopback, gone with the session."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

USER = "lineshaft"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "60", "jit": "off"}
"""A test's database need not survive a power cut; ours in production must, and is tested for it elsewhere."""


class Absent(Exception):
    """The server cannot be started on this machine; the sentence says why."""


def binaries() -> Path:
    """Return the folder of `initdb` and `postgres`, newest version first."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0]), reverse=True)
    on_path = shutil.which("initdb")
    for folder in [*debian, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Absent("no PostgreSQL server here: `apt-get install postgresql` brings it")


def account() -> str | None:
    """Return the Unix account to run as: initdb refuses root, so root runs it as another."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise Absent("PostgreSQL refuses to run as root, and there is no other account: `useradd --system postgres`")


def end_with_parent() -> None:
    """Ask Linux to end the server when the test process is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


class PostgreSQL:
    """A running server; `fresh()` gives the URL of an empty database, `drop(url)` takes it away."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._names = count(1)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(host="127.0.0.1", port=self.port, user=USER, dbname="postgres", autocommit=True, connect_timeout=5)

    def fresh(self) -> str:
        name = f"t{next(self._names)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{url.rsplit("/", 1)[1]}" WITH (FORCE)')


def await_ready(server: PostgreSQL, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Return when the server answers; raise Absent with the end of its log when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            server.connect().close()
        except psycopg.OperationalError:
            time.sleep(0.05)  # a starting server tells nobody that it is ready
        else:
            return
    raise Absent(f"PostgreSQL did not start: {log.read_text(errors='replace')[-800:]}")


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Start a server in a temporary folder and stop it at the end. Raises Absent where that is not possible."""
    programs, user = binaries(), account()
    folder = Path(tempfile.mkdtemp(prefix="lineshaft-postgresql-"))
    try:
        if user:
            shutil.chown(folder, user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        initdb = [programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        made = subprocess.run(initdb, cwd=folder, env=env, capture_output=True, check=False, **as_user)
        if made.returncode:
            raise Absent(f"initdb failed: {made.stderr.decode(errors='replace')[-800:]}")
        log = folder / "log"
        settings = {**QUICK, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", *options],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one prctl call between fork and exec
                **as_user,
            )
        server = PostgreSQL(folder, port)
        try:
            await_ready(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
