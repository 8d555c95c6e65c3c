"""Each ready-made process, from the event that begins it to its end, and what giving a case up takes back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lineshaft.act import ActSettings
from lineshaft.act.delivery import at_risk
from lineshaft.core import NS, Conflict, Database, Forbidden, InvalidInput, NotFound, iso, now_ns
from lineshaft.guard import Command, Role, Subject
from lineshaft.production.written import LotEntry, OrderEntry, ProductEntry, QualityEntry, RunEntry
from tests.act.conftest import ANNA, BERT, CARL, Plant
from tests.detect.conftest import OPERATOR, PUMP, VIBRATION

HOUR = 3600 * NS
ERIKA = Subject("erika", "erika", "person", frozenset({Role.ENGINEER}), "Erika")
IDLE = "  - {name: Idle, property: Vibration, operator: '>', limit: 7.1, priority: 3, failure_mode: IDL, process: energy-idle}"
SCRAP = "  - {name: Scrap, property: Vibration, operator: '>', limit: 7.1, priority: 2, failure_mode: QUA, process: quality-hold}"
QUICK = ActSettings(low_stock_after="0s", deliveries_every="1s")


class Works(Plant):
    """A plant whose processes of one name are looked at."""

    def of(self, process: str):
        (row,) = [row for row in self.act.cases() if row["process"] == process]
        return self.act.case(row["id"])

    def named(self, process: str, task: str):
        return next((one for one in self.of(process)["tasks"] if one["name"] == task), None)

    def answers(self, process: str, task: str, answer: str, by: Subject, note: str = ""):
        case = self.of(process)
        said = {"answer": answer, "note": note}
        command = Command(by, "cases.answer", case["id"], said, asset=case["asset"])
        self.guard.perform(command, lambda tx: self.act.answer(tx, case["id"], task, said, by))
        assert self.act.settle()

    def decides(self, task: str, by: Subject):
        (approval,) = [row for row in self.act.approvals() if row["task"] == task]
        with self.db.begin() as tx:
            self.act.decide(tx, approval["id"], by, "approve")
        assert self.act.settle()

    def look(self, found):
        """Have the clock look, until something is seen."""
        self.act._clock.look()
        self.until_(found)

    def until_(self, found, seconds=30.0):
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, self.act.cases()
            self.act._clock.look()
            time.sleep(0.05)


@pytest.fixture
def make(database: Database, tmp_path: Path):
    made: list[Works] = []

    def build(alarms: str = VIBRATION) -> Works:
        made.append(Works(database, tmp_path, alarms, QUICK))
        made[0].act.start_engine()
        return made[0]

    yield build
    for one in made:
        one.act.stop()


@pytest.fixture
def lite(tmp_path: Path):
    """The same on SQLite, for what is no different on PostgreSQL."""
    db = Database(f"sqlite:///{tmp_path / 'lite.db'}")
    made: list[Works] = []

    def build(alarms: str = VIBRATION) -> Works:
        made.append(Works(db, tmp_path, alarms, QUICK))
        made[0].act.start_engine()
        return made[0]

    yield build
    for one in made:
        one.act.stop()
    db.close()


def test_a_low_part_is_proposed_decided_ordered_and_received(make):
    works = make()
    works.stock(on_hand=1)
    works.look(works.act.cases)
    assert works.act.settle()
    proposed = works.named("spare-replenishment", "propose")
    assert (proposed["mode"], proposed["input"]["quantity"], proposed["input"]["part"]) == ("human_assistant", 7, "BRG-6205")
    works.decides("propose", BERT)
    works.until_(lambda: (works.named("spare-replenishment", "order") or {}).get("state") == "done")
    (purchase,) = works.purchases.list()
    assert purchase["state"] == "ordered"
    assert works.act.settle()
    with works.db.begin() as tx:
        works.purchases.receive(tx, purchase["id"], ANNA)
    works.until_(lambda: works.of("spare-replenishment")["state"] == "done")
    assert works.spares.get("BRG-6205")["on_hand"] == 8
    assert works.named("spare-replenishment", "receive")["output"]["received"] == 7
    for _ in range(3):
        works.act._clock.look()
        assert works.act.settle()
    assert len(works.act.cases()) == 1, "a shelf that is full begins nothing"


def test_a_part_that_a_repair_buys_is_not_bought_again(lite):
    works = lite()
    works.stock()
    works.act._starts._low_after = HOUR
    works.process()
    works.shake()
    works.act._starts._low_after = 0
    for _ in range(3):
        works.act._clock.look()
        assert works.act.settle()
    assert [row["process"] for row in works.act.cases()] == ["maintenance"]
    assert len(works.purchases.list()) == 1


def test_idling_is_ended_and_verified(lite):
    works = lite(IDLE)
    works.feed((1, 9.0), (2, 9.2))
    works.until_(lambda: (works.named("energy-idle", "switch_off") or {}).get("state") == "open")
    assert works.named("energy-idle", "judge")["output"]["per_hour"] == pytest.approx(9.0 * 0.25, abs=0.1)
    task = works.named("energy-idle", "switch_off")
    assert (task["mode"], task["role"], task["due"] is not None, task["escalate_at"] is not None) == (
        "human_assistant",
        "operator",
        True,
        True,
    )
    works.answers("energy-idle", "switch_off", "standby", OPERATOR)
    assert works.named("energy-idle", "verify")["state"] == "open"
    works.feed((20, 1.0), (22, 1.0))
    works.until_(lambda: works.of("energy-idle")["state"] == "done")
    assert works.named("energy-idle", "mend")["state"] == "skipped"


def test_a_machine_that_cannot_stand_by_is_an_engineers_task(lite):
    works = lite(IDLE)
    works.feed((1, 9.0), (2, 9.2))
    works.until_(lambda: (works.named("energy-idle", "switch_off") or {}).get("state") == "open")
    with pytest.raises(InvalidInput, match="no answer here"):
        works.answers("energy-idle", "switch_off", "maybe", OPERATOR)
    works.answers("energy-idle", "switch_off", "impossible", OPERATOR, "no stand-by valve")
    with pytest.raises(Conflict):
        works.answers("energy-idle", "switch_off", "standby", OPERATOR)
    with pytest.raises(Forbidden, match="engineer"):
        works.answers("energy-idle", "mend", "done", BERT)
    with pytest.raises(NotFound):
        works.answers("energy-idle", "judge", "done", ERIKA)
    works.answers("energy-idle", "mend", "done", ERIKA)
    works.until_(lambda: works.of("energy-idle")["state"] == "done")
    assert works.named("energy-idle", "verify")["state"] == "skipped"
    assert works.named("energy-idle", "switch_off")["output"] == {"answer": "impossible", "note": "no stand-by valve"}


def test_no_rule_or_agent_answers_for_a_person(lite):
    works = lite(IDLE)
    works.feed((1, 9.0), (2, 9.2))
    works.until_(lambda: (works.named("energy-idle", "switch_off") or {}).get("state") == "open")
    agent = Subject("agent:a", "a", "agent", frozenset({Role.ENGINEER}), "A")
    with works.db.begin() as tx, pytest.raises(Forbidden, match="for a person"):
        works.act.answer(tx, works.of("energy-idle")["id"], "switch_off", {"answer": "standby"}, agent)


def late_order(works: Works, *, hours: float, made: float = 100.0) -> None:
    """An order of 1,000 parts that has run for ten hours and is due in some hours."""
    now = now_ns()
    line = {"product": "Cookie", "quantity": 1000, "due": iso(now + round(hours * HOUR))}
    with works.db.begin() as tx:
        works.production.products.add(tx, ProductEntry.model_validate({"product": "Cookie"}), now)
        works.production.orders.add(tx, OrderEntry.model_validate({"order": "O-1", "lines": [line]}))
        run = {"order": "O-1", "at": PUMP, "start": iso(now - 10 * HOUR)}
        works.production.orders.start(tx, RunEntry.model_validate(run))
        lot = {"lot": "L-1", "product": "Cookie", "quantity": made, "order": "O-1", "made": iso(now)}
        works.production.lots.add(tx, LotEntry.model_validate(lot))


def test_an_order_that_will_be_late_is_decided_told_and_watched(make):
    works = make()
    late_order(works, hours=20)
    works.until_(works.act.cases)
    assert works.act.settle()
    case = works.of("on-time-delivery")
    assert (case["asset"], case["gives"]["risk"]["order_number"]) == (PUMP, "O-1")
    assert case["gives"]["risk"]["late_h"] == pytest.approx(70, abs=0.2), "900 parts at 10 an hour, due in 20 hours"
    works.answers("on-time-delivery", "decide", "accept", BERT)
    works.answers("on-time-delivery", "tell_customer", "agreed", BERT)
    assert works.named("on-time-delivery", "watch")["state"] == "open"
    with works.db.begin() as tx:
        works.production.orders.deliver(tx, "O-1", 1, 1000, now_ns())
    works.until_(lambda: works.of("on-time-delivery")["state"] == "done")
    assert works.of("on-time-delivery")["gives"]["outcome"]["on_time"] is True
    assert len(works.act.cases()) == 1


def test_an_order_in_time_begins_nothing(lite):
    works = lite()
    late_order(works, hours=200)
    assert at_risk(works.production) == []
    late_order(works, hours=200, made=1000.0)
    assert at_risk(works.production, now_ns() + 199 * HOUR) == [], "all of it is made"


def test_rising_scrap_holds_what_was_made_then(lite):
    works = lite(SCRAP)
    late_order(works, hours=200)
    at = (now_ns() - HOUR) / NS
    works.feed((at, 9.0), (at + 1, 9.2))
    works.until_(lambda: (works.named("quality-hold", "hold") or {}).get("state") == "open")
    assert works.named("quality-hold", "hold")["input"]["lots"] == ["L-1"]
    works.decides("hold", BERT)
    assert works.production.lots.get("L-1")["state"] == "hold"
    check = {"check": "taste", "lot": "L-1", "passed": True, "at": iso(now_ns())}
    with works.db.begin() as tx:
        works.production.quality.add(tx, QualityEntry.model_validate(check), "anna")
    works.until_(lambda: (works.named("quality-hold", "release") or {}).get("state") == "open")
    works.decides("release", CARL)
    works.until_(lambda: works.of("quality-hold")["state"] == "done")
    assert works.production.lots.get("L-1")["state"] == "free"


def test_giving_a_case_up_takes_back_what_it_did(lite):
    works = lite()
    works.act._starts._low_after = HOUR
    works.stock()
    works.process()
    works.shake()
    case = works.of("maintenance")
    command = Command(BERT, "cases.cancel", case["id"], {}, asset=case["asset"])
    works.guard.perform(command, lambda tx: works.act.cancel(tx, case["id"], BERT, "the pump is taken out"))
    assert works.act.settle()
    assert works.of("maintenance")["state"] == "cancelled"
    assert works.orders.list(state=None)[0]["state"] == "cancelled"
    assert works.spares.get("BRG-6205")["reserved"] == 0
    assert [row["state"] for row in works.purchases.list()] == ["rejected"]
    assert works.act.approvals() == []
    said = [line["what"] for line in works.act.tower() if line["actor"] == "rule:compensation"]
    assert said == ["taken back: Open a work order"]
    with works.db.begin() as tx, pytest.raises(Conflict):
        works.act.cancel(tx, case["id"], BERT, "again")


def test_giving_a_hold_up_frees_no_lot(lite):
    works = lite(SCRAP)
    late_order(works, hours=200)
    at = (now_ns() - HOUR) / NS
    works.feed((at, 9.0), (at + 1, 9.2))
    works.until_(lambda: (works.named("quality-hold", "hold") or {}).get("state") == "open")
    works.decides("hold", BERT)
    with works.db.begin() as tx:
        works.act.cancel(tx, works.of("quality-hold")["id"], BERT, "no time")
    assert works.production.lots.get("L-1")["state"] == "hold"
