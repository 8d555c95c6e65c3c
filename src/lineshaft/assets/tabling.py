"""Positions as rows of a table: what the plant's file will say once they are taken in, and what is wrong, row by row.

The file stays the truth. New positions are added to its text as it stands; where a row changes a position, the file gets its
canonical form and the text that was is kept beside it. A cell that is empty says nothing: it takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lineshaft.assets.adopting import PLANT, added
from lineshaft.assets.draft import AssetEntry
from lineshaft.assets.importing import FITTED
from lineshaft.assets.model import SEPARATOR, Kind, ModelVersion, of_type
from lineshaft.assets.tree import Asset, join
from lineshaft.core import did_you_mean, dump_marked, parse_marked

COLUMNS = ("path", "level", "model", "description", "timezone", "source", "tag_prefix", "serial", "attributes")
FEW = 50
"""Up to so many new positions are added to the text as it stands; each costs one reading of it."""
Entry = dict[str, Any]


class PositionRow(BaseModel):
    """A position; `attributes` are `Name=value` separated by `|`."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)

    path: str = Field(min_length=1, max_length=500)
    level: str = ""
    model: str = ""
    description: str = ""
    timezone: str = ""
    source: str = ""
    tag_prefix: str = ""
    serial: str = ""
    attributes: dict[str, Any] = Field(default_factory=dict[str, Any])

    @field_validator("attributes", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [one.partition("=") for one in value.split("|") if one.strip()]
        if any(not mark or not name.strip() for name, mark, _ in pairs):
            raise ValueError("write Name=value, several separated by |")
        return {name.strip(): _value(text.strip()) for name, _, text in pairs}

    def entry(self) -> Entry:
        """Return what the row says of its position, as the file writes it."""
        names = ("level", "model", "description", "timezone", "source", "tag_prefix")
        said: Entry = {"name": self.path.rpartition(SEPARATOR)[2], **{name: getattr(self, name) for name in names}}
        said["attributes"] = dict(self.attributes)
        said["thing"] = {"serial": self.serial} if self.serial else {}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a cell of a table."""

    line: int
    column: str
    what: str
    hint: str = ""


@dataclass
class Table:
    """What a table does: the file's new text, the paths it adds and changes, those that say nothing new, and what is wrong."""

    text: str = ""
    added: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    known: list[str] = field(default_factory=list[str])
    wrong: list[Fault] = field(default_factory=list[Fault])


def rows_of(assets: Iterable[Asset]) -> list[dict[str, Any]]:
    """Return positions as rows of a table; sensors that were fitted by hand are no part of the file."""
    names = ("path", "level", "model", "description", "timezone", "source")
    return [
        {
            **{name: getattr(one, name) or "" for name in names},
            "serial": (one.thing or {}).get("serial", ""),
            "attributes": "|".join(f"{name}={_text(value)}" for name, value in one.attributes.items()),
        }
        for one in assets
        if one.level != FITTED
    ]


def planned(
    rows: Sequence[tuple[int, PositionRow]],
    folder: Path,
    known: Mapping[str, Asset],
    models: Mapping[str, ModelVersion],
) -> Table:
    """Return what a table does to the plant's file; `known` are the positions by path, `models` those in force by name."""
    path, table = folder / PLANT, Table()
    table.text = path.read_text(encoding="utf-8") if path.exists() else ""
    data = cast("dict[str, Any]", parse_marked(table.text or "assets: []\n", PLANT).data or {"assets": []})
    places, seen = _places(data), dict[str, int]()
    fresh: list[tuple[str, Entry]] = []
    for line, row in rows:
        wrong = _checked(line, row, known, models) or _placed(line, row, places, seen)
        seen.setdefault(row.path, line)
        if wrong:
            table.wrong += wrong
            continue
        entry, there = row.entry(), places.get(row.path)
        if there is None:
            fresh.append((row.path, entry))
            places[row.path] = _hang(data, places, row.path, entry)
            table.added.append(row.path)
        elif _said(there, entry, known.get(row.path)):
            table.known.append(row.path)
        else:
            there.update(_merged(there, entry))
            table.changed.append(row.path)
    table.text = _written(table, data, fresh)
    return table


def _written(table: Table, data: Mapping[str, Any], fresh: Sequence[tuple[str, Entry]]) -> str:
    if table.wrong or not (table.added or table.changed):
        return table.text
    if table.changed or not table.text or len(fresh) > FEW:
        return dump_marked(data)
    text = table.text
    for path, entry in fresh:
        text = added(parse_marked(text, PLANT), path.rpartition(SEPARATOR)[0], entry)
    return text


def _checked(line: int, row: PositionRow, known: Mapping[str, Asset], models: Mapping[str, ModelVersion]) -> list[Fault]:
    """Return what is wrong with a row by itself."""
    try:
        AssetEntry.model_validate(row.entry())
    except ValidationError as error:
        return [
            Fault(line, "path" if one["loc"][0] == "name" else str(one["loc"][0]), one["msg"].removeprefix("Value error, "))
            for one in error.errors()
        ]
    if row.model and row.model not in models:
        return [Fault(line, "model", f"there is no model '{row.model}'", did_you_mean(row.model, models))]
    there = known.get(row.path)
    if there is not None and there.level == FITTED:
        return [Fault(line, "path", "this sensor was fitted while the plant ran", "change it on the page of its machine")]
    model = row.model or (there.model if there is not None else None)
    return [fault for name, value in row.attributes.items() for fault in _attribute(line, name, value, models.get(model or ""))]


def _attribute(line: int, name: str, value: object, model: ModelVersion | None) -> list[Fault]:
    own = {one.name: one for one in (model.body.properties if model else ()) if one.kind is Kind.ATTRIBUTE}
    if name not in own:
        return [Fault(line, "attributes", f"there is no attribute '{name}'", did_you_mean(name, own))]
    if not of_type(value, own[name].type):
        return [Fault(line, "attributes", f"'{name}' cannot be {value!r}", f"it is of type {own[name].type}")]
    return []


def _placed(line: int, row: PositionRow, places: Mapping[str, Entry], seen: Mapping[str, int]) -> list[Fault]:
    """Return what is wrong with where a row's position stands."""
    if row.path in seen:
        return [Fault(line, "path", f"'{row.path}' is in line {seen[row.path]} already")]
    parent = row.path.rpartition(SEPARATOR)[0]
    if parent and parent not in places:
        hint = did_you_mean(parent, places) if len(places) <= FEW else ""
        return [Fault(line, "path", f"there is no position '{parent}'", hint or "write it in a line above")]
    return []


def _places(data: Mapping[str, Any]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    waiting: list[tuple[str, Entry]] = [("", one) for one in data.get("assets") or []]
    for parent, entry in waiting:  # grows while it is walked
        path = join(parent, str(entry.get("name", "")))
        found[path] = entry
        waiting += [(path, one) for one in entry.get("children") or []]
    return found


def _hang(data: dict[str, Any], places: Mapping[str, Entry], path: str, entry: Entry) -> Entry:
    parent, made = path.rpartition(SEPARATOR)[0], dict(entry)
    above = places[parent].setdefault("children", []) if parent else data.setdefault("assets", [])
    above.append(made)
    return made


def _said(there: Entry, entry: Entry, asset: Asset | None) -> bool:
    """Say whether a row says only what is so already, by the file or by what comes from above and from the model."""
    names = ("timezone", "source")
    so: Entry = {} if asset is None else {name: getattr(asset, name) for name in names}
    inside = {
        "attributes": {} if asset is None else asset.attributes,
        "thing": (asset.thing if asset is not None else None) or {},
    }
    for name, value in entry.items():
        if name in inside:
            now = {**inside[name], **(there.get(name) or {})}
            if any(now.get(key) != one for key, one in value.items()):
                return False
        elif there.get(name, so.get(name)) != value:
            return False
    return True


def _merged(there: Entry, entry: Entry) -> Entry:
    inside = ("attributes", "thing")
    return {name: {**(there.get(name) or {}), **value} if name in inside else value for name, value in entry.items()}


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
