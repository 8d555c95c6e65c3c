"""Derived tags of an edge: one value for each new value of an input, by a formula, before any pipeline.

The formula language is not this room's: whoever composes the node hands in `compile`. A source's values are taken in the
order they arrived; an input that is bad, or was never heard, is undefined, and then there is no derived value.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from pydantic import Field

from lineshaft.connect.edge.reading import Bools, Floats, Ints, Numbers, numbers_of
from lineshaft.core import SAMPLES, Quality, Section

log = logging.getLogger("lineshaft.edge")
Evaluate = Callable[[Mapping[str, Floats], Mapping[str, Bools], Ints], tuple[Floats, Bools]]
"""(values of each name, whether each is there, times) -> (results, whether each is there)"""
Compile = Callable[[str, Sequence[str], str], Evaluate]
"""(formula, names, where) -> how to evaluate it; raises FormulaError"""


class DerivedEntry(Section):
    """One `[[derived]]` table: a tag that is computed at the edge."""

    source: str = Field(description="The source whose tags it is computed from.")
    name: str = Field(min_length=1, max_length=200, description="Name of the new tag; it is one of the same source.")
    formula: str = Field(description="A formula over single values, as `power / speed`.")
    inputs: dict[str, str] = Field(min_length=1, description="The formula's names and the tag each stands for.")


@dataclass(frozen=True, slots=True)
class _Formula:
    entry: DerivedEntry
    names: tuple[str, ...]
    tags: tuple[str, ...]
    evaluate: Evaluate


@dataclass(frozen=True, slots=True)
class _Last:
    """The newest value of each input."""

    value: Floats
    known: Bools


@dataclass(slots=True)
class Deriver:
    """Every derived tag of an edge; `commit` once what was derived is kept, `forget` if it could not be."""

    formulas: dict[str, list[_Formula]] = field(default_factory=dict[str, list[_Formula]])
    _last: dict[str, _Last] = field(default_factory=dict[str, _Last])
    _next: dict[str, _Last] = field(default_factory=dict[str, _Last])

    @staticmethod
    def of(entries: Sequence[DerivedEntry], compile_: Compile) -> Deriver:
        """Compile every formula. Raises FormulaError with its place."""
        made: dict[str, list[_Formula]] = {}
        for entry in entries:
            names = tuple(entry.inputs)
            where = f"[[derived]] {entry.source} {entry.name}"
            one = _Formula(entry, names, tuple(entry.inputs.values()), compile_(entry.formula, names, where))
            made.setdefault(entry.source, []).append(one)
        return Deriver(made)

    def more(self, source: str, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows and, after them, what is derived from them."""
        mine = self.formulas.get(source)
        if not mine or not rows.num_rows:
            return rows
        read = numbers_of(rows)
        made = [batch for one in mine if (batch := self._derive(f"{source}/{one.entry.name}", one, read)) is not None]
        if not made:
            return rows
        return pa.Table.from_batches([rows, *made]).unify_dictionaries().combine_chunks().to_batches()[0]

    def commit(self) -> None:
        """Remember the newest inputs, as what came of them is durable."""
        self._last.update(self._next)
        self._next.clear()

    def forget(self) -> None:
        """Forget what was derived: the rows will come again."""
        self._next.clear()

    def _derive(self, key: str, one: _Formula, read: Numbers) -> pa.RecordBatch | None:
        """Compute one tag: at each row of an input, with the newest value of every other."""
        places = [read.place(tag) for tag in one.tags]
        triggers = np.flatnonzero(np.isin(read.tag, [place for place in places if place >= 0]))
        if not triggers.size:
            return None
        width = len(places)
        last = self._next.get(key) or self._last.get(key) or _Last(np.zeros(width), np.zeros(width, np.bool_))
        after = replace(last, value=last.value.copy(), known=last.known.copy())
        good = read.numeric[triggers] & (read.quality[triggers] == Quality.GOOD) & np.isfinite(read.number[triggers])
        values: dict[str, Floats] = {}
        known: dict[str, Bools] = {}
        for n, (name, place) in enumerate(zip(one.names, places, strict=True)):
            is_it = read.tag[triggers] == place
            newest = np.maximum.accumulate(np.where(is_it, np.arange(triggers.size), -1))
            here = newest >= 0
            values[name] = np.where(here, read.number[triggers][newest], last.value[n])
            known[name] = np.where(here, good[newest], last.known[n])
            after.value[n], after.known[n] = values[name][-1], known[name][-1]
            values[name] = np.where(known[name], values[name], 0.0)
        self._next[key] = after
        try:
            results, there = one.evaluate(values, known, read.ts[triggers])
        except Exception:
            log.exception("the derived tag %s could not be computed", key)
            return None
        return _rows(one.entry.name, results[there], read.ts[triggers][there]) if there.any() else None


def _rows(tag: str, values: Floats, ts: Ints) -> pa.RecordBatch:
    count = values.size
    columns = {
        "tag": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32), pa.int32()), pa.array([tag])),
        "ts": pa.array(ts).cast(pa.timestamp("ns", tz="UTC")),
        "v": pa.array(values),
        "q": pa.array(np.full(count, Quality.GOOD, np.int16)),
    }
    arrays = [columns[one.name] if one.name in columns else pa.nulls(count, one.type) for one in SAMPLES]
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)
