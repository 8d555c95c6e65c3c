"""settings.toml as an edge node understands it: the sections of `connect` only, so that no other room is imported for it."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Any, cast

from lineshaft.app.edge_sections import SECTIONS, EdgeHome
from lineshaft.core import load

log = logging.getLogger("lineshaft.edge")


def read_home(home: Path) -> EdgeHome:
    """Read HOME/settings.toml. Raises ConfigError naming what is wrong, where, and the nearest known name."""
    path, sections = home / "settings.toml", SECTIONS
    more = _others(path)
    if more:
        from lineshaft.app import settings  # noqa: PLC0415 - every room: only to check what a plant's file says

        sections = settings.SECTIONS
    found = load(path, sections)
    if more:
        log.warning("an edge node does not heed these sections of settings.toml: %s", ", ".join(f"[{name}]" for name in more))
    return EdgeHome(**cast("dict[str, Any]", {name: found[name] for name in SECTIONS}))


def _others(path: Path) -> list[str]:
    """Return sections that are not an edge node's; a file that cannot be read has none, and `load` says why."""
    try:
        return sorted(set(tomllib.loads(path.read_text(encoding="utf-8"))) - set(SECTIONS))
    except (OSError, ValueError):
        return []
