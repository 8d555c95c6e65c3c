from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from lineshaft.core import Database
from lineshaft.guard import Guard, Subject

ROBOT = Subject.rule("maintenance")
PERSON = Subject("p1", "pia", "person")


def fill(guard: Guard, database: Database, rows: int = 6) -> None:
    for n in range(rows):
        with database.begin() as tx:
            guard.record(tx, PERSON if n % 2 else ROBOT, "work-orders.create", f"work-order:{n}", {"n": n})


def test_an_untouched_chain_verifies(guard: Guard, database: Database):
    assert guard.verify().ok
    fill(guard, database)
    report = guard.verify()
    assert (report.rows, report.ok, report.first_bad) == (6, True, None)
    assert [row.detail["n"] for row in guard.audit(limit=2)] == [5, 4]
    assert [row.seq for row in guard.audit(limit=2, before=3)] == [2, 1]
    assert guard.audit(action="alarms.") == []


@pytest.mark.parametrize(
    ("tamper", "first_bad"),
    [
        ("UPDATE audit SET outcome = 'refused' WHERE seq = 3", 3),
        ("UPDATE audit SET resource = 'work-order:9' WHERE seq = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE audit SET subject_id = 'somebody else' WHERE seq = 3", 3),
        ("UPDATE audit SET detail = '{\"n\":77}' WHERE seq = 4", 4),
        ("UPDATE audit SET subject_id = NULL, detail = NULL, salt = NULL WHERE seq = 4", 4),
        ("UPDATE audit SET subject_id = NULL, detail = NULL, salt = NULL WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq IN (2, 3, 4)", 2),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq > 4", 5),
        ("DELETE FROM audit", 1),
        ("DELETE FROM audit_head", 0),
    ],
)
def test_a_tampered_chain_names_the_first_bad_row(guard: Guard, database: Database, tamper, first_bad):
    fill(guard, database)
    with database.begin() as tx:
        tx.exec_driver_sql(tamper)
    report = guard.verify()
    assert not report.ok
    assert report.first_bad == first_bad
    assert report.reason


def test_reordered_rows_are_seen(guard: Guard, database: Database):
    fill(guard, database)
    with database.begin() as tx:
        for old, new in ((3, 99), (4, 3), (99, 4)):
            tx.execute(sa.text(f"UPDATE audit SET seq = {new} WHERE seq = {old}"))
    assert guard.verify().first_bad == 3


def test_removed_rows_are_seen_when_the_numbers_are_closed_up(guard: Guard, database: Database):
    fill(guard, database)
    with database.begin() as tx:
        tx.execute(sa.text("DELETE FROM audit WHERE seq = 3"))
        for seq in (4, 5, 6):
            tx.execute(sa.text(f"UPDATE audit SET seq = {seq - 1} WHERE seq = {seq}"))
    assert guard.verify().first_bad == 3


def test_the_chain_stays_whole_under_parallel_writers(guard: Guard, database: Database):
    failures: list[Exception] = []

    def write(name: str) -> None:
        try:
            for n in range(15):
                with database.begin() as tx:
                    guard.record(tx, Subject.rule(name), "alarms.raise", f"alarm:{n}")
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    report = guard.verify()
    assert (report.rows, report.ok) == (90, True)


def test_a_rolled_back_change_leaves_no_row_and_no_gap(guard: Guard, database: Database):
    fill(guard, database, 2)
    with pytest.raises(RuntimeError), database.begin() as tx:
        guard.record(tx, ROBOT, "spares.reserve", "spare:1")
        raise RuntimeError
    fill(guard, database, 1)
    assert guard.verify().rows == 3


def test_a_long_chain_is_checked_in_blocks(guard: Guard, database: Database, monkeypatch):
    monkeypatch.setattr("lineshaft.guard.audit._BLOCK", 4)
    fill(guard, database, 9)
    assert guard.verify().rows == 9
    with database.begin() as tx:
        tx.execute(sa.text("DELETE FROM audit WHERE seq = 8"))
    assert guard.verify().first_bad == 8
