"""Reading `maintenance.yaml`: technicians, plans, work instructions with their pictures, and codes of the plant's own.

    technicians: [{login: anna, name: Anna Berg, skills: {mechanical: 4}, line: Bakery/Line 1, shifts: [Early]}]
    instructions: [{name: change-bearing, title: ..., steps: [{text: ..., kind: number, upper: 2.8, image: pictures/pump.png}]}]
    plans: [{name: ..., asset: ..., trigger: {every: 30d, from: "2026-01-05T05:00:00Z"}, instruction: change-bearing}]
    codes: [{list: cause, code: WATER, text: water in the oil}]

Pictures are files beside it; a picture that did not change is the same document. An entry is taken when it says something new:
what people changed in the pages since stays.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from sqlalchemy.engine import Connection

from lineshaft.core import ConfigError, Database, LineshaftError, Marked, did_you_mean, read_marked
from lineshaft.guard import Subject
from lineshaft.maintain.filed import is_news
from lineshaft.maintain.workshop import Workshop
from lineshaft.store import Store

SECTIONS = ("technicians", "instructions", "plans", "codes")


def load_workshop(path: Path, db: Database, workshop: Workshop, store: Store) -> int:
    """Bring the file into the workshop and return how many entries it has. Raises ConfigError with file and line."""
    document = read_marked(path, path.name)
    if document.data is None:
        return 0
    if not isinstance(document.data, dict):
        raise ConfigError(f"sections are expected: {', '.join(SECTIONS)}", where=document.where())
    data = cast("dict[str, Any]", document.data)
    for name in data:
        if name not in SECTIONS:
            raise ConfigError(f"there is no section '{name}'", where=document.where(name), hint=did_you_mean(name, SECTIONS))
    by, count = Subject.system("import"), 0
    with db.begin() as tx:
        for section in SECTIONS:
            for number, entry in enumerate(data.get(section) or []):
                try:
                    _take(tx, section, dict(entry), workshop, store, path.parent, by)
                except LineshaftError as error:
                    raise _wrong(document, error, section, number) from error
                count += 1
    return count


def _take(
    tx: Connection, section: str, entry: dict[str, Any], workshop: Workshop, store: Store, folder: Path, by: Subject
) -> None:
    if section == "instructions":
        entry["steps"] = [_pictured(tx, dict(step), store, folder) for step in entry.get("steps") or []]
    name = f"{entry.get('list', '')}{entry.get('code', '')}{entry.get('login', '')}{entry.get('name', '')}"
    if not is_news(tx, section, name, entry):  # what people changed in the pages since stays
        return
    if section == "technicians":
        workshop.technicians.put(tx, str(entry.pop("login", "")), _only(entry, TECHNICIAN))
    elif section == "instructions":
        name = str(entry.pop("name", ""))
        workshop.instructions.put(tx, name, _only(entry, INSTRUCTION), by)
    elif section == "plans":
        workshop.plans.put(tx, entry)
    else:
        workshop.codes.take(tx, [entry])


TECHNICIAN = ("name", "skills", "line", "shifts", "hours_per_week", "hourly_cost", "active")
INSTRUCTION = ("title", "model", "hours", "skills", "permits", "parts", "steps")


def _only(entry: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    for name in entry:
        if name not in known:
            raise ConfigError(f"'{name}' is not known here", hint=did_you_mean(name, known))
    return dict(entry)


def _pictured(tx: Connection, step: dict[str, Any], store: Store, folder: Path) -> dict[str, Any]:
    """Return a step with its picture as a document of the shelf."""
    name = step.get("image")
    if not name:
        return step
    file = (folder / str(name)).resolve()
    if folder.resolve() not in file.parents or not file.is_file():
        raise ConfigError(f"there is no picture '{name}'", hint="pictures lie beside the file")
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = next((one for one in store.documents.list(limit=1000) if one.sha256 == digest and one.name == file.name), None)
    if known is None:
        mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        known = store.documents.add(tx, file.name, mime, content, None, {"of": "work instruction"})
    return {**step, "image": known.id}


def _wrong(document: Marked, error: LineshaftError, section: str, number: int) -> ConfigError:
    place = f"{document.where(section, number)}" + (f" ({error.where})" if error.where else "")
    return ConfigError(error.what, where=place, hint=error.hint)
