"""The process a user function runs in: standard library only, limits first, then batches in and rows out until the pipe ends.

Started as a file with `python -I`: nothing of this package is imported here, and the environment is empty.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

LENGTH = struct.Struct("<I")


def send(out: BinaryIO, said: dict[str, Any]) -> None:
    """Write one message."""
    body = json.dumps(said).encode()
    out.write(LENGTH.pack(len(body)) + body)
    out.flush()


def hear(source: BinaryIO) -> dict[str, Any] | None:
    """Read one message, None at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return json.loads(source.read(LENGTH.unpack(head)[0]))


def load(first: dict[str, Any]) -> Callable[[list[Any]], Any]:
    """Limit this process, then run the file once and return its `run`."""
    memory = int(first["memory_mb"]) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    names: dict[str, Any] = {"__name__": first["name"]}
    exec(compile(first["code"], f"{first['name']}.py", "exec"), names)  # noqa: S102 - that is what this process is for
    run = names.get("run")
    if not callable(run):
        raise TypeError("there is no function `run(rows)`")
    return run


def main() -> None:
    """Serve until the pipe ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints goes to the log
    source = sys.stdin.buffer
    first = hear(source)
    if first is None:
        return
    try:
        run = load(first)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        send(out, {"error": f"{type(error).__name__}: {error}"})
        return
    send(out, {"ready": True})
    while (asked := hear(source)) is not None:
        try:
            rows = [list(row) for row in run([tuple(row) for row in asked["rows"]]) or ()]
            send(out, {"rows": rows})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            place = traceback.extract_tb(error.__traceback__)[-1]
            send(out, {"error": f"{type(error).__name__}: {error} (line {place.lineno})"})


if __name__ == "__main__":
    main()
