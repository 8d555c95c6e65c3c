from __future__ import annotations

import os
from pathlib import Path

import pytest

from lineshaft.core import ConfigError
from lineshaft.production import FeedEntry
from lineshaft.production.feeds.b2mml import B2mmlFeed, B2mmlOptions
from tests.production.conftest import Floor

SCHEDULE = """\
<?xml version="1.0" encoding="UTF-8"?>
<OperationsSchedule xmlns="http://www.mesa.org/xml/B2MML">
  <ID>WEEK-2</ID>
  <OperationsRequest>
    <ID>PO-77</ID>
    <OperationsType>Production</OperationsType>
    <EndTime>2026-01-10T16:00:00+01:00</EndTime>
    <SegmentRequirement>
      <ID>bake</ID>
      <MaterialRequirement>
        <MaterialDefinitionID>A</MaterialDefinitionID>
        <MaterialLotID>TRAY-7</MaterialLotID>
        <MaterialUse>Produced</MaterialUse>
        <Quantity><QuantityString>1200</QuantityString><DataType>double</DataType><UnitOfMeasure>part</UnitOfMeasure></Quantity>
      </MaterialRequirement>
      <MaterialRequirement>
        <MaterialDefinitionID>FLOUR 550</MaterialDefinitionID>
        <MaterialLotID>FLOUR</MaterialLotID>
        <MaterialUse>Consumed</MaterialUse>
        <Quantity><QuantityString>90</QuantityString><DataType>double</DataType><UnitOfMeasure>kg</UnitOfMeasure></Quantity>
      </MaterialRequirement>
    </SegmentRequirement>
  </OperationsRequest>
  <OperationsRequest><ID>CLEAN-1</ID><OperationsType>Maintenance</OperationsType></OperationsRequest>
  <OperationsRequest>
    <ID>PO-78</ID>
    <SegmentRequirement><MaterialRequirement><MaterialDefinitionID>A</MaterialDefinitionID><MaterialUse>Produced</MaterialUse>
      <Quantity><QuantityString>many</QuantityString></Quantity></MaterialRequirement></SegmentRequirement>
  </OperationsRequest>
</OperationsSchedule>
"""
LOTS = """\
<MaterialInformation xmlns="http://www.mesa.org/xml/B2MML">
  <MaterialLot><ID>BUTTER-1</ID><MaterialDefinitionID>Butter</MaterialDefinitionID>
    <Quantity><QuantityString>60.5</QuantityString><UnitOfMeasure>kg</UnitOfMeasure></Quantity></MaterialLot>
</MaterialInformation>
"""
BOMB = '<!DOCTYPE a [<!ENTITY b "xx"><!ENTITY c "&b;&b;">]>\n<OperationsSchedule>&c;</OperationsSchedule>'


def test_a_schedule_becomes_orders_and_lots_with_what_goes_into_them(floor: Floor):
    path = floor.folder / "week.xml"
    path.write_text(SCHEDULE)
    result = floor.production.feed(path, "b2mml")
    assert result.taken == ["order PO-77", "lot TRAY-7"]
    assert [str(one) for one in result.problems] == [
        "week.xml:25: lines.1.quantity: Input should be a valid number, unable to parse string as a number"
    ]
    line = floor.production.orders.get("PO-77")["lines"][0]
    assert (line["product"], line["quantity"]) == ("A", 1200)
    assert line["due"] == 1768057200 * 10**9
    assert floor.production.lots.get("TRAY-7")["parents"] == ["FLOUR"]
    assert floor.production.lots.get("FLOUR")["quantity"] == 10, "what a plan says of a known lot changes nothing of it"
    assert floor.production.feed(path, "b2mml").taken == []


def test_a_folder_is_read_once_a_change(floor: Floor, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "lots.xml").write_text(LOTS)
    entry = {"name": "mes", "type": "b2mml", "folder": str(folder)}
    floor.production.feeder.plan([FeedEntry.model_validate(entry).build()])
    read = floor.production.feeder.read
    assert read("mes").last_taken == 1
    (folder / "lots.xml").write_text(LOTS.replace("60.5", "61"))
    os.utime(folder / "lots.xml", ns=(1, 1))
    assert (read("mes").last_taken, floor.production.lots.get("BUTTER-1")["quantity"]) == (1, 61)
    folder.rename(tmp_path / "away")
    assert "there is no folder" in read("mes").error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "x.xml:1: it declares a document type"),
        ("<OperationsSchedule>\n<ID>", "x.xml:2: this is not well-formed XML"),
        ("<a>" * 70 + "</a>" * 70, "x.xml:1: elements lie more than 64 deep"),
        ("<Person/>", "x.xml:1: <Person> holds no operations schedule"),
        ("<a>" + "x" * 3000 + "</a>", "x.xml: it is larger than 2000 bytes"),
    ],
    ids=["bomb", "torn", "deep", "other", "large"],
)
def test_what_is_not_plain_b2mml_is_refused_with_its_line(tmp_path: Path, text: str, said: str):
    (tmp_path / "x.xml").write_text(text)
    draft = B2mmlFeed("x", B2mmlOptions.model_validate({"most_bytes": 2000})).read(tmp_path / "x.xml")
    assert [str(problem)[: len(said)] for problem in draft.problems] == [said]
    assert draft.orders == draft.lots == []


def test_a_schema_folder_without_schemas_or_lxml_is_told(tmp_path: Path):
    (tmp_path / "x.xml").write_text(SCHEDULE)
    feed = B2mmlFeed("x", B2mmlOptions.model_validate({"schemas": str(tmp_path)}))
    with pytest.raises(ConfigError, match=r"lxml|holds no B2MML-OperationsSchedule\.xsd"):
        feed.read(tmp_path / "x.xml")


def test_files_are_validated_against_the_schemas(tmp_path: Path):
    inner = '<xs:complexType><xs:sequence><xs:element name="ID" type="xs:string"/></xs:sequence></xs:complexType>'
    head = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.mesa.org/xml/B2MML"'
    schema = f'{head} elementFormDefault="qualified"><xs:element name="OperationsSchedule">{inner}</xs:element></xs:schema>'
    (tmp_path / "B2MML-OperationsSchedule.xsd").write_text(schema)
    feed = B2mmlFeed("x", B2mmlOptions.model_validate({"schemas": str(tmp_path)}))
    (tmp_path / "x.xml").write_text(SCHEDULE)
    (problem,) = feed.read(tmp_path / "x.xml").problems
    assert (problem.where, "not valid B2MML" in problem.what) == ("x.xml:4", True)
