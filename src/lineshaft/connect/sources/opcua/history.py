"""What a server kept in its history while we were away: read after a gap, tag by tag, between the last value and the next.

Only variables whose server says that their history may be read are asked; what comes is older than what we hear live, and nothing
that was heard live comes again.
"""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.plain import plain, time_of
from lineshaft.core import now_ns

ASKED, VALUES = 50, 2_000
"""Nodes a request, and values of each."""
HISTORY_READ = 0x4
Take = Callable[[Columns], None]


@dataclass(frozen=True, slots=True)
class Gap:
    """A tag's time without values: after the last one heard, before the next one (both ns, both excluded)."""

    handle: int
    node: Any
    after: int
    before: int


@dataclass(slots=True)
class Filled:
    """How a round of filling gaps went."""

    values: int = 0
    tags: int = 0
    refused: int = 0


async def historical(session: Any, nodes: Sequence[Any]) -> list[bool]:
    """Say of each node whether its server keeps a history of it that we may read."""
    found: list[bool] = []
    for start in range(0, len(nodes), 500):
        asked = [ua.ReadValueId(node, ua.AttributeIds.UserAccessLevel) for node in nodes[start : start + 500]]
        answers = await session.read(ua.ReadParameters(NodesToRead=asked))
        found += [
            bool(one.Value is not None and isinstance(one.Value.Value, int) and one.Value.Value & HISTORY_READ) for one in answers
        ]
    return found


async def fill(session: Any, gaps: Sequence[Gap], take: Take) -> Filled:
    """Read the values of every gap, in order of each tag's time, and hand them on as they come."""
    done = Filled()
    for start in range(0, len(gaps), ASKED):
        part = {gap.handle: gap for gap in gaps[start : start + ASKED]}
        points: dict[int, bytes] = {}
        got: set[int] = set()
        while part:
            results = await _ask(session, list(part.values()), points)
            columns, points = _taken(part, results, done, got)
            part = {handle: gap for handle, gap in part.items() if handle in points}
            if columns.n:
                columns.settle(now_ns())
                take(columns)
                done.values += columns.n
        done.tags += len(got)
    return done


def _taken(part: dict[int, Gap], results: Sequence[Any], done: Filled, got: set[int]) -> tuple[Columns, dict[int, bytes]]:
    """Return the values that lie within their gaps, and where to go on for tags that have more."""
    decoded = [(gap, result, _values(result)) for gap, result in zip(part.values(), results, strict=True)]
    columns = Columns(sum(len(values) for _, _, values in decoded))
    points: dict[int, bytes] = {}
    for gap, result, values in decoded:
        if result.StatusCode is not None and not result.StatusCode.is_good():
            done.refused += 1
            continue
        for data in values:
            ts = time_of(data, 0)
            if gap.after < ts < gap.before and not _same(ts, gap.before):
                columns.add(gap.handle, 0 if data.StatusCode is None else int(data.StatusCode.value), ts, plain(data.Value))
                got.add(gap.handle)
        if result.ContinuationPoint and values:
            points[gap.handle] = result.ContinuationPoint
    return columns, points


def _same(kept: int, live: int) -> bool:
    """Whether a time in the history is that of the value heard live, which histories keep in whole micro- or milliseconds."""
    return any(kept % unit == 0 and kept == live - live % unit for unit in (100, 1_000, 1_000_000))


async def _ask(session: Any, gaps: Sequence[Gap], points: dict[int, bytes]) -> list[Any]:
    """Ask for the next values of some gaps. Their times in the request are those of the widest."""
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified = False
    details.StartTime = _moment(min(gap.after for gap in gaps))
    details.EndTime = _moment(max(gap.before for gap in gaps) + 1_000)
    details.NumValuesPerNode = VALUES
    details.ReturnBounds = False
    nodes = []
    for gap in gaps:
        one = ua.HistoryReadValueId()
        one.NodeId = gap.node
        one.ContinuationPoint = points.get(gap.handle)
        nodes.append(one)
    parameters = ua.HistoryReadParameters()
    parameters.HistoryReadDetails = details
    parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    parameters.ReleaseContinuationPoints = False
    parameters.NodesToRead = nodes
    return list(await session.history_read(parameters))


def _values(result: Any) -> list[Any]:
    data = result.HistoryData
    if data is None or isinstance(data, ua.HistoryData):
        return [] if data is None else list(data.DataValues or [])
    body = getattr(data, "Body", None)
    if not body:
        return []
    return list(struct_from_binary(ua.HistoryData, Buffer(body)).DataValues or [])


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000 / 1e6, UTC)
