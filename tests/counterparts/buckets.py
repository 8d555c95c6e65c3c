"""Object stores for a test session, both on loopback: moto (an S3 server in memory) and Ceph's radosgw from Debian."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.counterparts import programs

KEY, SECRET = "AKTEST", "SKTEST"
CEPH = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph-authtool", "monmaptool", "ceph")


class Absent(Exception):
    """The server cannot be started on this machine; the sentence says why."""


@dataclass(frozen=True)
class Server:
    """A running store."""

    url: str

    def client(self, script: str, *words: str) -> str:
        """Run a script with `s3`, a boto3 client of this store, and return what it prints: another client than ours."""
        interpreter = programs.python("moto")
        if interpreter is None:
            raise Absent(f"boto3 is not here; {programs.MEND}")
        begin = (
            "import sys, boto3\n"
            f"s3 = boto3.client('s3', endpoint_url='{self.url}', aws_access_key_id='{KEY}', aws_secret_access_key='{SECRET}',"
            " region_name='us-east-1')\n"
        )
        done = subprocess.run(
            [interpreter, "-c", begin + script, *words], capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout.strip()

    def fresh(self, name: str) -> None:
        """Make an empty bucket."""
        self.client("s3.create_bucket(Bucket=sys.argv[1])", name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_http(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Return when a server answers anything; raise Absent with the end of its log when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                return  # it speaks, with a certificate that this process does not know
            time.sleep(0.1)
        except OSError:
            time.sleep(0.1)  # a starting server tells nobody that it is ready
        else:
            return
    raise Absent(f"the server did not start: {log.read_text(errors='replace')[-800:]}")


@contextmanager
def started(folder: Path, name: str, command: Sequence[str | Path], url: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the foreground until the end of the block."""
    log = folder / f"{name}.out"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        if url:
            await_http(url, process, log)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def moto(certificate: Path | None = None, key: Path | None = None) -> Iterator[Server]:
    """Start moto, with TLS where it is given a certificate. Raises Absent where it is not installed."""
    interpreter = programs.python("moto")
    if interpreter is None:
        raise Absent(f"moto is not here; {programs.MEND}")
    folder, port = Path(tempfile.mkdtemp(prefix="lineshaft-moto-")), free_port()
    command = [interpreter, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    tls = ["-s", "-c", str(certificate), "-k", str(key)] if certificate else []
    url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
    try:
        with started(folder, "moto", [*command, *tls], url):
            yield Server(url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ceph() -> Iterator[Server]:
    """Start Ceph's monitor, one OSD in memory and the object gateway. Raises Absent where they are not installed."""
    gone = [name for name in CEPH if shutil.which(name) is None]
    if gone:
        raise Absent(f"no {gone[0]} here: `apt-get install radosgw ceph-mon ceph-osd` brings it")
    folder = Path(tempfile.mkdtemp(prefix="lineshaft-ceph-"))
    try:
        with _cluster(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _cluster(folder: Path) -> Iterator[Server]:
    monitor, gateway = free_port(), free_port()
    fsid = "35810ae7-97de-4a0a-8e02-d834dce5e54d"
    (folder / "ceph.conf").write_text(_conf(folder, fsid, monitor, gateway), encoding="utf-8")
    for name in ("mon", "osd", "rgw", "run"):
        (folder / name).mkdir()
    conf = ["-c", str(folder / "ceph.conf")]

    def run(*words: str, seconds: float = 60) -> str:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds)
        if done.returncode:
            raise Absent(f"{words[0]} failed: {done.stderr[-800:]}")
        return done.stdout.strip()

    run("ceph-authtool", "--create-keyring", "keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
    caps = [word for part in ("mon", "osd", "mgr") for word in ("--cap", part, "allow *")]
    run("ceph-authtool", "keyring", "--gen-key", "-n", "client.admin", *caps)
    run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{monitor}]", "--fsid", fsid, "monmap")
    run("ceph-mon", *conf, "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
    with started(folder, "mon", ["ceph-mon", *conf, "-i", "a", "-f"]):
        name = str(uuid.uuid4())
        number = run("ceph", *conf, "osd", "new", name)
        rights = ("mon", "allow profile osd", "osd", "allow *")
        run("ceph", *conf, "auth", "get-or-create", f"osd.{number}", *rights, "-o", "osd/keyring")
        run("ceph-osd", *conf, "-i", number, "--mkfs", "--osd-uuid", name, "--keyring", "osd/keyring")
        with started(folder, "osd", ["ceph-osd", *conf, "-i", number, "--keyring", "osd/keyring", "-f"]):
            rights = ("mon", "allow rw", "osd", "allow rwx")
            run("ceph", *conf, "auth", "get-or-create", "client.rgw.a", *rights, "-o", "rgw/keyring")
            user = ("--uid", "t", "--display-name", "t", "--access-key", KEY, "--secret-key", SECRET)
            run("radosgw-admin", *conf, "user", "create", *user, seconds=120)
            url = f"http://127.0.0.1:{gateway}"
            command = ["radosgw", *conf, "-n", "client.rgw.a", "--keyring", "rgw/keyring", "-f"]
            with started(folder, "rgw", command, url):
                yield Server(url)


def _conf(folder: Path, fsid: str, monitor: int, gateway: int) -> str:
    here = str(folder)
    lines: Mapping[str, object] = {
        "keyring": f"{here}/keyring",
        "fsid": fsid,
        "mon host": f"v2:127.0.0.1:{monitor}/0",
        **{f"auth {name} required": "cephx" for name in ("cluster", "service", "client")},
        "osd pool default size": 1,
        "osd pool default min size": 1,
        "osd crush chooseleaf type": 0,
        "mon allow pool size one": "true",
        "osd pool default pg num": 8,
        "osd pool default pgp num": 8,
        "run dir": f"{here}/run",
        "admin socket": f"{here}/run/$name.asok",
        "log file": f"{here}/$name.log",
        "pid file": f"{here}/run/$name.pid",
        "public network": "127.0.0.0/8",
        "public addr": "127.0.0.1",
        "cluster addr": "127.0.0.1",
        "mon data": f"{here}/mon",
        "osd data": f"{here}/osd",
        "osd objectstore": "memstore",
        "memstore device bytes": 2 << 30,
        "mon max pg per osd": 2000,
        "mon warn on pool no redundancy": "false",
        **({"setuser": "root", "setgroup": "root"} if os.geteuid() == 0 else {}),
    }
    text = "\n".join(f"{name} = {value}" for name, value in lines.items())
    return f"[global]\n{text}\n[client.rgw.a]\nrgw frontends = beast endpoint=127.0.0.1:{gateway}\nrgw data = {here}/rgw\n"
