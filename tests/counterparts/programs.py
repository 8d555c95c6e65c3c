"""Python programs that tests talk to and nothing imports: each in an environment of its own, from its hashed lock."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent / "python"
MEND = "`python -m tools.counterparts soak` installs it"


def python(name: str) -> Path | None:
    """Return the interpreter of the program's environment (`tests/counterparts/python/NAME.in`), or None where it is not."""
    interpreter = FOLDER / name / "bin" / "python"
    return interpreter if interpreter.exists() and (FOLDER / name / ".lineshaft-lock").exists() else None


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run a server until left; it says `up` when it listens."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "up"
            yield process
        finally:
            process.kill()
