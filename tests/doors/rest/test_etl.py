"""ETL over the door: listed, run now as its owner, its history and its end in the audit; hidden names stay hidden."""

from __future__ import annotations

from tests.doors.conftest import House

JOB = """job: parts
owner: user:anna
retries: 0
steps:
  - {name: all, sql: "SELECT part, unit_cost, on_hand FROM spares", table: part_values}
"""


def run(house: House) -> dict:
    asked = house.post("etl/parts/run", None, "engineer")
    assert asked.status_code == 200, asked.text
    house.rooms.store.etl.tend(0)
    return house.get("etl/runs?job=parts", "engineer")["items"][0]


def test_a_job_is_listed_run_and_remembered(house: House):
    folder = house.rooms.store.etl.folder
    folder.mkdir()
    (folder / "parts.yaml").write_text(JOB)
    (folder / "wrong.yaml").write_text("job: wrong\n")
    listed = house.get("etl", "engineer")
    assert [one["job"] for one in listed["items"]] == ["parts"]
    assert listed["problems"][0]["where"].startswith("etl/wrong.yaml")
    done = run(house)
    assert (done["state"], done["error"], done["reads"]) == ("done", "", ["spares"])
    assert house.post("sql", {"sql": "SELECT count(*) FROM part_values"}, "planner").json()["rows"][0][0] == done["rows"] > 0
    assert house.get("catalog/part_values", "planner")["job"] == "parts"
    row = house.rooms.guard.audit(limit=20, action="etl.ran")[0]
    assert (row.outcome, row.resource) == ("ok", "etl:parts")
    assert house.ask("GET", "etl", "planner").status_code == 403


def test_what_is_hidden_in_a_table_is_hidden_in_what_a_job_makes_of_it(house: House):
    rule = house.post("permissions", {"who": "role:technician", "tables": "spares", "columns": ["unit_cost"]}).json()["id"]
    planner = house.post("permissions", {"who": "token:test planner", "tables": "spares", "columns": ["unit_cost"]}).json()["id"]
    columns = [one["name"] for one in house.post("sql", {"sql": "SELECT * FROM part_values"}, "planner").json()["columns"]]
    assert columns == ["part", "on_hand"]
    assert "unit_cost" not in [one["name"] for one in house.get("catalog/part_values", "planner")["columns"]]
    house.ask("DELETE", f"permissions/{rule}")
    house.ask("DELETE", f"permissions/{planner}")


def test_a_job_of_a_veiled_owner_reads_what_the_owner_sees(house: House):
    rule = house.post("permissions", {"who": "user:anna", "tables": "spares", "columns": ["unit_cost"], "effect": "hide"}).json()[
        "id"
    ]
    done = run(house)
    assert done["state"] == "failed"
    assert "unit_cost" in done["error"]
    house.ask("DELETE", f"permissions/{rule}")
    assert run(house)["state"] == "done"
