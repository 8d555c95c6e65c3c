"""Models of machines and fleets from data that is no good, over REST as the pages ask: a reason and a way out for each."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.core import NS, iso, now_ns
from lineshaft.detect.heavy.job import Outcome
from lineshaft.detect.heavy.trainings import Processes

PUMP = "Bakery/Line 1/Cooler/Coolant pump"
NAMES = ("Flow", "Current", "Vibration", "BearingTemperature")
MINUTE = 60 * NS
ROWS = 400


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Learn in this process: that a process of its own does the same is shown in the room."""
    monkeypatch.setattr(Processes, "run", lambda self, job: Outcome(job.work(job.prepare(), job.step)))


def columns(size=ROWS):
    chance = np.random.default_rng(1)
    load = 1 + 0.2 * np.sin(np.arange(size) / 7)
    return {name: (n + 1) * load + chance.normal(0, 0.02, size) for n, name in enumerate(NAMES)}


@pytest.fixture
def told(house):
    """Let the pump have said columns up to a time so many days ago (each case has a time of its own); return its end."""

    def say(table, days=0, order=None):
        end = now_ns() // MINUTE * MINUTE - days * 86_400 * NS
        rows = [
            (f"ns=2;s=Coolant pump/{name}", float(value), end - (len(values) - n) * MINUTE + MINUTE // 2)
            for name, values in table.items()
            for n, value in enumerate(values)
            if not np.isnan(value)
        ]
        house.values(rows if order is None else [rows[n] for n in order(len(rows))])
        return iso(end)

    return say


def trained(house, name, kind="anomaly-models", end=None, **body):
    made = house.post(kind, {"name": name, **body})
    assert made.status_code == 201, made.text
    one = made.json()["id"]
    assert house.post(f"{kind}/{one}/train", {"end": end}).status_code == 202
    room = house.rooms.machines if kind == "anomaly-models" else house.rooms.fleets
    for work in list(room._trainings.values()):
        work.wait(60)
    version = house.get(f"{kind}/{one}")["versions"][0]
    return version["state"], version["error"], version


def plan(names=NAMES, rows=ROWS):
    return {"asset": PUMP, "properties": [f"{PUMP}/{name}" for name in names], "lookback": f"{rows}m", "settings": {}}


def test_ten_rows_one_sensor_and_sensors_that_stand_still(house, told):
    told({name: values[-10:] for name, values in columns().items()})
    state, error, _ = trained(house, "ten rows", **plan(rows=10))
    assert (state, "10 rows are too few" in error, "give at least 100" in error) == ("failed", True, True), error
    look = house.post("anomaly-models/look", plan(rows=10))
    assert (look.status_code, bool(look.json()["hint"])) == (422, True)
    table = columns()
    told({**table, "Flow": np.full(ROWS, 3.0), "Current": np.full(ROWS, 7.0)})
    report = house.post("anomaly-models/look", plan()).json()
    flaws = {row["name"].rpartition("/")[2]: [flaw["code"] for flaw in row["flaws"]] for row in report["sensors"]}
    again = "overwritten"  # ten of its minutes were told a second time
    assert (flaws["Flow"], flaws["Vibration"]) == (["constant", again], [again])
    assert all(flaw["what"] and flaw["action"] for row in report["sensors"] for flaw in row["flaws"])
    for name, which in (("one sensor", ["Vibration"]), ("still", ["Flow", "Current"]), ("one that moves", ["Flow", "Vibration"])):
        state, error, _ = trained(house, name, **plan(which))
        assert (state, "alarm with a limit" in error) == ("failed", True), error


def test_nine_tenths_missing(house, told):
    end = told({name: np.where(np.arange(ROWS) >= 40, np.nan, values) for name, values in columns().items()}, 3)
    state, error, _ = trained(house, "missing", end=end, **plan())
    assert (state, "missing" in error) == ("failed", True), error


def test_values_that_come_in_no_order_are_learned_in_order(house, told):
    straight = told(columns(1200), 5)
    mixed = told(columns(1200), 7, np.random.default_rng(0).permutation)
    found = [trained(house, f"ends {end}", end=end, **plan(rows=1200)) for end in (straight, mixed)]
    assert [one[0] for one in found] == ["ready", "ready"], found[0][1]
    one, other = ({**each["about"]["thresholds"], "held_out_from": ""} for _, _, each in found)
    assert one == other


def test_a_text_is_refused_where_a_number_belongs(house):
    row = {"property": f"{PUMP}/Vibration", "timestamp": iso(now_ns()), "value": "fast"}
    (refused,) = house.post("values", {"rows": [row]}).json()["rejected"]
    assert refused["reason"]
    assert refused["hint"]


def test_labels_outside_the_time_that_is_learned_from_are_said(house, told):
    end = told(columns(1200), 9)
    label = {"asset": PUMP, "start": "2026-01-01T06:00:00Z", "end": "2026-01-02T06:00:00Z"}
    assert house.post("anomaly-labels", label).status_code == 201
    state, error, version = trained(house, "labelled", end=end, **plan(rows=1200))
    assert state == "ready", error
    assert any("a label of this asset is outside the time" in text for text in version["about"]["thresholds"]["warnings"])
    future = house.post("anomaly-labels", {**label, "end": "2099-01-01T00:00:00Z"})
    assert (future.status_code, "time zone" in future.json()["hint"]) == (422, True)
    turned = house.post("anomaly-labels", {**label, "start": label["end"], "end": label["start"]})
    assert (turned.status_code, "ends before it begins" in turned.json()["detail"]) == (422, True)


def test_findings_nobody_has_judged_are_said_before_and_after_a_training(house, told):
    end = told(columns(1200), 11)
    moment = now_ns() // MINUTE * MINUTE - 11 * 86_400 * NS
    evidence = {"start": iso(moment - 300 * MINUTE), "end": iso(moment - 200 * MINUTE)}
    filed = house.post("findings", {"asset": PUMP, "kind": "anomaly", "score": 0.8, "evidence": evidence}).json()
    look = house.post("anomaly-models/look", {**plan(), "lookback": "20d"}).json()
    (said,) = [flaw for flaw in look["table"] if flaw["code"] == "unjudged"]
    assert ("nobody has judged" in said["what"], evidence["start"] in said["what"], said["figure"]) == (True, True, 1)
    state, error, version = trained(house, "unjudged", end=end, **plan(rows=1200))
    assert state == "ready", error
    assert version["about"]["left_out"]["labelled"] == 101
    assert any("nobody has judged" in text for text in version["about"]["thresholds"]["warnings"])
    made = house.post("anomaly-models", {"name": "long", **plan(), "lookback": "20d"}).json()
    shown = {"id": filed["id"], "asset": PUMP, "kind": "anomaly", **evidence}
    assert [one for one in made["unjudged"] if one["id"] == filed["id"]] == [shown]
    house.post(f"findings/{filed['id']}/label", {"label": "false_alarm"})
    assert filed["id"] not in [one["id"] for one in house.get(f"anomaly-models/{made['id']}")["unjudged"]]


def ages(*days):
    return [{"asset": "elsewhere", "age": f"{day}d"} for day in days]


def test_a_fleet_that_cannot_learn_says_what_is_missing(house, told):
    told(columns(60), 0)
    fleet = {"assets": [PUMP], "every": "1m", "lookback": "10m"}
    state, error, _ = trained(house, "nothing failed", "life", **fleet)
    assert (state, "give a health index" in error) == ("failed", True), error
    state, error, _ = trained(house, "sensors asked for", "life", **fleet, method="sensors", properties=["Vibration"])
    assert (state, "needs" in error) == ("failed", True), error
    old = [{"asset": PUMP, "begin": "2025-01-01T00:00:00Z", "end": "2025-06-01T00:00:00Z"}]
    state, error, _ = trained(house, "long ago", "life", **fleet, lives=old)
    assert (state, "a life that was told ended before" in error, "look back further" in error) == ("failed", True, True), error
    state, error, version = trained(house, "ages", "life", **fleet, lives=[*ages(100, 120, 140, 90), *old])
    assert (state, version["method"]) == ("ready", "history"), error
    assert any("look back further" in line for line in version["why"]), version["why"]
    for one, what in (
        ({"begin": "2098-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}, "in the future"),
        ({"begin": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "ends before it begins"),
        ({"age": "0d"}, "an age of"),
    ):
        refused = house.post("life", {**fleet, "name": "refused", "lives": [{"asset": PUMP, **one}]})
        assert (refused.status_code, what in refused.json()["detail"], bool(refused.json()["hint"])) == (422, True, True), what


def test_an_age_that_nobody_knows_is_not_made_up(house):
    """Two machines without a value; the begin of one is told. The other is neither forecast nor counted as two years old."""
    known, unknown = "Bakery/Line 1/Mixer", "Bakery/Line 1/Packer"
    begin = iso(now_ns() - 80 * 86_400 * NS)
    lives = [*ages(100, 120, 140, 90, 110), {"asset": known, "begin": begin}]
    state, error, version = trained(house, "ages only", "life", assets=[known, unknown], lives=lives)
    assert (state, version["method"]) == ("ready", "history"), error
    house.rooms.fleets.tick()
    told = {row["asset"]: row for row in house.get("life/forecasts")["items"] if row["fleet"] == "ages only"}
    assert "nobody knows when its life began" in told[unknown]["error"]
    assert told[unknown]["remaining_h"] is None
    assert told[known]["age_h"] == pytest.approx(80 * 24, abs=2)
    assert told[known]["remaining_h"] < 60 * 24, "five such machines lasted 90 to 140 days"
    assert house.get("life")["items"][0]["properties"]
    assert all("Criticality" not in one["properties"] for one in house.get("life")["items"]), "an attribute is no sensor"


def test_an_index_that_stands_still_or_is_hardly_there_gives_no_date(house, told):
    end = told({"Vibration": np.full(ROWS, 3.0), "Flow": np.where(np.arange(ROWS) < 5, 1.0, np.nan)}, 11)
    for name in ("Vibration", "Flow"):
        fleet = {"assets": [PUMP], "every": "1m", "lookback": f"{ROWS}m", "index": {"property": name, "limit": 9.0}}
        state, error, _ = trained(house, f"index {name}", "life", end, **fleet)
        house.rooms.fleets.tick()
        told_of = [row for row in house.get("life/forecasts")["items"] if row["fleet"] == f"index {name}"]
        assert state == "ready" or "values" in error, error
        assert all(row["error"] or row["remaining_h"] is None or row["more_than"] for row in told_of), told_of
