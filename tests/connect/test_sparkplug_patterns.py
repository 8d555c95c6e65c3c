"""Payloads that say the same again are read by their pattern; whatever changes in between, the rows are what protobuf says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.connect.sources.sparkplug import pattern as patterns
from lineshaft.connect.sources.sparkplug.host import Heard, Host
from lineshaft.connect.sources.sparkplug.pattern import Patterns, learn
from lineshaft.connect.sparkplug_b import Malformed, Metrics, Type, decode, messages

PAYLOAD, METRIC = messages()
T0 = 1_763_700_000_000
EDGES = [0, 1, 127, 128, 2**14 - 1, 2**14, 2**31, 2**32 - 1, 2**56 - 1, 2**56, 2**63, 2**64 - 1]
FIELDS: dict[str, Callable[[Random], Any]] = {
    "int_value": lambda rng: rng.choice(EDGES[:8]),
    "long_value": lambda rng: rng.choice(EDGES),
    "float_value": lambda rng: rng.choice([0.0, -1.5, float("inf"), 2.0**-149]),
    "double_value": lambda rng: rng.choice([0.0, -0.0, rng.uniform(-1e9, 1e9), float("-inf"), 5e-324]),
    "boolean_value": lambda rng: rng.random() < 0.5,
    "string_value": lambda rng: "x" * rng.randrange(5),
}
PLAIN = [name for name in FIELDS if name != "string_value"]


@st.composite
def makes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What the metrics of one speaker are: the same metric may be there twice."""
    kinds = st.sampled_from(PLAIN if draw(st.integers(0, 3)) else [*FIELDS, None])
    made: list[dict[str, Any]] = []
    for number in draw(st.lists(st.integers(0, 40), min_size=8, max_size=24)):
        make: dict[str, Any] = {"alias": number * 7} if draw(st.integers(0, 3)) else {"name": f"m/{number}"}
        make["kind"] = draw(kinds)
        make["timed"], make["typed"] = draw(st.booleans()), draw(st.integers(0, 5)) == 0
        make["flags"] = draw(st.sampled_from([(), (), (), ("is_historical",), ("is_transient",), ("is_null",)]))
        made.append(make)
    return made


def speak(make: list[dict[str, Any]], rng: Random, seq: int) -> Any:
    payload = PAYLOAD(timestamp=T0 + seq, seq=seq)
    for one in make:
        metric = payload.metrics.add(**{word: one[word] for word in ("alias", "name") if word in one})
        if one["timed"]:
            metric.timestamp = T0 + rng.randrange(2**34) if rng.random() < 0.99 else rng.choice(EDGES[:9])
        if one["typed"]:
            metric.datatype = Type.DOUBLE
        for flag in one["flags"]:
            setattr(metric, flag, True)
        if one["kind"] is not None:
            setattr(metric, one["kind"], FIELDS[one["kind"]](rng))
    return payload


def spoilt(raw: bytes, how: str, rng: Random) -> bytes:
    """The payload with something that is not of its pattern."""
    if how == "truncated":
        return raw[: rng.randrange(len(raw) + 1)]
    if how == "a changed byte":
        at = rng.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]
    if how == "more behind":
        return raw + b"\x12\x04\x10\x01\x50\x05"
    if how == "an unknown field":
        return raw + b"\x12\x05\xa0\x06\x01\x10\x07"
    return raw


def told(metrics: Metrics) -> list[tuple[Any, ...]]:
    """What each metric says; the bits of one that is null, or left to protobuf, say nothing."""
    slow = {row: metrics.data[start:end] for row, start, end in metrics.slow}
    columns = (metrics.message, metrics.key, metrics.named, metrics.ms, metrics.field, metrics.raw, metrics.transient)
    rows = [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    return [(row[0], slow[n]) if n in slow else (*row[:5], said(row[4], row[5]), row[6]) for n, row in enumerate(rows)]


def said(field: int, bits: int) -> object:
    """The value of a field; one NaN is as good as another, and so is any truth that is not 0."""
    if field in (12, 13):
        return str(np.array([bits], np.uint64).view(np.float64)[0])
    return bool(bits) if field == 14 else bits if field else 0


def by_protobuf(metric: Any, message: int) -> tuple[Any, ...]:
    """The same from protobuf's own parser."""
    kind = metric.WhichOneof("value")
    number = 0 if metric.is_null or kind is None else list(FIELDS).index(kind) + 10
    value = getattr(metric, kind) if number else 0
    bits = str(np.float64(value)) if number in (12, 13) else int(value)
    named = not metric.HasField("alias")
    key = patterns.name_key(metric.name.encode()) if named and metric.HasField("name") else metric.alias
    ms = int(np.array([metric.timestamp], np.uint64).view(np.int64)[0]) if metric.HasField("timestamp") else -1
    return message, key, named and metric.HasField("name"), ms, number, bits, metric.is_transient


HOWS = st.sampled_from(["", "", "", "truncated", "a changed byte", "more behind", "an unknown field"])


@settings(max_examples=20)
@given(st.integers(0, 2**32), makes(), makes(), st.lists(st.tuples(st.sampled_from("ABC"), HOWS), min_size=4, max_size=14))
def test_rows_are_what_walking_and_protobuf_say(
    seed: int, first: list[dict[str, Any]], second: list[dict[str, Any]], said: list[tuple[str, str]]
):
    """A and B speak in turns and C changes between their ways in the middle; some payloads are cut off, changed or longer."""
    ways = {"A": [first], "B": [second], "C": [first, second]}
    known, rng = Patterns(), Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "WORTH", 0)
        for turn in range(3):
            who = [speaker for speaker, _ in said]
            spoken = [speak(ways[name][(n + turn) % len(ways[name])], rng, n) for n, name in enumerate(who)]
            raws = [spoilt(one.SerializeToString(), how, rng) for one, (_, how) in zip(spoken, said, strict=True)]
            try:
                heads, metrics = decode(raws)
            except Malformed:
                with pytest.raises(Malformed):
                    known.decode(raws, who)
                good = [raw for raw in raws if readable(raw)]
                who = [name for name, raw in zip(who, raws, strict=True) if readable(raw)]
                heads, metrics = decode(good)
                raws = good
            got_heads, got = known.decode(raws, who)
            assert got_heads == heads
            assert told(got) == told(metrics)
            check_protobuf(raws, got)


def check_protobuf(raws: list[bytes], got: Metrics) -> None:
    wanted: list[tuple[Any, ...]] = []
    for n, raw in enumerate(raws):
        try:
            wanted += [by_protobuf(metric, n) for metric in PAYLOAD.FromString(raw).metrics]
        except Exception:  # noqa: BLE001 - protobuf refuses more: names that are not UTF-8, group tags
            return
    rows = told(got)
    assert len(rows) == len(wanted)
    assert not [(row, want) for row, want in zip(rows, wanted, strict=True) if len(row) > 2 and row != want]


def readable(raw: bytes) -> bool:
    try:
        decode([raw])
    except Malformed:
        return False
    return True


def burst(n: int, start: int = 0, *, named: bool = False, odd: int = -1) -> list[bytes]:
    raws: list[bytes] = []
    for k in range(start, start + n):
        payload = PAYLOAD(timestamp=T0 + k, seq=k % 256)
        for i in range(24):
            metric = payload.metrics.add(timestamp=T0 + 100 * k + i, **({"name": f"m{i}"} if named else {"alias": i}))
            if k == odd:
                metric.string_value = "pause"
            elif i % 3 == 0:
                metric.int_value = (k * 37 + i) ** 3 % 2**32
            elif i % 3 == 1:
                metric.boolean_value = (k + i) % 2 == 1
            else:
                metric.double_value = k + i / 8
        raws.append(payload.SerializeToString())
    return raws


@pytest.mark.parametrize("named", [False, True])
def test_what_is_said_again_is_read_by_its_pattern(named: bool, monkeypatch: pytest.MonkeyPatch):
    known = Patterns()
    known.decode(burst(3, named=named), ["A"] * 3)
    monkeypatch.setattr(patterns, "decode", None)  # nothing is walked through any more
    raws = burst(40, 3, named=named)
    heads, metrics = known.decode(raws, ["A"] * 40)
    assert (heads, told(metrics)) == (decode(raws)[0], told(decode(raws)[1]))


def test_one_odd_payload_does_not_spoil_its_neighbours():
    known = Patterns()
    known.decode(burst(3), ["A"] * 3)
    raws = burst(40, 3, odd=20)
    heads, metrics = known.decode(raws, ["A"] * 40)
    assert (heads, told(metrics)) == (decode(raws)[0], told(decode(raws)[1]))
    assert len(metrics.slow) == 24


def test_speakers_who_say_the_same_share_a_pattern_and_one_who_never_does_is_not_learnt_for_ever(monkeypatch: pytest.MonkeyPatch):
    known = Patterns()
    known.decode(burst(2), ["A", "B"])
    assert known._speakers["A"].patterns == known._speakers["B"].patterns
    learnt: list[bytes] = []
    monkeypatch.setattr(patterns, "learn", lambda raw: learnt.append(raw) or learn(raw))
    for k in range(600):
        payload = PAYLOAD(timestamp=T0, seq=k % 256)
        payload.metrics.add(name=f"now{k}", double_value=k)
        known.decode([payload.SerializeToString()], ["C"])
    assert len(learnt) < 30
    assert len(known._speakers["C"].patterns) == patterns.MOST
    assert len(known._known) < 60


@pytest.mark.parametrize(("node", "device"), list(product(("Edge", "Other"), ("", "Dev"))))
def test_the_same_pattern_has_other_tags_at_another_node_and_after_another_birth(node: str, device: str):
    host = Host(5.0)
    nodes = {name: host.register.node("Plant", name) for name in ("Edge", "Other")}
    path = f"Plant/{node}/{device}" if device else f"Plant/{node}"

    def born(prefix: str) -> None:
        for name, one in nodes.items():
            for kind, part in (("NBIRTH", ""), ("DBIRTH", "Dev")):
                payload = PAYLOAD(timestamp=T0, seq=0 if kind == "NBIRTH" else 1)
                for i in range(24):
                    payload.metrics.add(name=f"{prefix}{i}", alias=i, datatype=(3, 11, 10)[i % 3], is_null=True)
                host.hear([Heard(kind, one, part, payload.SerializeToString(), 1)])
                assert name

    for prefix in ("a", "b"):
        born(prefix)
        for start in (2, 22):
            rows = host.hear([Heard("DDATA" if device else "NDATA", nodes[node], device, raw, 1) for raw in burst(20, start)])
            tags = [tag for batch in rows for tag in batch.column("tag").to_pylist()]
            assert tags == [f"{path}/{prefix}{i}" for _ in range(20) for i in range(24)]
    assert not host.rejected


def test_a_time_that_is_none_is_that_of_its_payload():
    host = Host(5.0)
    node = host.register.node("Plant", "Edge")
    birth = PAYLOAD(timestamp=T0, seq=0)
    birth.metrics.add(name="t", alias=1, datatype=Type.DOUBLE, is_null=True)
    host.hear([Heard("NBIRTH", node, "", birth.SerializeToString(), 1)])
    data = PAYLOAD(timestamp=T0 + 5, seq=1)
    data.metrics.add(alias=1, timestamp=2**62, double_value=1.0)
    (rows,) = host.hear([Heard("NDATA", node, "", data.SerializeToString(), 1)])
    assert rows.column("ts").cast("int64").to_pylist() == [(T0 + 5) * 1_000_000]
