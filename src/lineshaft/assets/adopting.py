"""Taking a proposal in: a model's file and new positions are written where a person would write them, with what is there.

The files stay the truth: comments and order of plant.yaml are kept wherever its text can be added to; else it is given its
canonical form, and the text that was is kept beside it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lineshaft.assets.draft import Draft, Importer
from lineshaft.assets.model import AssetModel, Kind
from lineshaft.core import Conflict, InvalidInput, Marked, NotFound, Problem, dump_marked, parse_marked

PLANT = "plant.yaml"
Entry = dict[str, Any]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A machine to be: below which position, of which source, and which tag each of its measurements is."""

    name: str
    parent: str = ""
    source: str = ""
    level: str = "machine"
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


def adopt(importer: Importer, folder: Path, text: str, positions: Sequence[Position]) -> list[str]:
    """Write a model and positions into the plant's files; return the files' names.

    Raises InvalidInput for a text that is no model, Conflict for a name that is taken, NotFound for an unknown parent.
    """
    body = _model(importer, text)
    name = f"models/{re.sub(r'[^a-z0-9]+', '-', body.model.lower()).strip('-') or 'model'}.yaml"
    known = importer.read(folder) if folder.is_dir() else Draft()
    written = _known(known, body, folder / name)
    measured = {one.name for one in body.properties if one.kind is Kind.MEASUREMENT}
    for one in positions:
        strange = sorted(set(one.tags) - measured)
        if strange:
            raise InvalidInput(f"model {body.model} measures no '{strange[0]}'", where=one.name, code="assets.no-property")
    plant = _plant(folder / PLANT, body.model, positions) if positions else None
    files = {} if written else {name: text}
    if plant is not None:
        files[PLANT] = plant
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(path)
    return sorted(files)


def _model(importer: Importer, text: str) -> AssetModel:
    """Return the model a text is. Raises InvalidInput with the line of the first mistake."""
    with tempfile.TemporaryDirectory() as place:
        models = Path(place) / "models"
        models.mkdir()
        (models / "proposal.yaml").write_text(text, encoding="utf-8")
        draft = importer.read(Path(place))
    if draft.problems or len(draft.models) != 1:
        first = draft.problems[0] if draft.problems else Problem("proposal.yaml", "this is no model")
        raise InvalidInput(first.what, where=first.where.replace("models/", ""), hint=first.hint, code="assets.model")
    return draft.models[0].body


def _known(draft: Draft, body: AssetModel, path: Path) -> bool:
    """Say whether the files hold this model already. Raises Conflict when they hold another of its name."""
    same = [one for one in draft.models if one.body.model == body.model]
    if same and body in [one.body for one in same]:
        return True
    if same or path.exists():
        hint = "give the proposed model another name, or raise the version in its file by hand"
        raise Conflict(f"there is a model '{body.model}' already, and it is another", hint=hint, code="assets.model-taken")
    return False


def _plant(path: Path, model: str, positions: Sequence[Position]) -> str:
    """Return plant.yaml with the new positions."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    text = before or dump_marked({"assets": []})
    for one in positions:
        text = _with(parse_marked(text, PLANT), model, one)
    keep(path, before, text)
    return text


def keep(path: Path, before: str, text: str) -> None:
    """Keep the text that was beside the file where the new one does not hold all of its lines."""
    if before and before not in text and not set(_lines(before)) <= set(_lines(text)):
        path.with_suffix(".yaml.before").write_text(before, encoding="utf-8")


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def write(folder: Path, text: str) -> None:
    """Write plant.yaml anew; a crash in the middle leaves the one that was."""
    path = folder / PLANT
    path.parent.mkdir(parents=True, exist_ok=True)
    keep(path, path.read_text(encoding="utf-8") if path.exists() else "", text)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _with(plant: Marked, model: str, one: Position) -> str:
    entry: Entry = {"name": one.name, "level": one.level, "model": model, "source": one.source, "tags": dict(one.tags)}
    return added(plant, one.parent, {key: value for key, value in entry.items() if value})


def added(plant: Marked, parent: str, entry: Entry) -> str:
    """Return the text of plant.yaml with one more position. Raises Conflict for a name taken, NotFound for an unknown parent."""
    data = cast("dict[str, Any]", plant.data or {})
    place, beside = _place(data, parent)
    if any(other.get("name") == entry["name"] for other in beside):
        whole = f"{parent}/{entry['name']}" if parent else entry["name"]
        raise Conflict(f"there is a position '{whole}' already", hint="give it another name", code="assets.taken")
    beside.append(entry)  # `data` is what the new text must say
    if data.get("assets"):
        text = _inserted(plant, place, entry)
        if text and parse_marked(text, PLANT).data == data:
            return text
    return dump_marked(data)


def _place(data: dict[str, Any], parent: str) -> tuple[Place, list[Entry]]:
    """Return where the parent's children are and the list of them. Raises NotFound for an unknown parent."""
    place: Place = ("assets",)
    beside = cast("list[Entry]", data.setdefault("assets", []))
    for name in parent.split("/") if parent else []:
        at = next((at for at, entry in enumerate(beside) if entry.get("name") == name), None)
        if at is None:
            raise NotFound(f"there is no position '{parent}' in {PLANT}", hint="write its whole path", code="assets.unknown")
        place = (*place, at, "children")
        beside = cast("list[Entry]", beside[at].setdefault("children", []))
    return place, beside


def _inserted(plant: Marked, place: Place, entry: Entry) -> str:
    """Return the text with the entry as the last one of a list; empty where the text does not allow it."""
    lines = plant.text.splitlines()
    first = plant.lines.get((*place, 0))
    last = max((line for where, line in plant.lines.items() if where[: len(place) - 1] == place[:-1]), default=0)
    if first is not None:
        dash = re.match(r"( *)- ", lines[first - 1])
        last = max(line for where, line in plant.lines.items() if where[: len(place)] == place)
        head: list[str] = []
    else:
        mine = lines[plant.lines[place[:-1]] - 1] if place[:-1] in plant.lines else ""
        dash = re.match(r"( *)- (?!\{)", mine)
        head = [f"{dash[1]}  children:"] if dash else []
    if dash is None:
        return ""
    indent = dash[1] + ("" if first is not None else "    ")
    told = dump_marked({"assets": [entry]}).splitlines()[1:]
    own = len(told[0]) - len(told[0].lstrip())
    fresh = [*head, *(indent + line[own:] for line in told)]
    return "\n".join([*lines[:last], *fresh, *lines[last:]]) + "\n"
