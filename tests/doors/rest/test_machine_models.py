"""Models of machines over REST: planned, looked at, refused with a way out; training and scoring are tested in the room."""

from __future__ import annotations

PUMP = "Bakery/Line 1/Cooler/Coolant pump"


def test_a_model_is_planned_listed_and_refuses_what_it_cannot_do(house):
    made = house.post("anomaly-models", {"asset": PUMP, "name": "pump", "settings": {"drivers": [f"{PUMP}/Flow"]}})
    assert made.status_code == 201, made.text
    one = made.json()
    assert f"{PUMP}/Vibration" in one["properties"]
    assert (one["every_s"], one["active"], one["versions"]) == (60, None, [])
    assert [row["name"] for row in house.get("anomaly-models")["items"]] == ["pump"]
    assert house.get(f"anomaly-models/{one['id']}")["settings"] == {"drivers": [f"{PUMP}/Flow"]}

    again = house.post("anomaly-models", {"asset": PUMP, "name": "pump"})
    assert (again.status_code, again.json()["code"]) == (409, "models.name")
    typo = house.post("anomaly-models", {"asset": "Bakery/Line 1/Ovn"})
    assert typo.status_code == 422
    assert "Bakery/Line 1/Oven" in typo.json()["hint"]
    early = house.post(f"anomaly-models/{one['id']}/use", {"number": 1, "mode": "active"})
    assert early.status_code == 404
    assert house.post(f"anomaly-models/{one['id']}/back").json()["code"] == "models.no-previous"
    assert house.post(f"anomaly-models/{one['id']}/cancel").json()["code"] == "models.not-training"
    assert house.ask("GET", f"anomaly-models/{one['id']}/scores").json()["code"] == "models.not-ready"
    assert house.post(f"anomaly-models/{one['id']}/train", {"end": "yesterday"}).status_code == 422


def test_the_data_can_be_looked_at_before_training(house):
    told = house.post("anomaly-models/look", {"asset": PUMP, "lookback": "10m"})
    assert told.status_code == 422
    assert "too few" in told.json()["detail"]
    told = house.post("anomaly-models/look", {"asset": PUMP, "lookback": "1d"})
    assert told.status_code == 200, told.text
    sensors = {row["name"]: row for row in told.json()["sensors"]}
    assert sensors[f"{PUMP}/Vibration"]["flaws"][0]["action"]


def test_a_fleet_is_planned_for_like_machines_only(house):
    body = {"name": "pumps", "under": "Bakery", "model": "CoolantPump"}
    alone = house.post("anomaly-fleets", body)
    assert alone.status_code == 422, alone.text
    assert "assets of the model" in alone.json()["detail"]
    assert house.get("anomaly-fleets")["items"] == []
    assert house.post("anomaly-fleets/train", {"name": "pumps"}).json()["code"] == "models.fleet"


def test_what_was_known_about_a_time_is_said_and_taken_back(house):
    body = {"asset": PUMP, "start": "2026-01-01T06:00:00Z", "end": "2026-01-02T06:00:00Z", "code": "BRG", "note": "bearing"}
    made = house.post("anomaly-labels", body)
    assert made.status_code == 201, made.text
    (row,) = house.get(f"anomaly-labels?asset={PUMP}")["items"]
    assert {name: row[name] for name in body} == body
    assert (row["kind"], row["id"]) == ("anomaly", made.json()["id"])
    later = house.post("anomaly-labels", {**body, "end": "2099-01-01T00:00:00Z"})
    assert (later.status_code, later.json()["code"]) == (422, "labels.range")
    assert house.ask("DELETE", f"anomaly-labels/{row['id']}").status_code == 200
    assert house.get("anomaly-labels")["items"] == []


def test_a_version_that_is_not_there_is_neither_tried_nor_exported(house):
    one = house.post("anomaly-models", {"asset": PUMP, "name": "not trained"}).json()
    for what in ("backtest", "export"):
        assert house.ask("GET", f"anomaly-models/{one['id']}/{what}").json()["code"] == "models.not-ready"
        assert house.ask("GET", f"anomaly-models/{one['id']}/{what}?number=3").status_code == 404


def test_a_version_is_put_to_an_edge_node_and_back(house):
    one = house.post("anomaly-models", {"asset": PUMP, "name": "at an edge"}).json()
    book = house.rooms.machines.book
    with house.rooms.db.begin() as tx:
        row = book.begin(tx, book.model(one["id"], tx), 0, 1, "eva")
        book.write(tx, row["id"], state="ready", through=1)
    use = f"anomaly-models/{one['id']}/use"
    wrong = house.post(use, {"number": 1, "mode": "active", "place": "pump 3"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "models.place")
    made = house.post(use, {"number": 1, "mode": "active", "place": "hall-2/pump 3"}).json()
    assert (made["active"], made["versions"][0]["place"], made["heard"]) == (1, "hall-2/pump 3", [])
    house.rooms.machines.afar.told([("hall-2/pump 3", one["id"], "at an edge", "1")])
    (heard,) = house.get(f"anomaly-models/{one['id']}")["heard"]
    assert (heard["source"], heard["number"]) == ("hall-2/pump 3", 1)
    assert house.post(use, {"number": 1, "mode": "shadow"}).json()["versions"][0]["place"] == "hall-2/pump 3", (
        "it stays where it is"
    )
    assert house.post(use, {"number": 1, "mode": "off", "place": ""}).json()["versions"][0]["place"] == ""
