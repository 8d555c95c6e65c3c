from __future__ import annotations

from lineshaft.core import parse_time
from tests.production.conftest import CALENDAR, PLANT, Floor

LINE = "Works/Line 1"
START, END = parse_time("2026-06-30T22:00:00Z"), parse_time("2026-07-01T22:00:00Z")
MORE = """\
orders:
  - order: PO-1
    lines:
      - {product: A, quantity: 100, due: "2026-07-01T10:00:00Z", delivered: 100, delivered_at: "2026-07-01T09:00:00Z"}
      - {product: B, quantity: 5, due: "2026-07-01T10:00:00Z", delivered: 5, delivered_at: "2026-07-01T11:00:00Z"}
  - order: PO-2
    lines:
      - {product: B, quantity: 10, due: "2026-07-01T10:00:00Z", delivered: 9, delivered_at: "2026-07-01T09:00:00Z"}
  - {order: PO-3, lines: [{product: A, quantity: 10, due: "2026-07-01T10:00:00Z"}]}
lots:
  - {lot: T1, product: A, order: PO-1, quantity: 9000, made: "2026-07-01T06:00:00Z"}
  - {lot: T2, product: A, order: PO-1, quantity: 1000, made: "2026-07-01T07:00:00Z"}
quality:
  - {check: diameter, machine: Works/Line 1/Oven, passed: true, at: "2026-07-01T06:00:00Z"}
  - {check: diameter, lot: T1, passed: false, at: "2026-07-01T06:00:00Z"}
  - {check: diameter, machine: Works/Line 2, passed: false, at: "2026-07-01T06:00:00Z"}
running:
  - {order: PO-2, at: Works/Line 1, start: "2026-07-01T18:00:00Z"}
"""


def test_otif_yield_and_throughput_of_a_line(floor: Floor):
    plant = PLANT.replace(
        "- name: Line 1", '- name: Line 1\n        constraint: [{asset: Oven, valid_from: "2020-01-01T00:00:00Z"}]'
    )
    (floor.folder / "plant.yaml").write_text(plant)
    assert floor.assets.load(floor.folder).problems == []
    assert floor.write(production=MORE, calendar=CALENDAR).load() == []
    with floor.db.begin() as tx:
        floor.production.lots.set_state(tx, "T2", "scrap")
    found = floor.production.figures(LINE, START, END)
    assert (found.due_lines, found.on_time_in_full) == (4, 1), "one was late, one not whole, PO-3 never ran"
    assert (found.checks, found.passed, found.first_pass) == (2, 1, 0.5)
    assert (found.lots_made, found.lots_scrapped, found.lot_yield) == (10_000, 1_000, 0.9)
    first, second = found.orders
    assert (first.order, first.planned_s, first.target) == ("PO-1", 13.75 * 3600, 13.75 * 3600 / 3)
    assert (first.made, first.ordered, first.delivered) == (10_000, 100, 100)
    assert first.attainment == 10_000 / (13.75 * 1200)
    assert (second.order, second.planned_s, second.target, second.attainment) == ("PO-2", 2 * 3600, None, None)


def test_nothing_to_compute_from_is_absent_and_not_zero(floor: Floor):
    found = floor.production.figures("Works/Line 2", START, END)
    assert (found.otif, found.first_pass, found.lot_yield, found.orders) == (None, None, None, [])


def test_what_is_due_later_is_not_late_yet(floor: Floor):
    floor.write(production=MORE.replace("2026-07-01T10", "2098-07-01T10")).load()
    assert floor.production.figures(LINE, START, parse_time("2099-01-01T00:00:00Z")).due_lines == 0
