from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from lineshaft.core import ConfigError, Conflict, InvalidInput
from lineshaft.maintain import SpareLow, load_spares
from tests.maintain.conftest import ANNA, BERT, PUMP


def test_reserving_below_the_minimum_is_told_and_never_goes_below_zero(shop):
    shop.part()
    order = shop.order()
    with shop.db.begin() as tx:
        outlook = shop.spares.reserve(tx, order["id"], "BRG-6205", 2, BERT)
        assert not [event for event in shop.told if isinstance(event, SpareLow)]
    assert (outlook["available"], outlook["low"], outlook["short"]) == (2, True, 6)
    assert shop.told[-1] == SpareLow("BRG-6205", 2, 3, 8)
    with pytest.raises(Conflict) as short, shop.db.begin() as tx:
        shop.spares.reserve(tx, order["id"], "BRG-6205", 3, BERT)
    assert short.value.code == "spares.short"
    assert shop.spares.get("BRG-6205")["available"] == 2


def test_issue_return_and_receive_are_moves_in_a_ledger_that_adds_up(shop):
    shop.part()
    order = shop.order()
    with shop.db.begin() as tx:
        shop.spares.reserve(tx, order["id"], "BRG-6205", 3, BERT)
        shop.spares.issue(tx, order["id"], "BRG-6205", 2, ANNA)
        shop.spares.give_back(tx, order["id"], "BRG-6205", 1, ANNA)
        shop.spares.receive(tx, "BRG-6205", 6, BERT)
    bearing = shop.spares.get("BRG-6205")
    assert (bearing["on_hand"], bearing["reserved"], bearing["available"]) == (9, 1, 8)
    sign = {"receive": 1, "return": 1, "issue": -1}
    moves = shop.spares.ledger("BRG-6205")
    assert sum(sign.get(move["kind"], 0) * move["quantity"] for move in moves) == 9
    with pytest.raises(Conflict), shop.db.begin() as tx:
        shop.spares.give_back(tx, order["id"], "BRG-6205", 2, ANNA)
    with pytest.raises(Conflict), shop.db.begin() as tx:
        shop.spares.issue(tx, order["id"], "BRG-6205", 2, ANNA)


@pytest.mark.parametrize("quantity", [0, -1, float("nan"), True, "two"])
def test_a_senseless_quantity_is_refused(lite, quantity):
    lite.part()
    order = lite.order()
    with pytest.raises(InvalidInput), lite.db.begin() as tx:
        lite.spares.reserve(tx, order["id"], "BRG-6205", quantity, BERT)


def test_two_at_the_same_moment_cannot_both_take_the_last_bearing(shop):
    shop.part(on_hand=5)
    orders = [shop.order()["id"] for _ in range(4)]
    got: list[str] = []

    def take(order_id):
        for _ in range(3):
            with suppress(Conflict):
                with shop.db.begin() as tx:
                    shop.spares.reserve(tx, order_id, "BRG-6205", 1, ANNA)
                got.append(order_id)

    threads = [threading.Thread(target=take, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bearing = shop.spares.get("BRG-6205")
    assert len(got) == 5
    assert (bearing["on_hand"], bearing["reserved"]) == (5, 5)


def test_parts_are_found_by_where_they_are_used(lite):
    lite.part()
    lite.part("SEAL-1", name="Seal", used_by=[{"asset": PUMP, "quantity": 1, "failure_mode": ""}])
    assert [use["part"] for use in lite.spares.needed_for(PUMP, "VIB")] == ["BRG-6205"]
    assert [use["part"] for use in lite.spares.needed_for(PUMP, "LEK")] == ["SEAL-1"]
    assert lite.spares.needed_for("elsewhere", "VIB") == []


GOOD = """\
spares:
  - part: BRG-6205
    name: Bearing
    bin: B-12
    on_hand: 4
    minimum: 3
    used_by: [Bakery/Pump, {asset: Bakery/Fan, quantity: 2}]
"""


def test_a_file_of_spares_is_read_and_reading_it_again_leaves_the_stock_alone(lite, tmp_path):
    path = tmp_path / "spares.yaml"
    path.write_text(GOOD)
    assert load_spares(path, lite.db, lite.spares) == 1
    with lite.db.begin() as tx:
        lite.spares.receive(tx, "BRG-6205", 1, BERT)
    path.write_text(GOOD.replace("B-12", "B-13"))
    load_spares(path, lite.db, lite.spares)
    bearing = lite.spares.get("BRG-6205")
    assert (bearing["on_hand"], bearing["bin"]) == (5, "B-13")
    assert [use["quantity"] for use in bearing["used_by"]] == [1, 2]


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (("minimum:", "minimun:"), "spares.yaml:6", "did you mean 'minimum'"),
        (("on_hand: 4", "on_hand: four"), "spares.yaml:5", "number"),
        (("spares:", "parts:"), "spares.yaml:1", "list of parts"),
        (("    name: Bearing\n", ""), "spares.yaml", "missing"),
    ],
)
def test_a_wrong_file_of_spares_names_line_and_way_out(lite, tmp_path, change, place, words):
    path = tmp_path / "spares.yaml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError) as wrong:
        load_spares(path, lite.db, lite.spares)
    assert place in str(wrong.value)
    assert words in str(wrong.value)
    assert lite.spares.list() == []
