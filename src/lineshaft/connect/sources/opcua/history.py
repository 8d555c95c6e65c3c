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

from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.decoder import decode_history
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


async def fill(client: Any, gaps: Sequence[Gap], take: Take) -> Filled:
    """Read the values of every gap, in order of each tag's time, and hand them on as they come."""
    done = Filled()
    for start in range(0, len(gaps), ASKED):
        part = {gap.handle: gap for gap in gaps[start : start + ASKED]}
        points: dict[int, bytes] = {}
        got: set[int] = set()
        while part:
            body = await _ask(client, list(part.values()), points)
            columns, points = _taken(part, body, done, got)
            part = {handle: gap for handle, gap in part.items() if handle in points}
            if columns.n:
                columns.settle(now_ns())
                take(columns)
                done.values += columns.n
        done.tags += len(got)
    return done


def _taken(part: dict[int, Gap], body: bytes, done: Filled, got: set[int]) -> tuple[Columns, dict[int, bytes]]:
    """Return the values that lie within their gaps, and where to go on for tags that have more."""
    result, answers = decode_history(body)
    if result >> 31:
        raise ua.UaStatusCodeError(result)
    decoded = [(gap, answer, answer.values(body)) for gap, answer in zip(part.values(), answers, strict=True)]
    columns = Columns(sum(len(values) for _, _, values in decoded))
    points: dict[int, bytes] = {}
    for gap, answer, values in decoded:
        if answer.status >> 30:
            done.refused += 1
            continue
        for status, ts, value in values:
            if gap.after < ts < gap.before and not _same(ts, gap.before):
                columns.add(gap.handle, status, ts, value)
                got.add(gap.handle)
        if answer.point and values:
            points[gap.handle] = answer.point
    return columns, points


def _same(kept: int, live: int) -> bool:
    """Whether a time in the history is that of the value heard live, which histories keep in whole micro- or milliseconds."""
    return any(kept % unit == 0 and kept == live - live % unit for unit in (100, 1_000, 1_000_000))


async def _ask(client: Any, gaps: Sequence[Gap], points: dict[int, bytes]) -> bytes:
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
    request = ua.HistoryReadRequest()
    request.Parameters = parameters
    answer = await client.uaclient._send_request(request)  # noqa: SLF001 - the one call that returns bytes
    return bytes(answer.read(len(answer)))


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000 / 1e6, UTC)
