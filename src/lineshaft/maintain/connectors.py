"""The connectors of this node: which plugins there are, and how one is made from settings.toml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lineshaft.core import ConfigError, Registry, explain
from lineshaft.maintain import erps
from lineshaft.maintain.connector import Connector


@lru_cache(maxsize=1)
def erp_plugins() -> Registry:
    """Return the connectors, built in and from entry points `lineshaft.erps`."""
    return Registry("lineshaft.erps", erps)


def make_connector(home: Path, name: str, options: Mapping[str, Any], setting: str) -> Connector:
    """Make a connector. Raises ConfigError for an unknown plugin or option, naming the nearest known one."""
    plugin = erp_plugins().load(name, where=f"[maintain] {setting}")
    try:
        chosen = plugin.Options.model_validate(dict(options))
    except ValidationError as error:
        what, hint = explain(error, plugin.Options)
        raise ConfigError(what, where=f"[maintain] {setting}_options", hint=hint) from None
    return plugin(home, chosen)
