"""A process that sends days away, brings them back, corrects and rewrites them until it is killed; prints a line a step."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from obstore.store import LocalStore

from lineshaft.core import Bus, Database, now_ns
from lineshaft.store import Store, StoreSettings
from lineshaft.store.tiers.objects import Objects
from tests.store.giving import DAY, T0, give
from tests.store.tiers.bucket import DAYS, SETTINGS, everything, expected, filled


def objects(folder: Path) -> Objects:
    """A bucket that outlives the process: a folder."""
    (folder / "bucket").mkdir(exist_ok=True)
    return Objects(LocalStore(folder / "bucket"), "folder")


def main() -> None:
    folder = Path(sys.argv[1])
    home = folder / "home"
    store = Store(home, None, Database(f"sqlite:///{home / 'l.db'}"), StoreSettings(), Bus(), tiers=SETTINGS)
    store.tier.mover.make = lambda _settings: objects(folder)
    if not (folder / "filled").exists():
        filled(store)
        (folder / "filled").touch()
    n = 0
    while True:
        n += 1
        done = store.tier.run()
        if done.problems:
            raise SystemExit(done.problems[0])
        os.write(1, b"sent\n")
        store.tier.cache.shrink(0)
        if [row for row in everything(store) if int(str(row[0])) % 2 == 0] != expected():
            raise SystemExit("values are not what they were")
        os.write(1, b"read\n")
        give(store, now_ns() // 1000, [("t0", T0 + (n % DAYS) * DAY + 1, float(n))])
        store.flush()
        store.compact()
        store.sweep(now_ns())
        os.write(1, b"rewritten\n")


if __name__ == "__main__":
    main()
