from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest

from lineshaft.core import NS, Batch, iso, now_ns, samples
from lineshaft.doors.rest.frame.tables import ARROW
from tests.doors.conftest import OVEN, PUMP, House

FLOW = f"{PUMP}/Flow"


def stamps(house: House, path: str, start: int, end: int) -> list[tuple[str, object]]:
    rows = house.get("history", params={"property": path, "start": str(start), "end": str(end)})["rows"]
    return [(row["timestamp"], row["value"]) for row in rows]


@pytest.fixture(scope="module")
def begin(house: House) -> int:
    """Ten flows, one every six seconds, stamped up to two minutes ago."""
    start = (now_ns() // (60 * NS) - 3) * 60 * NS
    house.values([("ns=2;s=Coolant pump/Flow", 100.0 + n, start + (n + 1) * 6 * NS) for n in range(10)])
    return start


def test_latest_answers_in_the_order_asked_and_null_for_nothing(house: House, begin):
    items = house.get(f"latest?property={FLOW}&property={OVEN}/Bad")["items"]
    assert [i["property"] for i in items] == [FLOW, f"{OVEN}/Bad"]
    assert (items[0]["value"], items[0]["quality"], items[0]["unit"]) == (109.0, "good", "l/min")
    assert (items[1]["value"], items[1]["timestamp"], items[1]["quality"]) == (None, None, None)


def test_latest_of_an_attribute_is_what_is_set(house: House):
    (item,) = house.get(f"latest?property={OVEN}/IdealCycle")["items"]
    assert (item["value"], item["timestamp"]) == (0.5, None)


def test_history_excludes_its_start_and_includes_its_end(house: House, begin):
    found = stamps(house, FLOW, begin + 6 * NS, begin + 18 * NS)
    assert found == [(iso(begin + 12 * NS), 101.0), (iso(begin + 18 * NS), 102.0)]


def test_history_comes_in_pages(house: House, begin):
    query = {"property": FLOW, "start": iso(begin), "end": iso(begin + 60 * NS), "limit": 4}
    values, after = [], None
    while True:
        page = house.get("history", params={**query, **({"after": after} if after else {})})
        values += [row["value"] for row in page["rows"]]
        after = page["next"]
        if after is None:
            break
    assert values == [100.0 + n for n in range(10)]


def test_history_as_csv_and_as_arrow(house: House, begin):
    query = {"property": FLOW, "start": iso(begin), "end": iso(begin + 60 * NS), "limit": 8}
    answer = house.ask("GET", "history", params=query, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert (rows[0]["timestamp"], float(rows[0]["value"]), rows[0]["quality"]) == (iso(begin + 6 * NS), 100.0, "good")
    assert len(rows) == 8
    assert answer.headers["x-next"]
    answer = house.ask("GET", "history", params=query, headers={"Accept": ARROW})
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column("value").to_pylist() == [100.0 + n for n in range(8)]
    assert str(table.schema.field("timestamp").type) == "timestamp[ns, tz=UTC]"


def test_aggregates_are_stamped_at_the_end(house: House, begin):
    query = {"property": FLOW, "window": "30s", "start": iso(begin), "end": iso(begin + 60 * NS)}
    rows = house.get("aggregates", params=query)["rows"]
    assert [row["timestamp"] for row in rows] == [iso(begin + 30 * NS), iso(begin + 60 * NS)]
    assert (rows[0]["count"], rows[0]["average"], rows[0]["first"], rows[0]["last"]) == (5, 102.0, 100.0, 104.0)
    text = house.ask("GET", "aggregates", params=query, headers={"Accept": "text/csv"}).text
    assert text.splitlines()[0].replace('"', "") == "timestamp,count,average,minimum,maximum,sum,standard_deviation,first,last"


def test_rows_are_taken_and_each_refused_one_is_named(house: House):
    now = now_ns()
    rows = [
        {"property": f"{OVEN}/Power", "timestamp": iso(now - 5 * NS), "value": 42},
        {"source": "hand", "tag": "note", "timestamp": now - 4 * NS, "value": "film changed", "quality": "uncertain"},
        {"property": f"{OVEN}/Good", "timestamp": now - 3 * NS, "value": 7.0},
        {"property": f"{OVEN}/Good", "timestamp": now - 2 * NS, "value": 7.5},
        {"property": f"{OVEN}/Powr", "timestamp": now, "value": 1.0},
        {"property": f"{OVEN}/IdealCycle", "timestamp": now, "value": 1.0},
        {"property": f"{OVEN}/Power", "timestamp": now + 3600 * NS, "value": 1.0},
        {"property": f"{OVEN}/Power", "timestamp": "2026-11-20T06:00:00", "value": 1.0},
        {"property": f"{OVEN}/Power", "source": "x", "tag": "y", "timestamp": now, "value": 1.0},
        {"property": f"{OVEN}/Power", "timestamp": now, "value": 1.0, "quality": "great"},
        {"property": f"{OVEN}/Power", "timestamp": now, "vale": 1.0},
        "no row",
        {"property": f"{OVEN}/Power", "timestamp": now, "value": 2**70},
        {"property": f"{OVEN}/Power", "timestamp": now - NS, "value": None, "quality": 2},
    ]
    answer = house.post("values", {"rows": rows}, "operator")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["received"], body["stored"], body["duplicate"]) == (14, 4, 0)
    assert {one["row"]: one["reason"] for one in body["rejected"]} == {
        3: "type",
        4: "unknown-property",
        5: "not-measured",
        6: "future",
        7: "timestamp",
        8: "name",
        9: "quality",
        10: "row",
        11: "row",
        12: "number",
    }
    assert all(one["hint"] for one in body["rejected"])
    assert "Oven/Power" in next(one["hint"] for one in body["rejected"] if one["row"] == 4)
    power = house.get(f"history?property={OVEN}/Power")["rows"]
    assert [(row["value"], row["quality"]) for row in power] == [(42.0, "good"), (None, "bad")]
    assert house.get(f"latest?property={OVEN}/Good")["items"][0]["value"] == 7


def test_the_gateways_batches_are_still_taken_after_a_post(house: House):
    now = now_ns()
    house.values([("ns=2;s=Mixer/Power", 1.0, now - 9 * NS)])
    house.post("values", {"rows": [{"property": "Bakery/Line 1/Mixer/Power", "timestamp": now - 8 * NS, "value": 2.0}]})
    house.values([("ns=2;s=Mixer/Power", 3.0, now - 7 * NS)])
    assert [row["value"] for row in house.get("history?property=Bakery/Line 1/Mixer/Power")["rows"]] == [1.0, 2.0, 3.0]
    assert house.get("ledger")["totals"]["duplicate"] == 0


def test_posts_are_taken_after_very_many_batches_of_the_gateway(house: House):
    now = now_ns()
    for n in range(600):
        house.values([("ns=2;s=Former/Power", float(n), now - (700 - n) * 10**6)])
    rows = [{"property": "Bakery/Line 1/Former/Power", "timestamp": now, "value": -1.0}]
    assert house.post("values", {"rows": rows}).json()["stored"] == 1
    assert house.get("latest?property=Bakery/Line 1/Former/Power")["items"][0]["value"] == -1.0


def test_an_arrow_stream_is_taken(house: House):
    now = now_ns()
    count = 20_000
    table = pa.table(
        {
            "property": pa.array([f"{OVEN}/Temperature", f"{OVEN}/Tmp"] * (count // 2)).dictionary_encode(),
            "timestamp": pa.array([now - (count - n) * 10**6 for n in range(count)]).cast(pa.timestamp("ns", "UTC")),
            "value": pa.array(range(count), pa.int64()),
        }
    )
    answer = house.ask("POST", "values", content=stream(table), headers={"Content-Type": ARROW}).json()
    assert (answer["received"], answer["stored"], answer["rejected_count"]) == (count, count // 2, count // 2)
    assert len(answer["rejected"]) == 1_000
    assert answer["rejected"][0]["row"] == 1
    assert house.get(f"latest?property={OVEN}/Temperature")["items"][0]["value"] == count - 2


def test_history_as_the_lake_was_at_an_earlier_time(house: House, begin):
    query = {"property": f"{OVEN}/Temperature", "as_of": "2026-01-01T00:00:00Z"}
    assert house.ask("GET", "history", params=query).json()["rows"] == []
    assert house.ask("GET", "history", params={**query, "as_of": "yesterday"}).status_code == 422


def test_one_row_without_a_time_does_not_refuse_an_arrow_stream(house: House):
    now = now_ns()
    times = pa.array([now - 2000, None, now - 1000], pa.int64())
    for shape in (times, times.cast(pa.timestamp("ns", "UTC"))):
        table = pa.table({"property": [f"{OVEN}/Temperature"] * 3, "timestamp": shape, "value": [1.0, 2.0, 3.0]})
        answer = house.ask("POST", "values", content=stream(table), headers={"Content-Type": ARROW}).json()
        assert (answer["received"], answer["stored"]) == (3, 2)
        assert [(one["row"], one["reason"]) for one in answer["rejected"]] == [(1, "timestamp")]


def test_a_gateways_own_batch_is_taken_as_it_is(house: House):
    now = now_ns()
    said = samples(
        [{"tag": "a", "ts": now, "value": 1.5}, {"tag": "b", "ts": now, "value": "x"}, {"tag": "c", "ts": now, "q": 7}]
    )
    body = Batch("edge 7", 1, now, said).to_bytes()
    answer = house.ask("POST", "values", content=body, headers={"Content-Type": ARROW}).json()
    assert "stored" in answer, answer
    assert (answer["stored"], [one["reason"] for one in answer["rejected"]]) == (2, ["quality"])
    assert {row["tag"] for row in house.get("ledger")["items"] if row["source"] == "edge 7"} == {"a", "b", "c"}


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"when": pa.array([1])}, "values.columns"),
        ({"source": pa.array(["a"]), "timestamp": pa.array([1]), "value": pa.array([1.0])}, "values.columns"),
        ({"property": pa.array(["a"]), "timestamp": pa.array(["soon"]), "value": pa.array([1.0])}, "values.columns"),
        (
            {"property": pa.array(["a"]), "timestamp": pa.array([1], pa.timestamp("ns")), "value": pa.array([1.0])},
            "values.columns",
        ),
        ({"property": pa.array(["a"]), "timestamp": pa.array([1]), "value": pa.array([[1.0]])}, "values.columns"),
    ],
)
def test_an_arrow_stream_with_other_columns_is_refused_whole(house: House, columns, code):
    answer = house.ask("POST", "values", content=stream(pa.table(columns)), headers={"Content-Type": ARROW})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("body", [b"", b"5", b'{"rows": 5}', b"not json", b"\xff\xfe"])
@pytest.mark.parametrize("kind", ["application/json", ARROW])
def test_nonsense_is_refused_whole(house: House, body, kind):
    answer = house.ask("POST", "values", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "values.body")


def test_a_stream_whose_texts_are_none_is_refused_whole(house: House):
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\3\0\0\0"), pa.py_buffer(b"\xff\xfe\xfa")])
    table = pa.table({"source": ["hand"], "tag": ["broken"], "timestamp": [now_ns()], "value": bad})
    answer = house.ask("POST", "values", content=stream(table), headers={"Content-Type": ARROW})
    assert (answer.status_code, answer.json()["code"]) == (422, "values.body")


def test_half_a_character_is_refused_by_its_row(house: House):
    row = {"source": "hand", "tag": "half", "timestamp": now_ns(), "value": "whole \U0001f35e"}
    body = json.dumps({"rows": [row, {**row, "value": "x\ud800"}, {**row, "tag": "\udfff"}]})
    answer = house.ask("POST", "values", content=body, headers={"Content-Type": "application/json"}).json()
    assert (answer["stored"], [(one["row"], one["reason"]) for one in answer["rejected"]]) == (1, [(1, "text"), (2, "text")])


def test_a_body_of_brackets_only_is_refused(house: House):
    answer = house.ask("POST", "values", content="[" * 200_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "values.body")


def test_rows_may_come_as_a_bare_list(house: House):
    answer = house.post("values", [{"source": "bare", "tag": "t", "timestamp": now_ns(), "value": 1.0}])
    assert (answer.json()["received"], answer.json()["stored"]) == (1, 1)


def test_an_arrow_stream_is_known_without_its_content_type(house: House):
    table = pa.table({"source": ["bare"], "tag": ["arrow"], "timestamp": [now_ns()], "value": [1.0]})
    assert house.ask("POST", "values", content=stream(table)).json()["stored"] == 1


def test_nobody_writes_what_is_computed_behind_its_property(house: House):
    rows = [{"source": "derived", "tag": "whatever", "timestamp": now_ns(), "value": 1.0}]
    answer = house.post("values", {"rows": rows}).json()
    assert (answer["stored"], answer["rejected"][0]["reason"]) == (0, "not-measured")


def test_a_plus_that_was_not_escaped_is_a_plus(house: House, begin):
    there = iso(begin + 3600 * NS).replace("Z", "+01:00")
    rows = house.ask("GET", f"history?property={FLOW}&start={there}&limit=2").json()["rows"]
    assert [row["value"] for row in rows] == [100.0, 101.0]
    assert house.ask("GET", f"history?property={FLOW}&start=0&limit=1").json()["rows"][0]["value"] == 100.0


def test_no_rows_are_no_error(house: House):
    assert house.post("values", {"rows": []}).json()["received"] == 0
    empty = pa.table(
        {"property": pa.array([], pa.string()), "timestamp": pa.array([], pa.int64()), "value": pa.array([], pa.float64())}
    )
    assert house.ask("POST", "values", content=stream(empty), headers={"Content-Type": ARROW}).json()["received"] == 0


def test_a_repeated_post_is_taken_once(house: House):
    key = {"Idempotency-Key": "late scrap"}
    body = {"rows": [{"source": "once", "tag": "t", "timestamp": now_ns(), "value": 1.0}]}
    first, again = house.post("values", body, headers=key).json(), house.post("values", body, headers=key).json()
    assert first == again
    assert next(row for row in house.get("ledger")["items"] if row["source"] == "once")["stored"] == 1
    other = {"rows": [{**body["rows"][0], "value": 2.0}]}
    assert house.post("values", other, headers=key).status_code == 409


def test_a_login_for_one_line_writes_there_only(house: House):
    rows = [
        {"property": f"{OVEN}/Power", "timestamp": now_ns(), "value": 1.0},
        {"source": "anywhere", "tag": "t", "timestamp": now_ns(), "value": 1.0},
    ]
    answer = house.post("values", {"rows": rows}, "elsewhere").json()
    assert (answer["stored"], {one["reason"] for one in answer["rejected"]}) == (0, {"forbidden"})
    assert house.post("values", {"rows": rows}, "line 1").json()["stored"] == 1


def test_a_property_between_two_bindings_takes_each_row_to_its_own_tag(house: House):
    change = now_ns() - 60 * NS
    body = {"property": f"{PUMP}/Current", "source": "meter", "tag": "I1", "valid_from": str(change)}
    assert house.post("bindings", body).status_code == 200
    rows = [{"property": f"{PUMP}/Current", "timestamp": change + d * NS, "value": float(d)} for d in (-2, -1, 0, 1)]
    assert house.post("values", {"rows": rows}).json()["stored"] == 4
    told = {(row["source"], row["tag"]): row["stored"] for row in house.get("ledger")["items"]}
    assert told["meter", "I1"] == 2
    assert [row["value"] for row in house.get(f"history?property={PUMP}/Current")["rows"]] == [-2.0, -1.0, 0.0, 1.0]


def test_nan_is_stored_and_told_as_null(house: House):
    rows = [{"source": "odd", "tag": "nan", "timestamp": now_ns(), "value": float("nan")}]
    answer = house.ask(
        "POST", "values", content=json.dumps({"rows": rows}).encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.json()["stored"] == 1
    house.values([("ns=2;s=Packer/Power", float("nan"), now_ns())])
    assert house.get("latest?property=Bakery/Line 1/Packer/Power")["items"][0]["value"] is None
    assert house.get("history?property=Bakery/Line 1/Packer/Power")["rows"][0]["value"] is None
