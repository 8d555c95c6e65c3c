"""Findings in the life of alarms: one alert a kind of finding, ended by labels or by a verified return to service."""

from __future__ import annotations

import pytest

from lineshaft.detect import AlarmCleared
from tests.detect.conftest import OPERATOR, PUMP


def find(watch, score=0.8, kind="anomaly", asset=PUMP, **more):
    with watch.db.begin() as tx:
        return watch.detect.find(tx, asset, kind, score, by=OPERATOR, **more)


def label(watch, finding, said="confirmed"):
    with watch.db.begin() as tx:
        watch.detect.label(tx, finding["id"], said, OPERATOR)


def test_findings_of_one_kind_are_one_alert_with_the_highest_score(watch):
    find(watch, 0.8, failure_mode="VIB")
    find(watch, 0.95, failure_mode="VIB")
    find(watch, 0.5, failure_mode="VIB")
    find(watch, 0.7, kind="drift")
    alerts = watch.detect.alarms(kind="alert", asset=PUMP)
    assert sorted((row["name"], row["value"]) for row in alerts) == [("Finding: anomaly (VIB)", 0.95), ("Finding: drift", 0.7)]
    raises = [line for line in watch.detect.history(watch.named("Finding: anomaly (VIB)")["id"]) if line["what"] == "raise"]
    assert len(raises) == 1, "what stands already is not told again"
    assert watch.named("Finding: drift")["area"] == "Bakery"


def test_an_alert_ends_when_every_finding_behind_it_has_its_label(watch):
    first, second = find(watch), find(watch)
    alert = watch.named("Finding: anomaly")
    with watch.db.begin() as tx:
        watch.detect.acknowledge(tx, alert["id"], OPERATOR)
    label(watch, first, "no_fault_found")
    assert watch.named("Finding: anomaly")["state"] == "acked"
    label(watch, second)
    over = watch.named("Finding: anomaly")
    assert (over["state"], bool(over["active"])) == ("normal", False)
    assert any(isinstance(event, AlarmCleared) and event.alarm_id == alert["id"] for event in watch.told)
    find(watch)
    assert watch.named("Finding: anomaly")["state"] == "unack"
    assert watch.named("Finding: anomaly")["occurrence"] != alert["occurrence"]


def test_a_label_alone_acknowledges_for_the_one_who_gave_it(watch):
    label(watch, find(watch))
    over = watch.named("Finding: anomaly")
    assert (over["state"], over["acknowledged_by"]) == ("normal", "olga")


@pytest.mark.parametrize(("asset", "ended"), [(PUMP, 1), ("Bakery", 1), ("Bakery/Pump 2", 0)])
def test_a_verified_return_to_service_ends_the_alerts_of_the_machine_and_no_others(watch, asset, ended):
    find(watch)
    with watch.db.begin() as tx:
        assert watch.detect.returned(tx, asset) == ended
    assert watch.named("Finding: anomaly")["state"] == ("normal" if ended else "unack")


def test_a_shelved_alert_stays_on_the_shelf_whatever_is_found(watch):
    find(watch)
    alert = watch.named("Finding: anomaly")
    with watch.db.begin() as tx:
        watch.detect.out_of_service(tx, alert["id"], OPERATOR, "the model is trained again")
    find(watch, 0.99)
    assert watch.named("Finding: anomaly")["state"] == "out-of-service"
    with watch.db.begin() as tx:
        watch.detect.show(tx, alert["id"], OPERATOR)
    assert watch.named("Finding: anomaly")["state"] == "unack"


def test_a_finding_that_is_not_written_leaves_no_alert(watch):
    with pytest.raises(ZeroDivisionError), watch.db.begin() as tx:
        watch.detect.find(tx, PUMP, "anomaly", 0.8, by=OPERATOR)
        _ = 1 / 0
    assert watch.detect.alarms(kind="alert") == []


def test_a_reload_keeps_alerts_of_findings(watch):
    find(watch)
    watch.start()
    assert watch.named("Finding: anomaly")["state"] == "unack"
    assert watch.detect.reload() == []
    assert not watch.named("Finding: anomaly")["retired"]


def test_precision_is_told_asset_by_asset(watch):
    for said in ("confirmed", "confirmed", "false_alarm", "no_fault_found", "neutral"):
        label(watch, find(watch), said)
    find(watch)
    label(watch, find(watch, asset="Bakery/Pump 2"), "no_fault_found")
    one, other = watch.detect.precision()
    assert (one["asset"], one["precision"], one["precision_at_least"], one["open"]) == (PUMP, 2 / 3, 0.5, 1)
    assert (other["precision"], other["precision_at_least"]) == (None, 0)


def move(watch, path, name):
    with watch.db.begin() as tx:
        watch.assets.move(tx, path, "Bakery", name)
    watch.detect.reload()


def test_an_asset_with_another_name_keeps_its_alert_and_its_findings(watch):
    first = find(watch)
    alert = watch.named("Finding: anomaly")
    move(watch, PUMP, "Coolant pump")
    new = "Bakery/Coolant pump"
    assert watch.named("Finding: anomaly", new)["id"] == alert["id"]
    second = find(watch, 0.9, asset=new)
    assert [one["id"] for one in watch.detect.findings(asset=new)] == [second["id"], first["id"]]
    assert [(one["asset"], one["open"]) for one in watch.detect.precision()] == [(new, 2)]
    label(watch, first)
    label(watch, second)
    assert watch.named("Finding: anomaly", new)["state"] == "normal"


def test_two_assets_that_change_names_keep_their_own_findings(watch):
    first, second = find(watch), find(watch, asset="Bakery/Pump 2")
    with watch.db.begin() as tx:
        watch.assets.move(tx, PUMP, "Bakery", "Spare")
    with watch.db.begin() as tx:
        watch.assets.move(tx, "Bakery/Pump 2", "Bakery", "Pump")
    with watch.db.begin() as tx:
        watch.assets.move(tx, "Bakery/Spare", "Bakery", "Pump 2")
    watch.detect.reload()
    assert watch.detect.finding(first["id"])["asset"] == "Bakery/Pump 2"
    assert watch.detect.finding(second["id"])["asset"] == PUMP


def test_a_finding_of_a_time_before_the_alert_began_keeps_it_standing_too(watch):
    late = find(watch, at=2000)
    early = find(watch, at=1000)
    label(watch, late)
    assert watch.named("Finding: anomaly")["state"] == "unack"
    label(watch, early)
    assert watch.named("Finding: anomaly")["state"] == "normal"
