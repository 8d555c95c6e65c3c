"""MQTT payloads become tags: golden payloads, filters, and what is refused with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lineshaft.connect.collect import Collector
from lineshaft.connect.sources.mqtt import Topic
from lineshaft.connect.sources.mqtt.reading import Unreadable, read
from lineshaft.core import SAMPLES

CASES = [
    pytest.param(case["mapping"], message, id=f"{path.stem}-{number}")
    for path in sorted((Path(__file__).parent / "cases" / "mqtt").glob("*.json"))
    for case in [json.loads(path.read_text(encoding="utf-8"))]
    for number, message in enumerate(case["messages"])
]

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@pytest.mark.parametrize(("mapping", "message"), CASES)
def test_a_payload_says_what_the_case_says(mapping: dict[str, Any], message: dict[str, Any]):
    topic = Topic.model_validate(mapping)
    if "error" in message:
        with pytest.raises(Unreadable, match=message["error"]):
            list(read(topic, message["topic"], message["payload"].encode()))
        return
    got = [[*said] for said in read(topic, message["topic"], message["payload"].encode())]
    assert got == message["expected"]
    assert [type(said[2]) for said in got] == [type(said[2]) for said in message["expected"]], "21 and 21.0 are not the same"


@given(st.binary(max_size=200))
@pytest.mark.parametrize("payload", ["auto", "json", "csv"])
def test_any_bytes_are_read_or_refused_with_a_reason(payload: str, raw: bytes):
    topic = Topic.model_validate({"filter": "#", "payload": payload})
    rows = Collector()
    try:
        for said in read(topic, "a/b", raw):
            rows.add(said.tag, 1, said.value, said.q)
    except Unreadable:
        rows.take()
    batch = rows.take()
    assert batch is None or batch.schema == SAMPLES


@given(JSON)
def test_any_json_becomes_columns(whole: object):
    topic = Topic.model_validate({"filter": "#", "payload": "json", "integers": True})
    rows = Collector()
    said = list(read(topic, "a/b", json.dumps(whole).encode()))
    for one in said:
        rows.add(one.tag, 1, one.value, one.q)
    batch = rows.take()
    assert (0 if batch is None else batch.num_rows) == len(said)


def test_deep_nesting_is_refused_and_not_a_fall():
    with pytest.raises(Unreadable, match="no JSON"):
        list(read(Topic(filter="#"), "a", b"[" * 100_000))


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "$SYS/broker", False),
        ("+/x", "$SYS/x", False),
        ("a/+", "a/b/c", False),
        ("a/+", "a", False),
        ("$share/line/a/+", "a/b", True),
    ],
)
def test_filters_match_as_the_standard_says(pattern: str, topic: str, fits: bool):
    assert Topic(filter=pattern).matches(topic) is fits


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"filter": "a/#/b"}, "no topic filter"),
        ({"filter": "a/b+"}, "no topic filter"),
        ({"filter": "a", "name": "n"}, "belong together"),
        ({"filter": "a", "tag": "{device}"}, "not {device}"),
        ({"filter": "a", "tag": "{topic}", "fields": ["x", "y"]}, "several `fields`"),
        ({"filter": "a", "timezone": "Berlin"}, "no IANA time zone"),
    ],
)
def test_a_wrong_mapping_says_why(mapping: dict[str, Any], why: str):
    with pytest.raises(ValidationError, match=why):
        Topic.model_validate(mapping)
