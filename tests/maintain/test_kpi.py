from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import NS
from lineshaft.maintain import repair_times
from lineshaft.maintain.tables import history, orders


def test_time_to_repair_tells_waiting_apart(lite):
    made = lite.order()
    for verb, args in (("start", ()), ("hold", ("parts",)), ("resume", ()), ("done", ())):
        lite.do(verb, made["id"], *args)
    with lite.db.begin() as tx:
        for position, second in enumerate((0, 10, 20, 50, 55), start=1):
            line = (history.c.order_id == made["id"]) & (history.c.position == position)
            tx.execute(sa.update(history).where(line).values(at=second * NS))
        tx.execute(orders.update().values(done=55 * NS))
    times = repair_times(lite.db, 0)
    assert (times.orders, times.mean_total_s, times.mean_active_s, times.mean_waiting_s) == (1, 55, 15, 40)
    assert repair_times(lite.db, 60 * NS).mean_total_s is None
