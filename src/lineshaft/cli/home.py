"""The data folder of a node: where it is, that only one node uses it, and what is in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from lineshaft.core import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT = ".lineshaft"
PORT = click.IntRange(0, 65_535)
"""What `--port` takes; 0 is any free one."""


def home_option(function: F) -> F:
    """Add `--home`; LINESHAFT_HOME overrides the default."""
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="LINESHAFT_HOME",
        default=DEFAULT,
        show_default=True,
        help="The data folder of the node (LINESHAFT_HOME).",
    )(function)


def existing(home: Path) -> Path:
    """Return the folder. Raises ConfigError if no node ever lived there."""
    if not (home / "lineshaft.db").exists() and not (home / "settings.toml").exists():
        raise ConfigError("there is no Lineshaft home here", where=str(home), hint="name it with --home or LINESHAFT_HOME")
    return home


def lock(home: Path) -> IO[str]:
    """Take the folder for this process until it ends. Raises ConfigError if another node runs on it.

    Sources find their keys and what they remember of their machines by LINESHAFT_HOME, so it is set here.
    """
    os.environ["LINESHAFT_HOME"] = str(home.resolve())
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = (home / "node.lock").open("a+", encoding="utf-8")
    except OSError as error:
        hint = "choose a folder this user may write to with --home"
        raise ConfigError(
            f"the home cannot be used: {error.strerror}", where=str(home), hint=hint, code="home.unusable"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise ConfigError(
            f"another node is running on this home (process {owner})",
            where=str(home),
            hint="stop it, or choose another folder with --home",
            code="home.in-use",
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def running(home: Path) -> bool:
    """Return whether a node runs on the folder now."""
    try:
        with (home / "node.lock").open("a+", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
