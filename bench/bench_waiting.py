"""What two thousand people who wait for each other cost: a share of a core and memory, on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

from bench.row import Row, less_is_better
from tests.counterparts import postgresql

NAME = "waiting"
PEOPLE = 2_000
ALLOWED_CORE = {"SQLite": 25.0, "PostgreSQL": 10.0}
ALLOWED_MB = 200.0


def run() -> list[Row]:
    rows = _figures("SQLite", "")
    with contextlib.suppress(postgresql.Absent), _server() as url:
        return rows + _figures("PostgreSQL", url)
    print("no PostgreSQL here", file=sys.stderr)
    return rows


@contextlib.contextmanager
def _server() -> Iterator[str]:
    postgresql.QUICK.update({"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"})
    with postgresql.running() as server:
        yield server.fresh()


def _figures(name: str, url: str) -> list[Row]:
    words = [sys.executable, "-m", "bench.waiting", url, str(PEOPLE)]
    said = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    if said["waiting"] != PEOPLE:
        raise RuntimeError(f"only {said['waiting']} wait")
    label = f"waiting, {PEOPLE} people on {name}"
    return [
        less_is_better(f"{label}, of a core", said["core"], "%", "promise", ALLOWED_CORE[name]),
        less_is_better(f"{label}, memory", said["megabytes"], "MB", "promise", ALLOWED_MB),
        Row(f"{label}, memory without them", said["empty"], "MB"),
        Row(f"{label}, looked at once all at start", said["recover"], "s"),
    ]
