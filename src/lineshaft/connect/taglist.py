"""Lists of tags for controllers that cannot be browsed: written in the settings, or a CSV file an engineer exported.

A line of the file that cannot be used becomes a bad tag with its line number and the reason; all others are asked.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lineshaft.connect.places import home
from lineshaft.core import ConfigError, NotFound, Section, did_you_mean, explain

T = TypeVar("T", bound=Section)


def read_tags(
    model: type[T], written: Sequence[T], file: str, name_of: Callable[[T], str], *, source: str
) -> tuple[list[T], dict[str, str]]:
    """Return a source's tags of the settings and of the file that can be asked, and why the others cannot, by name or line.

    A file is looked for in the node's home. The first tag of a name wins.
    Raises ConfigError when there is no such file or it has no header we know.
    """
    tags, bad = list(written), dict[str, str]()
    where = f"source '{source}'"
    if file:
        path = home() / file
        for line, row in _rows(model, path, where):
            try:
                tags.append(model.model_validate(row))
            except ValidationError as error:
                what, hint = explain(error, model)
                bad[row.get("name") or f"line {line}"] = f"{path} line {line}: {what}" + (f" ({hint})" if hint else "")
    seen: dict[str, T] = {}
    for tag in tags:
        name = name_of(tag)
        if seen.setdefault(name, tag) is not tag:
            bad[f"{name} (again)"] = f"two tags are called '{name}': the first is asked"
    if not seen and not bad:
        raise ConfigError("there is no tag to ask for", where=where, hint="write `tags` or name a `tags_file`")
    return list(seen.values()), bad


def no_tag(name: str, known: Sequence[str], *, source: str) -> NotFound:
    """Return the error of a name that no tag of the source has."""
    hint = did_you_mean(name, known)
    return NotFound(f"the source '{source}' has no tag '{name}'", where=source, hint=hint)


def _rows(model: type[Section], path: Path, where: str) -> list[tuple[int, dict[str, str]]]:
    """Return the lines of the file as dicts without empty cells, with their line numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the tag list {path} cannot be read: {error.strerror}", where=where) from None
    except UnicodeDecodeError:
        raise ConfigError(f"the tag list {path} is not UTF-8", where=where, hint="save it as CSV UTF-8") from None
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=separator)
    unknown = [column for column in reader.fieldnames or [] if column and column not in model.model_fields]
    if unknown or not reader.fieldnames:
        known = ", ".join(model.model_fields)
        raise ConfigError(f"the tag list {path} has no column we know as {unknown}", where=where, hint=f"columns are: {known}")
    return [
        (reader.line_num, {str(key): value.strip() for key, value in row.items() if key and value and value.strip()})
        for row in reader
    ]
