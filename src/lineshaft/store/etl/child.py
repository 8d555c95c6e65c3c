"""The process of one Python step: reads its tables, calls `run(tables)`, writes the result. Started by file, knows no node.

What it may use of memory and time is limited by the system. It is no prison: it runs as the user of the node, with that
user's files and network; whoever may write HOME/etl may run code on this machine.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa


def main(folder: Path, file: Path, memory: int, seconds: int) -> None:
    """Run one step: HOME/scratch/... holds its tables as Arrow files, `out.arrow` is what it gives back."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))  # SIGXCPU first: it tells why the step ended
    tables: dict[str, pa.Table] = {}
    for path in sorted(folder.glob("in-*.arrow")):
        with pa.OSFile(str(path), "rb") as source:
            tables[path.stem.removeprefix("in-")] = pa.ipc.open_file(source).read_all()
    spec = importlib.util.spec_from_file_location("step", file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result: Any = module.run(tables)
    if not isinstance(result, pa.Table):
        raise SystemExit(f"run(tables) gave {type(result).__name__}, a pyarrow.Table is expected")
    with pa.OSFile(str(folder / "out.part"), "wb") as sink, pa.ipc.new_file(sink, result.schema) as writer:
        writer.write_table(result)
    (folder / "out.part").rename(folder / "out.arrow")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
