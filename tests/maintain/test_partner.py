"""Work orders at another maintenance system: out once, and its state, codes and comments back."""

from __future__ import annotations

import time

import pytest

from lineshaft.guard import Guard
from lineshaft.maintain import MaintainSettings, OrderChanged, Partner
from tests.maintain.standins import Rest


@pytest.fixture
def there(monkeypatch):
    standin = Rest()
    monkeypatch.setenv("CMMS_KEY", "Bearer s3cret-value-77")
    yield standin
    standin.close()


def partner_of(shop, there, **values):
    options = {**there.options, "url": there.url, "timeout_s": 5}
    chosen = {"cmms": "rest", "cmms_options": options, "cmms_every": "50ms", "erp_in_flight": "50ms", **values}
    made = Partner(shop.db, Guard(shop.db), shop.orders, shop.bus, shop.home, MaintainSettings.model_validate(chosen), "node")
    shop.bus.on(OrderChanged, made.on_order)
    return made


def until(said, seconds=30.0):
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_order_goes_out_once_and_its_state_codes_and_comments_come_back(shop, there):
    partner = partner_of(shop, there)
    there.lose = True
    order = shop.order(title="Pump shakes", failure_mode="VIB")
    partner.start()
    until(lambda: there.things)
    (thing,) = there.things
    assert (thing["title"], thing["asset"], thing["ref"]) == (
        "Pump shakes",
        order["asset"],
        f"{order['number']}/{order['id'][:8]}",
    )
    thing.update(status="IN_PROGRESS", notes=[{"id": 1, "text": "bearing is worn"}])
    until(lambda: shop.orders.get(order["id"])["state"] == "in_progress")
    thing["status"] = "ON_HOLD"
    until(lambda: shop.orders.get(order["id"])["state"] == "on_hold")
    thing["codes"] = {"failure": "VIB", "cause": "AGE", "action": "REPLACE"}
    thing["notes"].append({"id": 2, "text": "bearing changed"})
    thing["status"] = "COMPLETE"
    until(lambda: shop.orders.get(order["id"])["state"] == "done")
    partner.stop()
    mine = shop.orders.get(order["id"])
    assert [line["note"] for line in mine["history"] if line["what"] == "note"] == ["bearing is worn", "bearing changed"]
    assert (mine["closing"]["mode"], mine["closing"]["cause"], mine["closing"]["remedy"]) == ("VIB", "AGE", "REPLACE")
    assert len(there.things) == 1
    assert partner.stands([order["id"]])[order["id"]]["reference"] == "R-1"
    assert Guard(shop.db).verify().ok


def test_what_cannot_be_taken_over_is_told_and_a_cancelled_order_is_cancelled(lite, there):
    partner = partner_of(lite, there, cmms_kinds=["corrective"])
    early = lite.order(checklist=[{"text": "Guards back in place"}])
    lite.order(kind="inspection")
    late = lite.order(title="Belt squeaks")
    partner.start()
    until(lambda: len(there.things) == 2)
    for thing in there.things:
        thing["status"] = "COMPLETE" if early["number"] in thing["ref"] else "VOID"
    until(lambda: lite.orders.get(late["id"])["state"] == "cancelled")
    until(lambda: "checklist" in partner.stands([early["id"]])[early["id"]]["error"])
    partner.stop()
    assert lite.orders.get(early["id"])["state"] == "in_progress"


def test_orders_made_while_nobody_listened_are_sent(lite, there):
    order = lite.order()
    partner = partner_of(lite, there)
    partner.start()
    until(lambda: there.things)
    partner.stop()
    assert order["number"] in there.things[0]["ref"]
