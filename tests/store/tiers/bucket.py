"""What the tests of tiers share: a store whose bucket is in memory or on a server, and days of values that are old enough."""

from __future__ import annotations

from obstore.store import MemoryStore

from lineshaft.core import now_ns
from lineshaft.store import Rule, Store, Tag, TiersSettings
from lineshaft.store.tiers.objects import Objects
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain

SETTINGS = TiersSettings(bucket="plant", rules=(Rule(older="1d", unread="0s"),), cache_mb=50)
DAYS, ROWS = 3, 40


class Bucket:
    """A bucket in memory that outlives the stores that use it."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.objects = Objects(self.memory, "memory/plant")

    def names(self) -> list[str]:
        return sorted(one["path"] for batch in self.memory.list() for one in batch)

    def files(self) -> list[str]:
        return [name for name in self.names() if name.endswith(".parquet")]


def opened(home: Home, bucket: Bucket | None = None, settings: TiersSettings = SETTINGS, **more: object) -> Store:
    """A store with a bucket; one in memory in place of the settings' where it is given."""
    store = home.store(tiers=settings, flush_interval="1d", **more)
    if bucket is not None:
        store.tier.mover.make = lambda _settings: bucket.objects
    return store


def filled(store: Store, days: int = DAYS, tags: int = 2) -> None:
    """Days of values, flushed and compacted: one file of samples a day."""
    for day in range(days):
        rows = [(f"t{tag}", T0 + day * DAY + n * 600 * SECOND, float(day * 1000 + n)) for tag in range(tags) for n in range(ROWS)]
        give(store, day + 1, rows)
        store.flush()
    store.compact()


def everything(store: Store, tag: str = "t0") -> list[tuple[object, ...]]:
    """Every value of a tag."""
    return plain(store.history(Tag("m", tag), 0, now_ns()))


def expected(days: int = DAYS) -> list[tuple[object, ...]]:
    """What `filled` gave each tag."""
    return [(T0 + day * DAY + n * 600 * SECOND, float(day * 1000 + n), 0) for day in range(days) for n in range(ROWS)]


def here(store: Store) -> list[str]:
    """The files of samples on this disk."""
    return sorted(path.name for path in (store.lake.root / "samples").glob("**/*.parquet"))
