"""Labels from a file, and as one: what people wrote down elsewhere about a machine's past is not to be typed again.

Two columns without a heading (begin, end: the label files of Amazon Lookout for Equipment), a CSV whose heading names its
columns, or the JSON its `list-labels` answers. Times without a zone are of the zone that is named; none is guessed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from lineshaft.core import NS, InvalidInput, check_zone, did_you_mean, iso, parse_time

COLUMNS = ("asset", "start", "end", "kind", "code", "note")
NAMES = {
    "starttime": "start",
    "begin": "start",
    "endtime": "end",
    "rating": "kind",
    "faultcode": "code",
    "notes": "note",
    "equipment": "asset",
}
"""What columns are called elsewhere."""
KINDS = {"no_anomaly": "normal", "no anomaly": "normal", "": "anomaly"}
FORMATS = ("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")
"""Beside ISO 8601; month before day where the year is last, as those files are written."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Said:
    """A label as a file says it, and on which line."""

    line: int
    asset: str
    start: int
    end: int
    kind: str
    code: str
    note: str


def read_labels(text: str, asset: str = "", timezone: str = "") -> list[Said]:
    """Read labels; `asset` is whose they are where the file names none. Raises InvalidInput with the line that is wrong."""
    zone = check_zone(timezone, where="timezone") if timezone else ""
    rows = list(_rows(text.lstrip("\ufeff").strip()))
    if not rows:
        raise InvalidInput("the file holds no labels", where="content", hint="a line each: begin, end", code="labels.file")
    if len(rows) > MOST:
        raise InvalidInput(f"{len(rows)} labels are more than {MOST}", where="content", code="labels.file")
    return [_said(line, row, asset, zone) for line, row in rows]


def write_labels(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return labels as CSV, in a form that is read again."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(COLUMNS)
    for row in rows:
        times = (iso(int(row["start"])), iso(int(row["end"])))
        write.writerow([_safe(row["asset"]), *times, row["kind"], _safe(row["code"]), _safe(row["note"])])
    return out.getvalue()


def _rows(text: str) -> Iterable[tuple[int, dict[str, str]]]:
    if text.startswith(("{", "[")):
        yield from _of_json(text)
        return
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    first = lines[0][1] if lines else ""
    delimiter = ";" if first.count(";") > first.count(",") else ","
    cells = [(n, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]) for n, line in lines]
    heading: Sequence[str] = ("start", "end", "kind", "code", "note")
    if cells and not any(letter.isdigit() for letter in cells[0][1][0]):
        heading = _heading(cells.pop(0)[1])
    for line, row in cells:
        yield line, dict(zip(heading, row, strict=False))


def _heading(names: Sequence[str]) -> list[str]:
    found = [_column(name) for name in names]
    if missing := [name for name in ("start", "end") if name not in found]:
        hint = did_you_mean(missing[0], names) or f"the columns are {', '.join(COLUMNS)}"
        raise InvalidInput(f"no column is called '{missing[0]}'", where="line 1", hint=hint, code="labels.columns")
    return found


def _column(name: str) -> str:
    plain = name.strip().lower().replace("_", "").replace(" ", "")
    return NAMES.get(plain, plain)


def _of_json(text: str) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        told: Any = json.loads(text)
        items = cast("list[dict[str, Any]]", told["LabelSummaries"] if isinstance(told, dict) else told)
        for number, item in enumerate(items, start=1):
            yield number, {_column(key): str(value) for key, value in item.items() if value is not None}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "the answer of list-labels, or a list of objects with start and end"
        raise InvalidInput(f"these are no labels: {error}", where="content", hint=hint, code="labels.file") from error


def _said(line: int, row: Mapping[str, str], asset: str, zone: str) -> Said:
    where = f"line {line}"
    times = [_moment(row.get(name, ""), zone, where) for name in ("start", "end")]
    word = row.get("kind", "").strip().lower()
    kind = KINDS.get(word, word)
    if kind not in ("anomaly", "normal", "neutral"):
        hint = "anomaly, normal or neutral (ANOMALY, NO_ANOMALY, NEUTRAL)"
        raise InvalidInput(f"'{row['kind']}' is no kind of label", where=where, hint=hint, code="labels.kind")
    if times[1] <= times[0]:
        raise InvalidInput("a label ends before it begins", where=where, code="labels.range")
    whose = asset or row.get("asset", "")
    if not whose:
        raise InvalidInput("nothing says whose label this is", where=where, hint="name the asset", code="labels.asset")
    return Said(line, whose, times[0], times[1], kind, row.get("code", "")[:50], row.get("note", "")[:2000])


def _moment(text: str, zone: str, where: str) -> int:
    """Return a time with its own zone, or one without of the zone that is named."""
    try:
        return parse_time(_epoch(text), where=where)
    except InvalidInput:
        local = _local(text)
        if local is None:
            raise
    if not zone:
        hint = "name the zone it was written in (UTC, Europe/Berlin): one is never guessed"
        raise InvalidInput(f"'{text}' has no time zone", where=where, hint=hint, code="labels.zone")
    return int(local.replace(tzinfo=ZoneInfo(zone)).timestamp()) * NS + local.microsecond * 1000


def _epoch(text: str) -> str:
    """Return seconds with decimals (as some programs print times in JSON) as nanoseconds, anything else as it is.

    >>> _epoch("1606780800.0")
    '1606780800000000000'
    """
    whole, _, rest = text.partition(".")
    return f"{whole}{rest:0<9.9}" if rest and whole.isdigit() and rest.isdigit() and len(whole) == 10 else text


def _local(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip().replace(" ", "T", 1)) if text[:4].isdigit() and "-" in text else _other(text)
    except ValueError:
        return None


def _other(text: str) -> datetime | None:
    for form in FORMATS:
        try:
            return datetime.strptime(text.strip(), form)  # noqa: DTZ007 - its zone is named beside
        except ValueError:
            continue
    return None


def _safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
