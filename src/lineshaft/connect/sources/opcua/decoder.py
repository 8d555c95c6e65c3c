"""A PublishResponse's bytes straight into columns, without a Python object per value.

Runs of equal fixed layout are read by NumPy, other scalars one by one through cached layouts, strings by hand; arrays,
structures and everything rare go through asyncua item by item and become JSON. Layouts are OPC UA part 6, binary.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lineshaft.connect.sources.opcua.columns import Columns, Value, fitting, ns_of
from lineshaft.connect.sources.opcua.layout import BYTES, HAS_VALUE, REAL, STRING, XML, Layout, Tail, layout, tail
from lineshaft.connect.sources.opcua.plain import slow_value, text_of_bytes

_u16 = struct.Struct("<H").unpack_from
_u32 = struct.Struct("<I").unpack_from
_i32 = struct.Struct("<i").unpack_from
_i64 = struct.Struct("<q").unpack_from

PUBLISH_RESPONSE, SERVICE_FAULT = 829, 397
DATA_CHANGE, STATUS_CHANGE = 811, 820
HISTORY_RESPONSE, HISTORY_DATA = 667, 658
NOBODY = 0xFFFFFFFF
RUN, FEW = 12, 8
"""From so many equal items in a row, and in a message, NumPy is faster than one by one."""


class Unreadable(ValueError):
    """The message has a shape this decoder does not read; the whole message goes to asyncua."""


@dataclass(slots=True)
class Published:
    """One PublishResponse: the columns of its data changes and what else the server said."""

    result: int = 0
    subscription: int = 0
    sequence: int = 0
    published: int = 0
    more: bool = False
    columns: Columns | None = None
    status_changes: list[int] = field(default_factory=list[int])
    broken: list[tuple[int, str, int]] = field(default_factory=list[tuple[int, str, int]])
    """Items that could not be read: handle of the first, why, how many."""

    @property
    def has_data(self) -> bool:
        """Whether the message used up a sequence number (a keep-alive does not)."""
        return self.columns is not None or bool(self.status_changes)


def decode_publish(buf: bytes, now: int) -> Published:
    """Decode the body of a PublishResponse (or ServiceFault: only `result` is set). `now` stands in for missing times."""
    kind, pos = _type(buf, 0)
    if kind not in (PUBLISH_RESPONSE, SERVICE_FAULT):
        raise Unreadable(f"message type {kind}")
    out = Published()
    pos = _header(buf, pos, out)
    if kind == SERVICE_FAULT or out.result >> 31:
        return out
    out.subscription, count = _u32(buf, pos)[0], _i32(buf, pos + 4)[0]
    pos += 8 + 4 * max(count, 0)
    out.more = bool(buf[pos])
    out.sequence, ticks = _u32(buf, pos + 1)[0], _i64(buf, pos + 5)[0]
    out.published = ns_of(ticks) if ticks > 0 else now
    count = _i32(buf, pos + 13)[0]
    pos += 17
    spans: list[tuple[int, int, int]] = []
    for _ in range(max(count, 0)):
        kind, pos = _type(buf, pos)
        end = pos + 5 + max(_i32(buf, pos + 1)[0], 0)
        if buf[pos] != 1:
            raise Unreadable("notification without a binary body")
        if kind == DATA_CHANGE:
            spans.append((pos + 9, max(_i32(buf, pos + 5)[0], 0), end))
        elif kind == STATUS_CHANGE:
            out.status_changes.append(_u32(buf, pos + 5)[0])
        pos = end
    total = sum(n for _, n, _ in spans)
    if spans:
        out.columns = Columns(total)
    for start, n, end in spans:
        decode_items(buf, start, n, end, out)
    if out.columns is not None:
        out.columns.settle(now)
    return out


def _type(buf: bytes, pos: int) -> tuple[int, int]:
    """Read the numeric type id of a message or body; the standard ones are in namespace 0."""
    if buf[pos] == 1 and buf[pos + 1] == 0:
        return _u16(buf, pos + 2)[0], pos + 4
    if buf[pos] == 0:
        return buf[pos + 1], pos + 2
    if buf[pos] == 2 and _u16(buf, pos + 1)[0] == 0:
        return _u32(buf, pos + 3)[0], pos + 7
    raise Unreadable("type id in a long form")


def _header(buf: bytes, pos: int, out: Published) -> int:
    out.result = _u32(buf, pos + 12)[0]
    pos += 16
    if buf[pos] != 0:
        raise Unreadable("diagnostics in the header")
    count = _i32(buf, pos + 1)[0]
    pos += 5
    for _ in range(max(count, 0)):
        pos += 4 + max(_i32(buf, pos)[0], 0)
    if buf[pos : pos + 3] != b"\0\0\0":
        raise Unreadable("additional header")
    return pos + 3


def decode_items(buf: bytes, pos: int, n: int, end: int, out: Published) -> None:
    """Decode `n` monitored items that lie between `pos` and `end` into the columns."""
    columns = out.columns
    if columns is None:
        return
    groups: dict[int, _Group] = {}
    while n > 0:
        try:
            mask = buf[pos + 4]
            key = mask | buf[pos + 5] << 8 if mask & HAS_VALUE else mask
            fixed = layout(key)
            if fixed is not None:
                took, pos = _run(buf, pos, n, end, key, fixed, columns, groups) if n > RUN else (0, pos)
                n -= took
                if not took:
                    n, pos = _singles(buf, pos, n, end, columns, groups)
                continue
            pos = _varying(buf, pos, key >> 8, columns)
        except Exception as error:  # noqa: BLE001 - whatever a foreign server sent: the item is counted, the line goes on
            out.broken.append((_u32(buf, pos)[0] if pos + 4 <= end else NOBODY, f"{type(error).__name__}: {error}", n))
            break
        n -= 1
    for group in groups.values():
        _gather(buf, group, columns)


@dataclass(slots=True)
class _Group:
    """Where items of one fixed layout lie: in runs (place in the columns, position, how many), and one by one."""

    fixed: Layout
    runs: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    places: list[int] = field(default_factory=list[int])
    positions: list[int] = field(default_factory=list[int])


def _group(groups: dict[int, _Group], key: int, fixed: Layout) -> _Group:
    group = groups.get(key)
    if group is None:
        group = groups[key] = _Group(fixed)
    return group


def _run(
    buf: bytes, pos: int, n: int, end: int, key: int, fixed: Layout, columns: Columns, groups: dict[int, _Group]
) -> tuple[int, int]:
    """Note a run of equal layout if the twelfth next item looks the same; return how many were taken, and where it ends."""
    mask, size = key & 0xFF, fixed.size
    probe = pos + RUN * size
    if probe + 6 > end or buf[probe + 4] != mask or (mask & HAS_VALUE and buf[probe + 5] != key >> 8):
        return 0, pos
    count = min(n, (end - pos) // size)
    looks: npt.NDArray[np.uint16] = np.ndarray((count,), "<u2" if mask & HAS_VALUE else "u1", buf, pos + 4, (size,))
    other = looks != key
    first = int(other.argmax())
    took = first if other[first] else count
    _group(groups, key, fixed).runs.append((columns.n, pos, took))
    columns.n += took
    return took, pos + took * size


def _singles(buf: bytes, pos: int, n: int, end: int, columns: Columns, groups: dict[int, _Group]) -> tuple[int, int]:
    """Note items of fixed layout one by one until one is not, or a run may begin; return how many are left, and where."""
    place, left, before = columns.n, n, -1
    while left and pos + 5 <= end:
        mask = buf[pos + 4]
        if mask & HAS_VALUE and pos + 6 > end:
            break
        key = mask | buf[pos + 5] << 8 if mask & HAS_VALUE else mask
        fixed = layout(key)
        if fixed is None or pos + fixed.size > end or (key == before and left > RUN and _again(buf, pos, end, mask, fixed)):
            break
        group = groups.get(key) or _group(groups, key, fixed)
        group.places.append(place)
        group.positions.append(pos)
        place += 1
        left -= 1
        pos += fixed.size
        before = key
    columns.n = place
    if left == n:
        raise Unreadable("an item is longer than its message")
    return left, pos


def _again(buf: bytes, pos: int, end: int, mask: int, fixed: Layout) -> bool:
    """Whether the twelfth next item may look the same, so that a run is worth trying."""
    probe = pos + 4 + RUN * fixed.size
    return probe < end and buf[probe] == mask


def _gather(buf: bytes, group: _Group, columns: Columns) -> None:
    """Read all items of one layout together; a few are read one by one."""
    fixed, runs = group.fixed, group.runs
    if not runs and len(group.places) < FEW:
        for place, pos in zip(group.places, group.positions, strict=True):
            _single(buf, place, pos, fixed, columns)
    elif len(runs) == 1 and not group.places:
        place, pos, n = runs[0]
        columns.run(np.frombuffer(buf, fixed.dtype, n, pos), fixed, slice(place, place + n))
    else:
        places = np.concatenate([np.arange(place, place + n) for place, _, n in runs] + [np.array(group.places, np.intp)])
        pieces = [buf[pos : pos + n * fixed.size] for _, pos, n in runs] + [
            buf[pos : pos + fixed.size] for pos in group.positions
        ]
        columns.run(np.frombuffer(b"".join(pieces), fixed.dtype), fixed, places)


def _single(buf: bytes, place: int, pos: int, fixed: Layout, columns: Columns) -> None:
    got, behind, late = fixed.struct.unpack_from(buf, pos), fixed.tail, columns.late
    late.places.append(place)
    late.handles.append(got[0])
    late.statuses.append(got[behind.status] if behind.status >= 0 else 0)
    late.ticks.append(_ticks(got, behind, columns, place))
    late.values.append(
        None if fixed.value < 0 else got[fixed.value] if fixed.kind <= REAL else fitting(got[fixed.value], fixed.kind)
    )


def _varying(buf: bytes, pos: int, variant: int, columns: Columns) -> int:
    """Decode one item whose size depends on its content and return where the next begins."""
    value, end = _text(buf, pos + 6, variant) if variant in (STRING, XML, BYTES) else slow_value(buf, pos + 5)
    behind = tail(buf[pos + 4])
    got = behind.struct.unpack_from(buf, end)
    place, late = columns.n, columns.late
    late.places.append(place)
    late.handles.append(_u32(buf, pos)[0])
    late.statuses.append(got[behind.status] if behind.status >= 0 else 0)
    late.ticks.append(_ticks(got, behind, columns, place))
    late.values.append(value)
    columns.n += 1
    return end + behind.struct.size


def _text(buf: bytes, pos: int, variant: int) -> tuple[Value, int]:
    """Read a String, XmlElement or ByteString: its length, then its bytes; a negative length is null."""
    size = _i32(buf, pos)[0]
    if size < 0:
        return None, pos + 4
    end = pos + 4 + size
    if end > len(buf):
        raise Unreadable("the text is longer than the message")
    body = buf[pos + 4 : end]
    return text_of_bytes(body) if variant == BYTES else body.decode("utf-8", "replace"), end


def _ticks(got: tuple[int, ...], behind: Tail, columns: Columns, place: int) -> int:
    """Return the source's time, the server's where there is none, else 0; picoseconds go beside."""
    ticks, pico = (got[behind.source] if behind.source >= 0 else 0), behind.source_pico
    if ticks <= 0 and behind.server >= 0:
        ticks, pico = got[behind.server], behind.server_pico
    if ticks > 0 and pico >= 0 and got[pico] >= 100:
        columns.extra[place] = ns_of(ticks, got[pico])
    return ticks


def decode_history(buf: bytes) -> tuple[int, list[History]]:
    """Decode the body of a HistoryReadResponse: its result, and what each node answered. Times keep all their digits."""
    kind, pos = _type(buf, 0)
    if kind not in (HISTORY_RESPONSE, SERVICE_FAULT):
        raise Unreadable(f"message type {kind}")
    out = Published()
    pos = _header(buf, pos, out)
    if kind == SERVICE_FAULT or out.result >> 31:
        return out.result, []
    count, pos = max(_i32(buf, pos)[0], 0), pos + 4
    found: list[History] = []
    for _ in range(count):
        status, size = _u32(buf, pos)[0], max(_i32(buf, pos + 4)[0], 0)
        point, pos = buf[pos + 8 : pos + 8 + size], pos + 8 + size
        kind, pos = _type(buf, pos)
        start, end = (pos + 5, pos + 5 + max(_i32(buf, pos + 1)[0], 0)) if buf[pos] else (pos + 1, pos + 1)
        found.append(History(status, bytes(point), start if kind == HISTORY_DATA else end, end))
        pos = end
    return out.result, found


@dataclass(frozen=True, slots=True)
class History:
    """One node's answer: its status, where to go on, and where its values lie in the message."""

    status: int
    point: bytes
    start: int
    end: int

    def values(self, buf: bytes) -> list[tuple[int, int, Value]]:
        """Return status, time (ns) and value of each, in the order the server gives them."""
        if self.end - self.start < 4:
            return []
        found: list[tuple[int, int, Value]] = []
        count, pos = max(_i32(buf, self.start)[0], 0), self.start + 4
        for _ in range(count):
            mask, pos = buf[pos], pos + 1
            value, pos = slow_value(buf, pos) if mask & HAS_VALUE else (None, pos)
            behind = tail(mask)
            got = behind.struct.unpack_from(buf, pos)
            pos += behind.struct.size
            found.append((got[behind.status] if behind.status >= 0 else 0, _moment(got, behind), value))
        return found


def _moment(got: tuple[int, ...], behind: Tail) -> int:
    """Return the source's time, the server's where there is none, in nanoseconds; 0 where there is neither."""
    ticks, pico = (got[behind.source] if behind.source >= 0 else 0), behind.source_pico
    if ticks <= 0 and behind.server >= 0:
        ticks, pico = got[behind.server], behind.server_pico
    return ns_of(ticks, got[pico] if pico >= 0 else 0) if ticks > 0 else 0
