"""A ledger that stays out of balance is told to an engineer, by mail, and ends by itself."""

from __future__ import annotations

from pathlib import Path

from lineshaft.core import Batch, SystemEvents, now_ns, samples
from lineshaft.store import Store


def test_a_ledger_out_of_balance_reaches_an_engineer(told, mailbox, tmp_path: Path):
    board = SystemEvents(told.bus)
    with told.db.begin() as tx:
        told.person(tx, "erik", ["engineer"])
    told.choose("erik", channels={"mail": "erik@plant.example"})
    told.choose("anna", channels={"mail": "anna@plant.example"})
    book = told.act.notifier.book
    (first,) = book.routes()  # the one every node begins with; here it gathers nothing before it tells
    with told.db.begin() as tx:
        book.put(tx, {**first, "gather": "0s"}, first["id"])
    store = Store(tmp_path / "kept", None, told.db, bus=told.bus)
    try:
        rows = samples([{"tag": "power", "ts": now_ns() - n, "value": 1.0} for n in range(2)])
        store.show(store.append([Batch("press", 1, now_ns(), rows)]))
        for _ in range(2):
            assert store.check_ledger(store.ledger({("press", "power"): 5})) == []  # a moment is no reason to wake anybody
        (row,) = store.check_ledger(store.ledger({("press", "power"): 5}))
        assert row.balance == 3
        told.settle()
        ((to, subject, text),) = mailbox.mails
        assert to == ["erik@plant.example"]
        assert "do not balance" in subject + text
        assert "press power is off by 3" in subject + text
        assert [event.key for event in board.current()] == ["store:ledger"]
        store.check_ledger(store.ledger({("press", "power"): 2}))
        assert board.current() == []
    finally:
        store.close()
