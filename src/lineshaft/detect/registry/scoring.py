"""Scorers: a model's output as an asset property, by the clock or with every new value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import (
    Batch,
    DataType,
    InvalidInput,
    NotFound,
    did_you_mean,
    new_id,
    now_ns,
    parse_duration,
    samples,
)
from lineshaft.detect.registry.book import ModelBook
from lineshaft.detect.registry.tables import scorers
from lineshaft.detect.registry.targets import SOURCE, refusal
from lineshaft.guard import Subject

MODES = ("scheduled", "streaming")
NUMBERS = (DataType.DOUBLE, DataType.INTEGER, DataType.BOOLEAN)
HOLD = 600 * 10**9
"""So long a streaming scorer takes an input's last value for its present one."""
LONGEST = 2000
"""At most so many steps are caught up after a rest."""


def create(
    tx: Connection,
    assets: Assets,
    book: ModelBook,
    by: Subject,
    name: str,
    wanted: Mapping[str, Any],
    now: int,
    silent: Callable[[str], bool],
) -> dict[str, Any]:
    """Let a model score into a property from now on. Raises InvalidInput for what does not fit.

    `silent` says that a property never had a value: one that is bound to a source by a prefix alone is free for a score.
    """
    model = book.model(name, tx)
    version = book.usable(name, wanted.get("number"), tx)
    inputs = {str(one): assets.property(path).path for one, path in dict(wanted.get("inputs") or {}).items()}
    missing = [one for one in version["inputs"] if one not in inputs]
    strange = [one for one in inputs if one not in version["inputs"]]
    if missing or strange:
        what = f"no property is given for {', '.join(missing)}" if missing else f"the model has no input '{strange[0]}'"
        hint = f"its inputs are: {', '.join(version['inputs'])}"
        raise InvalidInput(what, where="inputs", hint=hint, code="registry.inputs")
    for path in inputs.values():
        if assets.property(path).type not in NUMBERS:
            raise InvalidInput(f"'{path}' holds no numbers", where="inputs", hint="choose a number", code="registry.inputs")
    output = str(wanted.get("output") or version["outputs"][0])
    if output not in version["outputs"]:
        hint = did_you_mean(output, version["outputs"])
        raise InvalidInput(f"the model has no output '{output}'", where="output", hint=hint, code="registry.output")
    mode = str(wanted.get("mode") or MODES[0])
    if mode not in MODES:
        raise InvalidInput(f"'{mode}' is no mode", where="mode", hint=did_you_mean(mode, MODES), code="registry.mode")
    target = _target(tx, assets, book, str(wanted["property"]), inputs, silent)
    every = parse_duration(wanted.get("every") or "1m", where="every")
    if every < 10**9:
        raise InvalidInput("a step is at least a second", where="every", hint="or take mode: streaming", code="registry.every")
    row: dict[str, Any] = {
        "id": new_id(),
        "version": 1,
        "model_id": model["id"],
        "inputs": inputs,
        "output": output,
        "property": target,
        "mode": mode,
        "every": every,
        "number": wanted.get("number"),
        "on": True,
        "through": now,
        "created": now_ns(),
        "by": by.id,
    }
    tx.execute(scorers.insert().values(**row))
    assets.bind(tx, target, SOURCE, row["id"], now)
    return get(tx, row["id"])


def _target(
    tx: Connection, assets: Assets, book: ModelBook, wanted: str, inputs: Mapping[str, str], silent: Callable[[str], bool]
) -> str:
    """Return the property to write. Raises if something else delivers it, or if scores would feed themselves."""
    one, others = assets.property(wanted), book.scorers(tx=tx)
    refused = refusal(assets, one, {row["property"] for row in others}, silent)
    if refused is not None:
        raise refused
    feeds = {row["property"]: set(row["inputs"].values()) for row in others} | {one.path: set(inputs.values())}
    reached, todo = set[str](), list(feeds[one.path])
    while todo:
        here = todo.pop()
        if here not in reached:
            reached.add(here)
            todo += feeds.get(here, ())
    if one.path in reached:
        raise InvalidInput(
            "the score would be its own input", where="property", hint="choose another property", code="registry.loop"
        )
    return one.path


def get(tx: Connection, scorer_id: str) -> dict[str, Any]:
    """Return one scorer. Raises NotFound."""
    row = tx.execute(sa.select(scorers).where(scorers.c.id == scorer_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no scorer {scorer_id}", code="registry.scorer")
    return dict(row)


def write(tx: Connection, scorer_id: str, **values: Any) -> None:
    """Note something about a scorer."""
    tx.execute(scorers.update().where(scorers.c.id == scorer_id).values(**values))


def remove(tx: Connection, scorer_id: str, model_id: str) -> None:
    """End a scorer of a model; what it wrote stays. Raises NotFound for one of another model."""
    if get(tx, scorer_id)["model_id"] != model_id:
        raise NotFound(f"this model has no scorer {scorer_id}", code="registry.scorer")
    tx.execute(scorers.delete().where(scorers.c.id == scorer_id))


@dataclass(slots=True)
class Stream:
    """A streaming scorer: the last value of every input, and the rows that wait to be scored."""

    names: list[str]
    sids: dict[int, int]
    values: list[float] = field(default_factory=list[float])
    at: list[int] = field(default_factory=list[int])
    waiting: list[tuple[int, tuple[float, ...]]] = field(default_factory=list[tuple[int, tuple[float, ...]]])
    dropped: int = 0
    """Rows that came faster than they can be scored; they are counted as skipped."""

    def __post_init__(self) -> None:
        self.values = [float("nan")] * len(self.names)
        self.at = [0] * len(self.names)

    def take(self, rows: pa.RecordBatch) -> None:
        """Take new values: one row to score for each moment at which an input moved and all are known."""
        sids = rows["sid"].to_numpy()
        mine = np.flatnonzero(np.isin(sids, list(self.sids)))
        if not len(mine):
            return
        part = pa.Table.from_batches([rows]).take(mine)
        times = part["ts"].cast(pa.int64()).to_numpy()
        switch = part["vb"].cast(pa.int8()).cast(pa.float64())
        numbers = pc.coalesce(part["v"], part["vi"].cast(pa.float64(), safe=False), switch).to_numpy()
        good = part["q"].to_numpy() == 0
        for place in np.argsort(times, kind="stable").tolist():
            number, at = self.sids[int(sids[mine[place]])], int(times[place])
            if at <= self.at[number]:
                continue  # late or delivered again: what the input said since then stands
            self.values[number], self.at[number] = (float(numbers[place]) if good[place] else math.nan), at
            now = max(self.at)
            if any(now - each > HOLD for each in self.at) or any(map(math.isnan, self.values)):
                continue
            if self.waiting and self.waiting[-1][0] == now:
                self.waiting.pop()
            self.waiting.append((now, tuple(self.values)))
        self.dropped += max(0, len(self.waiting) - LONGEST)
        del self.waiting[:-LONGEST]


def gathered(
    aggregates: Callable[..., pa.Table], inputs: Mapping[str, str], every: int, start: int, end: int
) -> tuple[Any, dict[str, Any], int]:
    """Return times, the columns of inputs (means of each step) where all have values, and how many steps had not."""
    first, last = start // every + 1, end // every
    whole_size = size = max(last - first + 1, 0)
    if size > LONGEST:
        first, size = last - LONGEST + 1, LONGEST
    columns: dict[str, Any] = {}
    for name, path in inputs.items():
        column = np.full(size, np.nan)
        found = aggregates(path, every, (first - 1) * every, last * every, ("avg",)) if size else None
        if found is not None and found.num_rows:
            place = found["ts"].cast(pa.int64()).to_numpy() // every - first
            inside = (place >= 0) & (place < size)
            column[place[inside]] = found["avg"].to_numpy()[inside]
        columns[name] = column
    whole = ~np.isnan(np.column_stack(list(columns.values()))).any(axis=1) if size else np.zeros(0, np.bool_)
    times = np.arange(first, first + size, dtype=np.int64) * every
    return times[whole], {name: column[whole] for name, column in columns.items()}, int(whole_size - whole.sum())


def batch(scorer_id: str, times: Sequence[int], values: Sequence[float]) -> Batch:
    """Return scores as values of the source of own models; what is no number is left out."""
    pairs = [(int(at), float(value)) for at, value in zip(times, values, strict=True) if np.isfinite(float(value))]
    now = now_ns()
    return Batch(SOURCE, -now, now, samples([{"tag": scorer_id, "ts": at, "value": value} for at, value in pairs]))
