from __future__ import annotations

import json

import pytest

from lineshaft.core import ConfigError, Conflict, Forbidden, InvalidInput
from lineshaft.guard import Subject
from lineshaft.maintain import MaintainSettings, PurchaseChanged, Purchases
from tests.maintain.conftest import ANNA, BERT

RULE = Subject.rule("replenisher")


def propose(shop, by=RULE, **values):
    with shop.db.begin() as tx:
        return shop.purchases.propose(tx, "BRG-6205", 6, by, **values)


def test_a_purchase_is_ordered_exactly_once_and_received_into_the_bin(shop):
    shop.part()
    made = propose(shop, case_id="case-1")
    assert (made["number"], made["cost"], made["state"]) == ("PO-000001", 147.0, "proposed")
    assert propose(shop, case_id="case-1")["id"] == made["id"]
    with pytest.raises(Conflict):
        shop.purchases.send(made["id"])
    with shop.db.begin() as tx:
        shop.purchases.approve(tx, made["id"], BERT, quantity=5)
    seen = shop.purchases.rehearse(made["id"])
    assert (seen["there"], seen["would"]["part"], list((shop.home / "outbox").glob("*"))) == ("", "BRG-6205", [])
    first = shop.purchases.send(made["id"])
    assert shop.purchases.rehearse(made["id"])["there"] == first
    assert shop.purchases.send(made["id"]) == first
    for _ in range(2):
        with shop.db.begin() as tx:
            done = shop.purchases.ordered(tx, made["id"], first, RULE)
    assert (done["state"], done["quantity"], done["reference"]) == ("ordered", 5, first)
    names = sorted(path.suffix for path in (shop.home / "outbox").iterdir())
    assert names == [".csv", ".json"]
    content = json.loads((shop.home / first).read_text())
    assert (content["quantity"], content["approved_by"]) == (5, "bert")
    with shop.db.begin() as tx:
        shop.purchases.receive(tx, made["id"], BERT)
    assert shop.spares.get("BRG-6205")["on_hand"] == 9
    assert [event.state for event in shop.told if isinstance(event, PurchaseChanged)] == [
        "proposed", "approved", "ordered", "received",
    ]  # fmt: skip


def test_whoever_proposed_it_may_not_approve_it(shop):
    shop.part()
    made = propose(shop, BERT)
    with pytest.raises(Forbidden) as own, shop.db.begin() as tx:
        shop.purchases.approve(tx, made["id"], BERT)
    assert own.value.code == "approval.own-proposal"
    with shop.db.begin() as tx:
        assert shop.purchases.reject(tx, made["id"], ANNA, reason="enough")["state"] == "rejected"
    with pytest.raises(Conflict), shop.db.begin() as tx:
        shop.purchases.approve(tx, made["id"], ANNA)


def test_what_is_on_its_way_counts_before_more_is_bought(lite):
    lite.part(on_hand=2)
    with lite.db.begin() as tx:
        assert lite.spares.outlook("BRG-6205", tx)["low"]
    propose(lite)
    with lite.db.begin() as tx:
        assert not lite.spares.outlook("BRG-6205", tx)["low"]


def test_a_crash_between_the_two_files_is_mended_by_the_next_try(lite):
    lite.part()
    made = propose(lite)
    with lite.db.begin() as tx:
        lite.purchases.approve(tx, made["id"], BERT)
    first = lite.purchases.send(made["id"])
    (lite.home / first).unlink()
    assert lite.purchases.send(made["id"]) == first
    assert len(list((lite.home / "outbox").glob("*.json"))) == 1


def test_a_part_name_is_no_formula_in_the_spreadsheet(lite):
    lite.part("=cmd|calc", name="@evil")
    with lite.db.begin() as tx:
        made = lite.purchases.propose(tx, "=cmd|calc", 1, RULE)
        lite.purchases.approve(tx, made["id"], BERT)
    lite.purchases.send(made["id"])
    table = next((lite.home / "outbox").glob("*.csv")).read_text()
    assert ",'=cmd|calc,'@evil," in table


def test_a_wrong_plugin_or_quantity_is_refused_clearly(lite):
    with pytest.raises(ConfigError, match="did you mean 'outbox'"):
        Purchases(lite.db, lite.bus, lite.home, MaintainSettings(erp="outbos"))
    lite.part()
    with pytest.raises(InvalidInput), lite.db.begin() as tx:
        lite.purchases.propose(tx, "BRG-6205", 0, RULE)


def test_a_delivery_in_parts_and_a_cancelled_rest(lite):
    lite.part(on_hand=1)
    made = propose(lite)
    with lite.db.begin() as tx:
        lite.purchases.approve(tx, made["id"], BERT)
        lite.purchases.ordered(tx, made["id"], "X-1", RULE)
        assert lite.purchases.receive(tx, made["id"], BERT, quantity=4)["state"] == "ordered"
        assert lite.spares.outlook("BRG-6205", tx)["on_the_way"] == 2
    assert lite.spares.get("BRG-6205")["on_hand"] == 5
    with lite.db.begin() as tx:
        assert lite.purchases.receive(tx, made["id"], BERT)["received"] == 6
    assert lite.spares.get("BRG-6205")["on_hand"] == 7
    other = propose(lite)
    with lite.db.begin() as tx:
        lite.purchases.approve(tx, other["id"], BERT)
        lite.purchases.ordered(tx, other["id"], "X-2", RULE)
        lite.purchases.cancelled(tx, other["id"], RULE, "out of stock there")
        assert lite.spares.outlook("BRG-6205", tx)["on_the_way"] == 0
    with pytest.raises(Conflict), lite.db.begin() as tx:
        lite.purchases.again(tx, other["id"])
