"""A node that buys at Tryton and is killed: run as `python -m tests.maintain.buying URL HOME TRYTON`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lineshaft.core import Bus, Database
from lineshaft.guard import Guard
from lineshaft.maintain import Buyer, MaintainSettings, Purchases


def main(url: str, home: str, erp: str) -> None:
    db, bus = Database(url), Bus()
    options = {"url": erp, "database": "plant", "key_env": "TRYTON_KEY", "timeout_s": 60}
    chosen = {"erp": "tryton", "erp_options": options, "erp_in_flight": "500ms", "erp_every": "1h"}
    purchases = Purchases(db, bus, Path(home), MaintainSettings.model_validate(chosen))
    buyer = Buyer(Guard(db), purchases, bus)
    buyer.courier.start()
    print("GOING", flush=True)
    while purchases.list(state="approved"):
        time.sleep(0.02)
    buyer.courier.stop()
    print("COMPLETE", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
