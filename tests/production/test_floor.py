from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft.core import NS, Conflict, InvalidInput, NotFound, parse_time
from lineshaft.production import LotEntry, Planned, ProductEntry, QualityEntry, Run, RunEntry
from tests.production.conftest import CALENDAR, PRODUCTION, Floor


def test_the_line_s_order_is_what_its_machines_ran_with_the_ideal_cycle_of_the_time(floor: Floor) -> None:
    assert floor.production.running("Works/Line 1/Oven", 4 * NS, 7 * NS) == [
        Run(4 * NS, 5 * NS, "PO-1", "A", 2.0),
        Run(5 * NS, 7 * NS, "PO-1", "A", 3.0),
    ]
    assert floor.production.running("Works/Line 1/Press", 4 * NS, 7 * NS) == [Run(4 * NS, 7 * NS, "PO-1", "A", None)]
    assert floor.production.running("Works/Line 2", 4 * NS, 7 * NS) == []


def test_the_next_order_ends_the_one_before(floor: Floor) -> None:
    book = floor.production.orders
    with floor.db.begin() as tx:
        book.start(tx, RunEntry(order="PO-2", at="Works/Line 1", start="1970-01-01T00:00:20Z"))
    ran = floor.production.running("Works/Line 1/Press", 0, 30 * NS)
    assert [(r.order, r.product, r.start, r.end) for r in ran] == [("PO-1", "A", 0, 20 * NS), ("PO-2", "B", 20 * NS, 30 * NS)]
    with (
        pytest.raises(Conflict, match="another order runs at 'Works/Line 1' from 1970-01-01T00:00:20Z on"),
        floor.db.begin() as tx,
    ):
        book.start(tx, RunEntry(order="PO-1", at="Works/Line 1", start="1970-01-01T00:00:10Z"))
    with floor.db.begin() as tx:
        book.finish(tx, "Works/Line 1", 25 * NS)
    assert book.get("PO-2")["state"] == "done"
    assert floor.production.running("Works/Line 1", 26 * NS, 30 * NS) == []


def test_a_line_has_its_calendar_and_others_are_planned_all_the_time(floor: Floor) -> None:
    start, end = parse_time("2026-12-24T05:00:00Z"), parse_time("2026-12-25T05:00:00Z")
    kinds = [(p.kind, p.shift) for p in floor.production.calendar("Works/Line 1/Oven").planned(start, end)]
    assert kinds == [
        (Planned.SHIFT, "Early"),
        (Planned.BREAK, "Early"),
        (Planned.SHIFT, "Early"),
        (Planned.SHIFT, "Late"),
        (Planned.OFF, ""),
    ]
    assert [p.kind for p in floor.production.calendar("Works/Line 2").planned(start, end)] == [Planned.SHIFT]


def test_loading_again_is_idle(floor: Floor) -> None:
    told = floor.changes
    assert not floor.production.load(floor.folder)
    assert floor.changes == told == 1


def test_a_new_ideal_cycle_leaves_the_past_alone(floor: Floor) -> None:
    with floor.db.begin() as tx:
        entry = ProductEntry.model_validate({"product": "B", "ideal_cycles": [{"machine": "Works/Line 1/Press", "seconds": 1}]})
        floor.production.products.add(tx, entry)
        faster = ProductEntry.model_validate(
            {"product": "B", "ideal_cycles": [{"machine": "Works/Line 1/Press", "seconds": 0.5}]}
        )
        floor.production.products.add(tx, faster, at=50 * NS)
        floor.production.orders.start(tx, RunEntry(order="PO-2", at="Works/Line 1", start="1970-01-01T00:00:40Z"))
    ran = floor.production.running("Works/Line 1/Press", 45 * NS, 60 * NS)
    changed = PRODUCTION.replace("seconds: 2}", "seconds: 2.5}")
    assert floor.write(production=changed).load() == [
        (
            "production.yaml:2: the ideal cycle is 2 s from then on already, and figures were computed with it"
            " - give the new one a later valid_from"
        )
    ]
    assert [(r.end, r.ideal_cycle_s) for r in ran] == [(50 * NS, 1.0), (60 * NS, 0.5)]


def test_a_calendar_changes_for_the_future_or_gets_a_new_version(floor: Floor) -> None:
    today = parse_time("2026-11-20T12:00:00Z")
    later = CALENDAR.replace("[2026-12-25]", "[2026-12-25, 2026-12-26]")
    assert floor.write(calendar=later).load(today) == []
    assert floor.write(calendar=later.replace("2026-12-26", "2026-05-01")).load(today) == [
        (
            "calendar.yaml:1: calendar 'Two shifts' differs from the one that past figures were computed with"
            " - give the new shift model a later valid_from; keep the old one in git"
        )
    ]
    new = later.replace("timezone:", 'valid_from: "2026-12-01T00:00:00Z"\ntimezone:').replace("06:00", "07:00")
    assert floor.write(calendar=new).load(today) == []
    calendar = floor.production.calendar("Works/Line 1")
    for day, hour in (("2026-11-27", 5), ("2026-12-04", 6)):
        shift = calendar.shift_at(parse_time(f"{day}T08:00:00Z"))
        assert shift is not None
        assert shift.start == parse_time(f"{day}T0{hour}:00:00Z")


def test_every_wrong_entry_is_told_with_its_line_and_the_rest_is_taken(bare: Floor) -> None:
    text = PRODUCTION.replace("{product: B, quantity: 10}", "{product: C, quantity: 10}").replace("quantity: 5,", "quantity: -5,")
    text += "  - {order: PO-3, at: Works/Lime 1, start: 06:00}\nproduct: []\n"
    shifts = CALENDAR.replace("14:00, end: 22:00", "13:30, end: 22:00")
    assert bare.write(production=text, calendar=shifts).load() == [
        "calendar.yaml:1: the shifts 'Early' and 'Late' run at the same time - let one end where the other begins",
        "production.yaml:20: 'product' is not known here - did you mean 'products'?",
        "production.yaml:11: quantity: Input should be greater than 0",
        (
            "production.yaml:19: start: '06:00' is not a time - write ISO 8601 with a zone (2026-11-20T06:00:00Z,"
            " 2026-11-20T06:00:00.5+01:00) or epoch nanoseconds"
        ),
        "production.yaml:12: there is no product 'C' - known are: A, B",
        "production.yaml:15: there is no production order 'PO-1'",
        "production.yaml:16: there is no lot 'DOUGH' - known are: FLOUR",
        "production.yaml:18: there is no production order 'PO-1'",
    ]
    assert [p["product"] for p in bare.production.products.list()] == ["A", "B"]


def test_lots_know_what_they_were_made_from_and_never_from_themselves(floor: Floor) -> None:
    book = floor.production.lots
    assert book.genealogy("TRAY") == {"made_from": ["DOUGH", "FLOUR"], "went_into": []}
    assert book.genealogy("FLOUR") == {"made_from": [], "went_into": ["DOUGH", "TRAY"]}
    with pytest.raises(Conflict, match="made from itself"), floor.db.begin() as tx:
        book.add(tx, LotEntry(lot="FLOUR", parents=["TRAY"]))
    with floor.db.begin() as tx:
        book.set_state(tx, "DOUGH", "hold", version=1)
    with pytest.raises(Conflict, match="changed meanwhile"), floor.db.begin() as tx:
        book.set_state(tx, "DOUGH", "free", version=1)
    with pytest.raises(InvalidInput, match="not a state"), floor.db.begin() as tx:
        book.set_state(tx, "DOUGH", "held")
    assert book.get("DOUGH")["state"] == "hold"


def test_on_time_in_full_needs_quantity_and_date(floor: Floor) -> None:
    book = floor.production.orders
    span = parse_time("2026-01-01T00:00:00Z"), parse_time("2026-02-01T00:00:00Z")
    with floor.db.begin() as tx:
        book.deliver(tx, "PO-1", 1, 60, parse_time("2026-01-08T00:00:00Z"))
        book.deliver(tx, "PO-1", 1, 40, parse_time("2026-01-09T00:00:00Z"))
        book.deliver(tx, "PO-1", 2, 5, parse_time("2026-01-12T00:00:00Z"))
    assert book.on_time_in_full(*span) == {"lines": 2, "on_time_in_full": 1, "share": 0.5}
    with pytest.raises(NotFound, match="has no line 9"), floor.db.begin() as tx:
        book.deliver(tx, "PO-1", 9, 1, 0)


def test_one_query_joins_lot_quality_and_machine(floor: Floor) -> None:
    book = floor.production.quality
    result = {
        "check": "thickness",
        "lot": "TRAY",
        "machine": "Works/Line 1/Oven",
        "value": 9.2,
        "high": 9.0,
        "at": "2026-01-05T00:00:00Z",
    }
    with floor.db.begin() as tx:
        first = book.add(tx, QualityEntry.model_validate(result), by="station 4")
        again = book.add(tx, QualityEntry.model_validate(result), by="station 4")
    assert first == again
    (row,) = book.list()
    assert (row["lot"], row["machine"], row["passed"]) == ("TRAY", "Works/Line 1/Oven", False)
    with pytest.raises(ValueError, match="about something"):
        QualityEntry(check="thickness", passed=True)


def test_a_csv_feed_takes_good_rows_and_names_the_wrong_cell(floor: Floor, tmp_path: Path) -> None:
    orders = tmp_path / "orders-monday.csv"
    orders.write_text(
        "order;customer;product;quantity;due\n"
        "PO-7;North;A;1,5;2026-02-01T00:00:00Z\n"
        "PO-7;North;B;2;\n"
        "PO-8;South;A;many;\n"
        "PO-9;South;Z;2;\n"
        "PO-9;South;\n",
        encoding="utf-8-sig",
    )
    loaded = floor.production.feed(orders)
    assert [str(p) for p in loaded.problems] == [
        "orders-monday.csv:6: 3 cells under 5 column names - quote cells that hold the separator",
        "orders-monday.csv:4: column 'quantity': Input should be a valid number, unable to parse string as a number",
        "orders-monday.csv:5: there is no product 'Z' - known are: A, B",
    ]
    assert [line["quantity"] for line in floor.production.orders.get("PO-7")["lines"]] == [1.5, 2.0]
    quality = tmp_path / "quality.csv"
    quality.write_text(
        "check,lot,passed,at\nlook,TRAY,ok,2026-01-05T00:00:00Z\nlook,TRAY,maybe,2026-01-05T01:00:00Z\nlook,,ok,\n"
    )
    loaded = floor.production.feed(quality)
    assert [str(p) for p in loaded.problems] == [
        "quality.csv:3: column 'passed': Input should be a valid boolean, unable to interpret input",
        "quality.csv:4: a quality result is about something - give a lot, an order or a machine",
    ]
    assert loaded.taken == ["check look"]
    assert not floor.production.feed(quality).taken
    assert str(floor.production.feed(tmp_path / "stuff.csv").problems[0]).startswith("stuff.csv: its name does not say")
