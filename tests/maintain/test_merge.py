from __future__ import annotations

import pytest

from lineshaft.core import NS, Conflict, InvalidInput, now_ns
from lineshaft.maintain import ReturnedToService
from tests.maintain.conftest import ANNA, BERT, PUMP

CODES = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}
DRIFT = [{"property": f"{PUMP}/Vibration", "share": 0.7}, {"property": f"{PUMP}/Current", "share": 0.3}]


def finding(shop, asset=PUMP, score=0.8):
    with shop.db.begin() as tx:
        return shop.detect.find(tx, asset, "drift", score, by=BERT, sensors=DRIFT, failure_mode="VIB")["id"]


def test_a_new_finding_joins_the_open_order_with_its_sensors_and_evidence(shop):
    first = shop.order(source=("finding", "f-1"), failure_mode="VIB", kind="predictive", score=0.7, sensors=DRIFT)
    shop.do("assign", first["id"], "anna", by=BERT)
    joined = shop.order(
        source=("finding", "f-2"), failure_mode="VIB", score=0.9, evidence={"property": "x"}, case_id="case-9", merge=True
    )
    assert (joined["id"], joined["state"], joined["assigned_to"]) == (first["id"], "assigned", "anna")
    assert (joined["score"], joined["case_id"]) == (0.9, "case-9")
    assert [(one["id"], one["score"]) for one in joined["findings"]] == [("f-1", 0.7), ("f-2", 0.9)]
    assert joined["findings"][0]["sensors"] == DRIFT
    again = shop.order(source=("finding", "f-2"), failure_mode="VIB", merge=True)
    assert again["version"] == joined["version"]
    assert len(shop.orders.list()) == 1
    other = shop.order(source=("finding", "f-3"), failure_mode="LEK", merge=True)
    assert other["id"] != first["id"]


def test_a_more_urgent_finding_makes_the_order_more_urgent_and_never_less(shop):
    made = shop.order(priority=3, failure_mode="VIB")
    with shop.db.begin() as tx:
        urgent = shop.orders.merge(tx, made["id"], BERT, ("alarm", "a-1"), priority=1)
        calm = shop.orders.merge(tx, made["id"], BERT, ("alarm", "a-2"), priority=5)
    assert urgent["priority"] == calm["priority"] == 1
    assert urgent["due"] < made["due"]
    shop.do("cancel", made["id"])
    with pytest.raises(Conflict), shop.db.begin() as tx:
        shop.orders.merge(tx, made["id"], BERT, ("alarm", "a-3"))


@pytest.mark.parametrize("label", ["confirmed", "no_fault_found", "false_alarm", "neutral"])
def test_closing_labels_every_finding_of_the_order(lite, label):
    lite.bakery()
    one, two = finding(lite), finding(lite)
    made = lite.order(source=("finding", one), failure_mode="VIB", kind="predictive")
    lite.order(source=("finding", two), failure_mode="VIB", merge=True)
    for verb in ("start", "done", "verify"):
        lite.do(verb, made["id"])
    with pytest.raises(InvalidInput, match="label"):
        lite.do("close", made["id"], CODES)
    lite.do("close", made["id"], {**CODES, "label": label})
    assert [row["label"] for row in lite.detect.findings()] == [label, label]
    assert lite.detect.findings()[0]["labelled_by"] == "anna"


def test_the_detector_begins_anew_on_verified_return_to_service_and_not_on_closing(shop):
    made = shop.order(source=("finding", "f-1"), failure_mode="VIB")
    for verb in ("start", "done"):
        shop.do(verb, made["id"])
    assert not [e for e in shop.told if isinstance(e, ReturnedToService)]
    shop.do("verify", made["id"])
    shop.do("close", made["id"], {**CODES, "label": "confirmed"})
    (event,) = [e for e in shop.told if isinstance(e, ReturnedToService)]
    assert (event.asset, event.failure_mode, event.sources) == (PUMP, "VIB", (("finding", "f-1"),))


def test_similar_past_cases_say_why_and_what_was_done(shop):
    shop.part()
    old = shop.order(source=("finding", "f-1"), failure_mode="VIB", sensors=DRIFT)
    with shop.db.begin() as tx:
        shop.spares.reserve(tx, old["id"], "BRG-6205", 2, BERT)
    for verb in ("start", "done", "verify"):
        shop.do(verb, old["id"])
    shop.do("close", old["id"], {**CODES, "label": "confirmed"}, note="bearing was dry")
    other = shop.order(asset="Bakery/Line 1/Oven", failure_mode="VIB")
    shop.do("start", other["id"])
    shop.do("done", other["id"])
    shop.order(asset="Bakery/Line 1/Oven", failure_mode="LEK")
    now = shop.order(source=("finding", "f-2"), failure_mode="VIB", sensors=DRIFT[:1])
    found = shop.orders.similar(now["id"])
    assert [one["number"] for one in found] == [old["number"], other["number"]]
    assert found[0]["why"] == ["same failure mode", "same kind of machine", "same position", "same sensors"]
    assert found[0]["parts"] == [{"part": "BRG-6205", "name": "Deep groove ball bearing 6205", "quantity": 2.0}]
    assert found[0]["notes"] == ["bearing was dry"]
    assert found[0]["likeness"] == pytest.approx(0.9)
    assert found[1]["why"] == ["same failure mode"]


def test_what_a_case_avoided_shows_its_assumption_and_is_nothing_without_a_rate(shop):
    made = shop.order(kind="predictive", failure_mode="VIB")
    assert made["avoided"] is None
    with pytest.raises(InvalidInput), shop.db.begin() as tx:
        shop.orders.set_avoided(tx, made["id"], ANNA, 6, 400, " ")
    with shop.db.begin() as tx:
        half = shop.orders.set_avoided(tx, made["id"], ANNA, 6, None, "as in March")
    assert half["avoided"]["value"] is None
    with shop.db.begin() as tx:
        full = shop.orders.set_avoided(tx, made["id"], ANNA, 6, 400, "as in March")
        start = now_ns()
        full = shop.workshop.add_downtime(tx, made["id"], ANNA, start, start + 3600 * NS)
    assert full["avoided"]["value"] == 2000.0
    assert "as in March" in full["avoided"]["assumption"]
    assert "the repair stopped it for 1.00 h" in full["avoided"]["assumption"]
    assert full["avoided"]["confirmed"] is False
