"""Purchases at a real Tryton server: ordered once whatever happens, and what comes there comes into our bin."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineshaft.core import CredentialsError, InvalidInput, Retryable
from lineshaft.guard import Guard
from lineshaft.maintain import Buyer, MaintainSettings, Purchases
from tests.counterparts import tryton
from tests.maintain.conftest import BERT, CARL, Shop

pytestmark = pytest.mark.counterpart
ROOT = Path(__file__).resolve().parents[2]
KILLS = 5


@pytest.fixture(scope="module")
def server():
    running = tryton.running()
    try:
        one = running.__enter__()
    except tryton.Absent as reason:
        pytest.skip(str(reason))
    yield one
    running.__exit__(None, None, None)


@pytest.fixture
def key(server, monkeypatch):
    monkeypatch.setenv("TRYTON_KEY", server.key)
    return server.key


def settings(server, **values):
    chosen = {"erp": "tryton", "erp_options": {**server.options, "timeout_s": 60}, "erp_every": "1s", "erp_in_flight": "1s"}
    return MaintainSettings.model_validate({**chosen, **values})


def shop_with(server, shop: Shop, **values) -> Shop:
    shop.purchases = Purchases(shop.db, shop.bus, shop.home, settings(server, **values))
    shop.part()
    return shop


def buy(shop: Shop, quantity: float = 6, part: str = "BRG-6205"):
    with shop.db.begin() as tx:
        made = shop.purchases.propose(tx, part, quantity, BERT)
    with shop.db.begin() as tx:
        return shop.purchases.approve(tx, made["id"], CARL)


def of(server, row):
    return [one for one in server.purchases() if row["id"][:8] in one["reference"]]


def until(said, seconds=60.0):
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_approved_purchase_becomes_one_order_and_its_delivery_ours(server, key, lite):
    shop = shop_with(server, lite)
    row = buy(shop)
    buyer = Buyer(Guard(shop.db), shop.purchases, shop.bus)
    buyer.courier.start()
    until(lambda: shop.purchases.get(row["id"])["state"] == "ordered")
    assert shop.purchases.send(row["id"]) == shop.purchases.get(row["id"])["reference"]
    again = shop.purchases.rehearse(row["id"])
    assert (shop.purchases.get(row["id"])["reference"] in again["there"], again["would"], again["why"]) == (True, {}, "")
    assert shop.purchases.erp.order(shop.purchases.get(row["id"]) | {"created": "2026-11-21"})
    (there,) = of(server, row)
    assert (there["state"], there["lines"][0]["quantity"], there["lines"][0]["product"]["code"]) == ("processing", 6, "BRG-6205")
    receive(server, there)
    until(lambda: shop.purchases.get(row["id"])["state"] == "received")
    assert shop.spares.get("BRG-6205")["on_hand"] == 10
    until(lambda: shop.purchases.get(row["id"])["erp"]["state"] == "received")  # told a moment after it is booked
    said = shop.purchases.get(row["id"])["erp"]
    assert (said["state"], said["error"]) == ("received", "")
    assert "shipment received" in said["text"]
    buyer.courier.stop()


def receive(server, there):
    """Book the supplier's shipment in Tryton, as its storekeeper would."""
    lines = [line["id"] for line in there["lines"]]
    moves = server.get("stock.move", "quantity", domain=[["origin", "in", [f"purchase.line,{one}" for one in lines]]])
    supplier = server.call("GET", f"purchase.purchase/{there['id']}?f=party&f=warehouse&f=company")
    there_in = server.call("GET", f"stock.location/{supplier['warehouse']}?f=input_location&f=storage_location")
    shipment = {
        "company": supplier["company"],
        "supplier": supplier["party"],
        "warehouse": supplier["warehouse"],
        "warehouse_input": there_in["input_location"],
        "warehouse_storage": there_in["storage_location"],
        "incoming_moves": [["add", [move["id"] for move in moves]]],
    }
    made = server.call("POST", "stock.shipment.in", shipment)
    for step in ("receive", "do"):
        server.call("POST", f"stock.shipment.in/{made['id']}/{step}", {})


def test_what_a_person_must_mend_is_told_and_nothing_is_ordered(server, key, lite, monkeypatch):
    shop = shop_with(server, lite)
    before = len(server.purchases())
    shop.part("NO-SUCH-PART")
    row = buy(shop, part="NO-SUCH-PART")
    with pytest.raises(InvalidInput, match="no product with the code 'NO-SUCH-PART'") as unknown:
        shop.purchases.send(row["id"])
    assert unknown.value.code == "erp.unknown-product"
    assert "no product with the code" in shop.purchases.rehearse(row["id"])["why"]
    good = shop.purchases.rehearse(buy(shop)["id"])
    assert (good["there"], good["why"], good["number"] in good["would"]["reference"]) == ("", "", True)
    monkeypatch.setenv("TRYTON_KEY", "0badkey0badkey")
    with pytest.raises(CredentialsError) as refused:
        shop.purchases.send(buy(shop)["id"])
    assert "0badkey" not in str(refused.value)
    assert len(server.purchases()) == before


def test_a_second_purchase_with_our_mark_is_cancelled_before_it_orders(server, key, lite):
    """Such a one is left when a request was still on the line while its node died and asked again."""
    shop = shop_with(server, lite)
    row = {**buy(shop), "created": "2026-11-21T00:00:00Z"}
    erp = shop.purchases.erp
    draft = erp._draft(row, f"{row['number']}/{row['id'][:8]}")
    for _ in range(3):
        erp._post("purchase.purchase", draft)
    shop.purchases.send(row["id"])
    assert sorted(one["state"] for one in of(server, row)) == ["cancelled", "cancelled", "processing"]


def test_a_server_that_is_away_is_tried_again_and_seen(server, key, lite):
    shop = shop_with(server, lite)
    server.stop()
    row = buy(shop)
    with pytest.raises(Retryable):
        shop.purchases.send(row["id"])
    buyer = Buyer(Guard(shop.db), shop.purchases, shop.bus)
    buyer.courier.start()
    until(lambda: shop.purchases.get(row["id"])["erp"]["error"])
    said = shop.purchases.get(row["id"])
    assert said["state"] == "approved"
    assert said["erp"]["code"] == "erp.away"
    assert said["erp"]["next_at"]
    server.start()
    with shop.db.begin() as tx:
        shop.purchases.again(tx, row["id"])
    buyer.courier.wake()
    until(lambda: shop.purchases.get(row["id"])["state"] == "ordered")
    until(lambda: shop.purchases.get(row["id"])["erp"]["error"] == "")
    buyer.courier.stop()
    assert len(of(server, row)) == 1


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_kill_9_around_the_call_orders_each_purchase_exactly_once(server, key, lite, tmp_path):
    shop = shop_with(server, lite)
    rows = [buy(shop, quantity=n + 1) for n in range(KILLS)]
    rng = random.Random(4)
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-m", "tests.maintain.buying", shop.db.url, str(tmp_path), server.url]
    states = []
    for kill in range(KILLS + 1):
        child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "GOING\n"
        if kill == KILLS:
            said, _ = child.communicate(timeout=120)
            assert said == "COMPLETE\n"
            break
        time.sleep(rng.uniform(0.05, 1.2))
        child.kill()
        child.wait()
        child.stdout.close()
        held = [one for one in shop.purchases.outgoing.of([row["id"] for row in rows]).values() if one["holder"]]
        ordered = sum(shop.purchases.get(row["id"])["state"] == "ordered" for row in rows)
        states.append((ordered, len(held), sorted(one["state"] for row in rows for one in of(server, row))))
    print("at each kill: ordered, under way, in Tryton:", *states, sep="\n")
    assert sum(under_way for _, under_way, _ in states) >= KILLS // 2, "kills hit purchases under way"
    for row in rows:
        there = [one["lines"][0]["quantity"] for one in of(server, row) if one["state"] != "cancelled"]
        assert there == [row["quantity"]]
    assert Guard(shop.db).verify().ok
