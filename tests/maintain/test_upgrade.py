"""A plant that was started before the workshop existed keeps its orders, and its findings are known."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft import assets, detect, guard, maintain, production, store
from lineshaft.core import Database
from lineshaft.maintain.records import NEW, joined
from lineshaft.maintain.tables import orders, spares, steps
from tests.maintain.conftest import Shop

LATER = {
    orders: ("urgency", "criticality", "score", "hours", "skills", "planned_for", "instruction", "instruction_number", "avoided"),
    steps: ("image", "warning"),
    spares: ("alternatives", "counted"),
}

OLD = {
    "id": "o-1",
    "version": 3,
    "number": "WO-000007",
    "asset": "A",
    "title": "old",
    "kind": "corrective",
    "state": "done",
    "priority": 2,
    "failure_mode": "VIB",
    "created": 5,
    "created_by": "x",
    "waiting_for": "",
    "closing": {},
    "source_type": "finding",
    "source_id": "finding:f-9",
    "evidence": {"sensors": [{"property": "p", "share": 1}]},
}


def test_an_older_database_is_widened_and_what_orders_were_for_is_taken_over(database: Database, tmp_path):
    rooms = {room.__name__.rpartition(".")[2]: room.MIGRATIONS for room in (guard, assets, production, store, detect)}
    database.migrate({**rooms, "maintain": maintain.MIGRATIONS[:1]})
    with database.begin() as tx:
        for table, names in LATER.items():
            for name in names:
                tx.execute(sa.text(f"ALTER TABLE {table.name} DROP COLUMN {name}"))
        names = (
            {column.name for column in orders.c}
            - set(LATER[orders])
            - {"due", "case_id", "assigned_to", "started", "done", "closed"}
        )
        lean = sa.table("work_order", *(sa.column(column.name, column.type) for column in orders.c if column.name in names))
        tx.execute(lean.insert().values(**OLD))
    have = set(sa.inspect(database.engine).get_table_names())
    assert not have & {table.name for table in NEW}
    shop = Shop(database, tmp_path)
    shown = shop.orders.get("WO-000007")
    assert (shown["state"], shown["hours"], shown["skills"], shown["avoided"]) == ("done", None, {}, None)
    assert [(one["id"], one["sensors"]) for one in shown["findings"]] == [("f-9", [{"property": "p", "share": 1}])]
    assert shop.order(source=("finding", "f-9"), failure_mode="VIB")["id"] == "o-1"
    assert len(database.rows(sa.select(joined))) == 1
    assert database.migrate({**rooms, "maintain": maintain.MIGRATIONS}) == []
