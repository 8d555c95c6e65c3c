from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.core import SystemEvent
from lineshaft.production import FeedEntry
from tests.production.conftest import Floor

ORDERS = {"order": "aufnr", "line": "posnr", "product": "matnr", "quantity": "menge", "due": "termin", "customer": "kunde"}
META = sa.MetaData()
AUFTRAG = sa.Table(
    "auftrag",
    META,
    sa.Column("aufnr", sa.Integer),
    sa.Column("posnr", sa.Integer),
    sa.Column("kunde", sa.String(20)),
    sa.Column("matnr", sa.String(20)),
    sa.Column("menge", sa.Numeric(12, 3)),
    sa.Column("termin", sa.Date),
    sa.Column("geaendert", sa.DateTime(timezone=True)),
)
PRUEFUNG = sa.Table(
    "pruefung",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("charge", sa.String(20)),
    sa.Column("merkmal", sa.String(20)),
    sa.Column("wert", sa.Float),
    sa.Column("unten", sa.Float),
    sa.Column("oben", sa.Float),
    sa.Column("zeit", sa.DateTime),
)


class Erp:
    """Another system's database."""

    def __init__(self, url: str) -> None:
        self.url, self.engine = url, sa.create_engine(url, poolclass=sa.NullPool)
        META.create_all(self.engine)

    def add(self, table: sa.Table, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as tx:
            tx.execute(table.insert(), list(rows))

    def order(self, number: int, line: int, quantity: float, minute: int, product: str = "A") -> None:
        changed = datetime(2026, 1, 5, 8, minute, tzinfo=UTC)
        row = {"aufnr": number, "posnr": line, "kunde": "Nord", "matnr": product, "menge": quantity}
        self.add(AUFTRAG, {**row, "termin": datetime(2026, 1, 10).date(), "geaendert": changed})  # noqa: DTZ001

    def result(self, number: int, lot: str, value: float) -> None:
        row = {"id": number, "charge": lot, "merkmal": "diameter", "wert": value, "unten": 58.0, "oben": 62.0}
        self.add(PRUEFUNG, {**row, "zeit": datetime(2026, 7, 1, 6, number)})  # noqa: DTZ001


@pytest.fixture
def erp(database_url: str, floor: Floor) -> Erp:
    return Erp(database_url)


def planned(floor: Floor, erp: Erp, **options: Any) -> None:
    settings = {"query": "SELECT * FROM auftrag", "mark": "geaendert", "kind": "orders", "columns": ORDERS, **options}
    entry = FeedEntry.model_validate({"name": "erp", "type": "sql", "url": erp.url, "timezone": "Europe/Berlin", **settings})
    floor.production.feeder.plan([entry.build()])


def lines(floor: Floor, number: str) -> list[tuple[str, float]]:
    return [(line["product"], line["quantity"]) for line in floor.production.orders.get(number)["lines"]]


def test_only_what_is_new_is_read_and_an_order_always_whole(floor: Floor, erp: Erp):
    for n in range(1, 8):
        erp.order(4700 + n, 10, 100 * n, n)
    erp.order(4701, 20, 5, 1, "B")
    planned(floor, erp, page=2)
    read = floor.production.feeder.read
    assert (read("erp").last_taken, read("erp").last_taken) == (7, 0)
    assert lines(floor, "4701") == [("A", 100.0), ("B", 5.0)]
    due = floor.production.orders.get("4701")["lines"][0]["due"]
    assert due == int(datetime(2026, 1, 10, 23, tzinfo=UTC).timestamp()) * 10**9, "the end of that day in Berlin"
    with erp.engine.begin() as tx:
        changed = {"menge": 7, "geaendert": datetime(2026, 1, 5, 9, tzinfo=UTC)}
        tx.execute(AUFTRAG.update().where(AUFTRAG.c.aufnr == 4701, AUFTRAG.c.posnr == 20).values(**changed))
    assert read("erp").last_taken == 1
    assert lines(floor, "4701") == [("A", 100.0), ("B", 7.0)]


def test_it_goes_on_where_it_was_after_a_restart(floor: Floor, erp: Erp):
    erp.order(1, 1, 1, 1)
    planned(floor, erp)
    floor.production.feeder.read("erp")
    erp.order(2, 1, 1, 2)
    planned(floor, erp)
    assert (floor.production.feeder.statuses()[0].taken, floor.production.feeder.read("erp").last_taken) == (1, 1)


def test_a_page_of_one_mark_only_does_not_stop_it(floor: Floor, erp: Erp):
    for n in range(1, 12):
        erp.order(n, 1, n, 0)
    planned(floor, erp, page=2)
    assert floor.production.feeder.read("erp").last_taken == 11


def test_overlap_finds_what_was_committed_late(floor: Floor, erp: Erp):
    erp.order(1, 1, 1, 30)
    planned(floor, erp, overlap="10m")
    floor.production.feeder.read("erp")
    erp.order(2, 1, 1, 25)
    assert floor.production.feeder.read("erp").last_taken == 1


def test_a_result_waits_for_its_lot_and_a_wrong_row_is_told(floor: Floor, erp: Erp):
    erp.result(1, "DOUGH", 61)
    erp.result(2, "NOT-YET", 63)
    erp.add(PRUEFUNG, {"id": 3, "charge": "DOUGH", "merkmal": "diameter", "wert": 60, "unten": 58.0, "oben": 62.0, "zeit": None})
    columns = {"check": "merkmal", "lot": "charge", "value": "wert", "low": "unten", "high": "oben", "at": "zeit"}
    planned(floor, erp, query="SELECT * FROM pruefung", mark="id", kind="quality", columns=columns)
    told: list[SystemEvent] = []
    floor.bus.on(SystemEvent, told.append)
    status = floor.production.feeder.read("erp")
    assert (status.state, status.last_taken, status.waiting) == ("problems", 1, 1)
    assert sorted(problem.what for problem in status.problems) == ["there is no lot 'NOT-YET'", "this result has no time"]
    assert told[-1].active
    assert "erp: check" not in told[-1].message or "diameter" in told[-1].message
    floor.write(production="lots: [{lot: NOT-YET}]").load()
    status = floor.production.feeder.read("erp")
    assert (status.last_taken, status.waiting) == (1, 0)
    assert [(row["lot"], row["passed"]) for row in floor.production.quality.list()] == [("NOT-YET", False), ("DOUGH", True)]
    assert floor.production.quality.list()[1]["at"] == int(datetime(2026, 7, 1, 4, 1, tzinfo=UTC).timestamp()) * 10**9


def test_a_database_that_cannot_be_asked_is_told_and_then_well_again(floor: Floor, erp: Erp):
    told: list[SystemEvent] = []
    floor.bus.on(SystemEvent, told.append)
    planned(floor, erp, query="SELECT * FROM nothing_here")
    assert floor.production.feeder.read("erp").state == "failing"
    assert (told[-1].key, told[-1].severity) == ("production.feed.erp", "error")
    planned(floor, erp, columns={**ORDERS, "customer": "besteller"})
    erp.order(1, 1, 1, 1)
    assert "no column 'besteller'" in floor.production.feeder.read("erp").error
    planned(floor, erp)
    assert floor.production.feeder.read("erp").state == "ok"
    assert not told[-1].active
