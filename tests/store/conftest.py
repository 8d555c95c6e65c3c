"""What the store's tests share: a store in a fresh home, batches in few words, and rows as plain tuples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.assets import MIGRATIONS as ASSETS
from lineshaft.core import Bus, Database, SystemEvent
from lineshaft.store import MIGRATIONS, Meaning, Store, StoreSettings, TiersSettings
from tests.schema import migrate


class Home:
    """A home folder whose store can be opened, closed and opened again; remembers the system events told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = Database(f"sqlite:///{path / 'lineshaft.db'}")
        migrate(self.db, {"assets": ASSETS, "store": MIGRATIONS})
        self.events: list[SystemEvent] = []
        self.bus = Bus()
        self.bus.on(SystemEvent, self.events.append)
        self._open: list[Store] = []

    def store(self, meaning: Meaning | None = None, tiers: TiersSettings | None = None, **settings: object) -> Store:
        store = Store(self.path, meaning, self.db, StoreSettings.model_validate(settings), self.bus, tiers=tiers)
        self._open.append(store)
        return store

    def crash(self) -> Home:
        """Stop as a killed process does: nothing that waits is written."""
        for store in self._open:
            store._hot.close()
            store._journal.close()
        self._open.clear()
        return self

    def close(self) -> None:
        for store in self._open:
            store.close()
        self._open.clear()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    one = Home(tmp_path)
    yield one
    one.close()
    one.db.close()


@pytest.fixture
def store(home: Home) -> Store:
    return home.store()
