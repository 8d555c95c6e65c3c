"""A line gets another name: its orders, lock-outs, plans and parts go with it."""

from __future__ import annotations

from lineshaft.core import now_ns
from lineshaft.maintain import ended_lives
from tests.maintain.conftest import ANNA, PUMP
from tests.maintain.test_permit import LOCK

NOW = "Bakery/Line A/Cooler/Coolant pump"


def follow(shop) -> None:
    shop.workshop.follow(shop.assets)


def test_everything_of_a_machine_is_there_under_its_name_of_now(shop):
    shop.bakery()
    follow(shop)
    locked = shop.order(permits=[LOCK], evidence={"sensors": [{"property": f"{PUMP}/Vibration"}], "text": "Bakery/Line 1"})
    with shop.db.begin() as tx:
        shop.workshop.apply_permit(tx, locked["id"], ANNA, locked["permits"][0]["id"], LOCK["points"])
    mended = shop.order(title="Bearing seized", kind="corrective")
    shop.do("start", mended["id"])
    shop.do("done", mended["id"])
    shop.part()
    trigger = {"meter": f"{PUMP}/Running hours", "every_units": 100}
    with shop.db.begin() as tx:
        shop.workshop.plans.put(tx, {"name": "Grease", "asset": PUMP, "title": "Bakery/Line 1", "trigger": trigger})
        shop.workshop.technicians.put(tx, "anna", {"name": "Anna", "line": "Bakery/Line 1"})
    ended = ended_lives(shop.db, PUMP, "", 0, now_ns())
    assert len(ended) == 1

    with shop.db.begin() as tx:
        shop.assets.move(tx, "Bakery/Line 1", "Bakery", "Line A")
    follow(shop)
    assert locked["number"] in shop.orders.locked_out(f"{NOW}/Speed"), "the lock holds its machine under every name"
    assert shop.orders.locked_out(PUMP) == ""
    assert ended_lives(shop.db, NOW, "", 0, now_ns()) == ended
    evidence = shop.orders.get(locked["id"])["evidence"]
    assert evidence["sensors"][0]["property"] == f"{NOW}/Vibration"
    assert evidence["text"] == "Bakery/Line 1", "a text is no name"
    (plan,) = shop.workshop.plans.list()
    assert (plan["asset"], plan["definition"]["asset"]) == (NOW, NOW)
    assert plan["definition"]["trigger"]["meter"] == f"{NOW}/Running hours"
    assert plan["definition"]["title"] == "Bakery/Line 1"
    assert [one["part"] for one in shop.spares.needed_for(NOW, "VIB")] == ["BRG-6205"]
    assert shop.workshop.technicians.get("anna")["line"] == "Bakery/Line A"
    follow(shop)
    assert shop.orders.get(mended["id"])["asset"] == NOW
