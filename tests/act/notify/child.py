"""A node that only tells: `python -m tests.act.notify.child HOME PORT queue|send`; it says READY and waits to be killed.

`queue` writes one message that is due a little later and sends nothing; `send` sends what is due.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lineshaft import act
from lineshaft.core import Bus, Database
from lineshaft.detect import Detect
from lineshaft.guard import Guard, Subject
from lineshaft.maintain import Orders
from tests.act.conftest import MIGRATIONS
from tests.act.notify.conftest import settings


def main(home: Path, port: int, what: str) -> None:
    db, bus = Database(f"sqlite:///{home / 'child.db'}"), Bus()
    db.migrate(MIGRATIONS)
    given = settings(port, 1)
    guard, orders = Guard(db), Orders(db, bus)
    notifier = act.Notifier(db, guard, orders, Detect(db, None, None, bus), bus, given.channels, "node", "")
    if what == "queue":
        with db.begin() as tx:
            notifier.test(tx, Subject("anna", "anna", "person", display="Anna"), "hook")
    else:
        notifier.start()
    print("READY", flush=True)
    time.sleep(120)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
