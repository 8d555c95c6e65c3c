"""Tags that are read in rounds instead of being listened to: many a request, and a value only when it is a new one."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from asyncua import ua

from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.names import Namespaces
from lineshaft.connect.sources.opcua.plain import plain, time_of
from lineshaft.connect.sources.opcua.subscription import refused
from lineshaft.core import now_ns

MOST = 500
GONE = {ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid, ua.StatusCodes.BadAttributeIdInvalid}
DENIED = {ua.StatusCodes.BadNotReadable, ua.StatusCodes.BadUserAccessDenied}


class Rounds:
    """Reads its tags; a value that has the time and status of the one before is not told again."""

    def __init__(self, names: Namespaces, tags: Sequence[str]) -> None:
        self.tags = list(tags)
        self.names = pa.array(self.tags, pa.string())
        self.bad: dict[str, str] = {}
        self._nodes: list[tuple[int, Any]] = []
        self._last: dict[int, tuple[int, int]] = {}
        self._most = MOST
        for handle, tag in enumerate(self.tags):
            try:
                self._nodes.append((handle, names.node(tag)))
            except (ua.UaError, ValueError) as error:
                self.bad[tag] = str(error) or f"'{tag}' is not a NodeId"

    async def read(self, session: Any, now: int) -> Columns:
        """Read every tag once and return what is new. Raises ConnectionError, TimeoutError or UaError."""
        columns = Columns(len(self._nodes))
        start = 0
        while start < len(self._nodes):
            part = self._nodes[start : start + self._most]
            asked = [ua.ReadValueId(node, ua.AttributeIds.Value) for _, node in part]
            parameters = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Both, NodesToRead=asked)
            try:
                answers = await session.read(parameters)
            except ua.uaerrors.BadTooManyOperations:
                if self._most == 1:
                    raise
                self._most //= 2
                continue
            for (handle, _), data in zip(part, answers, strict=True):
                self._take(columns, handle, data, now)
            start += len(part)
        columns.settle(now_ns())
        return columns

    def _take(self, columns: Columns, handle: int, data: Any, now: int) -> None:
        code = data.StatusCode or ua.StatusCode()
        status = int(code.value)
        if status in GONE or status in DENIED:
            self.bad[self.tags[handle]] = refused(str(code.name))
            return
        self.bad.pop(self.tags[handle], None)
        sourced = data.SourceTimestamp is not None
        ts = time_of(data, now) if sourced else now  # without the source's time, the server's says when it was asked
        if sourced and self._last.get(handle) == (ts, status):
            return
        self._last[handle] = ts, status
        columns.add(handle, status, ts, plain(data.Value))
