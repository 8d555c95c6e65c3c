"""A plant that only keeps what its edges hand over, as a process of its own: the door, the certificates, the store's journal."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from bench.node import free_port
from lineshaft import connect, guard, store
from lineshaft.connect import Accounts, Edges, EdgesSettings, Reception
from lineshaft.core import NS, Bus, Database
from lineshaft.doors import uplink


def serve(home: Path, port: int) -> None:
    """Serve until killed; print the code for one enrolment once the door is open."""
    db = Database(f"sqlite:///{home / 'l.db'}")
    db.migrate({"guard": guard.MIGRATIONS, "connect": connect.MIGRATIONS, "store": store.MIGRATIONS})
    kept = store.Store(home, None, db, store.StoreSettings(), Bus())
    edges = Edges(db, home / "ca", EdgesSettings())
    reception = Reception(guard.Guard(db), edges, Accounts(home / "edges.db"), kept.append)
    with db.begin() as tx:
        code = edges.invite(tx, "bench", 3600 * NS)["code"]

    class Told(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets)  # type: ignore[arg-type]
            print(code, flush=True)

    config = uplink.config(reception, edges.authority)
    config.host, config.port = "127.0.0.1", port
    Told(config).run()


@contextmanager
def keeping(home: Path) -> Iterator[tuple[str, str, int]]:
    """Run it; give its address, the code of an enrolment, and the process's number."""
    port = free_port()
    home.mkdir(parents=True)
    command = [sys.executable, "-m", "bench.edging", str(home), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        code = process.stdout.readline().strip()
        try:
            yield f"https://127.0.0.1:{port}", code, process.pid
        finally:
            process.kill()


FOLDER = Path(__file__).resolve().parents[1] / "tests" / "counterparts"
NODE = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "node"


@contextmanager
def machine(tags: int, hz: int) -> Iterator[str]:
    """Run node-opcua with so many counting tags; give its address."""
    port = free_port()
    node = str(NODE) if NODE.exists() else shutil.which("node") or "node"
    with tempfile.TemporaryDirectory() as pki:
        command = [node, str(FOLDER / "opcua_server.mjs"), str(port), str(tags), str(hz), pki]
        with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("listening"):
                    break
            try:
                yield f"opc.tcp://127.0.0.1:{port}/line"
            finally:
                process.kill()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
