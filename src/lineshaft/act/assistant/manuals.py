"""`documents.yaml`: manuals that lie beside the models, put on the shelf; one that did not change is the same document.

documents:
  - {file: manuals/coolant-pump.md, name: Coolant pump manual, about: Bakery/Line 1/Cooler/Coolant pump}
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from lineshaft.core import ConfigError, Database, did_you_mean, read_marked
from lineshaft.store import Store

KNOWN = ("file", "name", "about")


def load_manuals(path: Path, db: Database, store: Store) -> int:
    """Put the documents of the file on the shelf and return how many are new. Raises ConfigError with file and line."""
    document = read_marked(path, path.name)
    entries: Any = (document.data or {}).get("documents") if isinstance(document.data, dict) else None
    if not isinstance(entries, list):
        raise ConfigError("a list 'documents' is expected", where=document.where())
    there = {(one.sha256, one.about) for one in store.documents.list(limit=10_000)}
    count = 0
    for number, entry in enumerate(entries):
        where = document.where("documents", number)
        if not isinstance(entry, dict) or "file" not in entry:
            raise ConfigError("a document has a file", where=where)
        wrong = next((name for name in entry if name not in KNOWN), None)
        if wrong is not None:
            raise ConfigError(f"'{wrong}' is not known here", where=where, hint=did_you_mean(str(wrong), KNOWN))
        count += _one(entry, path.parent, db, store, there, where)
    return count


def _one(entry: dict[str, Any], folder: Path, db: Database, store: Store, there: set[tuple[str, str | None]], where: str) -> bool:
    file = (folder / str(entry["file"])).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise ConfigError(f"there is no file {entry['file']} beside it", where=where)
    content, about = file.read_bytes(), entry.get("about") and str(entry["about"])
    if (hashlib.sha256(content).hexdigest(), about) in there:
        return False
    mime = mimetypes.guess_type(file.name)[0] or ("text/markdown" if file.suffix == ".md" else "application/octet-stream")
    with db.begin() as tx:
        store.documents.add(tx, str(entry.get("name") or file.name), mime, content, about)
    return True
