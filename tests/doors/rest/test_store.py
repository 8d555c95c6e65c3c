from __future__ import annotations

import pytest

from lineshaft.core import NS, now_ns
from tests.doors.conftest import OVEN, PUMP, House


def test_a_document_is_kept_and_given_back(house: House):
    content = b"%PDF-1.7 how to mend a pump"
    files = {"file": ("manual.pdf", content, "application/pdf")}
    made = house.ask("POST", "documents", "technician", files=files, data={"about": PUMP, "name": "Pump manual.pdf"})
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["name"], shown["about"], shown["size"]) == ("Pump manual.pdf", PUMP, len(content))
    assert house.get(f"documents?about={PUMP}")["items"] == [shown]
    got = house.ask("GET", f"documents/{shown['id']}/content", "viewer")
    assert got.content == content
    assert got.headers["content-type"] == "application/pdf"
    assert "Pump%20manual.pdf" in got.headers["content-disposition"]
    assert house.ask("GET", f"documents/{shown['id']}/content", "elsewhere").status_code == 403


def test_a_document_that_could_carry_scripts_is_only_downloaded(house: House):
    files = {"file": ("evil.html", b"<script>alert(1)</script>", "text/html")}
    shown = house.ask("POST", "documents", files=files).json()
    got = house.ask("GET", f"documents/{shown['id']}/content")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in got.headers["content-security-policy"]


def test_documents_come_in_pages(house: House):
    for n in range(4):
        house.ask("POST", "documents", files={"file": (f"{n}.txt", b"%d" % n, "text/plain")})
    first = house.get("documents?limit=3")
    second = house.get(f"documents?limit=3&after={first['next']}")
    names = [d["name"] for d in first["items"] + second["items"]]
    assert names[:4] == ["3.txt", "2.txt", "1.txt", "0.txt"]


def test_a_repeated_upload_is_one_document(house: House):
    key = {"Idempotency-Key": "upload"}
    files = {"file": ("same.txt", b"same", "text/plain")}
    first, again = (house.ask("POST", "documents", files=files, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]


def test_the_ledger_shows_what_became_of_every_value(house: House):
    now = now_ns()
    rows = [("ns=2;s=Oven/Power", 40.0, now - NS), ("ns=2;s=Oven/Power", 41.0, now + 3600 * NS), ("unbound", 1.0, now)]
    house.values(rows)
    page = house.get("ledger")
    power = next(row for row in page["items"] if row["tag"] == "ns=2;s=Oven/Power")
    assert power["rejected"] == {"future": 1}
    assert page["totals"]["rejected"]["future"] == 1
    assert page["totals"]["balance"] == 0
    assert any(row["tag"] == "unbound" and row["stored"] == 1 for row in page["items"])
    assert {row["tag"] for row in house.get("ledger", "line 1")["items"]} >= {"ns=2;s=Oven/Power"}
    assert not any(row["tag"] == "unbound" for row in house.get("ledger", "line 1")["items"])
    assert house.get("ledger", "elsewhere")["items"] == []
    part = house.get("ledger?limit=2")
    assert len(part["items"]) == 2
    assert part["totals"] == page["totals"]


@pytest.mark.parametrize("path", ["oee", "downtime"])
def test_figures_of_a_machine_and_of_its_line(house: House, path):
    now = now_ns()
    state, good = "ns=2;s=Oven/State", "ns=2;s=Oven/Good"
    at = now - 3000 * NS
    house.values([(state, 1, at), (good, 100, at), (state, 4, at + 1000 * NS), (state, 1, at + 1600 * NS), (good, 400, now - NS)])
    if path == "oee":
        machine = house.get(f"oee?asset={OVEN}&start={at}&end={now - NS}&explain=true")
        assert machine["elements"]["down"] == pytest.approx(600)
        assert machine["counts"]["good"] == 300
        assert machine["explain"]
        line = house.get(f"oee?asset=Bakery/Line 1&start={at}&end={now - NS}")
        assert (line["asset"], line["constraint"], line["explain"]) == ("Bakery/Line 1", OVEN, None)
        assert line["oee"] == machine["oee"]
        assert house.get(f"oee?asset={OVEN}&start={at}&end={now - NS}&model=calendar")["model"] == "calendar"
        assert house.ask("GET", f"oee?asset={OVEN}&model=iso22401").json()["hint"] == "did you mean 'iso22400'?"
        return
    stop = next(s for s in house.get(f"downtime?asset={OVEN}")["items"] if s["state"] == "down")
    assert stop["reason"] is None
    coded = house.ask("PATCH", f"downtime/{stop['id']}", "operator", json={"reason": "film change", "version": stop["version"]})
    assert coded.json()["reason"] == "film change"
    assert house.get(f"downtime?asset={OVEN}")["items"][0]["reason"] == "film change"
    clash = house.ask("PATCH", f"downtime/{stop['id']}", "operator", json={"reason": "jam", "version": 7})
    assert clash.status_code == 409
