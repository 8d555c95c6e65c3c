"""Parts and orders from files: what is wrong is told by line, nothing is half imported, nothing is imported twice."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import openpyxl
import pytest

from lineshaft.core import InvalidInput, NotFound
from lineshaft.maintain import ORDER_COLUMNS, PART_COLUMNS, Intake, write_csv, write_excel
from tests.maintain.conftest import BERT, PUMP

PARTS = (
    "part;name;bin;on_hand;minimum;unit_cost;used_by\n"
    f"BRG-6205;Rillenkugellager 6205;B-12;4;3;24,50;{PUMP}*2@VIB\nÖL-5;Öl, 5 l;;1;1;9;\n"
)


@pytest.fixture
def intake(lite):
    def asset_of(path):
        if not path.startswith("Bakery"):
            raise NotFound(f"there is no asset '{path}'", hint="did you mean 'Bakery'?")
        return path

    return Intake(lite.orders, lite.spares, asset_of)


def take(shop, intake, what, content):
    found = intake.read(what, content)
    assert found.wrong == ()
    with shop.db.begin() as tx:
        return intake.take(tx, what, found, BERT)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_parts_of_a_german_excel_come_in_and_keep_their_stock_the_second_time(lite, intake, encoding):
    content = PARTS.encode(encoding)
    assert take(lite, intake, "parts", content) == {"added": 2, "changed": 0, "known": 0}
    assert take(lite, intake, "parts", content.replace(b";4;3;", b";9;2;")) == {"added": 0, "changed": 2, "known": 0}
    bearing = lite.spares.get("BRG-6205")
    assert (bearing["on_hand"], bearing["minimum"], bearing["unit_cost"]) == (4, 2, 24.5)
    assert bearing["used_by"] == [{"asset": PUMP, "quantity": 2.0, "failure_mode": "VIB"}]
    assert lite.spares.get("ÖL-5")["name"] == "Öl, 5 l"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_goes_out_comes_in_again(lite, intake, form):
    take(lite, intake, "parts", PARTS.encode())
    with lite.db.begin() as tx:
        lite.spares.add(tx, "=1+1", {"name": "@evil", "on_hand": 0}, BERT)
    rows = intake.parts()
    content = write_csv(PART_COLUMNS, rows) if form == "csv" else write_excel("parts", PART_COLUMNS, rows)
    if form == "csv":
        assert b"\n'=1+1,'@evil" in content
    found = intake.read("parts", content.replace(b"'=1+1", b"=1+1") if form == "csv" else content)
    assert not found.wrong
    assert [row.part.lstrip("'") for _, row in found.rows] == ["=1+1", "BRG-6205", "ÖL-5"]
    assert found.rows[1][1].used_by == [{"asset": PUMP, "quantity": 2.0, "failure_mode": "VIB"}]


def test_every_wrong_line_is_named(intake):
    text = 'part,name,on_hand,used_by\nA,"two\nlines",-1,\nB,,1,\n,x,1,\n'
    text += "C,c,many,Nowhere/Pump\nC,c,nan,Bakery*x\nD,d,1,Nowhere\nD,d,2,\n"
    wrong = [(one.line, one.column) for one in intake.read("parts", text.encode()).wrong]
    assert wrong == [
        (3, "on_hand"), (4, "name"), (5, "part"), (6, "on_hand"), (7, "on_hand"), (7, "used_by"), (8, "used_by"), (9, "part"),
    ]  # fmt: skip


def test_orders_come_in_once(lite, intake):
    text = "external,asset,title,priority,due\nSAP-1,Bakery/P1,Grease,2,2026-12-01\nSAP-2,Bakery/P2,Check belt,,\n"
    assert take(lite, intake, "orders", text.encode()) == {"added": 2, "changed": 0, "known": 0}
    assert take(lite, intake, "orders", text.encode()) == {"added": 0, "changed": 0, "known": 2}
    rows = Intake.order_rows(lite.orders.list())
    assert {row["external"] for row in rows} == {"SAP-1", "SAP-2"}
    assert next(row for row in rows if row["external"] == "SAP-1")["due"].startswith("2026-12-01")
    assert b"SAP-1" in write_csv(ORDER_COLUMNS, rows)
    book = openpyxl.Workbook()
    for cells in (
        ["external", "asset", "title", "due"],
        ["SAP-3", "Bakery/P3", "Oil", dt.date(2026, 12, 24)],
    ):
        book.active.append(cells)
    sink = io.BytesIO()
    book.save(sink)
    assert take(lite, intake, "orders", sink.getvalue())["added"] == 1


def test_a_row_that_cannot_be_taken_takes_nothing(lite, intake):
    text = "external,asset,title,failure_mode\nA,Bakery/P1,fine,\nB,Bakery/P1,wrong,NOPE\n"
    found = intake.read("orders", text.encode())
    with pytest.raises(InvalidInput) as error, lite.db.begin() as tx:
        intake.take(tx, "orders", found, BERT)
    assert error.value.where == "line 3"
    assert lite.orders.list() == []


def bomb():
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"\0" * 250_000_000)
    return sink.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"name\nx\n", b"part,part,name\n1,2,3\n", b"\x00\x01\x02", b"PK\x03\x04broken", bomb()],
    ids=["empty", "no columns", "part missing", "twice", "binary", "broken zip", "bomb"],
)
def test_what_is_no_table_is_refused(intake, content):
    with pytest.raises(InvalidInput):
        intake.read("parts", content)
