"""The host application: what births, data and deaths mean, and when a rebirth is asked for (specification 3.0)."""

# pyright: reportArgumentType=false, reportCallIssue=false
# pyarrow's stubs know neither NumPy buffers nor boolean arrays
from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from lineshaft.connect.collect import Collector
from lineshaft.connect.image import absent
from lineshaft.connect.sources.sparkplug.pattern import Patterns
from lineshaft.connect.sources.sparkplug.register import Body, Node, Register, hidden
from lineshaft.connect.sources.sparkplug.values import FLOATING, TRUTH, WHOLE, Unstorable, integers, quality_of, value_of
from lineshaft.connect.sparkplug_b import Head, Malformed, Metrics, Type, messages, parse
from lineshaft.core import SAMPLES

LONGEST_WAIT = 300.0
MS = 1_000_000
LATEST = 2**43
"""Milliseconds from which on a time is none: that of its payload, or its arrival, stands in."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message: its kind (NBIRTH, DDATA ...), whose it is, its payload and when it came (UTC ns)."""

    kind: str
    node: Node
    device: str
    payload: bytes
    at: int


class Host:
    """Turns messages into rows; `wanting` are the nodes whose rebirth should be asked for."""

    def __init__(self, rebirth_after: float) -> None:
        self.register = Register()
        self.wanting: list[Node] = []
        self.rejected: Counter[tuple[str, str]] = Counter()
        self._rows: list[pa.RecordBatch] = []
        self._slow = Collector()
        self._patterns = Patterns()
        self._after = rebirth_after

    def hear(self, heard: Sequence[Heard]) -> list[pa.RecordBatch]:
        """Take messages in the order they came and return their rows; consecutive data is decoded at once."""
        data: list[Heard] = []
        for one in heard:
            if one.kind in ("NDATA", "DDATA"):
                data.append(one)
                continue
            self._data(data)
            data = []
            try:
                self._life(one)
            except Malformed as error:
                self.rejected[self._path(one), str(error)] += 1
        self._data(data)
        return self._take()

    def _path(self, one: Heard) -> str:
        return f"{one.node.path}/{one.device}" if one.device else one.node.path

    def _take(self) -> list[pa.RecordBatch]:
        rest = self._slow.take()
        rows, self._rows = self._rows + ([rest] if rest else []), []
        return rows

    # --- life -----------------------------------------------------------------------------------------------------

    def _life(self, one: Heard) -> None:
        """Take a birth or a death."""
        payload = parse(one.payload)
        if one.kind == "NBIRTH":
            self._node_born(one, payload)
        elif one.kind == "DBIRTH":
            if not one.node.born:
                self.want(one.node)
                return
            self._follow(one.node, payload.seq)
            self._bear(one, payload)
        elif one.kind == "NDEATH":
            number = _birth_number(payload)
            if one.node.bd_seq in (number, -1) or number == -1:
                self.die(one.node, one.at, "the edge node died")
        elif one.kind == "DDEATH":
            self._follow(one.node, payload.seq)
            body = self.register.body(one.node, one.device)
            self._rows += _absent(self.register, [body], one.at)

    def _node_born(self, one: Heard, payload: Any) -> None:
        node = one.node
        node.born, node.wants, node.wait, node.unproven_since, node.why_dead = True, False, 0.0, None, ""
        node.seq = payload.seq if payload.HasField("seq") else 0
        node.bd_seq = _birth_number(payload)
        for body in node.bodies.values():
            body.alive = False  # its devices are born anew after it
        self._bear(one, payload)

    def _bear(self, one: Heard, payload: Any) -> None:
        """Note the metrics of a birth and take their values."""
        body = self.register.body(one.node, one.device)
        metrics = [metric for metric in payload.metrics if metric.name and not hidden(metric.name)]
        aliases = [int(metric.alias) if metric.HasField("alias") else None for metric in metrics]
        ids = self.register.bear(body, [(m.name, alias, m.datatype) for m, alias in zip(metrics, aliases, strict=True)])
        for metric, number in zip(metrics, ids, strict=True):
            self._one(metric, number, payload.timestamp if payload.HasField("timestamp") else -1, one.at)

    def die(self, node: Node, at: int, why: str) -> None:
        """Make every tag of a node and its devices bad, once."""
        if node.born or node.unproven_since is not None:
            self._rows += _absent(self.register, list(node.bodies.values()), at)
        node.born, node.unproven_since, node.why_dead = False, None, why

    def away(self) -> None:
        """Distrust every node after we were away ourselves: each is asked for a rebirth."""
        now = time.monotonic()
        for node in self.register.nodes.values():
            if node.born:
                node.unproven_since = now if node.unproven_since is None else node.unproven_since
                node.wait = 0.0
                node.ask_from = 0.0
                self.want(node)

    def want(self, node: Node) -> None:
        """Ask for a rebirth, unless it was asked for lately."""
        now = time.monotonic()
        if node.wants or now < node.ask_from:
            return
        node.wants = True
        node.wait = min(max(self._after, node.wait * 2), LONGEST_WAIT)
        node.ask_from = now + node.wait
        self.wanting.append(node)

    def silent(self, at: int, longest: float) -> list[pa.RecordBatch]:
        """Take those for dead that did not answer since we came back; return the rows that say so."""
        oldest = time.monotonic() - longest
        for node in self.register.nodes.values():
            if node.unproven_since is not None and node.unproven_since < oldest:
                self.die(node, at, "the edge node did not answer since we came back")
        return self._take()

    def _follow(self, node: Node, seq: int) -> None:
        """Watch the sequence: a gap means that something was missed."""
        expected = (node.seq + 1) % 256
        node.seq = seq
        if node.born and seq != expected:
            self.want(node)

    # --- data -----------------------------------------------------------------------------------------------------

    def _data(self, heard: list[Heard]) -> None:
        if not heard:
            return
        try:
            speakers = [(one.node.path, one.device) for one in heard]
            heads, metrics = self._patterns.decode([one.payload for one in heard], speakers)
        except Malformed as error:
            if len(heard) == 1:
                self.rejected[self._path(heard[0]), str(error)] += 1
                return
            for one in heard:
                self._data([one])
            return
        bodies = [self._speaks(one, head) for one, head in zip(heard, heads, strict=True)]
        self._columns(heard, heads, bodies, metrics)

    def _speaks(self, one: Heard, head: Head) -> Body | None:
        """Return who speaks, None when we know nothing of it: it is asked for its birth."""
        node = one.node
        node.unproven_since = None
        self._follow(node, head.seq)
        body = node.bodies.get(one.device)
        if not node.born or body is None or not body.alive:
            self.want(node)
            return None if body is None or not body.ids else body
        return body

    def _columns(self, heard: list[Heard], heads: list[Head], bodies: list[Body | None], metrics: Metrics) -> None:
        """Put metrics into columns; what nobody was born with is counted and its node asked for a rebirth."""
        numbers = np.array([-1 if body is None else body.number for body in bodies], np.int64)
        if metrics.pattern is None:
            ids = self.register.find(numbers[metrics.message], metrics.key, metrics.named)
        else:
            ids = self.register.find_pattern(metrics.pattern, numbers, metrics.key, metrics.named)
        fast = np.ones(len(ids), bool)
        for row, start, end in metrics.slow:
            fast[row] = False
            self._odd(metrics.data[start:end], numbers, int(metrics.message[row]), heard, heads)
        unknown = fast & (ids < 0)
        if unknown.any():
            for message, n in zip(*np.unique(metrics.message[unknown], return_counts=True), strict=True):
                self._unknown(heard[int(message)], int(n))
        good = fast & (ids >= 0) & ~metrics.transient
        if good.any():
            self._rows.append(self._batch(heard, heads, metrics, ids, slice(None) if good.all() else np.flatnonzero(good)))

    def _unknown(self, one: Heard, n: int = 1) -> None:
        self.rejected[f"{self._path(one)}/?", "nobody heard these metrics being born: a rebirth is asked for"] += n
        self.want(one.node)

    def _batch(
        self, heard: list[Heard], heads: list[Head], metrics: Metrics, ids: NDArray[np.int64], rows: NDArray[np.int64] | slice
    ) -> pa.RecordBatch:
        """Return the rows of known metrics as SAMPLES."""
        message, ids, field, raw = metrics.message[rows], ids[rows], metrics.field[rows], metrics.raw[rows]
        standing_in = np.array(
            [head.ms * MS if 0 <= head.ms < LATEST else one.at for one, head in zip(heard, heads, strict=True)], np.int64
        )
        ms = metrics.ms[rows]
        ts = ms * MS
        if ms.min() < 0 or ms.max() >= LATEST:
            ts = np.where((ms >= 0) & (ms < LATEST), ts, standing_in[message])
        kinds = self.register.kinds[ids]
        floating, whole, truth = FLOATING[field], WHOLE[field], field == TRUTH
        huge = whole & (kinds == Type.UINT64) & (raw >= np.uint64(2**63))
        texts = pa.nulls(len(ids), pa.string())
        if huge.any():
            texts = pa.array([str(int(number)) if big else None for number, big in zip(raw, huge, strict=True)], pa.string())
        arrays = [
            self.register.name(ids),
            pa.Array.from_buffers(SAMPLES.field("ts").type, len(ids), [None, pa.py_buffer(ts)]),
            _where(floating, lambda: raw.view(np.float64), pa.float64()),
            _where(whole & ~huge, lambda: integers(raw, kinds), pa.int64()),
            texts,
            _where(truth, lambda: raw != 0, pa.bool_()),
            pa.array(np.zeros(len(ids), np.int16)),
            pa.nulls(len(ids), pa.int32()),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)

    def _odd(self, raw: bytes, numbers: NDArray[np.int64], message: int, heard: list[Heard], heads: list[Head]) -> None:
        """Take one metric that is not read in columns: text, arrays, properties."""
        one = heard[message]
        try:
            metric = messages()[1].FromString(raw)
        except DecodeError:
            self.rejected[self._path(one), "a metric cannot be decoded"] += 1
            return
        named = not metric.HasField("alias")
        if named and hidden(metric.name):
            return
        found = self.register.locate(int(numbers[message]), metric.name if named else int(metric.alias))
        if found < 0:
            self._unknown(one)
            return
        self._one(metric, found, heads[message].ms, one.at)

    def _one(self, metric: Any, number: int, head_ms: int, at: int) -> None:
        """Take the value of one metric message."""
        tag = self.register.tags[number]
        if metric.is_transient:
            return
        try:
            value = value_of(metric, metric.datatype or self.register.kind(number))
        except Unstorable as error:
            self.rejected[tag, str(error)] += 1
            return
        ms = int(metric.timestamp) if metric.HasField("timestamp") else head_ms
        self._slow.add(tag, ms * MS if 0 <= ms < LATEST else at, value, quality_of(metric))


def _where(there: NDArray[np.bool_], values: Callable[[], NDArray[Any]], kind: pa.DataType) -> Any:
    """Return a column of values where they are there, and nulls."""
    if not there.any():
        return pa.nulls(len(there), kind)
    return pa.array(values(), kind) if there.all() else pa.array(values(), kind, mask=~there)


def _birth_number(payload: Any) -> int:
    """Return bdSeq, which joins a birth and the death that was its will; -1 without one."""
    return next((int(metric.long_value or metric.int_value) for metric in payload.metrics if metric.name == "bdSeq"), -1)


def _absent(register: Register, bodies: list[Body], at: int) -> list[pa.RecordBatch]:
    """Return a bad row without value for every metric of those that are no more."""
    ids = [number for body in bodies if body.ids and body.alive for number in body.ids]
    for body in bodies:
        body.alive = False
    return [absent([register.tags[number] for number in ids], at)] if ids else []
