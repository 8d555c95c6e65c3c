"""Several processes that move cases on one PostgreSQL database: who lives, who died, and who goes on with what that one left."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from lineshaft.act.lease import Lease
from lineshaft.act.tables import executors
from lineshaft.core import NS, ConfigError, Database
from lineshaft.maintain.outgoing import Outgoing
from tests.act.conftest import Plant


@pytest.fixture
def leased(database: Database, tmp_path) -> Database:
    Plant(database, tmp_path)
    return database


def elsewhere(db: Database, name: str, lasts: float) -> Lease:
    """An executor of another machine."""
    lease = Lease(db, name, round(lasts * NS))
    assert lease.take()
    with db.begin() as tx:
        tx.execute(executors.update().where(executors.c.id == lease.id).values(host="another"))
    return lease


def test_a_name_is_one_living_executors(leased: Database):
    elsewhere(leased, "a", 60)
    assert not Lease(leased, "a", NS).take()
    assert Lease(leased, "b", NS).take()


def test_a_dead_one_of_this_machine_is_not_waited_for(leased: Database):
    dead = Lease(leased, "a", 60 * NS)
    assert dead.take()
    with leased.begin() as tx:
        tx.execute(executors.update().values(pid=2**22 + 1))  # no process has this number
    heir = Lease(leased, "a", NS)
    assert heir.take()
    assert [lost.id for lost in heir.claim()] == [dead.id]


def test_a_lease_that_ran_out_is_claimed_by_one(leased: Database):
    dead = elsewhere(leased, "a", 0.000001)
    others = [elsewhere(leased, name, 60) for name in ("b", "c", "d", "e")]
    claimed: list[str] = []
    threads = [threading.Thread(target=lambda one=one: claimed.extend(lost.id for lost in one.claim())) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claimed == [dead.id]


def test_a_take_over_that_is_cut_off_is_claimed_again(leased: Database):
    dead = elsewhere(leased, "a", 0.000001)
    first = elsewhere(leased, "b", 0.000001)
    assert [lost.id for lost in first.claim()] == [dead.id]
    third = Lease(leased, "c", 60 * NS)
    assert third.take()
    assert {lost.id for lost in third.claim()} == {dead.id, first.id}
    for lost in third.claim():
        third.taken_over(lost)


def test_one_that_was_thought_dead_comes_back(leased: Database):
    slow = elsewhere(leased, "a", 0.000001)
    other = elsewhere(leased, "b", 60)
    (lost,) = other.claim()
    slow.beat()
    other.taken_over(lost)
    assert {row["name"] for row in other.all()} == {"a", "b"}
    assert other.lives("b")


def test_runs_of_one_that_left_no_row_are_claimed(leased: Database):
    mine = Lease(leased, "b", 60 * NS)
    assert mine.take()
    assert [(lost.id, lost.name) for lost in mine.claim(["old/1", mine.id])] == [("old/1", "old")]


def test_two_executors_claim_each_errand_once(leased: Database):
    couriers = [Outgoing(leased, "purchase", name) for name in ("a", "b", "c")]
    with leased.begin() as tx:
        for number in range(40):
            couriers[0].file(tx, f"errand-{number}", at=1)
    got: list[str] = []

    def work(mine: Outgoing) -> None:
        for _ in range(400):
            errand = mine.claim()
            if errand is not None:
                got.append(errand.id)
                mine.arrived(errand.id, again_at=None, told={})
            elif mine.next_due() is None:
                return

    threads = [threading.Thread(target=work, args=(one,)) for one in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(f"errand-{number}" for number in range(40))


def test_what_a_dead_one_was_bringing_is_brought_by_another(leased: Database):
    dead, heir = Outgoing(leased, "purchase", "a"), Outgoing(leased, "purchase", "b", 0.0)
    with leased.begin() as tx:
        dead.file(tx, "errand", at=1)
    assert dead.claim() is not None
    assert heir.claim() is None
    heir.take_back("a")
    assert heir.claim() is not None


@pytest.fixture
def shared(postgresql_server, tmp_path) -> Iterator[Database]:
    """A PostgreSQL database with the plant's tables."""
    url = postgresql_server.fresh()
    db = Database(url)
    Plant(db, tmp_path)
    yield db
    db.close()
    postgresql_server.drop(url)


@pytest.mark.counterpart
def test_a_second_executor_of_the_same_name_is_refused_and_told(shared: Database, tmp_path):
    leased, stop = shared, threading.Event()
    rival = elsewhere(leased, "node", 1)

    def beat() -> None:
        while not stop.wait(0.1):
            rival.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    plant = Plant(leased, tmp_path)
    plant.act._settings = plant.act._settings.model_copy(update={"lease": "500ms"})
    try:
        with pytest.raises(ConfigError, match="another executor called 'node'"):
            plant.act.start_engine()
    finally:
        stop.set()
        thread.join()


@pytest.mark.counterpart
def test_a_case_that_lost_its_executor_goes_on(shared: Database, tmp_path):
    leased = shared
    plant = Plant(leased, tmp_path)
    plant.stock()
    plant.feed((1, 9.0), (4, 9.2))  # nobody runs: the case is open and nobody moves it
    plant.act._settings = plant.act._settings.model_copy(update={"lease": "1s"})
    plant.act.start_engine()
    try:
        assert plant.act.settle()
        with leased.begin() as tx:  # somebody finished a task on the node that died before it could wake the case
            tx.execute(sa.text("DELETE FROM case_task"))
            tx.execute(sa.text("DELETE FROM command_answer"))
            tx.execute(sa.text("UPDATE cases SET gives = '{}'"))
        dead = elsewhere(leased, "a", 0.000001)
        plant.until(lambda: bool(plant.case["tasks"]), 30)
        plant.until(lambda: not any(row["id"] == dead.id for row in plant.act._sweeper._lease.all()), 30)
    finally:
        plant.act.stop()
    assert plant.act._sweeper is None
    assert Lease(leased, "x", NS).all() == []
