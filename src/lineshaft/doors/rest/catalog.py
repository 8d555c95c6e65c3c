"""The catalog: which tables can be asked, what they mean, how fresh they are, and what was computed from what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, MaybeMoment, PropertyPath, SeenVersion, Shape, Version, moment
from lineshaft.store import Listing

router = APIRouter(prefix="/catalog", tags=["sql"])
TableName = Annotated[str, Field(examples=["samples"])]
Description = Annotated[str, Field(max_length=2000, examples=["Every value ever stored."])]
Owner = Annotated[str, Field(max_length=200, examples=["Process engineering"])]
Tags = Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=30, examples=[["energy"]])]
Hint = Annotated[str, Field(examples=["drop Parquet, CSV or JSON"])]


class CatalogColumn(Shape):
    """A column of a table."""

    name: Annotated[str, Field(examples=["value"])]
    type: Annotated[str, Field(examples=["number"])]
    unit: Annotated[str, Field(examples=["mm/s"])]
    description: Annotated[str, Field(examples=["The value as a number."])]


class CatalogTable(Shape):
    """A table; `rows` is null where counting is not worth its time, `newest` where there is nothing yet."""

    name: TableName
    kind: Annotated[str, Field(examples=["values"], description="values, room, lake or file")]
    room: Annotated[str, Field(examples=["store"])]
    description: Description
    owner: Owner
    tags: Tags
    columns: list[CatalogColumn]
    rows: Annotated[int | None, Field(examples=[43200])]
    newest: MaybeMoment
    made_of: Annotated[list[str], Field(examples=[["samples"]])]
    file: Annotated[str, Field(examples=[""])]
    job: Annotated[str, Field(examples=[""], description="The ETL job that writes it.")]
    size: Annotated[int | None, Field(examples=[None])]
    version: Version


class FileProblem(Shape):
    """A dropped file that cannot be read."""

    file: Annotated[str, Field(examples=["energy.xlsx"])]
    problem: Annotated[str, Field(examples=["files of kind '.xlsx' are not understood"])]
    hint: Hint


class CatalogList(Shape):
    """Every table a reader may ask, and the dropped files that are none."""

    items: list[CatalogTable]
    problems: list[FileProblem]


class LineageShape(Shape):
    """A computed property and what it is computed from."""

    property: PropertyPath
    kind: Annotated[str, Field(examples=["transform"])]
    formula: Annotated[str, Field(examples=["current / 10"])]
    inputs: Annotated[list[str], Field(examples=[["Bakery/Line 1/Cooler/Coolant pump/Current"]])]
    unit: Annotated[str, Field(examples=["mm/s"])]


class CatalogDetail(CatalogTable):
    """A table, and for tables of values what was computed from what."""

    lineage: list[LineageShape]


class ColumnEdit(Body):
    """What people write about a column: its unit (of lake tables and dropped files) and what it means."""

    unit: Annotated[str, Field(max_length=40, examples=["kWh"])] = ""
    description: Annotated[str, Field(max_length=500, examples=["Meter reading at the end of the shift."])] = ""


class CatalogEdit(Body):
    """What people write about a table; what is left out stays."""

    description: Description | None = None
    owner: Owner | None = None
    tags: Tags | None = None
    columns: Annotated[
        dict[Annotated[str, Field(max_length=200)], ColumnEdit] | None, Field(examples=[{"energy": {"unit": "kWh"}}])
    ] = None
    made_of: Annotated[
        list[Annotated[str, Field(max_length=200)]] | None,
        Field(max_length=50, examples=[["samples", "lots"]], description="Tables it was made from, where no job says it."),
    ] = None
    version: SeenVersion = None


class Written(Shape):
    """The entry's new version."""

    name: TableName
    version: Version


@router.get("")
def catalog(rooms: House, subject: Reader) -> CatalogList:
    """List the tables that can be asked in SQL, and what is wrong with dropped files."""
    book = rooms.store.catalog
    problems = [{"file": one.file, "problem": one.problem, "hint": one.hint} for one in book.problems(subject)]
    return CatalogList.model_validate({"items": [_table(one) for one in book.list(subject)], "problems": problems})


@router.get("/{table}")
def one_table(rooms: House, subject: Reader, table: str) -> CatalogDetail:
    """Show one table with its lineage."""
    one = rooms.store.catalog.get(table, subject)
    lineage = rooms.store.catalog.lineage(subject) if one.kind == "values" or table == "properties" else []
    return CatalogDetail.model_validate({**_table(one), "lineage": lineage})


@router.patch("/{table}")
def edit(sender: Sender, table: str, body: CatalogEdit) -> Written:
    """Write what a table is, whose it is, and tags to find it by."""
    book, subject = sender.rooms.store.catalog, sender.subject
    change = {name: value for name, value in body.model_dump(exclude={"version"}).items() if value is not None}

    def run(tx: Any) -> dict[str, Any]:
        book.check(book.get(table, subject), change)
        return {"name": table, "version": book.edit(tx, table, change, body.version)}

    whole = {**change, "version": body.version}
    return Written.model_validate(
        sender.do("catalog.edit", f"table:{table}", whole, run, subject.scope[0] if subject.scope else "")
    )


def _table(one: Listing) -> dict[str, Any]:
    names = ("name", "kind", "room", "description", "owner", "rows", "file", "job", "size", "version")
    columns = [field._asdict() for field in one.columns]
    lists = {"tags": list(one.tags), "made_of": list(one.made_of), "columns": columns}
    return {**{name: getattr(one, name) for name in names}, **lists, "newest": moment(one.newest)}
