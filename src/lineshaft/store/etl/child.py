"""The process of one Python step: reads its tables, calls `run(tables)`, writes the result. Started by file, knows no node.

What it may use of memory and time is limited by the system. On Linux 5.13 and newer it also sees no files but Python's, the
system's, those beside the step and its own scratch folder, the only one it can write to: neither the node's database nor its
keys. The network is open to it; elsewhere than on Linux it runs with all files of the node's user.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import resource
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

READ, WRITE = 0b1101, 0x7FFF
"""Landlock's rights to a folder: to run, read and list what is in it; or everything."""
SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/etc", "/sys", "/opt/python", "/dev/null", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
)


def fence(folder: Path | None, *seen: Path) -> bool:
    """Take every file away from this process but those it needs (Landlock); say whether the system could.

    `folder` is the only one it can write to, `seen` are files and folders it can read.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(444, None, 0, 1)  # landlock_create_ruleset: which version is there
    if sys.platform != "linux" or abi < 1:
        return False
    handled = WRITE & (0x7FFF if abi >= 3 else 0x3FFF if abi == 2 else 0x1FFF)
    rules = struct.pack("QQQ", handled, 0, 3 if abi >= 6 else 0)  # and no signals to, no hidden sockets of, other processes
    ruleset = libc.syscall(444, rules, 24 if abi >= 6 else 8, 0)
    if ruleset < 0:
        return False
    ours = {Path(one) for one in (*SYSTEM, sys.prefix, sys.base_prefix, *sys.path) if one}
    own = [] if folder is None else [(folder, handled)]
    for path, rights in [(one, READ) for one in (*ours, *seen)] + own:
        with suppress(OSError):
            _open_to(libc, ruleset, path, rights)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges: asked for by the next call
    return libc.syscall(446, ruleset, 0) == 0


def _open_to(libc: Any, ruleset: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if path.is_dir() else rights & 0b111
        libc.syscall(445, ruleset, 1, struct.pack("=Qi", allowed, place), 0)
    finally:
        os.close(place)


def main(folder: Path, file: Path, memory: int, seconds: int) -> None:
    """Run one step: HOME/scratch/... holds its tables as Arrow files, `out.arrow` is what it gives back."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))  # SIGXCPU first: it tells why the step ended
    tables: dict[str, pa.Table] = {}
    for path in sorted(folder.glob("in-*.arrow")):
        with pa.OSFile(str(path), "rb") as source:
            tables[path.stem.removeprefix("in-")] = pa.ipc.open_file(source).read_all()
    fence(folder, file.parent)
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
