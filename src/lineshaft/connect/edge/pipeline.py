"""Pipelines of an edge: what is converted, and what need not travel, before a batch is kept.

An entry names tags by pattern and has up to four steps, always in this order: filter, scale, deadband and rate limit,
downsampling. Whole columns at a time; every row taken out is counted by its rule, in the transaction that keeps the others.
What was seen last is remembered only once that transaction is durable (`commit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from lineshaft.connect.edge.derived import Deriver
from lineshaft.connect.tally import compact
from lineshaft.core import Duration, InvalidInput, Quality, Section, factor, parse_duration

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
RULES = ("quality", "range", "deadband", "rate", "downsample")
"""Why a row was filtered, as the ledger names it."""


class PipelineEntry(Section):
    """One `[[pipelines]]` table: which tags, and what is done to them before they are sent."""

    source: str = Field("*", description="Pattern of the sources it is for: * is any.")
    tags: str = Field("*", description="Pattern of the tags it is for, for example *Temperature.")
    drop_bad: bool = Field(default=False, description="Bad values are not sent.")
    least: float | None = Field(None, description="Numbers below are not sent.")
    most: float | None = Field(None, description="Numbers above are not sent.")
    unit: str = Field("", description="Unit the machine sends; with `to`, numbers are converted before `scale`.")
    to: str = Field("", description="Unit numbers are sent in.")
    scale: float = Field(1.0, description="Numbers are multiplied by this; they are doubles from then on.")
    offset: float = Field(0.0, description="Added after scaling.")
    deadband: float | None = Field(
        None, ge=0, description="A number is sent when it differs by more than this from the last sent."
    )
    heartbeat: Duration = Field(
        "0s", description="So long without a sent value, and the deadband lets the next one pass; 0s: never."
    )
    at_most_every: Duration = Field("0s", description="A value sooner after the last sent one is not sent; 0s: no limit.")
    downsample: Duration = Field("0s", description="Only the first value of each such stretch of time is sent; 0s: all.")

    @model_validator(mode="after")
    def _range(self) -> PipelineEntry:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("`least` is above `most`: no value would be sent")
        if bool(self.unit) != bool(self.to):
            raise ValueError("`unit` and `to` go together")
        try:
            factor(self.unit, self.to) if self.unit else None
        except InvalidInput as error:
            raise ValueError(error.what) from None
        return self

    @property
    def line(self) -> tuple[float, float]:
        """Factor and offset of unit, scale and offset together."""
        a, b = factor(self.unit, self.to) if self.unit else (1.0, 0.0)
        return a * self.scale, b * self.scale + self.offset

    @property
    def thins(self) -> bool:
        """Whether a step compares with what was sent before."""
        return self.deadband is not None or self.at_most_every != "0s" or self.downsample != "0s"


@dataclass(frozen=True, slots=True)
class Filtered:
    """How many rows of which tags a rule took out."""

    rule: str
    tags: list[str]
    counts: Ints


@dataclass(slots=True)
class _Last:
    """What was sent last of each tag that one entry thins; slot by slot."""

    slots: dict[str, int] = field(default_factory=dict[str, int])
    value: Floats = field(default_factory=lambda: np.zeros(0))
    ts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    quality: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    known: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))

    def fork(self, tags: Sequence[str]) -> tuple[_Last, Ints]:
        """Return a copy that knows these tags, and their slots."""
        slots = dict(self.slots)
        at = np.fromiter((slots.setdefault(tag, len(slots)) for tag in tags), np.int64, len(tags))
        more = len(slots) - self.value.size
        grown = (
            np.concatenate([array, np.zeros(more, array.dtype)]) for array in (self.value, self.ts, self.quality, self.known)
        )
        return _Last(slots, *cast("tuple[Floats, Ints, Ints, Bools]", tuple(grown))), at


@dataclass(slots=True)
class _Columns:
    """The columns of one batch that steps look at."""

    tag: Ints
    ts: Ints
    quality: Ints
    number: Floats
    numeric: Bools
    rule: npt.NDArray[np.int8]
    changed: Bools


class Pipelines:
    """The entries of one edge, and what each sent last."""

    def __init__(self, entries: Sequence[PipelineEntry], deriver: Deriver | None = None) -> None:
        self._entries = tuple(entries)
        self._deriver = deriver or Deriver()
        self._last: dict[tuple[int, str], _Last] = {}
        self._next: dict[tuple[int, str], _Last] = {}

    def refine(self, source: str, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Filtered]]:
        """Return what is to be kept of a source's rows and of what is derived from them, and what was filtered by which rule."""
        rows = self._deriver.more(source, rows)
        mine = [(n, entry) for n, entry in enumerate(self._entries) if fnmatchcase(source, entry.source)]
        if not mine:
            return rows, []
        tags, _, rows = compact(rows)
        columns = _read(rows)
        for n, entry in mine:
            hit = np.fromiter((fnmatchcase(tag, entry.tags) for tag in tags), np.bool_, len(tags))
            if hit.any():
                self._step((n, source), entry, tags, hit[columns.tag] & (columns.rule < 0), columns)
        return _write(rows, columns), _counted(tags, columns)

    def commit(self) -> None:
        """Remember what was refined, as it is durable now: later rows are compared with it."""
        self._last.update(self._next)
        self._next.clear()
        self._deriver.commit()

    def forget(self) -> None:
        """Forget what was refined: it could not be kept and will come again."""
        self._next.clear()
        self._deriver.forget()

    def _step(self, key: tuple[int, str], entry: PipelineEntry, tags: Sequence[str], mine: Bools, columns: _Columns) -> None:
        if entry.drop_bad:
            columns.rule[mine & (columns.quality == Quality.BAD)] = RULES.index("quality")
        outside = np.zeros(mine.size, np.bool_)
        if entry.least is not None:
            outside |= columns.number < entry.least
        if entry.most is not None:
            outside |= columns.number > entry.most
        columns.rule[mine & (columns.rule < 0) & columns.numeric & outside] = RULES.index("range")
        by, plus = entry.line
        if by != 1 or plus:
            scaled = mine & columns.numeric & (columns.rule < 0)
            columns.number[scaled] = columns.number[scaled] * by + plus
            columns.changed |= scaled
        if entry.thins:
            last, slots = self._next.get(key, self._last.get(key, _Last())).fork(tags)
            _thin(entry, last, slots, mine & (columns.rule < 0), columns)
            self._next[key] = last


def _thin(entry: PipelineEntry, last: _Last, slots: Ints, mine: Bools, columns: _Columns) -> None:
    """Compare each row with the last sent of its tag: the first rows of all tags at once, then the second, and so on."""
    every, beat, stretch = (parse_duration(text) for text in (entry.at_most_every, entry.heartbeat, entry.downsample))
    for rows in _turns(columns.tag, np.flatnonzero(mine)):
        at = slots[columns.tag[rows]]
        number, ts, quality = columns.number[rows], columns.ts[rows], columns.quality[rows]
        passed = ts - last.ts[at]
        verdict = np.full(rows.size, -1, np.int8)
        if stretch:
            verdict[(passed >= 0) & (ts // stretch == last.ts[at] // stretch)] = RULES.index("downsample")
        if every:
            verdict[(passed >= 0) & (passed < every)] = RULES.index("rate")
        if entry.deadband is not None:
            still = columns.numeric[rows] & (np.abs(number - last.value[at]) <= entry.deadband)
            verdict[still & ~((passed >= beat) if beat else np.zeros(rows.size, np.bool_))] = RULES.index("deadband")
        verdict[~last.known[at] | (quality != last.quality[at])] = -1
        columns.rule[rows] = verdict
        sent = verdict < 0
        to = at[sent]
        last.value[to] = np.where(columns.numeric[rows], number, np.nan)[sent]
        last.ts[to], last.quality[to], last.known[to] = ts[sent], quality[sent], True


def _turns(tag: Ints, rows: Ints) -> list[Ints]:
    """Return the rows in turns, in which each tag occurs once at most, in the order they came."""
    if not rows.size:
        return []
    rows = rows[np.argsort(tag[rows], kind="stable")]
    first = np.flatnonzero(np.concatenate([[True], np.diff(tag[rows]) != 0]))
    turn = np.arange(rows.size) - np.repeat(first, np.diff(np.append(first, rows.size)))
    order = np.argsort(turn, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(turn[order])) + 1)


def _read(rows: pa.RecordBatch) -> _Columns:
    tags: Any = rows.column(0)
    doubles, whole = rows.column("v"), rows.column("vi")
    is_double, is_whole = (np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_) for column in (doubles, whole))
    number = np.where(is_double, doubles.to_numpy(zero_copy_only=False), np.nan).astype(np.float64)
    number[is_whole] = whole.fill_null(0).to_numpy(zero_copy_only=False)[is_whole]
    count = rows.num_rows
    return _Columns(
        tag=tags.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        ts=rows.column("ts").cast(pa.int64()).to_numpy(zero_copy_only=False),
        quality=rows.column("q").to_numpy(zero_copy_only=False).astype(np.int64),
        number=number,
        numeric=is_double | is_whole,
        rule=np.full(count, -1, np.int8),
        changed=np.zeros(count, np.bool_),
    )


def _write(rows: pa.RecordBatch, columns: _Columns) -> pa.RecordBatch:
    """Return the rows that stay, with scaled numbers as doubles."""
    if columns.changed.any():
        doubles = pa.array(columns.number, mask=~(columns.changed | rows.column("v").is_valid().to_numpy(zero_copy_only=False)))
        whole = pa.array(
            rows.column("vi").fill_null(0).to_numpy(zero_copy_only=False),
            pa.int64(),
            mask=columns.changed | rows.column("vi").is_null().to_numpy(zero_copy_only=False),
        )
        arrays = [*rows.columns]
        arrays[rows.schema.get_field_index("v")], arrays[rows.schema.get_field_index("vi")] = doubles, whole
        rows = pa.RecordBatch.from_arrays(arrays, schema=rows.schema)
    return rows.filter(pa.array(columns.rule < 0)) if (columns.rule >= 0).any() else rows


def _counted(tags: list[str], columns: _Columns) -> list[Filtered]:
    found: list[Filtered] = []
    for number, rule in enumerate(RULES):
        out = columns.rule == number
        if out.any():
            counts = np.bincount(columns.tag[out], minlength=len(tags))
            hit = np.flatnonzero(counts)
            found.append(Filtered(rule, [tags[n] for n in hit], counts[hit].astype(np.int64)))
    return found
