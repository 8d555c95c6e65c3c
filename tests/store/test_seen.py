"""A batch is known once it was taken, in whichever lane it came; a lane that catches up is never taken for a redelivery."""

from __future__ import annotations

import random
import sqlite3

import pytest

from lineshaft.store.seen import MOST_HOLES, WINDOW, Seen

TABLES = """
create table seen(source text, seq integer, primary key(source, seq)) without rowid;
create table floor(source text primary key, seq integer not null);
create table hole(source text not null, first integer not null, last integer not null, primary key(source, first)) without rowid;
"""


@pytest.fixture
def db():
    made = sqlite3.connect(":memory:")
    made.executescript(TABLES)
    yield made
    made.close()


def take(seen: Seen, db: sqlite3.Connection, *numbers: int) -> None:
    for number in numbers:
        assert ("edge/press", number) not in seen
        seen.add("edge/press", number)
    seen.write(db)
    seen.commit()


def test_a_backlog_beside_the_live_lane_is_new_and_known_once_taken(db: sqlite3.Connection):
    seen = Seen(db)
    take(seen, db, *range(1, 11))
    live, backlog = 5_000, 11
    for step in range(600):
        take(seen, db, *range(backlog, backlog + 7), live)
        backlog, live = backlog + 7, live + 1
        if step % 150 == 149:
            seen = Seen(db)
    taken = {*range(1, backlog), *range(5_000, live)}
    assert all(("edge/press", number) in seen for number in taken)
    assert all(("edge/press", number) not in seen for number in range(backlog, 5_000))
    assert db.execute("select count(*) from hole").fetchone()[0] <= 2


def test_any_order_of_any_numbers_says_the_same_as_a_set(db: sqlite3.Connection):
    chance = random.Random(7)
    seen, taken = Seen(db), set[int]()
    lanes = [list(range(1, 900)), list(range(2_000, 3_500)), list(range(9_000, 9_800))]
    while any(lanes):
        lane = chance.choice([lane for lane in lanes if lane])
        numbers = [lane.pop(0) for _ in range(min(len(lane), chance.randint(1, 40)))]
        if not taken:
            numbers = [1, *(number for number in numbers if number != 1)]
            lanes[0] = [number for number in lanes[0] if number != 1]
        take(seen, db, *numbers)
        taken.update(numbers)
        if chance.random() < 0.1:
            seen = Seen(db)
        for number in chance.sample(range(1, 9_900), 50):
            assert (("edge/press", number) in seen) == (number in taken), number


def test_what_a_failed_transaction_noted_is_new_again(db: sqlite3.Connection):
    seen = Seen(db)
    take(seen, db, *range(1, 3 * WINDOW))
    seen.add("edge/press", 10_000)
    seen.rollback()
    take(seen, db, 10_000)


def test_a_source_whose_numbers_always_jump_keeps_a_bounded_memory(db: sqlite3.Connection):
    seen = Seen(db)
    numbers = list(range(1, 40_000, 3))
    for start in range(0, len(numbers), 500):
        take(seen, db, *numbers[start : start + 500])
    assert db.execute("select count(*) from hole").fetchone()[0] <= MOST_HOLES
    assert all(("edge/press", number) in seen for number in numbers)
