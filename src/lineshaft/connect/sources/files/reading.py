"""One file as rows: which column is what, what each line says, and which lines cannot be read, with their number and reason."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.connect.record import STATES, Clock, Unreadable, quality_of, value_of
from lineshaft.connect.sources.files.options import FilesOptions
from lineshaft.core import InvalidInput, did_you_mean

TIMES = ("time", "timestamp", "ts", "datetime", "date")
TAGS = ("tag", "tagname", "tag_name", "name", "point", "series")
VALUES = ("value", "val", "v")
QUALITY = ("quality", "q", "status")
PORTION = 1 << 20
Said = tuple[str, int, object, int]
"""Tag, UTC ns, value, quality."""


@dataclass(slots=True)
class Portion:
    """A part of a file: its rows, its refused lines, and where the next part begins."""

    rows: list[Said] = field(default_factory=list[Said])
    refused: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])
    offset: int = 0
    line: int = 0
    whole: bool = True


class Columns:
    """Which cell of a line is what. Raises InvalidInput for a heading without what is needed."""

    def __init__(self, options: FilesOptions, header: Sequence[str]) -> None:
        self._options, self._header = options, [name.strip() for name in header]
        self._clock = Clock(options.timezone, options.time_format)
        self._states = {**STATES, **options.states}
        self.time = self._column(options.time, TIMES, "time")
        self.quality = self._column(options.quality, QUALITY, "") if options.layout == "long" or options.quality else None
        self.tag: list[int] = []
        self.value: int | None = None
        if options.layout == "long":
            names = options.tag or ("",)
            self.tag = [cast("int", self._column(name, TAGS, "tag")) for name in names]
            self.value = self._column(options.value, VALUES, "value")

    def _column(self, asked: str, usual: Sequence[str], needed: str) -> int | None:
        lower = [name.lower() for name in self._header]
        if asked:
            if asked not in self._header:
                hint = did_you_mean(asked, self._header)
                raise InvalidInput(f"there is no column '{asked}' in the heading", hint=hint, code="files.column")
            return self._header.index(asked)
        found = next((lower.index(name) for name in usual if name in lower), None)
        if found is None and needed:
            hint = f"name it with `{needed}`, or is the layout wide?"
            raise InvalidInput(f"no column of {', '.join(self._header[:8])} is the {needed}", hint=hint, code="files.column")
        return found

    def read(self, cells: Sequence[Any]) -> list[Said]:
        """Return what a line says. Raises Unreadable."""
        if len(cells) != len(self._header):
            raise Unreadable(f"{len(cells)} cells where the heading has {len(self._header)}")
        if self.value is None:
            return self._wide(cells)
        tag = "/".join(str(cells[place] or "").strip() for place in self.tag)
        if not tag.strip("/"):
            raise Unreadable("there is no tag")
        value, q = self._value(cells[self.value])
        if self.quality is not None:
            q = max(q, quality_of(cells[self.quality], self._options.quality_codes))
        return [(tag, self._clock.read(cells[cast("int", self.time)], tag), value, q)]

    def _wide(self, cells: Sequence[Any]) -> list[Said]:
        at = self._clock.read(cells[cast("int", self.time)])
        found: list[Said] = []
        for place, name in enumerate(self._header):
            if place in (self.time, self.quality) or cells[place] is None or cells[place] == "":
                continue
            value, q = self._value(cells[place])
            found.append((name, at, value, q))
        return found

    def _value(self, cell: object) -> tuple[object, int]:
        return value_of(cell, decimal=self._options.decimal, integers=self._options.integers, states=self._states)


def read_csv(path: Path, options: FilesOptions, offset: int, line: int, *, whole: bool) -> Portion:
    """Read on from a byte, whole lines only unless the file is `whole`. Raises InvalidInput for a heading nobody understands."""
    with path.open("rb") as file:
        heading = file.readline()
        if not heading.endswith(b"\n") and not whole:
            return Portion(offset=0, whole=False)
        first = heading.decode(options.encoding).rstrip("\r\n")
        delimiter = options.delimiter or max(";\t|,", key=lambda sign: (first.count(sign), sign == ","))
        columns = Columns(options, next(csv.reader([first], delimiter=delimiter), []))
        start = max(offset, len(heading))
        file.seek(start)
        data = file.read(PORTION)
        more = len(data) == PORTION
    end = data.rfind(b"\n") + 1
    if not more and whole:
        end = len(data)
    portion = Portion(offset=start + end, line=max(line, 1), whole=whole and not more)
    text = data[:end].decode("utf-8" if options.encoding == "utf-8-sig" else options.encoding, "replace")
    for number, raw in enumerate(text.splitlines(), portion.line + 1):
        portion.line = number
        if raw.strip():
            try:
                portion.rows += columns.read(next(csv.reader([raw], delimiter=delimiter)))
            except (Unreadable, csv.Error) as why:
                portion.refused.append((number, str(why), raw))
    return portion


def read_parquet(path: Path, options: FilesOptions) -> Iterator[Portion]:
    """Read a Parquet file; line numbers are those of its rows, from 1. Raises InvalidInput where it is none."""
    with pq.ParquetFile(path) as file:
        columns = Columns(options, file.schema_arrow.names)
        line = 0
        for batch in file.iter_batches(10_000):
            portion = Portion(line=line)
            for cells in zip(*(_cells(column) for column in batch.columns), strict=True):
                line += 1
                try:
                    portion.rows += columns.read(cells)
                except Unreadable as why:
                    portion.refused.append((line, str(why), repr(cells)))
            portion.line = line
            yield portion


def _cells(column: Any) -> list[Any]:
    """Return a column as Python has it; times keep their nanoseconds where the file has a zone."""
    kind = column.type
    if str(kind).startswith("timestamp") and kind.tz is not None:
        return list(column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_pylist())
    if str(kind).startswith("timestamp"):
        return list(column.cast(pa.timestamp("us"), safe=False).to_pylist())
    return list(column.to_pylist())
