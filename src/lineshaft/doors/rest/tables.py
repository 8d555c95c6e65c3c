"""Assets, parts and orders as files: CSV and Excel, out and in, with a dry run and the line of everything that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response, UploadFile
from pydantic import Field

from lineshaft.assets import ASSET_COLUMNS, PositionRow, rows_of
from lineshaft.core import InvalidInput, iso, now_ns
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender, seen
from lineshaft.doors.rest.frame.shape import Shape
from lineshaft.maintain import ORDER_COLUMNS, PART_COLUMNS, SPREADSHEET, Intake, Wrong, read_table, write_csv, write_excel

router = APIRouter(tags=["exchange"])
What = Literal["parts", "orders"]
Table = Literal["assets", "parts", "orders"]
ACTIONS: dict[str, str] = {"assets": "assets.import", "parts": "spares.import", "orders": "work-orders.create"}


class WrongShape(Shape):
    """What is wrong at a line of a file."""

    line: Annotated[int, Field(examples=[4])]
    column: Annotated[str, Field(examples=["on_hand"])]
    what: Annotated[str, Field(examples=["Input should be greater than or equal to 0"])]
    hint: Annotated[str, Field(examples=[""])]


class ImportShape(Shape):
    """What an import did, or would do; with anything wrong it does nothing."""

    dry_run: bool
    rows: Annotated[int, Field(examples=[120])]
    added: Annotated[int, Field(examples=[100])]
    changed: Annotated[int, Field(examples=[20])]
    known: Annotated[int, Field(examples=[0], description="Orders that were imported before, assets that are so already.")]
    wrong: list[WrongShape]
    what: Annotated[
        list[str],
        Field(examples=[["+ Bakery/Line 2/Oven"]], description="Assets: the first 200 that are added (+) and changed (~)."),
    ] = Field(default_factory=list[str])


@router.get("/export/{what}", response_class=Response)
def export(
    rooms: House, subject: Reader, what: Table, form: Annotated[Literal["csv", "xlsx"], Query(alias="format")] = "csv"
) -> Response:
    """Download the assets, all parts, or the newest 10,000 orders, as CSV or Excel."""
    rooms.guard.gate(subject, "read", "" if not subject.scope else subject.scope[0])
    columns: tuple[str, ...]
    if what == "assets":
        tree = rooms.assets.tree()
        reached = set(rooms.guard.readable(subject, "read", [one.path for one in tree]))
        columns, rows = ASSET_COLUMNS, rows_of(one for one in tree if one.path in reached)
    elif what == "parts":
        columns, rows = PART_COLUMNS, _intake(rooms).parts()
    else:
        columns, rows = ORDER_COLUMNS, Intake.order_rows(seen(rooms, subject, rooms.orders.list(limit=10_000)))
    content = write_csv(columns, rows) if form == "csv" else write_excel(what, columns, rows)
    name = f"{what}-{iso(now_ns())[:10]}.{form}"
    media = "text/csv; charset=utf-8" if form == "csv" else SPREADSHEET
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


Upload = Annotated[UploadFile, Field(examples=["(a file)"])]
DryRun = Annotated[bool, Query(description="Only say what would happen.")]


@router.post("/import/assets")
def import_assets(sender: Sender, file: Upload, dry_run: DryRun = False) -> ImportShape:
    """Import positions of the plant from CSV or Excel into plant.yaml, all or nothing; what the table does not name stays."""
    _gate(sender, "assets", _first(sender))
    found = read_table(file.file.read(), PositionRow)
    for path in {row.path for _, row in found.rows}:
        _gate(sender, "assets", path)
    said = _Positions(sender, found.rows, [_shown(one) for one in found.wrong])
    plan = said.take(dry_run=True)
    if plan.wrong and not dry_run:
        raise _refused(plan.wrong)
    if dry_run or plan.wrong:
        return plan
    body = {"rows": [[line, row.model_dump(mode="json")] for line, row in found.rows]}
    done = sender.do_outside(
        ACTIONS["assets"], "plant.yaml", body, lambda: said.take(dry_run=False).model_dump(mode="json"), _first(sender)
    )
    return ImportShape.model_validate(done)


@router.post("/import/parts")
def import_parts(sender: Sender, file: Upload, dry_run: DryRun = False) -> ImportShape:
    """Import parts from CSV or Excel, all or nothing; 422 with every wrong line, or a dry run that says so."""
    return _import(sender, "parts", file.file.read(), dry_run=dry_run)


@router.post("/import/orders")
def import_orders(sender: Sender, file: Upload, dry_run: DryRun = False) -> ImportShape:
    """Import work orders of another system from CSV or Excel, each once by its number there."""
    return _import(sender, "orders", file.file.read(), dry_run=dry_run)


def _import(sender: Asking, what: What, content: bytes, *, dry_run: bool) -> ImportShape:
    intake = _intake(sender.rooms)
    _gate(sender, what, _first(sender))
    found = intake.read(what, content)
    wrong = [_shown(one) for one in found.wrong]
    if what == "orders":
        for _, row in found.rows if not wrong else ():
            _gate(sender, what, sender.rooms.assets.asset(row.asset).path)
    if wrong and not dry_run:
        raise _refused(wrong)
    counts = {"added": 0, "changed": 0, "known": 0} if wrong else _run(sender, intake, what, found, dry_run=dry_run)
    return ImportShape.model_validate({"dry_run": dry_run, "rows": len(found.rows), "wrong": wrong, **counts})


@dataclass(frozen=True, slots=True)
class _Positions:
    """The rows of a table of positions that could be read, and what could not."""

    sender: Asking
    rows: Any
    wrong: list[WrongShape]

    def take(self, *, dry_run: bool) -> ImportShape:
        rooms = self.sender.rooms
        table, changes = rooms.assets.take_table(rooms.models, self.rows, dry_run=dry_run)
        wrong = [*self.wrong, *(_shown(Wrong(one.line, one.column, one.what, one.hint)) for one in table.wrong)]
        wrong += [WrongShape(line=0, column="", what=str(one), hint=one.hint) for one in changes.problems]
        named = [*(f"+ {path}" for path in table.added), *(f"~ {path}" for path in table.changed)][:200]
        counts = {"added": len(table.added), "changed": len(table.changed), "known": len(table.known)}
        return ImportShape(dry_run=dry_run, rows=len(self.rows), wrong=wrong, what=named, **counts)


def _shown(one: Wrong) -> WrongShape:
    return WrongShape(line=one.line, column=one.column, what=one.what, hint=one.hint)


def _refused(wrong: list[WrongShape]) -> InvalidInput:
    first = wrong[0]
    errors = [{"where": f"line {one.line}, {one.column}", "what": one.what, "hint": one.hint} for one in wrong[:500]]
    return InvalidInput(
        f"{len(wrong)} lines or cells are wrong; nothing was imported. The first: {first.what}",
        where=f"line {first.line}, {first.column}",
        hint=first.hint,
        code="import.rows",
        details={"errors": errors},
    )


def _gate(sender: Asking, what: Table, asset: str) -> None:
    """Refuse, on the record, who may not do this there."""
    if not sender.rooms.guard.may(sender.subject, ACTIONS[what], asset):
        sender.do(ACTIONS[what], f"import:{what}", {}, lambda _tx: {}, asset)


class _Undo(Exception):
    """A dry run is over."""


def _run(sender: Asking, intake: Intake, what: What, found: Any, *, dry_run: bool) -> dict[str, int]:
    if not dry_run:
        body = {"what": what, "rows": [[line, row.model_dump(mode="json")] for line, row in found.rows]}
        return sender.do(
            ACTIONS[what], f"import:{what}", body, lambda tx: intake.take(tx, what, found, sender.subject), _first(sender)
        )
    counts: dict[str, int] = {}
    try:
        with sender.rooms.db.begin() as tx:
            counts = intake.take(tx, what, found, sender.subject)
            raise _Undo  # noqa: TRY301 - what was written is taken back
    except _Undo:
        return counts


def _first(sender: Asking) -> str:
    """Return a place the asker reaches: every row's own place is asked for beside."""
    return sender.subject.scope[0] if sender.subject.scope else ""


def _intake(rooms: Any) -> Intake:
    return Intake(rooms.orders, rooms.spares, lambda path: str(rooms.assets.asset(path).path))
