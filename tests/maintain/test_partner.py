"""Work orders at another maintenance system: out once, and its state, codes and comments back."""

from __future__ import annotations

import time

import pytest

from lineshaft.guard import Guard
from lineshaft.maintain import MaintainSettings, OrderChanged, Partner
from tests.maintain.conftest import BERT
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


def test_an_order_that_was_cancelled_before_it_could_be_sent_is_not_sent(lite, there):
    partner = partner_of(lite, there)
    order = lite.order()
    with lite.db.begin() as tx:
        lite.orders.cancel(tx, order["id"], BERT)
    partner.start()
    until(lambda: partner.stands([order["id"]])[order["id"]]["told"])
    partner.stop()
    assert there.things == []


def test_a_dry_run_says_what_would_be_written_there_and_taken_over_here(lite, there):
    partner = partner_of(lite, there, cmms_every="1h")
    draft = partner.rehearse(lite.orders.draft("Bakery/Line 1/Oven", "Fan squeaks", "corrective", 2, ""))
    assert (draft["there"], draft["now"], draft["why"]) == ("", {}, "")
    assert draft["would"] == {
        "request": "POST /workorders", "ref": "WO-new/", "title": "Fan squeaks", "asset": "Bakery/Line 1/Oven", "priority": 2,
    }  # fmt: skip
    order = lite.order(title="Pump shakes")
    before = partner.rehearse(order)
    assert before["would"]["ref"] == f"{order['number']}/{order['id'][:8]}"
    assert (there.things, lite.orders.list()[0]["version"]) == ([], order["version"]), "nothing was written there or here"
    partner.start()
    until(lambda: partner.stands([order["id"]]).get(order["id"], {}).get("reference"))
    (thing,) = there.things
    assert {name: before["would"][name] for name in ("ref", "title", "priority")} == {
        name: thing[name] for name in ("ref", "title", "priority")
    }, "what was announced is what was written"
    thing.update(status="ON_HOLD", notes=[{"id": 1, "text": "bearing is worn"}])
    after = partner.rehearse(lite.orders.get(order["id"]))
    partner.stop()
    assert (after["there"], after["would"], after["now"]["status"], after["now"]["title"]) == (
        "R-1",
        {},
        "ON_HOLD",
        "Pump shakes",
    )
    assert (after["steps"], after["comments"]) == (["start", "hold"], ["bearing is worn"])
    assert lite.orders.get(order["id"])["state"] == order["state"]
    assert len(there.things) == 1


def test_a_dry_run_says_what_hinders_it(lite, there):
    order = lite.order(kind="inspection")
    partner = partner_of(lite, there, cmms_kinds=["corrective"])
    assert "inspection" in partner.rehearse(order)["why"]
    broken = lite.order(title="Belt squeaks")
    there.deny = True
    denied = partner.rehearse(broken)
    assert "credentials" in denied["why"]
    assert "s3cret" not in str(denied)
    there.deny, there.away = False, True
    assert "503" in partner.rehearse(broken)["why"]
    there.away = False
    with lite.db.begin() as tx:
        lite.orders.cancel(tx, broken["id"], BERT)
    assert "cancelled" in partner.rehearse(lite.orders.get(broken["id"]))["why"]
    alone = Partner(lite.db, Guard(lite.db), lite.orders, lite.bus, lite.home, MaintainSettings(), "node")
    assert alone.rehearse(broken)["hint"].endswith("[maintain] cmms")
    assert there.things == []


def test_orders_made_while_nobody_listened_are_sent(lite, there):
    order = lite.order()
    partner = partner_of(lite, there)
    partner.start()
    until(lambda: there.things)
    partner.stop()
    assert order["number"] in there.things[0]["ref"]
