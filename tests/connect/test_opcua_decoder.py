"""The decoder of publish responses: golden messages of foreign servers, and every scalar type and mask against asyncua."""

from __future__ import annotations

import json
import math
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.connect.sources.opcua.columns import EPOCH, Columns
from lineshaft.connect.sources.opcua.decoder import Unreadable, decode_publish
from lineshaft.connect.sources.opcua.plain import take_item

CASES = sorted((Path(__file__).parent / "cases" / "opcua").iterdir())
NOW = 1_700_000_000_123_456_789
BEGIN, END = datetime(1700, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
TAGS = pa.array([f"t{i}" for i in range(2_000)])


def readable(rows: pa.RecordBatch) -> list[list[Any]]:
    """Rows as JSON can hold them; NaN by its name."""
    columns = [rows.column("tag").to_pylist(), rows.column("ts").cast(pa.int64()).to_pylist()]
    columns += [rows.column(name).to_pylist() for name in ("v", "vi", "vs", "vb", "q", "code")]
    return [[_named(cell) for cell in row] for row in zip(*columns, strict=True)]


def _named(cell: Any) -> Any:
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def micros(rows: list[list[Any]]) -> list[list[Any]]:
    """asyncua reads picoseconds at another place than part 6 says, where node-opcua writes them: compare microseconds."""
    return [[tag, ts // 1000, *rest] for tag, ts, *rest in rows]


def by_asyncua(message: bytes) -> Columns:
    """The same message decoded by asyncua, item by item."""
    answer = struct_from_binary(ua.PublishResponse, Buffer(message))
    data = answer.Parameters.NotificationMessage.NotificationData or []
    items = [item for notification in data for item in getattr(notification, "MonitoredItems", [])]
    columns = Columns(len(items))
    for item in items:
        take_item(item, columns, NOW)
    columns.settle(NOW)
    return columns


def publish(items: list[Any], *others: Any) -> bytes:
    answer = ua.PublishResponse()
    answer.Parameters.SubscriptionId = 5
    answer.Parameters.AvailableSequenceNumbers = [1, 2]
    answer.Parameters.NotificationMessage.SequenceNumber = 42
    answer.Parameters.NotificationMessage.NotificationData = [ua.DataChangeNotification(MonitoredItems=items), *others]
    return struct_to_binary(answer)


def item(handle: int, value: Any, kind: Any, **fields: Any) -> Any:
    return ua.MonitoredItemNotification(handle, ua.DataValue(ua.Variant(value, kind), **fields))


def rows_of(message: bytes) -> list[list[Any]]:
    got = decode_publish(message, NOW)
    assert got.columns is not None
    return readable(got.columns.rows(TAGS))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_of_a_foreign_server(case: Path):
    message = bytes.fromhex((case / "message.hex").read_text())
    tags = pa.array(json.loads((case / "tags.json").read_text()))
    got = decode_publish(message, NOW)
    actual = {
        "subscription": got.subscription,
        "sequence": got.sequence,
        "more": got.more,
        "status_changes": got.status_changes,
        "broken": got.broken,
        "rows": readable(got.columns.rows(tags)) if got.columns is not None else None,
    }
    if got.columns is not None:
        assert micros(actual["rows"]) == micros(readable(by_asyncua(message).rows(tags)))
    expected = case / "expected.json"
    if not expected.exists():
        expected.write_text(json.dumps(actual, indent=1, ensure_ascii=False) + "\n")
        pytest.fail(f"{expected} was missing: it holds what was decoded now, look at it and keep it")
    assert json.loads(json.dumps(actual)) == json.loads(expected.read_text())


KINDS: dict[Any, st.SearchStrategy[Any]] = {
    ua.VariantType.Boolean: st.booleans(),
    ua.VariantType.SByte: st.integers(-(2**7), 2**7 - 1),
    ua.VariantType.Byte: st.integers(0, 2**8 - 1),
    ua.VariantType.Int16: st.integers(-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: st.integers(0, 2**16 - 1),
    ua.VariantType.Int32: st.integers(-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: st.integers(0, 2**32 - 1),
    ua.VariantType.Int64: st.integers(-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: st.integers(0, 2**64 - 1),
    ua.VariantType.Float: st.floats(width=32),
    ua.VariantType.Double: st.floats(),
    ua.VariantType.String: st.none() | st.text(),
    ua.VariantType.DateTime: st.datetimes(BEGIN, END, timezones=st.just(UTC)),
    ua.VariantType.Guid: st.uuids(),
    ua.VariantType.ByteString: st.none() | st.binary(max_size=40),
    ua.VariantType.NodeId: st.builds(ua.NodeId, st.text(min_size=1, max_size=9), st.integers(1, 9)),
    ua.VariantType.StatusCode: st.sampled_from([0, 0x80340000, 0x40920000]).map(ua.StatusCode),
    ua.VariantType.QualifiedName: st.builds(ua.QualifiedName, st.text(min_size=1, max_size=9), st.integers(0, 9)),
    ua.VariantType.LocalizedText: st.builds(ua.LocalizedText, st.text(max_size=9), st.sampled_from(["de", "en"])),
}
MOMENTS = st.datetimes(BEGIN, END, timezones=st.just(UTC))


@st.composite
def items(draw: st.DrawFn) -> list[Any]:
    """Items in runs and singly, of any scalar type, arrays between, with any fields present."""
    found: list[Any] = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(list(KINDS)))
        status = draw(st.sampled_from([None, 0, 0x480, 0x40920000, 0x80340000, 0xC0000000]))
        fields = {
            "StatusCode": None if status is None else ua.StatusCode(status),
            "SourceTimestamp": draw(st.none() | MOMENTS),
            "ServerTimestamp": draw(st.none() | MOMENTS),
        }
        for _ in range(draw(st.sampled_from([1, 1, 2, 13, 30]))):
            value = draw(KINDS[kind])
            if draw(st.integers(0, 20)) == 0 and kind in (ua.VariantType.Int32, ua.VariantType.Double, ua.VariantType.String):
                value = [value, value]
            found.append(item(draw(st.integers(0, 1_999)), value, kind, **fields))
    return found


@given(items())
def test_every_scalar_type_and_mask_as_asyncua_reads_it(sent: list[Any]):
    message = publish(sent)
    got = decode_publish(message, NOW)
    assert (got.result, got.subscription, got.sequence, got.broken) == (0, 5, 42, [])
    assert got.columns is not None
    assert got.columns.n == len(sent)
    assert readable(got.columns.rows(TAGS)) == readable(by_asyncua(message).rows(TAGS))


@given(items(), st.data())
def test_a_message_cut_short_or_spoiled_is_never_more_than_counted(sent: list[Any], data: st.DataObject):
    message = bytearray(publish(sent))
    if data.draw(st.booleans()):
        del message[data.draw(st.integers(0, len(message))) :]
    else:
        message[data.draw(st.integers(0, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        got = decode_publish(bytes(message), NOW)
    except (Unreadable, IndexError, ValueError, struct.error, MemoryError):
        return
    if got.columns is not None:
        got.columns.rows(pa.array([""])) if not got.columns.n else None


def test_columns_of_a_mixed_message():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    ns = int(moment.timestamp()) * 10**9 + 678_901_000
    sent = [
        item(0, 1.5, ua.VariantType.Double, SourceTimestamp=moment),
        item(1, 7, ua.VariantType.Int16, SourceTimestamp=moment, StatusCode=ua.StatusCode(0x40920000)),
        item(2, True, ua.VariantType.Boolean, ServerTimestamp=moment),
        item(3, "Läuft", ua.VariantType.String, SourceTimestamp=moment),
        item(4, None, ua.VariantType.Null, StatusCode=ua.StatusCode(0x80340000), SourceTimestamp=moment),
        item(5, UUID(int=7), ua.VariantType.Guid, SourceTimestamp=moment),
        item(6, [1.5, float("nan")], ua.VariantType.Double, SourceTimestamp=moment),
        item(7, 2**64 - 1, ua.VariantType.UInt64, SourceTimestamp=moment),
        item(8, 2.5, ua.VariantType.Double),
    ]
    assert rows_of(publish(sent)) == [
        ["t0", ns, 1.5, None, None, None, 0, 0],
        ["t1", ns, None, 7, None, None, 1, 0x4092],
        ["t2", ns, None, None, None, True, 0, 0],
        ["t3", ns, None, None, "Läuft", None, 0, 0],
        ["t4", ns, None, None, None, None, 2, 0x8034],
        ["t5", ns, None, None, "00000000-0000-0000-0000-000000000007", None, 0, 0],
        ["t6", ns, None, None, '[1.5,"nan"]', None, 0, 0],
        ["t7", ns, None, None, "18446744073709551615", None, 0, 0],
        ["t8", NOW, 2.5, None, None, None, 0, 0],
    ]


def test_picoseconds_stand_where_the_specification_says():
    """asyncua writes them in another place than part 6 says: this message is made by hand."""
    ticks = EPOCH + 10_000_000
    fields = struct.pack("<IBBdqHqH", 3, 0x01 | 0x04 | 0x10 | 0x08 | 0x20, 11, 9.5, ticks, 4_200, ticks + 50, 700)
    message = bytearray(publish([]))
    at = len(message) - 16  # two empty arrays of the notification, two of the answer
    body = struct.pack("<i", 1) + fields + struct.pack("<i", -1)
    message[at - 4 :] = struct.pack("<i", len(body)) + body
    whole = bytes(message) + struct.pack("<ii", -1, -1)
    assert rows_of(whole) == [["t3", 1_000_000_042, 9.5, None, None, None, 0, 0]]


def test_times_that_nanoseconds_cannot_hold_are_held_at_the_nearest():
    far = [item(0, 1.0, ua.VariantType.Double, SourceTimestamp=datetime(9000, 1, 1, tzinfo=UTC)) for _ in range(20)]
    old = [item(0, 1.0, ua.VariantType.Double, SourceTimestamp=datetime(1650, 1, 1, tzinfo=UTC))]
    times = [row[1] for row in rows_of(publish(far + old))]
    assert min(times[:20]) > 2**62
    assert times[-1] < -(2**62)


def test_a_keep_alive_has_no_data_and_a_status_change_is_told():
    answer = ua.PublishResponse()
    answer.Parameters.NotificationMessage.SequenceNumber = 7
    answer.Parameters.NotificationMessage.NotificationData = []
    got = decode_publish(struct_to_binary(answer), NOW)
    assert (got.sequence, got.has_data) == (7, False)
    got = decode_publish(publish([], ua.StatusChangeNotification(Status=ua.StatusCode(0x800A0000))), NOW)
    assert got.status_changes == [0x800A0000]


def test_a_service_fault_says_only_what_is_wrong():
    fault = ua.ServiceFault()
    fault.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
    assert decode_publish(struct_to_binary(fault), NOW).result == ua.StatusCodes.BadNoSubscription


def test_an_item_that_cannot_be_read_is_counted_with_those_behind_it():
    good = item(1, 1.0, ua.VariantType.Double)
    message = bytearray(publish([good, item(2, [1, 2], ua.VariantType.Int32), good, good]))
    place = message.index(struct.pack("<IB", 2, 3)) + 6
    message[place : place + 4] = struct.pack("<i", 2**30)  # longer than the message
    got = decode_publish(bytes(message), NOW)
    assert got.columns is not None
    assert got.columns.n == 1
    ((handle, why, n),) = got.broken
    assert (handle, n) == (2, 3)
    assert why


def test_diagnostics_in_the_header_go_the_slow_way():
    message = bytearray(publish([]))
    message[4 + 16] = 1
    with pytest.raises(Unreadable):
        decode_publish(bytes(message), NOW)


@given(
    kinds=st.lists(st.sampled_from(range(6)), min_size=30, max_size=120),
    odd=st.sets(st.integers(0, 119), max_size=12),
    cut=st.integers(0, 119),
)
def test_items_of_many_makes_keep_their_order(kinds: list[int], odd: set[int], cut: int):
    """Long runs with single items of another make between them, and two messages put one below the other."""
    makes = [(1.5, 11), (7, 6), (True, 1), ("text", 12), (2**40, 9), (0.25, 10)]
    fixed = [kinds[0] if i not in odd else kind for i, kind in enumerate(kinds)]
    items = [
        item(i % 9, makes[kind][0], ua.VariantType(makes[kind][1]), SourceTimestamp=datetime.fromtimestamp(1e9 + i, UTC))
        for i, kind in enumerate(fixed)
    ]
    items[0].Value.SourceTimestamp = None
    message = publish(items)
    assert rows_of(message) == readable(by_asyncua(message).rows(TAGS))
    parts = [decode_publish(publish(part), NOW).columns for part in (items[: cut % len(items)], items[cut % len(items) :])]
    first, second = (part or Columns(0) for part in parts)
    first.below([second])
    assert readable(first.rows(TAGS)) == rows_of(message)
