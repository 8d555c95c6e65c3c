from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lineshaft.core import Conflict, Database, InvalidInput, NotFound
from lineshaft.maintain import OrderChanged, possible
from lineshaft.maintain.steps import STEPS
from tests.maintain.conftest import ANNA, BERT, PUMP, Shop

CODES = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}


def test_an_order_goes_all_the_way_and_tells_each_step_after_its_commit(shop):
    made = shop.order(checklist=[{"text": "Locked out"}, {"text": "Vibration", "kind": "number", "upper": 2.8, "unit": "mm/s"}])
    assert made["number"] == "WO-000001"
    assert made["version"] == 1
    shop.do("assign", made["id"], "anna", by=BERT)
    shop.do("start", made["id"])
    shop.do("hold", made["id"], "parts")
    assert shop.orders.get(made["id"])["waiting_for"] == "parts"
    shop.do("resume", made["id"])
    with pytest.raises(Conflict) as open_steps:
        shop.do("done", made["id"])
    assert open_steps.value.code == "work-orders.checklist-open"
    with shop.db.begin() as tx:
        shop.orders.tick(tx, made["id"], made["checklist"][0]["id"], "pass", ANNA)
        ticked = shop.orders.tick(tx, made["id"], made["checklist"][1]["id"], 3.4, ANNA)
    assert [step["passed"] for step in ticked["checklist"]] == [True, False]
    shop.do("done", made["id"])
    shop.do("verify", made["id"])
    with pytest.raises(InvalidInput, match="mode, cause, remedy"):
        shop.do("close", made["id"])
    closed = shop.do("close", made["id"], CODES)
    assert closed["state"] == "closed"
    assert closed["closing"] == CODES
    whats = [line["what"] for line in closed["history"]]
    assert whats == ["create", "assign", "start", "hold", "resume", "checklist", "checklist", "done", "verify", "close"]
    assert [event.what for event in shop.told if isinstance(event, OrderChanged)] == whats


def test_an_order_for_a_case_or_a_source_is_made_once(shop):
    first = shop.order(case_id="case-1", source=("alarm", "a1"))
    assert shop.order(case_id="case-1", title="again")["id"] == first["id"]
    assert shop.order(source=("alarm", "a1"))["id"] == first["id"]
    assert first["source"] == {"type": "alarm", "id": "a1"}
    assert len(shop.orders.list()) == 1
    assert len(shop.told) == 1


def test_a_stale_version_and_an_impossible_step_are_refused_with_what_is_possible(shop):
    made = shop.order()
    shop.do("start", made["id"], version=1)
    with pytest.raises(Conflict) as stale:
        shop.do("hold", made["id"], version=1)
    assert stale.value.code == "version.conflict"
    with pytest.raises(Conflict, match="in_progress") as wrong:
        shop.do("verify", made["id"])
    assert "hold" in wrong.value.hint
    assert wrong.value.code == "work-orders.step"
    with pytest.raises(NotFound):
        shop.orders.get("nothing")
    with pytest.raises(InvalidInput, match="did you mean 'VIB'"):
        shop.order(failure_mode="VIBR")


def test_nothing_is_told_of_a_step_that_was_rolled_back(shop):
    made = shop.order()
    shop.told.clear()
    with pytest.raises(RuntimeError), shop.db.begin() as tx:
        shop.orders.start(tx, made["id"], ANNA)
        raise RuntimeError
    assert shop.told == []
    assert shop.orders.get(made["id"])["state"] == "triaged"


def test_numbers_are_given_once_also_when_orders_are_made_at_the_same_time(shop):
    def make(worker):
        for n in range(5):
            shop.order(source=("test", f"{worker}-{n}"))

    threads = [threading.Thread(target=make, args=(w,)) for w in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(order["number"] for order in shop.orders.list()) == [f"WO-{n:06d}" for n in range(1, 21)]


def test_done_books_the_parts_used_and_frees_the_rest_and_cancel_frees_all(shop):
    shop.part()
    used, dropped = shop.order(), shop.order()
    with shop.db.begin() as tx:
        shop.spares.reserve(tx, used["id"], "BRG-6205", 2, BERT)
        shop.spares.reserve(tx, dropped["id"], "BRG-6205", 1, BERT)
    assert shop.orders.get(used["id"])["reserved"][0]["bin"] == "B-12"
    shop.do("start", used["id"])
    shop.do("done", used["id"], used={"BRG-6205": 1})
    shop.do("cancel", dropped["id"])
    bearing = shop.spares.get("BRG-6205")
    assert (bearing["on_hand"], bearing["reserved"]) == (3, 0)
    assert [move["kind"] for move in shop.spares.ledger("BRG-6205")][::-1] == [
        "receive", "reserve", "reserve", "issue", "release", "release",
    ]  # fmt: skip


def test_lists_page_and_filter(shop):
    ids = [shop.order(title=f"job {n}")["id"] for n in range(3)]
    shop.do("cancel", ids[0])
    assert [order["id"] for order in shop.orders.list(state="open")] == [ids[2], ids[1]]
    assert shop.orders.list(state="cancelled", asset=PUMP)[0]["id"] == ids[0]
    newest = shop.orders.list(limit=1)[0]
    assert shop.orders.list(before=newest["created"])[0]["id"] == ids[1]


class OrderMachine(RuleBasedStateMachine):
    """Whatever a person presses, an order is only ever where the table of steps allows."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite:///{self.folder.name}/orders.db")
        self.shop = Shop(self.db, Path(self.folder.name))
        self.shop.part(on_hand=5)
        self.order = self.shop.order(state="requested")["id"]
        self.state = "requested"

    @rule(verb=st.sampled_from(sorted(STEPS)))
    def press(self, verb):
        args = {"assign": ["anna"], "wait": ["parts"], "hold": ["permit"], "close": [CODES]}.get(verb, [])
        try:
            self.state = self.shop.do(verb, self.order, *args)["state"]
        except Conflict:
            assert verb not in possible(self.state)
        else:
            assert self.state == STEPS[verb].target

    @rule(quantity=st.integers(1, 4))
    def reserve(self, quantity):
        with suppress(Conflict), self.db.begin() as tx:
            self.shop.spares.reserve(tx, self.order, "BRG-6205", quantity, ANNA)

    @invariant()
    def history_agrees(self):
        order = self.shop.orders.get(self.order)
        assert order["state"] == self.state
        assert order["history"][-1]["state"] == self.state

    @invariant()
    def stock_stands(self):
        bearing = self.shop.spares.get("BRG-6205")
        assert 0 <= bearing["reserved"] <= bearing["on_hand"]
        assert bearing["reserved"] == sum(part["quantity"] for part in self.shop.orders.get(self.order)["reserved"])

    def teardown(self):
        self.db.close()
        self.folder.cleanup()


OrderMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=14, deadline=None, derandomize=True)
TestOrderMachine = OrderMachine.TestCase
