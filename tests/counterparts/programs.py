"""Python programs that tests talk to and nothing imports: each in an environment of its own, from its hashed lock."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "python"
MEND = "`python -m tools.counterparts soak` installs it"


def python(name: str) -> Path | None:
    """Return the interpreter of the program's environment (`tests/counterparts/python/NAME.in`), or None where it is not."""
    interpreter = FOLDER / name / "bin" / "python"
    return interpreter if interpreter.exists() and (FOLDER / name / ".lineshaft-lock").exists() else None
