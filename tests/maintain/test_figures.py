"""The figures of maintenance against what they are by hand."""

from __future__ import annotations

import pytest

from lineshaft.core import NS, InvalidInput
from lineshaft.maintain.records import downtimes
from lineshaft.maintain.tables import history, moves, orders
from tests.maintain.conftest import ANNA, BERT, PUMP, Shop

HOUR, DAY = 3600 * NS, 86_400 * NS
T0 = 1_900_000_000 * NS
CODES = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}


def repaired(shop: Shop, created: int, started: int, done: int, verified: int, label: str = "", **values):
    """Let an order have gone its way at given hours."""
    made = shop.order(**{"failure_mode": "VIB", **values})
    for verb in ("start", "done", "verify"):
        shop.do(verb, made["id"])
    shop.do("close", made["id"], {**CODES, "label": label})
    at = {"create": created, "start": started, "done": done, "verify": verified, "close": verified}
    with shop.db.begin() as tx:
        for what, hour in at.items():
            line = (history.c.order_id == made["id"]) & (history.c.what == what)
            tx.execute(history.update().where(line).values(at=T0 + hour * HOUR))
        here = orders.c.id == made["id"]
        tx.execute(orders.update().where(here).values(created=T0 + created * HOUR, done=T0 + done * HOUR))
    return made


def figures(shop: Shop, asset: str | None = PUMP, weekly: float = 40.0):
    return shop.workshop._figures.of(T0, T0 + 100 * DAY, T0 + 100 * DAY, weekly, asset)


def test_time_to_repair_tells_waiting_from_work(shop):
    repaired(shop, created=1, started=3, done=5, verified=6)
    repaired(shop, created=100, started=100, done=104, verified=105)
    found = figures(shop)["mttr"]
    assert (found["value_s"], found["active_s"], found["waiting_s"], found["orders"]) == (4 * 3600, 3 * 3600, 3600, 2)


def test_time_between_failures_leaves_out_standstill_and_what_was_no_failure(shop):
    one = repaired(shop, 1, 2, 3, 4)
    repaired(shop, 500, 501, 502, 503, label="false_alarm")
    repaired(shop, 900, 901, 902, 903, kind="predictive")
    repaired(shop, 1000, 1001, 1002, 1003, label="confirmed")
    with shop.db.begin() as tx:
        for start, end in ((10, 20), (15, 25)):  # the overlap counts once
            shop.workshop.add_downtime(tx, one["id"], ANNA, T0 + start * HOUR, T0 + end * HOUR)
    found = figures(shop)["mtbf"]
    assert (found["failures"], found["stood_s"]) == (2, 15 * 3600)
    assert found["value_s"] == (100 * 24 - 15) * 3600 / 2
    assert figures(shop, None)["mtbf"]["value_s"] is None
    assert figures(shop, "Bakery/Line 1/Oven")["mtbf"] == {"value_s": None, "failures": 0, "why": "no failure in this time"}


def test_first_time_fix_fails_on_rework_and_on_the_same_trouble_within_a_month(shop):
    repaired(shop, 1, 2, 3, 4)
    repaired(shop, 200, 201, 202, 203)  # 8 days later: the first one was not fixed
    repaired(shop, 1200, 1201, 1202, 1203)  # more than 30 days later: that one was
    found = figures(shop)["first_time_fix"]
    assert (found["fixed"], found["orders"]) == (2, 3)
    again = shop.order(failure_mode="LEK")
    for verb in ("start", "done", "reopen", "done", "verify"):
        shop.do(verb, again["id"])
    with shop.db.begin() as tx:
        mine = history.c.order_id == again["id"]
        tx.execute(history.update().where(mine).values(at=T0 + 50 * HOUR))
    found = figures(shop)["first_time_fix"]
    assert (found["fixed"], found["orders"], found["value"]) == (2, 4, 0.5)


def test_backlog_planned_share_and_stock_outs(shop):
    shop.part(on_hand=2)
    planned = repaired(shop, 1, 2, 3, 4, planned_for=T0)
    repaired(shop, 5, 6, 7, 8)
    shop.order(hours=30.0)
    shop.order(hours=10.0)
    unknown = shop.order()
    with shop.db.begin() as tx:
        shop.spares.reserve(tx, unknown["id"], "BRG-6205", 2, BERT)
        tx.execute(moves.update().where(moves.c.kind == "receive").values(at=T0))
        tx.execute(moves.update().where(moves.c.kind == "reserve").values(at=T0 + HOUR))
    found = figures(shop)
    assert found["planned_share"] == {"value": 0.5, "planned": 1, "orders": 2, "why": ""}
    backlog = found["backlog"]
    assert (backlog["hours"], backlog["weeks"], backlog["unestimated"], backlog["orders"]) == (40.0, 1.0, 1, 3)
    assert figures(shop, weekly=0.0)["backlog"]["weeks"] is None
    assert (found["stock_outs"]["value"], found["stock_outs"]["out_now"]) == (1, ["BRG-6205"])
    assert planned["planned_for"] == T0


def test_labour_costs_what_the_technician_costs_and_is_unknown_where_nobody_said(shop):
    made = shop.order()
    with shop.db.begin() as tx:
        shop.workshop.technicians.put(tx, "anna", {"hourly_cost": 48.0, "skills": {"mechanical": 3}})
        known = shop.workshop.add_labour(tx, made["id"], ANNA, T0, T0 + HOUR // 2)
        assert known["cost"]["labour"] == 24.0
        unknown = shop.workshop.add_labour(tx, made["id"], BERT, T0, T0 + HOUR)
        assert unknown["cost"]["labour"] is None
    with pytest.raises(InvalidInput), shop.db.begin() as tx:
        shop.workshop.add_labour(tx, made["id"], ANNA, T0, T0 + 25 * HOUR)
    with pytest.raises(InvalidInput), shop.db.begin() as tx:
        shop.workshop.add_downtime(tx, made["id"], ANNA, T0, T0 - HOUR)
    assert shop.db.rows(downtimes.select()) == []


def test_a_proposal_prefers_who_can_who_is_there_and_who_has_time(lite):
    with lite.db.begin() as tx:
        put = lite.workshop.technicians.put
        put(tx, "anna", {"skills": {"mechanical": 4}, "hours_per_week": 10})
        put(tx, "jonas", {"skills": {"mechanical": 2, "electrical": 5}})
        put(tx, "kim", {"skills": {"electrical": 5}})
        put(tx, "lea", {"skills": {"mechanical": 5}, "active": False})
    order = lite.order(skills={"mechanical": 4})
    ranked = lite.workshop.technicians.propose(lite.orders.get(order["id"]), {})
    assert [(one["login"], one["fits"]) for one in ranked] == [("anna", True), ("jonas", True), ("kim", False)]
    assert ranked[1]["reasons"][0]["why"] == "mechanical 2 of 4"
    for _ in range(4):
        busy = lite.order(hours=5.0)
        lite.do("assign", busy["id"], "anna", by=BERT)
    ranked = lite.workshop.technicians.propose(lite.orders.get(order["id"]), {"anna": "anna"})
    load = next(r for one in ranked if one["login"] == "anna" for r in one["reasons"] if r["name"] == "load")
    assert (load["points"], load["why"]) == (0.0, "4 open orders, 20 h of 10")
    scores = {one["login"]: one["score"] for one in ranked}
    assert (ranked[0]["login"], scores["jonas"], scores["anna"]) == ("jonas", 0.55, 0.5)  # half the skill, all the time
