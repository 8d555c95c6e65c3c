"""The asset register: what every room asks about the plant, and the few ways to change it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import books, importers
from lineshaft.assets import tables as t
from lineshaft.assets.adopting import PLANT, Position, adopt, write
from lineshaft.assets.bind import ALWAYS, Span, bound, cut, overlap
from lineshaft.assets.draft import Importer
from lineshaft.assets.exporting import files_of
from lineshaft.assets.fitting import Fitting
from lineshaft.assets.importing import FITTED, Changes, PlantImport, take_models
from lineshaft.assets.model import AssetModel, Kind, ModelVersion, check_name, of_type
from lineshaft.assets.moving import Moved, followed
from lineshaft.assets.snapshot import Snapshot, Stay
from lineshaft.assets.tabling import PositionRow, Table, planned
from lineshaft.assets.tree import Asset, Place, Property, moved
from lineshaft.core import (
    Bus,
    Conflict,
    Database,
    InvalidInput,
    NotFound,
    Registry,
    SystemEvent,
    after_commit,
    bump,
    did_you_mean,
    now_ns,
)

LIKENESS = 2_000
"""Up to how many paths a wrong one is compared with: likeness costs about 10 us a path."""


@dataclass(frozen=True, slots=True)
class AssetsChanged:
    """Models, positions, attributes or bindings are different from before."""


class Assets:
    """All models and positions of the plant. Lookups come from memory; changes take the caller's transaction."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db, self._bus = db, bus
        self._importers = Registry("lineshaft.importers", importers)
        self._lock = threading.Lock()
        self._adopting = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._of_age = False
        self._noted: weakref.WeakSet[Connection] = weakref.WeakSet()

    # --- lookups -----------------------------------------------------------------------------------------------

    @property
    def now(self) -> Snapshot:
        """The picture of the plant in force; read anew when a model version comes of age."""
        picture = self._snapshot
        if picture is None or (picture.next_change is not None and now_ns() >= picture.next_change):
            self._of_age = picture is not None
            picture = self.refresh()
        return picture

    def tick(self) -> None:
        """Let everybody know when a model version has come of age; call it every few seconds."""
        if self.now and self._of_age:
            self._of_age = False
            self._bus.tell(AssetsChanged())

    def refresh(self) -> Snapshot:
        """Read the register anew from the database."""
        with self._lock:
            with self._db.read() as tx:
                self._snapshot = Snapshot(tx, now_ns())
            return self._snapshot

    def tree(self) -> list[Asset]:
        """Return every live position, parents first, siblings in the order of the file."""
        picture = self.now
        return [a for a in picture.assets.values() if a.id not in picture.retired]

    def asset(self, path_or_id: str) -> Asset:
        """Return a position by path or id (by id also a retired one). Raises NotFound with the nearest path."""
        picture = self.now
        found = picture.by_path.get(path_or_id) or picture.assets.get(path_or_id)
        if found is None:
            raise NotFound(
                f"there is no asset '{path_or_id}'", hint=did_you_mean(path_or_id, picture.by_path), code="assets.unknown"
            )
        return found

    def children(self, path_or_id: str | None = None) -> list[Asset]:
        """Return the positions right below one, or the topmost ones."""
        picture = self.now
        parent = None if path_or_id is None else self.asset(path_or_id).id
        return [picture.assets[child] for child in picture.children.get(parent, [])]

    def is_retired(self, asset_id: str) -> bool:
        """Say whether a position is no longer part of the plant (its history is kept)."""
        return asset_id in self.now.retired

    def models(self) -> list[ModelVersion]:
        """Return the version of every model that is valid now, by name."""
        picture = self.now
        found = (picture.version(name, picture.now) for name in sorted(picture.models))
        return [version for version in found if version is not None]

    def versions(self, model: str) -> tuple[ModelVersion, ...]:
        """Return all versions of a model, oldest first. Raises NotFound."""
        picture = self.now
        if model not in picture.models:
            raise NotFound(f"there is no model '{model}'", hint=did_you_mean(model, picture.models), code="assets.no-model")
        return picture.models[model]

    def model(self, name: str, at: int | None = None) -> ModelVersion:
        """Return the version of a model that is valid now or at a moment. Raises NotFound."""
        versions = self.versions(name)
        found = self.now.version(name, now_ns() if at is None else at)
        if found is None:
            raise NotFound(f"model '{name}' is only valid from later on", code="assets.no-model", hint=f"see {versions[0].file}")
        return found

    def property(self, path: str) -> Property:
        """Return a property by path, alias or id. Raises NotFound with the nearest path."""
        found = self.find(path)
        if found is None:
            raise NotFound(f"there is no property '{path}'", hint=self._nearest(path), code="assets.no-property")
        return found

    def _nearest(self, path: str) -> str:
        """Return what a wrong property path may have meant: a property of the asset it names, else an asset."""
        picture, (above, _, name) = self.now, path.rpartition("/")
        asset = picture.by_path.get(above)
        if asset is not None:
            names = [p.name for p in picture.own[asset.id]]
            return did_you_mean(name, names).replace("'", f"'{above}/", 1) if names else f"'{above}' has no model"
        if len(picture.by_path) > LIKENESS:
            return "there is no such asset either"
        near = did_you_mean(above, picture.by_path)
        return near.replace("'?", f"/{name}'?") if near.startswith("did") else near

    def find(self, path: str) -> Property | None:
        """Return a property by path, alias or id, or nothing."""
        picture = self.now
        return picture.property_paths.get(path) or picture.properties.get(path)

    def properties(self, asset: Asset | str | None = None) -> tuple[Property, ...]:
        """Return the properties of one position by its model of now, or those of all live positions."""
        picture = self.now
        if asset is None:
            return tuple(p for a, own in picture.own.items() if a not in picture.retired for p in own)
        return picture.own[asset.id if isinstance(asset, Asset) else self.asset(asset).id]

    def spans(self, property_id: str) -> list[Span]:
        """Return where a property's values come from, in time order; a computed one comes from ("derived", its id)."""
        one = self.find(property_id)
        return [] if one is None else self.now.spans(one)

    def property_of(self, source: str, tag: str, at: int | None = None) -> Property | None:
        """Return what a tag meant at a moment (default: now); nothing if it was not bound then."""
        picture = self.now
        found = picture.meanings.property_id(source, tag, now_ns() if at is None else at)
        return None if found is None else picture.properties.get(found)

    def attribute(self, path: str, at: int | None = None) -> Any:
        """Return an attribute's value now or at a moment: the position's own, else the model's default."""
        one = self.property(path)
        if one.kind is not Kind.ATTRIBUTE:
            raise InvalidInput(f"'{one.path}' is a {one.kind}, not an attribute", code="assets.not-an-attribute")
        picture, moment = self.now, now_ns() if at is None else at
        return picture.attribute(one.asset_id, one.name, picture.version(one.model, moment), moment)

    def attribute_changes(self, path: str, start: int, end: int) -> list[int]:
        """Return the moments in (start, end) at which an attribute got another value."""
        one, picture = self.property(path), self.now
        moments = {since for since, _ in picture.values.get((one.asset_id, one.name), [])}
        moments |= {version.valid_from for version in picture.models.get(one.model, ())}
        return sorted(moment for moment in moments if start < moment < end)

    def constraint(self, line: str, at: int | None = None) -> Asset | None:
        """Return the machine that limits a line now or at a moment."""
        path = self.now.constraint(self.asset(line), now_ns() if at is None else at)
        return None if path is None else self.now.by_path.get(path)

    def constraints(self, line: str, start: int, end: int) -> list[tuple[int, int, Asset | None]]:
        """Return (from, until, machine) of the machines that limited a line one after the other over a period."""
        picture = self.now
        found = picture.constraints(self.asset(line), start, end)
        return [(low, high, None if path is None else picture.by_path.get(path)) for low, high, path in found]

    # --- things ------------------------------------------------------------------------------------------------

    def things(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the data of every serial-numbered thing."""
        return self.now.things

    def stays(self, serial: str) -> list[Stay]:
        """Return where a thing stood and stands. Raises NotFound."""
        picture = self.now
        if serial not in picture.stays:
            raise NotFound(f"there is no thing '{serial}'", hint=did_you_mean(serial, picture.things), code="assets.no-thing")
        return picture.stays[serial]

    def thing_at(self, path: str, at: int | None = None) -> Stay | None:
        """Return the thing that stands or stood at a position."""
        asset_id, moment = self.asset(path).id, now_ns() if at is None else at
        here = (s for stays in self.now.stays.values() for s in stays if s.asset_id == asset_id)
        return next((s for s in here if s.start_ns <= moment and (s.end_ns is None or moment < s.end_ns)), None)

    def thing_spans(self, serial: str, name: str) -> list[Span]:
        """Return the series of one property that followed a thing through all positions it stood at."""
        picture, found = self.now, list[Span]()
        for stay in self.stays(serial):
            time = Span("", "", stay.start_ns, stay.end_ns)
            own = (p for p in picture.own[stay.asset_id] if p.name == name)
            found += [part for p in own for span in picture.spans(p) if (part := overlap(span, time)) is not None]
        return found

    # --- changes -----------------------------------------------------------------------------------------------

    def load(self, folder: Path, importer: str = "yaml", at: int | None = None) -> Changes:
        """Bring the files of a folder into the register; what is wrong is told with file and line and stops nothing else."""
        plugin: Importer = self._importers.load(importer)()
        draft, moment = plugin.read(folder), now_ns() if at is None else at
        changes = Changes(problems=draft.problems)
        with self._db.begin() as tx:
            take_models(tx, draft, changes, moment)
            if draft.plant_file is not None:
                PlantImport(tx, draft, changes, moment).run()
        if changes or changes.refiled:
            self.refresh()
        if changes:
            self._bus.tell(AssetsChanged())
        self._report(folder, changes)
        return changes

    def adopt(self, folder: Path, text: str, positions: Sequence[Position]) -> tuple[list[str], Changes]:
        """Write a proposed model and positions of it into the files of a folder and load them; return what was done.

        Raises InvalidInput, Conflict or NotFound, and then nothing is written.
        """
        with self._adopting:
            if self.tree() and not (folder / PLANT).exists():
                self.export(folder)  # else loading would retire what no file names
            files = adopt(self._importers.load("yaml")(), folder, text, positions)
            return files, self.load(folder)

    def take_table(
        self, folder: Path, rows: Sequence[tuple[int, PositionRow]], *, dry_run: bool = False
    ) -> tuple[Table, Changes]:
        """Write positions of a table into the plant's file and load it, all or nothing; with `dry_run` only say what it does."""
        with self._adopting:
            if not dry_run and self.tree() and not (folder / PLANT).exists():
                self.export(folder)
            models = {one.body.model: one for one in self.models()}
            table = planned(rows, folder, {one.path: one for one in self.tree()}, models)
            if dry_run or table.wrong or not (table.added or table.changed):
                return table, Changes()
            write(folder, table.text)
            return table, self.load(folder)

    def export(self, folder: Path, importer: str = "yaml", *, canonical: bool = False) -> list[str]:
        """Write the register as files: a file nobody touched as it was read, else (or if asked) in canonical form."""
        plugin: Importer = self._importers.load(importer)()
        with self._db.read() as tx:
            files = files_of(tx, now_ns(), canonical=canonical)
        plugin.write(folder, files)
        return sorted(files)

    def bind(
        self, tx: Connection, path: str, source: str, tag: str, valid_from: int = ALWAYS, *, move: bool = False
    ) -> list[Span]:
        """Bind a property to a tag from a moment on (default: with all its history); the former binding ends there.

        Raises Conflict if the tag means another property then, unless it is to `move`.
        """
        one = self.property(path)
        if one.kind is not Kind.MEASUREMENT:
            raise InvalidInput(f"'{one.path}' is a {one.kind}: only a measurement is bound to a tag", code="assets.not-bindable")
        spans = bound(books.read_spans(tx, one.id), source, tag, valid_from)
        wanted = next(s for s in spans if s.start_ns <= valid_from and (s.end_ns is None or valid_from < s.end_ns))
        for other, theirs in books.spans_of_tag(tx, source, tag).items():
            if other != one.id and any(overlap(s, wanted) for s in theirs):
                self._free(tx, other, wanted, move=move)
        books.write_spans(tx, one.asset_id, one.id, one.name, spans)
        self._changed(tx, one.asset_id)
        return spans

    def _free(self, tx: Connection, other: str, span: Span, *, move: bool) -> None:
        owner = self.property(other)
        if not move:
            raise Conflict(
                f"the tag '{span.tag}' of '{span.source}' belongs to '{owner.path}' at that time",
                hint="unbind it there first, or move it",
                code="assets.tag-taken",
            )
        books.write_spans(tx, owner.asset_id, other, owner.name, cut(books.read_spans(tx, other), span.start_ns, span.end_ns))

    def unbind(self, tx: Connection, path: str, at: int = ALWAYS) -> None:
        """End a property's binding at a moment (default: as if it had never been)."""
        one = self.property(path)
        books.write_spans(tx, one.asset_id, one.id, one.name, cut(books.read_spans(tx, one.id), at, None))
        self._changed(tx, one.asset_id)

    def set_attribute(self, tx: Connection, path: str, value: object, valid_from: int | None = None) -> None:
        """Give an attribute a value from a moment on (default: now); earlier figures keep the earlier value."""
        one = self.property(path)
        if one.kind is not Kind.ATTRIBUTE or (value is not None and not of_type(value, one.type)):
            raise InvalidInput(f"'{one.path}' cannot take {value!r}", hint=f"it is a {one.kind} of type {one.type}")
        books.add_value(tx, one.asset_id, one.name, value, now_ns() if valid_from is None else valid_from)
        self._changed(tx, one.asset_id)

    def install(self, tx: Connection, serial: str, position: str, at: int, data: Mapping[str, Any] | None = None) -> bool:
        """Put a thing at a position; its history goes with it, the position keeps its own."""
        asset = self.asset(position)
        if data is not None or serial not in self.now.things:
            books.keep_thing(tx, serial, dict(data or {}))
        done = books.install(tx, serial, asset.id, at)
        self._changed(tx, asset.id)
        return done

    def fit(self, tx: Connection, parent: str, name: str, body: AssetModel, source: str) -> tuple[str, str]:
        """Hang a sensor position with its own model on an asset; its measurements are the source's tags `PATH/NAME`.

        Returns its id and path. One that was taken off under that name is back with its history.
        Raises Conflict for a name taken.
        """
        above, picture = self.asset(parent), self.now
        made = Fitting(tx, above, name, body, source).run(picture, now_ns())
        self._changed(tx, above.id)
        return made

    def take_off(self, tx: Connection, path_or_id: str) -> None:
        """Retire a sensor position that was fitted; its history is kept."""
        asset = self.asset(path_or_id)
        if asset.level != FITTED:
            raise Conflict(
                f"'{asset.path}' is no sensor position", hint="assets are retired in plant.yaml", code="assets.no-position"
            )
        for one in self.properties(asset):
            books.write_spans(tx, asset.id, one.id, one.name, cut(books.read_spans(tx, one.id), now_ns(), None))
        bump(tx, t.assets, asset.id, None, retired_at=now_ns())
        self._changed(tx, None)

    def move(self, tx: Connection, path: str, parent: str | None, name: str = "", version: int | None = None) -> int:
        """Hang a position with everything below it under another parent, or give it another name; ids stay the same."""
        asset, picture = self.asset(path), self.now
        target = None if parent is None else self.asset(parent).id
        try:
            new_name = check_name(name or asset.name)
        except ValueError as error:
            raise InvalidInput(str(error), code="assets.name") from None
        live = [Place(a.id, a.name, a.parent_id) for a in picture.assets.values() if a.id not in picture.retired]
        moved(live, asset.id, target, new_name)
        new = bump(tx, t.assets, asset.id, version, name=new_name, parent_id=target)
        self._changed(tx, None)
        return new

    def followed(self, tx: Connection, who: str) -> Moved:
        """Return which paths are others since `who` asked last; remembered with the transaction that goes with them."""
        return followed(tx, self.now, who)

    def retold(self, moved: Moved, value: Any) -> Any:
        """Return lists and mappings with properties (and the `asset`, the `position`) by their names of now; texts stay."""
        paths = self.now.property_paths

        def of(text: str) -> str:
            new = moved.of(text)
            return new if new != text and new in paths else text

        return moved.told(value, of)

    def retell(self, tx: Connection, moved: Moved, *columns: sa.Column[Any]) -> None:
        """Write what JSON columns of a table say of properties and positions under their names of now."""
        table, names = columns[0].table, [column.name for column in columns]
        for row in tx.execute(sa.select(table.c.id, *columns)).all():
            said = {name: self.retold(moved, old) for name, old in zip(names, row[1:], strict=True)}
            if list(said.values()) != [*row[1:]]:
                tx.execute(sa.update(table).where(table.c.id == row[0]).values(said))

    def _changed(self, tx: Connection, asset_id: str | None) -> None:
        """Remember that the files no longer say it all; let everybody know after the commit."""
        tx.execute(t.files.update().where(t.files.c.edited == sa.false()).values(edited=True, version=t.files.c.version + 1))
        if asset_id is not None:
            bump(tx, t.assets, asset_id, None)
        if tx not in self._noted:
            self._noted.add(tx)
            after_commit(tx, self._tell)

    def _tell(self) -> None:
        self.refresh()
        self._bus.tell(AssetsChanged())

    def _report(self, folder: Path, changes: Changes) -> None:
        count = len(changes.problems)
        message = f"{count} problem(s) in {folder}: {changes.problems[0]}" if count else f"the files in {folder} are in order"
        self._bus.tell(
            SystemEvent(key="assets.files", message=message, active=bool(count), hint="mend the file and load it again")
        )
