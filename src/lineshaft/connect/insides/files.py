"""A folder: its files, the columns of each with what the first line says, and the options under which they would be read."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq

from lineshaft.connect.places import home
from lineshaft.connect.sight import Inside, Pick, Seen, Wish, cut, short
from lineshaft.connect.sources.files.options import FilesOptions
from lineshaft.connect.sources.files.reading import TAGS, TIMES, VALUES

MOST_FILES = 100
SIGNS = ";\t|,"


class FilesInside:
    """Reads the heading and the first line of each file."""

    FILL: ClassVar[dict[str, Any]] = {"timezone": "UTC"}

    async def look(self, name: str, options: FilesOptions, wish: Wish) -> Seen:
        """Return the files with their columns. Raises OSError for a folder that is not there."""
        del name, wish
        return await asyncio.to_thread(_seen, options)


def _seen(options: FilesOptions) -> Seen:
    folder = home() / options.folder
    list(folder.iterdir())
    found = sorted({path for glob in options.files for path in folder.glob(glob) if path.is_file()})
    items: list[Inside] = []
    for path in found[:MOST_FILES]:
        name = path.relative_to(folder).as_posix()
        cells = _cells(path, options)
        items.append(Inside(name, "", name, "branch", "", pick=Pick(sets=roles(list(cells))) if cells else None))
        items += [Inside(f"{name}\n{column}", name, column, "value", kind, text) for column, (kind, text) in cells.items()]
    return Seen(items, (cut(MOST_FILES),) if len(found) > MOST_FILES else ())


def _cells(path: Path, options: FilesOptions) -> dict[str, tuple[str, str]]:
    """Return each column with its type and first value; nothing for a file that cannot be read."""
    try:
        if path.suffix.lower() == ".parquet":
            return _parquet(path)
        with path.open("r", encoding=options.encoding, errors="replace", newline="") as file:
            first, second = file.readline(), file.readline()
    except (OSError, ValueError, LookupError):
        return {}
    sign = options.delimiter or max(SIGNS, key=lambda one: (first.count(one), one == ","))
    heading = next(csv.reader([first.rstrip("\r\n")], delimiter=sign), [])
    values = next(csv.reader([second.rstrip("\r\n")], delimiter=sign), [])
    values += [""] * (len(heading) - len(values))
    return {name.strip(): ("", short(value)) for name, value in zip(heading, values, strict=False) if name.strip()}


def _parquet(path: Path) -> dict[str, tuple[str, str]]:
    with pq.ParquetFile(path) as file:
        rows = next(iter(file.iter_batches(1)), None)
        kinds = {field.name: str(field.type) for field in file.schema_arrow}
    first: Mapping[str, Any] = rows.to_pylist()[0] if rows is not None and rows.num_rows else {}
    return {name: (kind, short(first.get(name, ""))) for name, kind in kinds.items()}


def roles(columns: Sequence[str]) -> dict[str, Any]:
    """Return what columns probably are: long where one is called tag and one value, else wide; a person looks over it.

    >>> roles(["Zeit", "timestamp", "Tag", "Value"])
    {'layout': 'long', 'time': 'timestamp', 'tag': ['Tag'], 'value': 'Value'}
    >>> roles(["ts", "Oven", "Mixer"])
    {'layout': 'wide', 'time': 'ts'}
    """
    lower = {name.lower(): name for name in reversed(columns)}

    def called(usual: Sequence[str]) -> str:
        return next((lower[name] for name in usual if name in lower), "")

    time, tag, value = called(TIMES), called(TAGS), called(VALUES)
    if tag and value:
        return {"layout": "long", **({"time": time} if time else {}), "tag": [tag], "value": value}
    return {"layout": "wide", **({"time": time} if time else {})}


PLUGIN = FilesInside
