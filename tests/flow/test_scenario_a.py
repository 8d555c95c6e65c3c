"""Scenario A: OEE that can be defended. Late scrap changes a figure only on an engineer's word; what it was stays known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lineshaft.core import NS, parse_time
from tests.cookies import RUN_SECONDS
from tests.flow.cookies import LINE, START, node, ours, recording, theirs  # noqa: F401 - the fixtures
from tests.flow.node import Node, until

MACHINE = f"{LINE}/Labeller"
PERIOD = {"start": "2026-01-05T06:00:00Z", "end": "2026-01-05T07:00:00Z"}
SCRAP = 40.0


@pytest.fixture(scope="module")
def played(node: Node) -> Node:  # noqa: F811
    until(lambda: 3550 in ours(node, "Labeller", "Down_Time_1Min"), 120, every=1)
    return node


def oee(node: Node, **more: Any) -> dict[str, Any]:  # noqa: F811
    return node.get("oee", asset=MACHINE, **PERIOD, **more)


def in_lake(home: Path, tag: str) -> float:
    """The value of a series at the end of the hour, as any program reads it from the files of the lake."""
    lake = home / "lake"
    names = f"read_parquet('{lake}/series/**/*.parquet', union_by_name=true)"
    values = f"read_parquet('{lake}/*s*/**/*.parquet', union_by_name=true, filename=true)"
    with duckdb.connect() as db:
        (sid,) = db.execute(f"select distinct sid from {names} where tag = ?", [tag]).fetchone() or (None,)
        query = f"select v from {values} where sid = ? and v is not null and filename not like '%/series/%'"
        found = db.execute(query, [sid]).fetchall()
    return float(found[-1][0])


@pytest.mark.timeout(300)
def test_every_full_minute_equals_the_recordings_own_result(played: Node, recording: Path) -> None:  # noqa: F811
    compared, different = 0, list[tuple[str, str, int, float | None, float]]()
    for (machine, name), windows in theirs(recording).items():
        mine = ours(played, machine, name)
        for end, value in windows.items():
            compared += 1
            if mine.get(end) != value:
                different.append((machine, name, end, mine.get(end), value))
    assert compared == 2360
    assert different == []
    for machine, seconds in RUN_SECONDS.items():
        asked = {"asset": f"{LINE}/{machine}", "start": START, "end": START + 3600 * NS}
        oee = played.get("oee", **asked)
        assert oee["elements"]["actual_production"] == seconds
    ledger = played.get("ledger", limit=1000)
    assert all(row["balance"] == 0 for row in ledger["items"])
    assert ledger["totals"]["received"] == ledger["totals"]["stored"] + ledger["totals"]["duplicate"]


@pytest.mark.timeout(300)
def test_late_scrap_is_seen_beforehand_applied_and_explained(played: Node) -> None:
    request = {"paths": [MACHINE], **PERIOD, "reason": "correction", "note": "complaint 4711"}
    # until the last windows are closed, computing again would find them missing
    until(lambda: played.post("recompute/preview", request)["changed"] == 0, 60, every=0.5)
    before = oee(played)
    good, bad = before["counts"]["good"], before["counts"]["bad"]
    assert good > SCRAP
    minutes = ours(played, "Labeller", "Good_Parts_1Min")

    entry = {"check": "weight", "machine": MACHINE, "scrap": SCRAP, "reason": "labels not readable", **PERIOD}
    played.post("production/quality", entry)
    waiting = oee(played)
    assert (waiting["oee"], waiting["waiting"]) == (before["oee"], SCRAP), "the past is not changed silently"

    preview = played.post("recompute/preview", request)
    diff = {change["path"].rsplit("/", 1)[-1]: (change["old"], change["new"]) for change in preview["changes"]}
    assert diff["good"] == (good, good - SCRAP)
    assert diff["bad"] == (bad, bad + SCRAP)
    assert oee(played)["oee"] == before["oee"], "a preview writes nothing"
    assert played.get("recompute")["items"] == []

    made = played.post("recompute", request, key="complaint-4711")
    assert played.post("recompute", request, key="complaint-4711")["id"] == made["id"], "sent twice, done once"
    row = until(lambda: (r := played.get(f"recompute/{made['id']}"))["state"] == "done" and r, 60)
    assert (row["by"], row["note"], row["changed"]) == ("Administrator", "complaint 4711", preview["changed"])

    after = oee(played, explain="true")
    assert after["counts"] == {"good": pytest.approx(good - SCRAP), "bad": pytest.approx(bad + SCRAP)}
    assert after["oee"] == pytest.approx(before["oee"] * (good - SCRAP) / good)
    assert after["performance"] == before["performance"]
    (correction,) = after["corrections"]
    assert (correction["reason"], correction["recompute"]) == ("labels not readable", row["id"])
    assert any(step["element"] == "scrap" for step in after["explain"])
    assert ours(played, "Labeller", "Good_Parts_1Min") == minutes, "what the counters said stays as it was"

    then = oee(played, as_of=row["created"])
    assert (then["oee"], then["counts"]) == (before["oee"], before["counts"]), "as it was known then"
    replaced = played.get("recompute/changes", asset=MACHINE, **PERIOD)["items"]
    (old,) = [r for r in replaced if r["path"] == f"{MACHINE}/oee"]
    assert old["old"] == pytest.approx(before["oee"])
    assert old["new"] == pytest.approx(after["oee"])
    assert (old["recompute_id"], old["note"]) == (row["id"], "complaint 4711")
    assert parse_time(old["at"]) == START + 3600 * NS

    hour = f"asset = '{MACHINE}' AND ended = TIMESTAMP '2026-01-05 07:00:00'"
    question = f"SELECT oee, good, planned_busy, down FROM oee WHERE {hour}"
    ((in_sql, parts, busy, down),) = played.post("sql", {"sql": question})["rows"]
    assert in_sql == pytest.approx(after["oee"], rel=1e-12), "the same number in SQL, with the elements it is made of"
    assert (parts, busy, down) == (good - SCRAP, after["elements"]["planned_busy"], after["elements"]["down"])

    played.post("store/flush")
    assert math.isclose(in_lake(played.home, f"{MACHINE}/oee"), after["oee"], rel_tol=1e-12), "the same number in Parquet"
    actions = [line["action"] for line in played.get("audit", limit=50)["items"]]
    assert {"production.quality", "compute.recompute", "store.flush"} <= set(actions)
