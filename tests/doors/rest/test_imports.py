"""Imports over the door: a file in parts, its progress, the rows that were refused, cancel; a login of one line may not."""

from __future__ import annotations

import hashlib

import httpx

from tests.doors.conftest import House

CSV = b"time,tag,value\n2026-01-01T00:00:00Z,Bakery/Line 1/Oven/Temperature,180\nnever,Bakery/Line 1/Oven/Temperature,1\n"


def part(house: House, job: dict, offset: int, content: bytes, role: str = "engineer") -> httpx.Response:
    return house.ask("PUT", f"imports/{job['id']}/content?offset={offset}", role, content=content)


def test_a_file_comes_in_parts_is_taken_in_and_its_refused_rows_are_there(house: House):
    body = {"file": "old.csv", "size": len(CSV), "sha256": hashlib.sha256(CSV).hexdigest(), "properties": True}
    job = house.post("imports", body, "engineer").json()
    assert (job["state"], job["received"]) == ("uploading", 0)
    assert part(house, job, 0, CSV[:40]).json()["received"] == 40
    assert part(house, job, 0, CSV[:40]).json()["code"] == "import.offset"
    assert part(house, job, 40, b"").status_code == 422
    assert part(house, job, 40, CSV + b"more").json()["code"] == "import.size"
    assert house.post("imports", body, "engineer").json()["received"] == 40  # typed again, it goes on
    assert part(house, job, 40, CSV[40:]).json()["state"] == "waiting"
    house.rooms.store.import_jobs.tend()
    done = house.get(f"imports/{job['id']}", "engineer")
    assert (done["state"], done["total"], done["stored"], done["rejected"]) == ("done", 2, 1, {"time": 1})
    assert done["received"] == len(CSV)
    assert house.get("imports", "engineer")["items"][0]["id"] == job["id"]
    errors = house.ask("GET", f"imports/{job['id']}/errors", "engineer")
    assert errors.headers["content-type"].startswith("text/csv")
    assert errors.text.splitlines()[1].startswith("3,time,")
    where = "history?property=Bakery/Line 1/Oven/Temperature&start=2025-12-31T00:00:00Z&end=2026-01-02T00:00:00Z"
    assert [row["value"] for row in house.get(where)["rows"]] == [180.0]
    assert house.ask("GET", "imports", "planner").status_code == 403
    rows = house.rooms.guard.audit(limit=20, action="imports.run")
    assert {row.outcome for row in rows} == {"ok"}
    assert part(house, job, 0, b"x").json()["code"] == "import.state"


def test_an_import_is_cancelled_and_pages_are_whole(house: House):
    made = [house.post("imports", {"file": f"{n}.csv", "size": 10}).json() for n in range(3)]
    page = house.get("imports?limit=2")
    assert [one["id"] for one in page["items"]] == [made[2]["id"], made[1]["id"]]
    assert house.get(f"imports?limit=1&after={page['next']}")["items"][0]["id"] == made[0]["id"]
    assert house.post(f"imports/{made[0]['id']}/cancel").json()["state"] == "cancelled"
    assert house.post(f"imports/{made[0]['id']}/cancel").json()["code"] == "import.ended"
    assert house.ask("GET", f"imports/{made[0]['id']}/errors").status_code == 404
    assert house.post("imports", {"file": "x", "size": 1 << 60}).json()["code"] == "import.room"
    assert house.post("imports", {"file": "x", "size": 1, "unit": "weeks"}).json()["code"] == "import.reading"


def test_who_sees_one_line_only_may_neither_import_nor_look(house: House):
    made = house.post("tokens", {"name": "import of line one", "role": "engineer", "scope": ["Bakery/Line 1"]}).json()
    house.secrets["line one"] = made["secret"]
    assert house.ask("GET", "imports", "line one").status_code == 403
    assert house.post("imports", {"file": "x", "size": 1}, "line one").status_code == 403
    assert house.get("imports")["items"]


def test_lists_page_over_items_of_one_nanosecond(house: House):
    """Work orders, the tower and purchases made in one moment: each comes once, a page an item."""
    for n in range(4):
        house.post("work-orders", {"asset": "Bakery/Line 1/Oven", "title": f"same moment {n}"})
    house.post("purchases", {"part": "BRG-6205", "quantity": 1})
    house.post("purchases", {"part": "BRG-6205", "quantity": 2})
    with house.rooms.db.begin() as tx:
        for table, column in (("work_order", "created"), ("purchase", "created"), ("tower", "at")):
            tx.exec_driver_sql(f"update {table} set {column} = 1767225600123456789")
    for path in ("work-orders", "purchases", "tower"):
        whole = house.get(f"{path}?limit=1000")["items"]
        found: list[dict] = []
        after = ""
        while after is not None:
            page = house.get(f"{path}?limit=1" + (f"&after={after}" if after else ""))
            found += page["items"]
            after = page["next"]
        assert found == whole, path
        assert len(whole) > 1 or path == "tower"
