"""Reads a recorded table: long (time, asset, tag, value under any names) or wide (a time column and one column a tag)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lineshaft.connect.simulators.replay.meaning import offsets, values_of
from lineshaft.connect.wire import Value, Wire
from lineshaft.core import ConfigError, did_you_mean

TIMES = ("timestamp", "time", "datetime", "ts", "date", "t")
ASSETS = ("asset", "asset_name", "machine", "machine_name", "equipment", "entity")
TAGS = ("tag", "tag_name", "attribute_name", "attribute", "property", "signal", "sensor", "variable", "name")
VALUES = ("value", "attribute_value", "val", "reading")
Row = tuple[str, str, str]
"""Time, tag and value, as they are written."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns mean what; empty names are found by their usual headers."""

    time: str = ""
    asset: str = ""
    tag: str = ""
    value: str = ""
    delimiter: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: every tag with its type, and instant by instant what was written."""

    tags: dict[str, Wire]
    instants: list[tuple[int, list[tuple[str, Value]]]]
    first: int | None
    """The first absolute time (UTC ns); None if the table has relative seconds."""

    @property
    def values(self) -> int:
        """How many values there are."""
        return sum(len(changes) for _, changes in self.instants)

    @property
    def duration(self) -> int:
        """Nanoseconds from recorded time zero to the last instant."""
        return self.instants[-1][0] if self.instants else 0


def read_table(path: Path, layout: Layout | None = None, drop: Sequence[str] = ()) -> Recording:
    """Read the table. Raises ConfigError naming the column or line that cannot be understood."""
    rows = [row for row in _rows(path, layout or Layout()) if not _dropped(row[1], drop)]
    if not rows:
        raise ConfigError("the table has no values left to replay", where=str(path), hint="look at --drop and the column options")
    at, first = offsets([row[0] for row in rows], where=str(path))
    order = sorted(range(len(rows)), key=at.__getitem__)
    places: dict[str, list[int]] = {}
    for place in order:
        places.setdefault(rows[place][1], []).append(place)
    typed: list[Value] = [None] * len(rows)
    tags: dict[str, Wire] = {}
    for tag, mine in places.items():
        tags[tag], found = values_of([rows[place][2] for place in mine])
        for place, value in zip(mine, found, strict=True):
            typed[place] = value
    instants: list[tuple[int, list[tuple[str, Value]]]] = []
    for place in order:
        if not instants or instants[-1][0] != at[place]:
            instants.append((at[place], []))
        instants[-1][1].append((rows[place][1], typed[place]))
    return Recording(tags, instants, first)


def _dropped(tag: str, drop: Sequence[str]) -> bool:
    return any(fnmatchcase(tag, glob) or fnmatchcase(tag.rpartition("/")[2], glob) for glob in drop)


def _rows(path: Path, layout: Layout) -> Iterator[Row]:
    """Yield the table's values one by one, whichever way round it lies."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            sample = file.read(65_536)
            file.seek(0)
            reader = csv.reader(file, delimiter=layout.delimiter.replace("\\t", "\t") or _sniff(sample))
            header = [name.strip() for name in next(reader, [])]
            if not header:
                raise ConfigError("the table is empty", where=str(path))
            yield from _arrange(reader, header, layout, path)
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=str(path), code="file.missing") from None
    except OSError as error:
        raise ConfigError(f"the table cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the table is not UTF-8 text: {error}", where=str(path), hint="save it as CSV in UTF-8") from None


def _sniff(sample: str) -> str:
    """Return the delimiter that cuts the header and the next lines into the same number of pieces, most of them."""
    lines = [line for line in sample.splitlines()[:20] if line]
    best, pieces = ",", 1
    for delimiter in (",", ";", "\t", "|"):
        counts = [len(row) for row in csv.reader(lines[:-1] or lines, delimiter=delimiter)]
        if counts and min(counts) == max(counts) > pieces:
            best, pieces = delimiter, counts[0]
    return best


def _arrange(reader: Iterable[list[str]], header: list[str], layout: Layout, path: Path) -> Iterator[Row]:
    time = _column(header, layout.time, TIMES, "--time-column", path)
    if time is None:
        hint = "name it with --time-column"
        raise ConfigError(f"none of the columns {', '.join(header)} is a time", where=str(path), hint=hint)
    value = _column(header, layout.value, VALUES, "--value-column", path)
    tag = _column(header, layout.tag, TAGS, "--tag-column", path)
    asset = _column(header, layout.asset, ASSETS, "--asset-column", path)
    tags = [(i, name) for i, name in enumerate(header) if i not in (time, asset)]
    for number, cells in enumerate(reader, 2):
        if not cells:
            continue
        if len(cells) != len(header):
            what = f"line {number} has {len(cells)} cells, the header has {len(header)}"
            raise ConfigError(what, where=str(path), hint="is the --delimiter right?")
        machine = f"{cells[asset]}/" if asset is not None else ""
        if value is not None and tag is not None:
            yield cells[time], machine + cells[tag], cells[value]
        else:
            yield from ((cells[time], machine + name, cells[i]) for i, name in tags if cells[i] != "")


def _column(header: list[str], asked: str, usual: Sequence[str], option: str, path: Path) -> int | None:
    if asked:
        if asked not in header:
            raise ConfigError(f"there is no column '{asked}'", where=f"{path} {option}", hint=did_you_mean(asked, header))
        return header.index(asked)
    lower = [name.lower() for name in header]
    return next((lower.index(name) for name in usual if name in lower), None)
