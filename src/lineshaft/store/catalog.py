"""The catalog: which tables there are, what their columns mean, who owns them, how fresh they are, what came from what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, new_id
from lineshaft.guard import Sight, Subject
from lineshaft.store.drop import Dropped
from lineshaft.store.hot import Hot
from lineshaft.store.index import Index
from lineshaft.store.last import NEVER
from lineshaft.store.samples import VALUE_VIEWS, Described, dictionary
from lineshaft.store.sight import sights
from lineshaft.store.sql import Workbench, visible
from lineshaft.store.tables import catalog_entries as entries
from lineshaft.store.view import Field, Range, View

Kind = Literal["values", "room", "lake", "file"]
_WRITTEN = ("description", "owner", "tags", "columns", "made_of")
_MASKED = "(masked by a permission)"
_MADE_OF: Mapping[str, tuple[str, ...]] = {"minute": ("samples",), "hour": ("samples",), "latest": ("samples",)}


@dataclass(frozen=True, slots=True)
class Listing:
    """One table of the catalog; `rows` and `newest` are None where they are not counted or there is nothing."""

    name: str
    kind: Kind
    room: str
    description: str
    columns: tuple[Field, ...]
    rows: int | None = None
    newest: int | None = None
    made_of: tuple[str, ...] = ()
    owner: str = ""
    tags: tuple[str, ...] = ()
    version: int = 0
    file: str = ""
    size: int | None = None
    job: str = ""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A computed property: its formula and the properties it is computed from."""

    property: str
    kind: str
    formula: str
    inputs: tuple[str, ...]
    unit: str


class Catalog:
    """What can be asked for, described. What people write about a table is kept in versions; the rest is looked up."""

    def __init__(self, bench: Workbench, hot: Hot, index: Index, db: Database) -> None:
        self._bench = bench
        self._hot = hot
        self._index = index
        self._db = db

    def list(self, subject: Subject) -> list[Listing]:
        """Return every table a subject may read, values first, dropped files last."""
        written = self._written()
        return [_with(one, written.get(one.name)) for one in self._seen(subject)]

    def get(self, name: str, subject: Subject) -> Listing:
        """Return one table. Raises NotFound with the nearest name."""
        known = {one.name: one for one in self._seen(subject)}
        if name not in known:
            raise NotFound(f"there is no table '{name}'", hint=did_you_mean(name, known), code="catalog.unknown")
        view = self._bench.views.get(name)
        one = known[name] if view is None or view.counted else _shown(self._of_room(view, subject, counted=True), subject)
        return _with(one, self._written().get(name))

    def problems(self, subject: Subject) -> list[Dropped]:
        """Return the dropped files that cannot be read, with the reason."""
        return [] if subject.scope else [one for one in self._bench.drop.crawl() if one.problem]

    def lineage(self, subject: Subject) -> list[Derivation]:
        """Return every computed property a subject reaches, with its formula and inputs, by path."""
        every = [one for one in self._bench.plant.properties() if subject.reaches(one.asset_path)]
        below: dict[tuple[str, str], list[str]] = {}
        for one in every:
            below.setdefault((one.asset_path.rpartition("/")[0], one.name), []).append(one.path)
        found = [
            Derivation(one.path, str(one.kind), one.formula, tuple(_inputs(one, below)), one.unit) for one in every if one.formula
        ]
        return sorted(found, key=lambda one: one.property)

    def edit(self, tx: Connection, name: str, change: Mapping[str, Any], version: int | None = None) -> int:
        """Write what a table is, whose it is, and tags to find it by; return the new version. Raises Conflict when stale."""
        unknown = sorted(set(change) - set(_WRITTEN))
        if unknown:
            raise InvalidInput(f"'{unknown[0]}' cannot be written", hint=f"{', '.join(_WRITTEN)} can", code="catalog.invalid")
        row = tx.execute(sa.select(entries).where(entries.c.name == name)).mappings().first()
        if row is None:
            if version:
                raise Conflict("this entry was never written", hint="read it again", code="catalog.stale")
            fresh: dict[str, Any] = {"id": new_id(), "name": name, "version": 1, "description": None, "owner": "", "tags": []}
            fresh |= {"columns": {}, "made_of": []}
            tx.execute(sa.insert(entries).values(**{**fresh, **change}))
            return 1
        return bump(tx, entries, str(row["id"]), version, **change)

    def check(self, one: Listing, change: Mapping[str, Any]) -> None:
        """Raise InvalidInput for what cannot be written about this table: what the node itself knows is not for people to say."""
        said: Mapping[str, Mapping[str, str]] = change.get("columns") or {}
        known = {field.name for field in one.columns}
        for name, words in said.items():
            if name not in known:
                what = f"'{one.name}' has no column '{name}'"
                raise InvalidInput(what, hint=did_you_mean(name, known), code="catalog.column")
            if words.get("unit") and one.kind not in ("lake", "file"):
                what = f"the unit of '{name}' comes from the plant's models"
                raise InvalidInput(what, hint="change it there", code="catalog.known")
        if change.get("made_of") and (one.kind not in ("lake", "file") or one.job):
            what = f"what '{one.name}' is made of is known here"
            hint = f"the ETL job '{one.job}' says it" if one.job else "only tables of the lake and dropped files can be told"
            raise InvalidInput(what, hint=hint, code="catalog.known")

    # -- looking up

    def _seen(self, subject: Subject) -> list[Listing]:
        every = self._all(subject, counted=False)
        return [_shown(one, subject) for one in every if subject.sight(one.name) is not Sight.HIDDEN]

    def _all(self, subject: Subject, *, counted: bool) -> Iterable[Listing]:
        yield from self._values(subject)
        for view in self._bench.views.values():
            if visible(subject, view.name, self._bench.views):
                yield self._of_room(view, subject, counted=counted or view.counted)
        yield from self._of_lake(subject)
        if not subject.scope:
            for file in self._bench.drop.crawl():
                if not file.problem:
                    columns = tuple(Field(name, kind.lower()) for name, kind in file.columns)
                    text = f"File {file.file}"
                    size, newest = file.size, file.modified
                    yield Listing(file.name, "file", "", text, columns, file.rows, newest, file=file.file, size=size)

    def _values(self, subject: Subject) -> Iterable[Listing]:
        reaches = subject.reaches if subject.scope else None
        last = self._hot.any.to_table()
        mine = dictionary(self._bench.series, self._bench.plant, reaches)
        if reaches is not None:
            last = last.filter(pc.is_in(last["sid"], value_set=mine["sid"].combine_chunks()))
        newest = _newest(last, "ts")
        stored = sum(f.rows for f in self._index.files if f.kind in {"samples", "late"}) + self._hot.rows
        rows = {"samples": None if reaches else stored, "latest": last.num_rows, "series": mine.num_rows}
        for name, (fields, text) in VALUE_VIEWS.items():
            yield Listing(name, "values", "store", text, fields, rows.get(name), newest, _MADE_OF.get(name, ()))

    def _of_room(self, view: View, subject: Subject, *, counted: bool) -> Listing:
        one = Listing(view.name, "room", view.room, view.description, view.columns)
        if not counted:
            return one
        table = view.table(subject.reaches if subject.scope else None, Range())
        return replace(one, rows=table.num_rows, newest=_newest(table, view.time))

    def _of_lake(self, subject: Subject) -> Iterable[Listing]:
        tablets = self._bench.tablets
        for name in tablets.names():
            if name in self._bench.views or not self._bench.shows(subject, name):
                continue
            now, about = tablets.get(name), tablets.about(name)
            units, said = about.get("units", {}), about.get("columns", {})
            fields = tuple(Field(one, kind, units.get(one, ""), said.get(one, "")) for one, kind in tablets.columns(name))
            rows = None if subject.scope else now.rows
            text, size = str(about.get("description", "")), sum(piece.size for piece in now.pieces.values())
            made = tuple(about.get("made_of", ()))
            yield Listing(
                name, "lake", "store", text, fields, rows, about.get("written"), made, size=size, job=about.get("job", "")
            )

    def _written(self) -> dict[str, Mapping[str, Any]]:
        return {row["name"]: row for row in self._db.rows(sa.select(entries))}


def _shown(one: Listing, subject: Subject) -> Listing:
    """Return a listing with the columns a subject knows of; what is masked says so."""
    if not subject.veil:
        return one
    seen = sights(subject, one.name, [field.name for field in one.columns], one.made_of if one.kind == "lake" else ())
    kept = (
        field if seen[field.name] is Sight.SHOWN else field._replace(description=_MASKED)
        for field in one.columns
        if seen[field.name] is not Sight.HIDDEN
    )
    return replace(one, columns=tuple(kept))


def _with(one: Listing, row: Mapping[str, Any] | None) -> Listing:
    if row is None:
        return one
    said = one.description if row["description"] is None else str(row["description"])
    words: Mapping[str, Mapping[str, str]] = row["columns"] or {}
    columns = tuple(_told(field, words.get(field.name)) for field in one.columns)
    made = one.made_of if one.job else (*one.made_of, *(name for name in row["made_of"] or () if name not in one.made_of))
    listing = replace(one, description=said, owner=row["owner"], tags=tuple(row["tags"]), version=row["version"])
    return replace(listing, columns=columns, made_of=made)


def _told(field: Field, words: Mapping[str, str] | None) -> Field:
    """Return a column with what people wrote about it; what a permission masks stays masked."""
    if not words or field.description == _MASKED:
        return field
    return field._replace(unit=words.get("unit") or field.unit, description=words.get("description") or field.description)


def _newest(table: pa.Table, column: str | None) -> int | None:
    if column is None or not table.num_rows:
        return None
    at: Any = pc.max(table[column].cast(pa.timestamp("ns", "UTC")).cast(pa.int64())).as_py()
    return None if at is None or at == NEVER else int(at)


def _inputs(one: Described, below: Mapping[tuple[str, str], list[str]]) -> Iterable[str]:
    for wanted in one.inputs.values():
        if wanted.children:
            yield from below.get((one.asset_path, wanted.property), [])
        else:
            yield f"{one.asset_path}/{wanted.property}"
