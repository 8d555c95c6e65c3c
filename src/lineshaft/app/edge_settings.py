"""settings.toml as an edge node understands it: the sections of `connect` only, so that no other room is imported for it."""

from __future__ import annotations

import logging
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lineshaft.connect import (
    DerivedSettings,
    DetectorsSettings,
    EdgeSettings,
    FunctionsSettings,
    GatewaySettings,
    PipelinesSettings,
    SourcesSettings,
    UnsSettings,
)
from lineshaft.core import Section, load

log = logging.getLogger("lineshaft.edge")
SECTIONS: dict[str, type[Section]] = {
    "gateway": GatewaySettings,
    "sources": SourcesSettings,
    "derived": DerivedSettings,
    "pipelines": PipelinesSettings,
    "functions": FunctionsSettings,
    "detectors": DetectorsSettings,
    "uns": UnsSettings,
    "edge": EdgeSettings,
}
"""The sections of settings.toml an edge node heeds."""


@dataclass(frozen=True, slots=True)
class EdgeHome:
    """settings.toml of an edge node."""

    gateway: GatewaySettings
    sources: SourcesSettings
    derived: DerivedSettings
    pipelines: PipelinesSettings
    functions: FunctionsSettings
    detectors: DetectorsSettings
    uns: UnsSettings
    edge: EdgeSettings


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
