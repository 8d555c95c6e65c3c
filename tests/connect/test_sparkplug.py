"""Sparkplug B: data decoded in columns is what protobuf says of every metric; births, deaths and gaps are understood."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.connect.sources.sparkplug.host import Heard, Host
from lineshaft.connect.sources.sparkplug.values import value_of
from lineshaft.connect.sparkplug_b import Malformed, Type, decode, messages, name_key, parse
from lineshaft.core import SAMPLES, Quality

PAYLOAD, METRIC = messages()
T0 = 1_763_700_000_000
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
VALUES = {
    Type.INT8: ("int_value", U32),
    Type.INT16: ("int_value", U32),
    Type.INT32: ("int_value", U32),
    Type.INT64: ("long_value", U64),
    Type.UINT8: ("int_value", st.integers(0, 255)),
    Type.UINT32: ("int_value", U32),
    Type.UINT64: ("long_value", U64),
    Type.FLOAT: ("float_value", st.floats(width=32, allow_nan=False)),
    Type.DOUBLE: ("double_value", st.floats(allow_nan=False)),
    Type.BOOLEAN: ("boolean_value", st.booleans()),
    Type.STRING: ("string_value", st.text(max_size=20)),
    Type.DATETIME: ("long_value", st.integers(0, 2**50)),
}
BORN = [(f"m/{kind.name.lower()}/{i}", kind) for i, kind in enumerate(sorted(VALUES) * 2)]


def birth(kind: str = "NBIRTH", seq: int = 0, *, alias: bool = True) -> bytes:
    payload = PAYLOAD(timestamp=T0, seq=seq)
    if kind == "NBIRTH":
        payload.metrics.add(name="bdSeq", datatype=Type.INT64, long_value=7)
    for number, (name, type_) in enumerate(BORN):
        metric = payload.metrics.add(name=name, datatype=type_, timestamp=T0, is_null=True)
        if alias:
            metric.alias = 1_000 * number
    return payload.SerializeToString()


class Wire:
    """A host and the messages it hears from one node with one device."""

    def __init__(self, *, alias: bool = True) -> None:
        self.host = Host(5.0)
        self.node = self.host.register.node("Plant", "Edge")
        self.hear("NBIRTH", birth(alias=alias))
        self.hear("DBIRTH", birth("DBIRTH", 1, alias=alias), "Dev")

    def hear(self, kind: str, payload: bytes, device: str = "", at: int = 5) -> list[tuple[str, int, object, int]]:
        return rows_of(self.host.hear([Heard(kind, self.node, device, payload, at)]))


def rows_of(batches: list[pa.RecordBatch]) -> list[tuple[str, int, object, int]]:
    out: list[tuple[str, int, object, int]] = []
    for batch in batches:
        assert batch.schema == SAMPLES
        cells = [batch.column(name).to_pylist() for name in ("v", "vi", "vs", "vb")]
        values = [next((cell for cell in row if cell is not None), None) for row in zip(*cells, strict=True)]
        times = batch.column("ts").cast(pa.int64()).to_pylist()
        out += zip(batch.column("tag").to_pylist(), times, values, batch.column("q").to_pylist(), strict=True)
    return out


@st.composite
def data(draw: st.DrawFn, *, alias: bool) -> bytes:
    payload = PAYLOAD(timestamp=T0 + draw(st.integers(0, 10**9)), seq=draw(st.integers(0, 255)))
    for number in draw(st.lists(st.integers(0, len(BORN) - 1), max_size=30)):
        name, kind = BORN[number]
        metric = payload.metrics.add()
        if alias:
            metric.alias = 1_000 * number
        else:
            metric.name = name
        if draw(st.booleans()):
            metric.timestamp = T0 + draw(st.integers(0, 10**12))
        if draw(st.integers(0, 9)) == 0:
            metric.is_null = True
        else:
            field, values = VALUES[kind]
            setattr(metric, field, draw(values))
        if draw(st.integers(0, 9)) == 0:
            metric.datatype = kind
        if draw(st.integers(0, 9)) == 0:
            metric.is_historical = True
    return payload.SerializeToString()


@given(st.data(), st.booleans())
def test_columns_say_what_protobuf_says(draw: st.DataObject, alias: bool):
    wire = Wire(alias=alias)
    raw = draw.draw(data(alias=alias))
    device = draw.draw(st.sampled_from(["", "Dev"]))
    got = wire.hear("DDATA" if device else "NDATA", raw, device)
    payload = parse(raw)
    expected: list[tuple[str, int, object, int]] = []
    for metric in payload.metrics:
        name, kind = BORN[metric.alias // 1_000] if alias else next(pair for pair in BORN if pair[0] == metric.name)
        value = value_of(metric, kind)
        value = str(value) if isinstance(value, int) and value >= 2**63 else value
        ms = metric.timestamp if metric.HasField("timestamp") else payload.timestamp
        expected.append((f"Plant/Edge/Dev/{name}" if device else f"Plant/Edge/{name}", ms * 1_000_000, value, 0))
    assert sorted(got, key=repr) == sorted(expected, key=repr)
    assert not wire.host.rejected


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_decoded_or_refused_and_spoil_no_neighbour(rubbish: list[bytes]):
    wire = Wire()
    good = PAYLOAD(timestamp=T0, seq=2)
    good.metrics.add(alias=8_000, double_value=1.5)
    heard = [Heard("NDATA", wire.node, "", raw, 5) for raw in [*rubbish, good.SerializeToString()]]
    told = [value for tag, _, value, _ in rows_of(wire.host.hear(heard)) if tag == f"Plant/Edge/{BORN[8][0]}"]
    assert told[-1:] == [1.5]
    refused = sum(not readable(raw) for raw in rubbish)
    assert sum(wire.host.rejected.values()) >= refused


def readable(raw: bytes) -> bool:
    try:
        decode([raw])
    except Malformed:
        return False
    return True


NEGATIVE = [(1, 0xF9, -7), (1, 0xFFFFFFF9, -7), (2, 0x8000, -32768), (3, 0xFFFFFFFF, -1), (4, 2**64 - 5, -5), (5, 200, 200)]


@pytest.mark.parametrize(("kind", "bits", "value"), NEGATIVE)
def test_negative_numbers_are_twos_complement_of_their_own_width(kind: int, bits: int, value: int):
    metric = METRIC(**{"long_value" if kind == 4 else "int_value": bits})
    assert value_of(metric, kind) == value


def test_arrays_datasets_and_templates_are_json_values():
    assert value_of(METRIC(bytes_value=b"\xff\xff\x02\x00"), 23) == [-1, 2]
    assert value_of(METRIC(bytes_value=b"\x03\0\0\0\xa0"), 32) == [True, False, True]
    assert value_of(METRIC(bytes_value=b"ab\0c\0"), 33) == ["ab", "c"]
    table = METRIC()
    table.dataset_value.columns.extend(["a", "b"])
    row = table.dataset_value.rows.add()
    row.elements.add(int_value=1)
    row.elements.add(string_value="x")
    assert value_of(table, 16) == [{"a": 1, "b": "x"}]
    template = METRIC()
    template.template_value.metrics.add(name="p", datatype=10, double_value=2.5)
    assert value_of(template, 19) == {"p": 2.5}


def test_data_before_a_birth_is_counted_and_the_birth_asked_for():
    host = Host(5.0)
    node = host.register.node("Plant", "Edge")
    payload = PAYLOAD(seq=4)
    payload.metrics.add(alias=1, double_value=1.0)
    assert host.hear([Heard("NDATA", node, "", payload.SerializeToString(), 5)] * 3) == []
    assert sum(host.rejected.values()) == 3
    assert host.wanting == [node], "once, not three times"


def test_a_death_of_an_older_birth_changes_nothing():
    wire = Wire()
    old = PAYLOAD()
    old.metrics.add(name="bdSeq", datatype=Type.INT64, long_value=6)
    assert wire.hear("NDEATH", old.SerializeToString()) == []
    now = PAYLOAD()
    now.metrics.add(name="bdSeq", datatype=Type.INT64, long_value=7)
    gone = wire.hear("NDEATH", now.SerializeToString(), at=9)
    assert len(gone) == 2 * len(BORN)
    assert {(ts, value, q) for _, ts, value, q in gone} == {(9, None, Quality.BAD)}
    assert wire.hear("NDEATH", now.SerializeToString()) == []


def test_a_quality_property_is_kept():
    wire = Wire()
    payload = PAYLOAD(timestamp=T0, seq=2)
    for number, quality in ((8, 0), (9, 192), (8, 500)):
        metric = payload.metrics.add(alias=1_000 * number, double_value=1.0)
        metric.properties.keys.append("Quality")
        metric.properties.values.add(type=3, int_value=quality)
    got = wire.hear("NDATA", payload.SerializeToString())
    assert [q for *_, q in got] == [Quality.BAD, Quality.GOOD, Quality.UNCERTAIN]


def test_names_have_keys_of_their_own():
    names = [f"m/{i}" for i in range(2_000)] + ["", "a", "aa", "a" * 3_000]
    assert len({name_key(name.encode()) for name in names}) == len(names)
