"""Orders and quality results from Excel: every row by itself, whatever the columns are called."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from lineshaft.core import ConfigError
from lineshaft.production import FeedEntry
from tests.production.conftest import Floor

COLUMNS = {"order": "Auftrag", "product": "Artikel", "quantity": "Menge", "due": "Termin", "customer": "Kunde"}
HEAD = ("Auftrag", "Kunde", "Artikel", "Menge", "Termin", "Bemerkung")


def book(path: Path, *rows: tuple[Any, ...], sheet: str = "Plan", above: int = 0) -> Path:
    made = openpyxl.Workbook()
    page = made.active
    assert page is not None
    page.title = sheet
    for row in ((("Stand", None),) * above) + rows:
        page.append(row)
    made.save(path)
    return path


def feed(floor: Floor, folder: Path, **more: Any) -> None:
    given = {"folder": str(folder), "kind": "orders", "columns": COLUMNS, "timezone": "Europe/Berlin", **more}
    floor.production.feeder.plan([FeedEntry.model_validate({"name": "excel", "type": "excel", "every": "1m", **given}).build()])


def due(day: int) -> datetime:
    return datetime(2026, 7, day)  # noqa: DTZ001 - Excel knows no zones


def test_orders_come_in_and_a_wrong_row_stops_no_other(floor: Floor, tmp_path: Path):
    book(
        tmp_path / "plan.xlsx",
        HEAD,
        (4711, "Nord", "A", 1200, due(10), "eilig"),
        (4711, "Nord", "A", 300, due(11), None),
        (4712, "Süd", "A", "viele", due(12), None),
        (None, None, None, None, None, None),
        (4713, "Süd", "A", float("1e300"), due(12), None),
        (4714, "Ost", "A", 5, due(13), None),
        (4715, "Ost", "NO-SUCH", 5, due(13), None),
        above=2,
    )
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "~$plan.xlsx").write_bytes(b"open")
    feed(floor, tmp_path, header=3)
    status = floor.production.feeder.read("excel")
    orders = {one["number"]: one for one in floor.production.orders.list()}
    assert {"4711", "4714"} <= set(orders)
    assert "4712" not in orders
    assert [line["quantity"] for line in orders["4711"]["lines"]] == [1200, 300]
    said = {problem.where: problem.what for problem in status.problems}
    assert "plan.xlsx:Plan!6" in said
    assert "cannot be read" in said["broken.xlsx"]
    assert any("NO-SUCH" in what for what in said.values())
    assert status.state == "problems"
    assert floor.production.feeder.read("excel").last_taken == 0  # read again only when it changes


def test_columns_and_sheets_that_are_not_there_are_told(floor: Floor, tmp_path: Path):
    book(tmp_path / "a.xlsx", ("Auftrag", "Kunde", "Artickel", "Menge", "Termin"), (1, "x", "A", 2, due(1)))
    feed(floor, tmp_path)
    (problem,) = floor.production.feeder.read("excel").problems
    assert (problem.where, problem.what) == ("a.xlsx:Plan!1", "there is no column 'Artikel'")
    assert "Artickel" in problem.hint
    feed(floor, tmp_path, sheet="Pläne")
    book(tmp_path / "b.xlsx", HEAD)
    assert "there is no sheet 'Pläne'" in str(floor.production.feeder.read("excel").problems)


@pytest.mark.parametrize(("every", "what"), [("0.5s", "once a second"), ("soon", "soon")])
def test_how_often_is_a_length_of_time(every: str, what: str):
    with pytest.raises((ValueError, ConfigError), match=what):
        FeedEntry.model_validate({"name": "x", "type": "files", "every": every, "folder": "/tmp"})


def test_a_text_the_database_cannot_keep_stops_no_other(floor: Floor, tmp_path: Path):
    """PostgreSQL refuses a NUL in a text, and a half surrogate goes into no database."""
    text = "lot,material,quantity\nL-1,flour,5\nL-2,\ud800,5\nL-3,sugar,inf\nL-4,salt,7\n"
    (tmp_path / "lots.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    (tmp_path / "lots-b.csv").write_text('lot,material,quantity\nL-5,"never closed,5\n' + "x" * 200_000)
    (tmp_path / "lots-c.csv").write_text("lot,material,quantity\nL-6,a\0b,5\nL-7,good,1\n")
    entry = {"name": "csv", "type": "files", "folder": str(tmp_path)}
    floor.production.feeder.plan([FeedEntry.model_validate(entry).build()])
    status = floor.production.feeder.read("csv")
    assert status.state == "problems"
    assert "L-7" in {one["lot"] for one in floor.production.lots.list()}
    assert any(problem.where == "lots.csv" for problem in status.problems)
    assert any(problem.where == "lots-b.csv" for problem in status.problems)
