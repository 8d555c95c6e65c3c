"""What a draft changes in the register: only what the files say differently from last time, so that loading again is idle.

A model's version is never changed, a missing position is retired and not deleted, and a wrong entry leaves the position
as it was. What was bound or installed by hand stays until the file itself says something new about it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineshaft.assets import books
from lineshaft.assets import tables as t
from lineshaft.assets.bind import ALWAYS, Meanings, Span, bound, cut, merged
from lineshaft.assets.draft import AssetDraft, AssetEntry, Draft, ModelDraft, TagSpan
from lineshaft.assets.model import SEPARATOR, Kind, ModelVersion, of_type
from lineshaft.assets.snapshot import Snapshot
from lineshaft.assets.tree import Asset, join, property_id
from lineshaft.core import Problem, bump, did_you_mean, new_id, parse_time

NAMESPACE = uuid.UUID("6f1c3c3e-6a0e-5d0b-9a5b-2f6c8f0f7a11")
"""Ids of positions without a written one are derived from their first path in this namespace."""

FITTED = "sensor position"
"""Level of a position that was commissioned on an asset while the node ran: files that do not name it leave it alone."""


@dataclass
class Changes:
    """What loading a folder did, in paths, and what is wrong in its files."""

    models: list[str] = field(default_factory=list[str])
    added: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    retired: list[str] = field(default_factory=list[str])
    bound: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    refiled: bool = False

    def __bool__(self) -> bool:
        """Say whether anything changed (problems alone change nothing)."""
        return bool(self.models or self.added or self.changed or self.retired or self.bound)


def take_models(tx: Connection, draft: Draft, changes: Changes, at: int) -> None:
    """Add the model versions that are new; refuse a changed file with an old number."""
    for model in sorted(draft.models, key=lambda m: (m.body.model, m.body.version)):
        name, number = model.body.model, model.body.version
        rows = tx.execute(sa.select(t.models).where(t.models.c.model == name).order_by(t.models.c.number)).mappings().all()
        same = next((row for row in rows if row["number"] == number), None)
        if same is not None:
            _same_number(tx, model, dict(same), changes)
            continue
        newest = rows[-1] if rows else None
        since = parse_time(model.body.valid_from) if model.body.valid_from else (at if newest else ALWAYS)
        if newest is not None and (number < newest["number"] or since <= newest["valid_from"]):
            what = f"version {number} of model {name} would come before version {newest['number']}, which is known already"
            changes.problems.append(Problem(model.file, what, "versions and their valid_from only grow"))
            continue
        _told_names(model, rows, changes)
        tx.execute(t.models.insert().values(id=new_id(), version=1, model=name, number=number, valid_from=since, **_kept(model)))
        changes.models.append(f"{name} version {number}")


def _told_names(model: ModelDraft, rows: Sequence[RowMapping], changes: Changes) -> None:
    """Tell of properties that were something no earlier version has."""
    known = {str(one["name"]) for row in rows for one in row["body"].get("properties", ())}
    for number, one in enumerate(model.body.properties):
        if rows and one.was is not None and one.was not in known:
            line = model.lines.get(f"properties.{number}")
            what = f"no earlier version of model {model.body.model} has a property '{one.was}'"
            changes.problems.append(Problem(f"{model.file}:{line}" if line else model.file, what, did_you_mean(one.was, known)))


def _kept(model: ModelDraft) -> dict[str, Any]:
    body = model.body.model_dump(mode="json", exclude_unset=True)
    return {"body": body, "file": model.file, "text": model.text, "lines": model.lines}


def _same_number(tx: Connection, model: ModelDraft, row: dict[str, Any], changes: Changes) -> None:
    kept = _kept(model)
    if kept["body"] != row["body"]:
        what = f"model {model.body.model} differs from its version {model.body.version}, which figures were computed with"
        changes.problems.append(Problem(model.file, what, f"write version: {model.body.version + 1} to make it a new one"))
    elif {key: row[key] for key in kept} != kept:
        bump(tx, t.models, row["id"], None, **kept)
        changes.refiled = True


class PlantImport:
    """Brings the positions of one draft into the register, inside one transaction."""

    def __init__(self, tx: Connection, draft: Draft, changes: Changes, at: int) -> None:
        self.tx, self.draft, self.changes, self.at = tx, draft, changes, at
        self.now = Snapshot(tx, at)
        self.file = tx.execute(sa.select(t.files).where(t.files.c.name == (draft.plant_file or ""))).mappings().first()
        self.before: dict[str, AssetEntry] = {
            path: AssetEntry.model_validate(entry) for path, entry in (self.file["wanted"] if self.file else {}).items()
        }
        self.said = dict(self.before)
        """What the file said of each position last time, by its path of now."""
        self.ids: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.spans = dict(self.now.bindings)
        self.touched: dict[str, tuple[AssetDraft, str, str]] = {}
        self.kept: dict[str, AssetEntry] = {}
        self.rows = {row["id"]: row for row in tx.execute(sa.select(t.assets)).mappings()}
        self.taken: set[str] = set()
        self.fresh: list[dict[str, Any]] = []
        self.failed: set[str] = set()
        self.serials: dict[str, str] = {}
        self.below = {(a.parent_id, a.name): a.id for a in self.now.assets.values() if a.id in self.now.retired}
        self.below |= {(a.parent_id, a.name): a.id for a in self.now.assets.values() if a.id not in self.now.retired}

    def run(self) -> None:
        """Take every position in the order of the file, parents first; then bind, retire and remember the file."""
        for place, one in enumerate(self.draft.assets):
            if one.path in self.ids:
                self._problem(one, "name", f"the asset '{one.path}' is here twice", "give each its own name")
            elif not one.parent or one.parent in self.ids:
                self._take(one, place)
        if self.fresh:
            self.tx.execute(t.assets.insert(), self.fresh)
        for one in self.draft.assets:
            if self.kept.get(one.path) is one.entry:
                self._contents(one, self.ids[one.path])
                self._check_neighbours(one)
        self._retire()
        self._bind()
        self._remember()

    def _problem(self, one: AssetDraft, key: str | tuple[str | int, ...], what: str, hint: str = "") -> None:
        place = one.where(*(key if isinstance(key, tuple) else (key,)))
        self.changes.problems.append(Problem(place, what, hint))
        self.failed.add(one.path)

    def _take(self, one: AssetDraft, place: int) -> None:
        entry = one.entry
        asset_id = self._identity(one)
        if asset_id in self.taken:
            self._problem(one, "id", f"the id {asset_id} belongs to another asset of this file", "leave one of the two out")
            return
        self.taken.add(asset_id)
        self.ids[one.path], self.kept[one.path] = asset_id, entry
        known = self.now.assets.get(asset_id)
        if known is not None and known.path != one.path and known.path in self.before:
            self.said[one.path] = self.before[known.path]
        self.sources[one.path] = entry.source or self.sources.get(one.parent, "")
        values: dict[str, Any] = {
            "name": entry.name,
            "parent_id": self.ids.get(one.parent),
            "place": place,
            "level": entry.level,
            "model": entry.model,
            "description": entry.description,
            "timezone": entry.timezone,
            "source": entry.source,
            "tag_prefix": entry.tag_prefix,
            "aliases": entry.aliases,
            "feeds": entry.feeds,
            "constraints": [c.model_dump(exclude_unset=True) for c in entry.constraint],
            "id_written": entry.id is not None,
            "retired_at": None,
        }
        self._row(one.path, asset_id, values)

    def _identity(self, one: AssetDraft) -> str:
        if one.entry.id is not None:
            return one.entry.id
        former = self._former(one)
        if former is not None:
            return former
        there = self.below.get((self.ids.get(one.parent), one.entry.name))
        if there is not None:
            return there
        fresh = str(uuid.uuid5(NAMESPACE, one.path))
        return fresh if fresh not in self.now.assets else new_id()

    def _former(self, one: AssetDraft) -> str | None:
        """Return the position an entry says it `was`: by a name beside it, or a whole path; nothing if that is done already."""
        was, before = one.entry.was, self.before.get(one.path)
        if was is None or (before is not None and before.was == was):
            return None
        whole, beside = SEPARATOR in was, self.below.get((self.ids.get(one.parent), was))
        asset = self.now.by_path.get(was) if whole else self.now.assets.get(beside or "")
        path = was if whole else join(one.parent, was)
        still = any(other.path == path and other is not one for other in self.draft.assets)
        if asset is not None and not still:
            return asset.id
        if (self.ids.get(one.parent), one.entry.name) not in self.below:
            what = f"'{path}' is still in this file" if still else f"'{one.path}' was '{path}', which is not known"
            self._problem(one, "was", what, did_you_mean(path, [] if still else self.now.by_path))
        return None

    def _row(self, path: str, asset_id: str, values: dict[str, Any]) -> None:
        row = self.rows.get(asset_id)
        if row is None:
            self.fresh.append({"id": asset_id, "version": 1, **values})
            self.changes.added.append(path)
        elif {key: row[key] for key in values} != values:
            bump(self.tx, t.assets, asset_id, None, **values)
            if {k: row[k] for k in values if k != "place"} != {k: v for k, v in values.items() if k != "place"}:
                self.changes.changed.append(path)

    def _contents(self, one: AssetDraft, asset_id: str) -> None:
        """Take attributes, tags, aliases and the thing of a position, each as far as its model knows it."""
        entry = one.entry
        version = self.now.version(entry.model, self.at) if entry.model else None
        if entry.model and version is None:
            self._problem(one, "model", f"there is no model '{entry.model}'", did_you_mean(entry.model, self.now.models))
        if entry.thing is not None or (one.path in self.said and self.said[one.path].thing is not None):
            self._thing(one, asset_id)
        if version is None:
            if not entry.model and (entry.attributes or entry.tags or entry.tag_prefix is not None):
                self._problem(one, (), f"'{one.path}' has tags or attributes but no model", "add model: NAME")
            return
        self._names(one, version)
        self._attributes(one, asset_id, version)
        for definition in version.body.properties:
            if definition.kind is Kind.MEASUREMENT:
                self._want(one, asset_id, definition.name)

    def _names(self, one: AssetDraft, version: ModelVersion) -> None:
        kinds = {p.name: p.kind for p in version.body.properties}
        sections: list[tuple[str, Mapping[str, Any], set[Kind]]] = [
            ("tags", one.entry.tags, {Kind.MEASUREMENT}),
            ("attributes", one.entry.attributes, {Kind.ATTRIBUTE}),
            ("aliases", one.entry.aliases, set(Kind)),
        ]
        for section, given, allowed in sections:
            for name in given:
                if kinds.get(name) not in allowed:
                    known = [n for n, kind in kinds.items() if kind in allowed]
                    word = "/".join(sorted(allowed)) if len(allowed) == 1 else "property"
                    what = f"model {version.body.model} has no {word} '{name}'"
                    self._problem(one, (section, name), what, did_you_mean(name, known))

    def _attributes(self, one: AssetDraft, asset_id: str, version: ModelVersion) -> None:
        old = self.said[one.path].attributes if one.path in self.said else {}
        for definition in version.body.properties:
            name = definition.name
            value = one.entry.attributes.get(name)
            if definition.kind is not Kind.ATTRIBUTE:
                continue
            if value is not None and not of_type(value, definition.type):
                self._problem(one, ("attributes", name), f"{value!r} is not of type {definition.type}", "see the model")
                continue
            known = self.now.values.get((asset_id, name), [])
            if value == old.get(name):
                continue
            if not known or known[-1][1] != value:
                books.add_value(self.tx, asset_id, name, value, self.at if known else ALWAYS)
                self.changes.changed.append(join(one.path, name))

    def _thing(self, one: AssetDraft, asset_id: str) -> None:
        old = self.said[one.path].thing if one.path in self.said else None
        thing = one.entry.thing
        if thing is not None and self.serials.setdefault(thing.serial, one.path) != one.path:
            what = f"the thing '{thing.serial}' stands at '{self.serials[thing.serial]}' already"
            self._problem(one, "thing", what, "a serial number is one thing, and a thing is at one place")
            return
        if thing == old:
            return
        if thing is None:
            books.remove_thing(self.tx, asset_id, self.at)
        else:
            books.keep_thing(self.tx, thing.serial, dict(thing.model_extra or {}))
            if old is None or old.serial != thing.serial:
                books.install(self.tx, thing.serial, asset_id, self.at, first=ALWAYS)
        if one.path not in self.changes.added:
            self.changes.changed.append(one.path)

    def _want(self, one: AssetDraft, asset_id: str, name: str) -> None:
        """Note what the file wants a measurement to be bound to, if it says so for the first time or differently."""
        want = one.entry.wanted(name)
        first = self.now.firsts[one.entry.model or ""][name]
        identity = property_id(asset_id, first)
        have = self.spans.get(identity, [])
        source = self.sources[one.path]
        before = self.said.get(one.path)
        current = have[-1] if have and have[-1].end_ns is None else None
        renamed = first != name and name not in one.entry.tags  # the machine's tag is called as it was
        if want is None or (renamed and current is not None and current.tag == f"{one.entry.tag_prefix}{first}"):
            return
        if current is not None and before is not None and before.wanted(name) == want and before.source == one.entry.source:
            return
        if not source and (isinstance(want, str) or not all(s.source for s in want)):
            self._problem(
                one, ("tags", name), f"'{join(one.path, name)}' has a tag but no source", "add source: NAME here or above"
            )
            return
        self.touched[identity] = (one, asset_id, name)
        self.spans[identity] = self._bound(have, want, source)

    def _bound(self, have: list[Span], want: str | list[TagSpan], source: str) -> list[Span]:
        if isinstance(want, list):
            return merged([entry.span(source) for entry in want])
        used = have or self.now.meanings.known(source, want)
        current = have[-1] if have and have[-1].end_ns is None else None
        if current is not None and (current.source, current.tag) == (source, want):
            return have
        return bound(have, source, want, self.at if used else ALWAYS)

    def _check_neighbours(self, one: AssetDraft) -> None:
        for number, name in enumerate(one.entry.feeds):
            path = name if "/" in name else join(one.parent, name)
            if path not in self.ids:
                near = did_you_mean(path, self.ids)
                self._problem(one, ("feeds", number), f"'{one.path}' feeds '{name}', which is not here", near)
        for number, constraint in enumerate(one.entry.constraint):
            path = constraint.asset if constraint.asset.startswith(one.path + "/") else join(one.path, constraint.asset)
            if path not in self.ids:
                below = [p.removeprefix(one.path + "/") for p in self.ids if p.startswith(one.path + "/")]
                what = f"the constraint '{constraint.asset}' is not below '{one.path}'"
                self._problem(one, ("constraint", number), what, did_you_mean(constraint.asset, below))
        above = self.kept.get(one.parent)
        version = self.now.version(above.model, self.at) if above is not None and above.model else None
        if version is not None and version.body.definition(one.entry.name):
            self._problem(one, (), f"'{one.path}' is both an asset and a property of '{one.parent}'", "rename one of the two")

    def _retire(self) -> None:
        """Retire positions the file no longer has, and end their bindings; what is unclear stays."""
        if None in self.draft.unclear:
            return
        unclear = tuple(cast("list[str]", self.draft.unclear))
        live = set(self.ids.values())
        for asset in self.now.assets.values():
            if asset.id in live or asset.id in self.now.retired or _is_below(asset, unclear):
                continue
            if asset.level == FITTED and asset.parent_id in live:
                continue  # a sensor somebody commissioned on it: the files never knew it
            bump(self.tx, t.assets, asset.id, None, retired_at=self.at)
            self.changes.retired.append(asset.path)
            for one in self.now.own[asset.id]:
                if self.spans.get(one.id):
                    self.spans[one.id] = cut(self.spans[one.id], self.at, None)
                    books.write_spans(self.tx, asset.id, one.id, one.name, self.spans[one.id])

    def _bind(self) -> None:
        """Write the wanted bindings; of two properties that want one tag at one time, the later in the file gets none."""
        clashing = True
        while clashing:
            meanings = Meanings(self.spans)
            clashing = False
            for identity, (one, _, name) in reversed(list(self.touched.items())):
                other = next((o for s in self.spans[identity] if (o := meanings.clash(identity, s))), None)
                if other is not None:
                    self._clash(identity, one, name, other)
                    clashing = True
                    break
        fresh: list[books.Owned] = []
        for identity, (one, asset_id, name) in self.touched.items():
            spans = self.spans[identity]
            if spans == self.now.bindings.get(identity, []):
                continue
            self.changes.bound.append(join(one.path, name))
            if identity in self.now.bindings:
                books.write_spans(self.tx, asset_id, identity, name, spans)
            else:
                fresh += [(asset_id, identity, name, span) for span in spans]
        books.add_spans(self.tx, fresh)

    def _clash(self, identity: str, one: AssetDraft, name: str, other: str) -> None:
        del self.touched[identity]
        self.spans[identity] = self.now.bindings.get(identity, [])
        theirs = self.touched.get(other)
        known = self.now.properties.get(other)
        owner = join(theirs[0].path, theirs[2]) if theirs else (known.path if known else self._gone(other))
        what = f"'{join(one.path, name)}' wants a tag that belongs to '{owner}' already"
        hint = "a tag is one property at a time: use a transform, or another tag"
        if theirs is None and known is None:
            hint = (
                f"the model no longer has it: if it is the same, write was: {owner.rpartition(SEPARATOR)[2]} in its next version"
            )
        self._problem(one, ("tags", name), what, hint)

    def _gone(self, identity: str) -> str:
        """Return the path a property had that its model no longer has."""
        row = self.tx.execute(sa.select(t.bindings).where(t.bindings.c.property_id == identity)).mappings().first()
        asset = None if row is None else self.now.assets.get(row["asset_id"])
        return identity if row is None or asset is None else join(asset.path, row["property"])

    def _remember(self) -> None:
        """Keep the file's text for giving it back, and what it wanted for telling next time what is new."""
        kept = {path: entry for path, entry in self.kept.items() if path not in self.failed}
        unclear = tuple(p for p in self.draft.unclear if p is not None)
        for path, entry in self.before.items():
            if path in self.failed or (path not in kept and any(path == u or path.startswith(u + "/") for u in unclear)):
                kept[path] = entry
        wanted = {path: entry.model_dump(mode="json", exclude_unset=True) for path, entry in kept.items()}
        values = {"text": self.draft.plant_text, "wanted": wanted}
        if self.file is None:
            self.tx.execute(t.files.insert().values(id=new_id(), version=1, name=self.draft.plant_file, edited=False, **values))
        elif {key: self.file[key] for key in values} != values:
            bump(self.tx, t.files, self.file["id"], None, **values)


def _is_below(asset: Asset, paths: tuple[str, ...]) -> bool:
    return any(asset.path == path or asset.path.startswith(path + "/") for path in paths)
