"""The native format: `models/*.yaml`, one version of one model each, and `plant.yaml` with the positions as a tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from lineshaft.assets.draft import AssetDraft, AssetEntry, Draft, ModelDraft
from lineshaft.assets.model import AssetModel
from lineshaft.assets.tree import join
from lineshaft.core import ConfigError, Marked, Problem, did_you_mean, dump_marked, fit, read_marked

PLANT = "plant.yaml"


class YamlImporter:
    """Reads and writes a folder of YAML files; an error in one file stops none of the others."""

    def read(self, folder: Path) -> Draft:
        """Read `models/*.yaml` and `plant.yaml`."""
        draft = Draft()
        for path in sorted((folder / "models").glob("*.yaml")):
            document = _open(path, f"models/{path.name}", draft)
            if document is not None:
                _model(document, draft)
        if (folder / PLANT).exists():
            document = _open(folder / PLANT, PLANT, draft)
            if document is not None:
                _plant(document, draft)
        return draft

    def write(self, folder: Path, files: dict[str, str | dict[str, Any]]) -> None:
        """Write each file by its name: a text as it is, data in canonical form."""
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else dump_marked(content), encoding="utf-8")


def _open(path: Path, name: str, draft: Draft) -> Marked | None:
    try:
        return read_marked(path, name)
    except ConfigError as error:
        draft.problems.append(Problem(error.where, error.what, error.hint))
        return None


def _model(document: Marked, draft: Draft) -> None:
    body, problems = fit(document, AssetModel, document.data)
    if body is not None:
        problems = [*_doubles(document, body), *_unknown_inputs(document, body)]
    draft.problems.extend(problems)
    if body is None or problems:
        return
    sections = {key: document.lines[(key,)] for key in ("oee", "alarms", "properties") if (key,) in document.lines}
    rows = {f"{k[0]}.{k[1]}": line for k, line in document.lines.items() if len(k) == 2 and isinstance(k[1], int)}
    draft.models.append(ModelDraft(body, document.file, document.text, {**sections, **rows}))


def _doubles(document: Marked, body: AssetModel) -> list[Problem]:
    count = Counter(body.names)
    return [
        Problem(document.where("properties", number), f"the property '{name}' is here twice", "give each its own name")
        for number, name in enumerate(body.names)
        if count[name] > 1 and name in body.names[:number]
    ]


def _unknown_inputs(document: Marked, body: AssetModel) -> list[Problem]:
    return [
        Problem(
            document.where("properties", number, "inputs", variable),
            f"'{definition.name}' takes '{source.property}', which model {body.model} does not have",
            did_you_mean(source.property, body.names),
        )
        for number, definition in enumerate(body.properties)
        for variable, source in definition.sources.items()
        if not source.children and source.property not in body.names
    ]


def _plant(document: Marked, draft: Draft) -> None:
    data = document.data
    if not isinstance(data, dict) or set(cast("dict[str, Any]", data)) != {"assets"}:
        unknown = (
            next((key for key in cast("dict[str, Any]", data or {}) if key != "assets"), "") if isinstance(data, dict) else ""
        )
        hint = did_you_mean(str(unknown), ["assets"]) if unknown else "write assets: and below it the list of positions"
        draft.problems.append(Problem(document.where(unknown), "this file must hold one list called 'assets'", hint))
        return
    draft.plant_file, draft.plant_text = document.file, document.text
    _branch(document, draft, cast("dict[str, Any]", data)["assets"], "", ("assets",))


def _branch(document: Marked, draft: Draft, entries: object, parent: str, at: tuple[str | int, ...]) -> None:
    if not isinstance(entries, list):
        draft.problems.append(Problem(document.where(*at), "a list of assets is expected here", "begin each with '- name: ...'"))
        draft.unclear.append(parent or None)
        return
    for number, raw in enumerate(cast("list[Any]", entries)):
        place = (*at, number)
        own: object = {k: v for k, v in cast("dict[str, Any]", raw).items() if k != "children"} if isinstance(raw, dict) else raw
        entry, problems = fit(document, AssetEntry, own, *place)
        draft.problems.extend(problems)
        if entry is None:
            name = cast("dict[str, Any]", raw).get("name") if isinstance(raw, dict) else None
            draft.unclear.append(join(parent, name) if isinstance(name, str) else None)
            continue
        path = join(parent, entry.name)
        draft.assets.append(AssetDraft(path, parent, entry, _finder(document, place)))
        if isinstance(raw, dict) and "children" in raw:
            _branch(document, draft, cast("dict[str, Any]", raw)["children"], path, (*place, "children"))


def _finder(document: Marked, place: tuple[str | int, ...]) -> Callable[..., str]:
    def where(*key: str | int) -> str:
        return document.where(*place, *key)

    return where


PLUGIN = YamlImporter
