"""Questions in SQL over REST: forms, limits, who sees what, what is written down; and the catalog."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.core import NS, iso
from lineshaft.store import View
from tests.doors.conftest import OVEN, PUMP, House

VIBRATION = "ns=2;s=Coolant pump/Vibration"


@pytest.fixture(scope="module", autouse=True)
def spoken(house: House) -> int:
    """The pump and the oven have said something."""
    at = house.moment()
    house.values([(VIBRATION, 1.0 + n / 10, at + n * NS) for n in range(5)])
    house.values([("ns=2;s=Oven/Power", 40.0, at)])
    return at


def ask(house: House, sql: str, role: str = "planner", **more: Any) -> Any:
    answer = house.post("sql", {"sql": sql, **more}, role)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_answer_has_columns_rows_and_its_time(house: House):
    found = ask(
        house, f"SELECT property, value, quality, ts FROM samples WHERE asset = '{PUMP}' AND name = 'Vibration' ORDER BY ts"
    )
    assert [one["name"] for one in found["columns"]] == ["property", "value", "quality", "ts"]
    assert [one["type"] for one in found["columns"]] == ["text", "double", "text", "timestamp"]
    assert [row[1] for row in found["rows"]] == [1.0, 1.1, 1.2, 1.3, 1.4]
    assert found["rows"][0][3].endswith("Z")
    assert found["truncated"] is False
    assert found["elapsed_ms"] > 0


def test_the_limit_cuts_and_says_so(house: House):
    found = ask(house, "SELECT * FROM range(100)", limit=3)
    assert found["rows"] == [[0], [1], [2]]
    assert found["truncated"] is True


def test_values_join_what_rooms_know(house: House):
    sql = "SELECT p.unit, count(*) FROM samples s JOIN properties p USING (property)"
    assert ask(house, f"{sql} WHERE p.asset = '{PUMP}' AND p.name = 'Vibration' GROUP BY 1")["rows"][0][0] == "mm/s"


def test_other_forms(house: House):
    body = {"sql": "SELECT 1 AS a, [1, 2] AS b, NULL::TIMESTAMPTZ AS c, 'x,y' AS d"}
    csv = house.post("sql", body, headers={"Accept": "text/csv"})
    assert csv.text.splitlines() == ['"a","b","c","d"', '1,"[1, 2]",,"x,y"']
    assert csv.headers["x-truncated"] == "false"
    arrow = house.post("sql", body, headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert pa.ipc.open_stream(arrow.content).read_all().column("b").to_pylist() == [[1, 2]]
    parquet = house.post("sql", body, headers={"Accept": "application/vnd.apache.parquet"})
    assert pq.read_table(io.BytesIO(parquet.content)).column("d").to_pylist() == ["x,y"]


def test_a_mistake_is_told_with_its_place_and_the_nearest_name(house: House):
    answer = house.post("sql", {"sql": "SELECT vlaue\nFROM latest"}, "planner")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "sql.invalid"
    assert (problem["where"], problem["hint"], problem["position"]) == ("line 1, column 8", "did you mean 'value'?", 7)


def test_questions_and_refusals_are_in_the_audit(house: House):
    ask(house, "SELECT 42 AS audited")
    row = house.rooms.guard.audit(limit=1, action="sql.query")[0]
    assert (row.outcome, row.detail["sql"], row.detail["rows"]) == ("ok", "SELECT 42 AS audited", 1)
    assert house.post("sql", {"sql": "SELECT 1"}, "technician").status_code == 403
    assert house.rooms.guard.audit(limit=1, action="sql.query")[0].outcome == "refused"


def test_a_limited_login_sees_only_its_assets(house: House):
    everything = ask(house, "SELECT DISTINCT asset FROM samples", "engineer")["rows"]
    assert len(everything) >= 2
    for table in ("samples", "latest", "series", "minute", "assets", "properties", "alarms", "downtime", "quality", "cases"):
        column = "asset"
        assert ask(house, f"SELECT {column} FROM {table}", "elsewhere")["rows"] == []
    assert [OVEN] in ask(house, "SELECT DISTINCT asset FROM samples", "line 1")["rows"]
    refused = house.post("sql", {"sql": "SELECT * FROM spares"}, "line 1")
    assert (refused.status_code, refused.json()["code"]) == (403, "sql.forbidden-table")


def test_one_who_goes_away_stops_the_question(house: House):
    held, let_go = threading.Event(), threading.Event()

    def slow(_when: object) -> list[dict[str, Any]]:
        held.set()
        let_go.wait(20)
        return []

    house.rooms.store.sql.register(View("slow", house.rooms.store.sql.views["spares"].columns, slow, asset=None))
    headers = {"Authorization": f"Bearer {house.secrets['planner']}"}
    sql = "SELECT count(*) FROM slow, range(10000000) a, range(100000) b WHERE a.range % 7 = b.range % 3"
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{house.client.base_url}/api/v1/sql", json={"sql": sql}, headers=headers, timeout=1)
    assert held.is_set()
    time.sleep(0.5)
    let_go.set()
    row = next(
        _waited(lambda: house.rooms.guard.audit(limit=1, action="sql.query"), lambda rows: rows[0].detail.get("sql") == sql)
    )
    assert row[0].outcome == "failed"
    assert "cancelled" in row[0].detail["error"]
    del house.rooms.store.sql.views["slow"]


def _waited(look: Any, good: Any) -> Any:
    for _ in range(200):
        found = look()
        if good(found):
            yield found
            return
        time.sleep(0.05)


def test_scenario_d_one_statement_names_the_guilty_lot(house: House):
    """A vibration spike, the quality defect that followed, and the raw material its lot was made from."""
    spike = house.moment(60)
    house.values([(VIBRATION, value, spike + n * NS) for n, value in enumerate((1.4, 9.7, 9.9, 1.5))])
    for lot, parents in (("FLOUR-1", []), ("FLOUR-2", []), ("DOUGH-1", ["FLOUR-1"]), ("DOUGH-2", ["FLOUR-2"])):
        assert house.post("production/lots", {"lot": lot, "material": lot[:5].lower(), "parents": parents}).status_code == 201
    for lot, passed, later in (("DOUGH-1", True, -7200), ("DOUGH-2", False, 30)):
        at = iso(spike + later * NS)
        body = {"check": "diameter", "lot": lot, "machine": OVEN, "value": 58.0, "passed": passed, "at": at}
        assert house.post("production/quality", body).status_code == 201
    found = ask(
        house,
        f"""
        SELECT q.check_name, q.lot, raw.lot AS raw_material, raw.material, max(s.value) AS vibration
        FROM quality q
        JOIN lots l ON l.lot = q.lot
        JOIN lots raw ON list_contains(l.parents, raw.lot)
        JOIN samples s ON s.ts BETWEEN q.ts - INTERVAL 10 MINUTE AND q.ts
        WHERE NOT q.passed AND s.property = '{PUMP}/Vibration' AND s.value > 7.1
        GROUP BY ALL
        """,
        "planner",
    )
    assert found["rows"] == [["diameter", "DOUGH-2", "FLOUR-2", "flour", 9.9]]


def test_every_ready_made_question_runs_here(house: House):
    items = house.get("sql/questions", "viewer")["items"]
    assert items[0]["name"] == "guilty_lot"
    for one in items:
        found = ask(house, one["sql"], "planner")
        assert found["columns"], one["name"]


def test_the_ready_made_question_names_the_guilty_lot(house: House):
    """The dough of the demo plant fails its check after the pump shook: its flour and its butter are named, with the spike."""
    spike = house.moment(60)
    house.values([(VIBRATION, value, spike + n * NS) for n, value in enumerate((1.4, 9.4, 9.8, 1.5))])
    for lot, parents in (("FL-9", []), ("BU-9", []), ("DO-9", ["FL-9", "BU-9"]), ("DO-8", ["FL-9"])):
        assert house.post("production/lots", {"lot": lot, "material": lot[:2], "parents": parents}).status_code == 201
    for lot, passed in (("DO-9", False), ("DO-8", True)):
        body = {"check": "weight", "lot": lot, "machine": OVEN, "value": 31.0, "passed": passed, "at": iso(spike + 60 * NS)}
        assert house.post("production/quality", body).status_code == 201
    question = next(one["sql"] for one in house.get("sql/questions")["items"] if one["name"] == "guilty_lot")
    rows = [row for row in ask(house, question, "planner")["rows"] if row[2].startswith("DO-")]
    assert sorted(row[:4] for row in rows) == [["BU-9", "BU", "DO-9", "weight"], ["FL-9", "FL", "DO-9", "weight"]]
    assert {(row[4], row[6]) for row in rows} == {(f"{PUMP}/Vibration", 7.1)}
    assert all(row[5] >= 9.8 for row in rows)


def test_the_catalog_lists_describes_and_is_written_in(house: House):
    listed = {one["name"]: one for one in house.get("catalog", "viewer")["items"]}
    assert {"samples", "latest", "hour", "assets", "lots", "work_orders", "downtime", "spares", "cases"} <= set(listed)
    assert listed["samples"]["rows"] > 0
    assert listed["samples"]["newest"].endswith("Z")
    detail = house.get("catalog/samples", "viewer")
    one = next(d for d in detail["lineage"] if d["property"] == f"{PUMP}/PowerIndex")
    assert all(path.startswith(PUMP) for path in one["inputs"])
    assert one["formula"]
    answer = house.ask("PATCH", "catalog/lots", "engineer", json={"owner": "Quality", "tags": ["genealogy"]})
    assert answer.json() == {"name": "lots", "version": 1}
    entry = house.get("catalog/lots")
    assert (entry["owner"], entry["tags"], entry["version"]) == ("Quality", ["genealogy"], 1)
    stale = house.ask("PATCH", "catalog/lots", "engineer", json={"owner": "X", "version": 7})
    assert stale.status_code == 409
    assert house.ask("GET", "catalog/lost").json()["hint"] == "did you mean 'lots'?"
    assert house.rooms.guard.audit(limit=1, action="catalog.edit")[0].resource == "table:lots"


def test_every_table_of_the_catalog_can_be_asked(house: House):
    for one in house.get("catalog")["items"]:
        found = ask(house, f"SELECT * FROM {one['name']}", "admin", limit=5)
        names = [c["name"] for c in one["columns"]]
        assert [c["name"] for c in found["columns"]] == names, one["name"]
        ask(house, f"SELECT {', '.join(names)} FROM {one['name']}", "admin", limit=5)
