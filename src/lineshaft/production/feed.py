"""What a feed hands over: checked entries with their places, what was wrong with the others, and how far it has read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from lineshaft.core import Problem, Section
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

    def join(self, other: FeedDraft) -> None:
        """Add what another draft holds."""
        self.products += other.products
        self.orders += other.orders
        self.lots += other.lots
        self.quality += other.quality
        self.running += other.running
        self.problems += other.problems


BOOKS: dict[str, type[Section]] = {
    "products": ProductEntry,
    "orders": OrderEntry,
    "lots": LotEntry,
    "quality": QualityEntry,
    "running": RunEntry,
}
"""The lists of a draft, in the order in which one needs the other."""


@dataclass
class Pulled:
    """What one reading of a feed brought, how far it read (its own text, empty at first), and whether there is more."""

    draft: FeedDraft
    mark: str
    more: bool = False


class Feed(Protocol):
    """A plugin of `production/feeds`, made with its name and its `Options`; it keeps nothing between two pulls."""

    def pull(self, mark: str) -> Pulled:
        """Read what is new since a mark. Raises if the other side does not answer; wrong rows are the draft's problems."""
        ...


class FileFeed(Protocol):
    """A plugin that reads files, also a single one that is handed to it; made without a name and options too."""

    def read(self, path: Path) -> FeedDraft:
        """Read what is there; what is wrong goes to the draft's problems."""
        ...


def pull_folder(folder: Path, patterns: str, mark: str, read: Callable[[Path], FeedDraft]) -> Pulled:
    """Read the files of a folder that are new or changed since the mark, in the order of their names."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    known = cast("dict[str, Any]", json.loads(mark or "{}"))
    paths = sorted({path for pattern in patterns.split() for path in folder.glob(pattern) if path.is_file()})
    seen: dict[str, list[int]] = {}
    draft = FeedDraft()
    for path in paths:
        state = path.stat()
        seen[path.name] = [state.st_size, state.st_mtime_ns]
        if known.get(path.name) != seen[path.name]:
            draft.join(read(path))
    return Pulled(draft, json.dumps(seen))
