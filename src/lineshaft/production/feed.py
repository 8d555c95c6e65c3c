"""What a feed hands over: checked entries with their places, and what was wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lineshaft.core import Problem
from lineshaft.production.written import LotEntry, OrderEntry, ProductEntry, QualityEntry, RunEntry


@dataclass
class FeedDraft:
    """Entries of one feed or folder, each with where it was written."""

    products: list[tuple[str, ProductEntry]] = field(default_factory=list[tuple[str, ProductEntry]])
    orders: list[tuple[str, OrderEntry]] = field(default_factory=list[tuple[str, OrderEntry]])
    lots: list[tuple[str, LotEntry]] = field(default_factory=list[tuple[str, LotEntry]])
    quality: list[tuple[str, QualityEntry]] = field(default_factory=list[tuple[str, QualityEntry]])
    running: list[tuple[str, RunEntry]] = field(default_factory=list[tuple[str, RunEntry]])
    problems: list[Problem] = field(default_factory=list[Problem])


class Feed(Protocol):
    """A plugin of `production/feeds`."""

    def read(self, path: Path) -> FeedDraft:
        """Read what is there; what is wrong goes to the draft's problems."""
        ...
