"""The plugin registry: built-in plugins and third-party ones by the same path, the Python entry points.

A plural folder (`connect/sources`) is a group named `lineshaft.sources`. Built-ins are listed by their folder,
others by entry points of that group. A plugin that cannot be imported is reported and stops nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from lineshaft.core.errors import ConfigError, did_you_mean


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin by name: where it is, before anything of it is imported."""

    name: str
    target: str

    def load(self) -> Any:
        """Import the plugin's module and return its `PLUGIN` (or the entry point's object)."""
        module_name, _, attribute = self.target.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise ConfigError(
                f"the plugin '{self.name}' cannot be imported: {error}", where=self.target, hint="install what it needs"
            ) from error
        return getattr(module, attribute or "PLUGIN")


class Registry:
    """All plugins of one group, found by name, imported only when asked for."""

    def __init__(self, group: str, folder: ModuleType) -> None:
        self.group = group
        self._found = {
            info.name: Found(info.name, f"{folder.__name__}.{info.name}:PLUGIN")
            for info in pkgutil.iter_modules(folder.__path__)
            if not info.name.startswith("_")
        }
        for entry in entry_points(group=group):
            self._found.setdefault(entry.name, Found(entry.name, entry.value))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, sorted."""
        return iter(sorted(self._found))

    def load(self, name: str, *, where: str = "") -> Any:
        """Return the plugin called `name`. Raises ConfigError with the nearest name if there is none."""
        if name not in self._found:
            raise ConfigError(
                f"there is no plugin '{name}' in {self.group}",
                where=where,
                hint=did_you_mean(name, self._found),
                code="plugin.unknown",
            )
        return self._found[name].load()
