"""What a payload says: tags, times, values and qualities."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from lineshaft.connect.sources.mqtt.options import PLACES, Topic
from lineshaft.core import InvalidInput, Quality, parse_time

DEEPEST = 8
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
TRUTH = {"true": True, "false": False}
INTEGER = re.compile(r"[+-]?\d{1,18}")
LATEST = 9_200_000_000_000_000_000


class Said(NamedTuple):
    """One value: tag, time (UTC ns, None for the time of arrival), value, quality."""

    tag: str
    ts: int | None
    value: object
    q: int


class Unreadable(ValueError):
    """A payload that does not say what its mapping expects."""


def read(mapping: Topic, topic: str, payload: bytes) -> Iterator[Said]:
    """Read one payload. Raises Unreadable naming what is wrong with it."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("the payload is no UTF-8 text") from None
    kind = mapping.payload
    if kind == "auto":
        kind = "json" if text.lstrip()[:1] in ("{", "[") else "scalar"
    if kind == "scalar":
        yield Said(named(mapping.tag or "{topic}", topic), None, scalar(text.strip(), mapping), Quality.GOOD)
    elif kind == "csv":
        yield from _csv(mapping, topic, text)
    else:
        yield from _json(mapping, topic, text)


def named(template: str, topic: str, path: str = "", name: str = "") -> str:
    """Return the tag's name. Raises Unreadable when the topic has not that many levels."""
    levels = topic.split("/")

    def fill(match: re.Match[str]) -> str:
        word = match[1]
        if word.isdigit():
            if int(word) >= len(levels):
                raise Unreadable(f"the topic has no level {word}")
            return levels[int(word)]
        return {"topic": topic, "path": path, "name": name}[word]

    return PLACES.sub(fill, template)


def scalar(text: str, mapping: Topic) -> object:
    """Return a number, a truth value, nothing or the text itself."""
    word = text.lower()
    if word in TRUTH:
        return TRUTH[word]
    if word in ("", "null", "none"):
        return None
    if mapping.integers and INTEGER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _json(mapping: Topic, topic: str, text: str) -> Iterator[Said]:
    try:
        whole: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the payload is no JSON: {error}") from None
    outer_time = dig(whole, mapping.time) if mapping.time and isinstance(whole, dict) else None
    records = dig(whole, mapping.each) if mapping.each else whole
    if mapping.each and records is None:
        raise Unreadable(f"there is no '{mapping.each}' in the payload")
    for record in cast("list[object]", records) if isinstance(records, list) else [records]:
        if not isinstance(record, dict):
            if mapping.name or mapping.fields:
                raise Unreadable("a record is no JSON object")
            yield Said(named(mapping.tag or "{topic}", topic), None, _value(record, mapping), Quality.GOOD)
            continue
        fields = cast("dict[str, object]", record)
        own = dig(fields, mapping.time) if mapping.time else None
        yield from _record(mapping, topic, fields, outer_time if own is None else own)


def _record(mapping: Topic, topic: str, fields: Mapping[str, object], when: object) -> Iterator[Said]:
    """Read one record: one value by name, the fields asked for, or every scalar field."""
    ts = time_of(when, mapping) if mapping.time else None
    q = quality_of(dig(fields, mapping.quality)) if mapping.quality else Quality.GOOD
    if mapping.name:
        name = dig(fields, mapping.name)
        if not isinstance(name, str | int) or name == "":
            raise Unreadable(f"a record has no name in '{mapping.name}'")
        yield Said(named(mapping.tag or "{name}", topic, name=str(name)), ts, _value(dig(fields, mapping.value), mapping), q)
        return
    template = mapping.tag or ("{topic}/{path}")
    pairs = [(path, dig(fields, path)) for path in mapping.fields] if mapping.fields else leaves(fields)
    for path, value in pairs:
        if mapping.fields and value is None and not present(fields, path):
            continue
        if not mapping.fields and path in (mapping.time, mapping.quality):
            continue
        yield Said(named(template, topic, path=path.replace(".", "/")), ts, _value(value, mapping), q)


def _csv(mapping: Topic, topic: str, text: str) -> Iterator[Said]:
    reader = csv.DictReader(text.splitlines())
    wanted = [column for column in (mapping.time, mapping.name, mapping.value, *mapping.fields) if column]
    missing = [column for column in wanted if column not in (reader.fieldnames or [])]
    if missing:
        raise Unreadable(f"the CSV has no column '{missing[0]}'")
    for row in reader:
        typed = {key: scalar((cell or "").strip(), mapping) for key, cell in row.items() if key}
        if mapping.time:
            typed[mapping.time] = row[mapping.time]
        if mapping.name:
            typed[mapping.name] = row[mapping.name]
        yield from _record(mapping, topic, typed, typed.get(mapping.time))


def _value(value: object, mapping: Topic) -> object:
    return float(value) if type(value) is int and not mapping.integers else value


def dig(value: object, path: str) -> object:
    """Return what lies at a path a.b.0 in nested objects and lists, None if there is nothing."""
    if isinstance(value, dict) and path in value:  # a key may hold a dot
        return cast("dict[str, object]", value)[path]
    for part in path.split("."):
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(cast("list[Any]", value)):
            value = cast("list[object]", value)[int(part)]
        else:
            return None
    return value


def present(value: Mapping[str, object], path: str) -> bool:
    """Return whether a field is there, be it null."""
    head, _, last = path.rpartition(".")
    holder = dig(value, head) if head else value
    return path in value or (isinstance(holder, dict) and last in holder)


def leaves(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield every scalar field of nested objects with its path; lists are one value, as JSON."""
    if isinstance(value, dict) and depth < DEEPEST:
        for key, inner in cast("dict[str, object]", value).items():
            yield from leaves(inner, f"{path}.{key}" if path else key, depth + 1)
    else:
        yield path, value


def time_of(value: object, mapping: Topic) -> int:
    """Return UTC nanoseconds. Raises Unreadable for what is no time, or a local time without a zone."""
    how = mapping.time_format
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value.strip()) and how != "iso":
        value = float(value) if "." in value else int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and how != "iso":
        if not math.isfinite(value):
            raise Unreadable(f"'{mapping.time}' holds no time: {value}")
        unit = UNITS[how] if how in UNITS else UNITS[_size(value)]
        ns = int(value) * unit + round((value - int(value)) * unit)
        if not -LATEST < ns < LATEST:
            raise Unreadable(f"the time {value} lies outside 1678 to 2261")
        return ns
    if not isinstance(value, str) or how in UNITS:
        raise Unreadable(f"'{mapping.time}' holds no time: {value!r}")
    return iso_time(value.strip(), mapping.timezone)


def iso_time(text: str, timezone: str) -> int:
    """Read ISO 8601; a local time needs the zone of the mapping. Raises Unreadable."""
    try:
        return parse_time(text)
    except InvalidInput as refused:
        try:
            local = datetime.fromisoformat(text.replace(" ", "T"))
        except ValueError:
            raise Unreadable(f"{refused}") from None
        if local.tzinfo is None and not timezone:
            raise Unreadable(f"the time {text} names no zone: set `timezone`") from None
        aware = local if local.tzinfo else local.replace(tzinfo=ZoneInfo(timezone))
        return int(aware.timestamp()) * 1_000_000_000 + aware.microsecond * 1_000


def _size(value: float) -> str:
    """Return the unit a number's size speaks of, for times since 1973."""
    size = abs(value)
    return "s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"


def quality_of(value: object) -> int:
    """Return the quality a field says; what is unknown is uncertain, never good."""
    if isinstance(value, bool):
        return Quality.GOOD if value else Quality.BAD
    if isinstance(value, int | float):
        return Quality.GOOD if value in (0, 192) or value > 192 else Quality.UNCERTAIN if 64 <= value < 128 else Quality.BAD
    words: Sequence[str] = ("good", "uncertain", "bad")
    word = str(value).strip().lower()
    return next((number for number, name in enumerate(words) if word.startswith(name)), Quality.UNCERTAIN)
