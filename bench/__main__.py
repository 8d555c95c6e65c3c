"""Run the benches: `python -m bench [--only NAME] [--points N] [--no-peers] [--json FILE]`; without arguments all, as a table.

A bench is a file `bench/bench_*.py` with `NAME` and `def run() -> list[Row]`. Each runs in a process of its own, so that what one
leaves in memory does not weigh on the next.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.row import Row

FOLDER = Path(__file__).resolve().parent


def benches() -> dict[str, str]:
    """Return the module of every bench by its NAME, read without importing it."""
    found = {}
    for path in sorted(FOLDER.glob("bench_*.py")):
        named = re.search(r'^NAME(?:: .*?)? = "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
        if named is None:
            raise ValueError(f'{path.name} has no NAME = "..."')
        found[named[1]] = f"bench.{path.stem}"
    return found


def measure(name: str, module: str) -> list[Row]:
    """Run one bench here; its rows begin with its name."""
    rows = list(importlib.import_module(module).run())
    strays = [row.name for row in rows if not row.name.startswith(name)]
    if strays:
        raise ValueError(f"rows of the bench '{name}' must begin with its name: {strays}")
    return rows


def measure_apart(name: str) -> list[Row]:
    """Run one bench in a process of its own; one that fails is told and stops no other."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "bench", "--only", name, "--json", str(file), "--quiet"]
        if subprocess.run(command, check=False, env=os.environ).returncode:
            print(f"the bench '{name}' failed", file=sys.stderr)
            return []
        return [Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def number(value: float | None) -> str:
    """Return a figure with three significant digits, large ones with thin groups."""
    if value is None:
        return ""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: list[Row]) -> str:
    """Return the rows as a table for a terminal."""
    heads = ("figure", "ours", "unit", "peer", "peer's", "ratio")
    body = [(row.name, number(row.value), row.unit, row.peer, number(row.peer_value), number(row.ratio)) for row in rows]
    widths = [max(len(line[column]) for line in (heads, *body)) for column in range(len(heads))]
    layout = "  ".join(f"{{:{'>' if column in (1, 4, 5) else '<'}{width}}}" for column, width in enumerate(widths))
    return "\n".join(layout.format(*line).rstrip() for line in (heads, tuple("-" * width for width in widths), *body))


def main() -> int:
    """Measure what was asked for; print a table, write a file."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure Lineshaft against peers, on this machine.")
    parser.add_argument("--only", metavar="NAME", action="append", help="one bench; may be repeated")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to a file")
    parser.add_argument(
        "--points", metavar="N", type=int, help="so many values in the store, for benches that grow (queries, growth)"
    )
    parser.add_argument("--no-peers", action="store_true", help="only ours, where a bench can do without the others")
    parser.add_argument("--quiet", action="store_true", help="print no table")
    options = parser.parse_args()
    if options.points:
        os.environ["LINESHAFT_BENCH_POINTS"] = str(options.points)
    if options.no_peers:
        os.environ["LINESHAFT_BENCH_PEERS"] = "no"
    known = benches()
    wanted = options.only or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"there is no bench '{unknown[0]}'; known are: {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    apart = [measure_apart(name) for name in wanted] if len(wanted) > 1 else [measure(name, known[name]) for name in wanted]
    rows = [row for one in apart for row in one]
    if options.json:
        options.json.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n", encoding="utf-8")
    if not options.quiet:
        print(table(rows))
    return 0 if all(apart) else 1


if __name__ == "__main__":
    sys.exit(main())
