"""What maintenance asks about a position in the plant: how critical it is, what an hour of standstill costs, who is like it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineshaft.assets import Asset, Assets
from lineshaft.core import LineshaftError

MIDDLE = 3
LETTERS = {"A": 5, "B": 3, "C": 1}


class Places:
    """The plant as maintenance sees it; without a register nothing is known, and nothing is made up."""

    def __init__(self, assets: Assets | None = None) -> None:
        self._assets = assets

    def criticality(self, path: str) -> int:
        """Return 1 (hardly matters) to 5 (vital): attribute Criticality (1-5 or A, B, C), its own or of what it is in; else 3."""
        value = self.attribute(path, "Criticality")
        level = LETTERS.get(str(value).strip().upper(), value)
        return min(5, max(1, round(level))) if isinstance(level, int | float) and not isinstance(level, bool) else MIDDLE

    def rate(self, path: str) -> float | None:
        """Return what an hour of standstill costs (DowntimeRate, its own or of what it is part of); None where nobody said."""
        value = self.attribute(path, "DowntimeRate")
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def attribute(self, path: str, name: str) -> Any:
        """Return an attribute of a position, or of the nearest one above that has it."""
        for asset in self._upwards(path):
            if name in asset.attributes:
                return asset.attributes[name]
            if self._assets is not None and self._assets.find(f"{asset.path}/{name}") is not None:
                try:
                    return self._assets.attribute(f"{asset.path}/{name}")
                except LineshaftError:
                    continue
        return None

    def zone(self, path: str) -> str:
        """Return the time zone of a position."""
        return next((asset.timezone for asset in self._upwards(path)), "UTC")

    def model(self, path: str) -> str | None:
        """Return what kind of machine stands there."""
        found = None if self._assets is None else self._assets.now.by_path.get(path)
        return None if found is None else found.model

    def alike(self, path: str) -> set[str]:
        """Return the paths of all machines of the same model, itself included."""
        model = self.model(path)
        if self._assets is None or model is None:
            return {path}
        return {asset.path for asset in self._assets.tree() if asset.model == model} | {path}

    def _upwards(self, path: str) -> Iterator[Asset]:
        if self._assets is None:
            return
        here = path
        while here:
            asset = self._assets.now.by_path.get(here)
            if asset is not None:
                yield asset
            here = here.rpartition("/")[0]
