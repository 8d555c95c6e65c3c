from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.act import Touched
from lineshaft.act.tables import machine_writes
from lineshaft.core import NS, Conflict, Database, Forbidden, InvalidInput, Retryable, now_ns
from tests.act.conftest import BERT, CARL, PUMP, Plant


def test_a_write_is_a_proposal_a_second_person_decides(plant_lite: Plant):
    target = plant_lite.assets.property(f"{PUMP}/Vibration")
    with plant_lite.db.begin() as tx:
        made = plant_lite.act.propose_write(tx, target, 2.5, BERT, "slower")
    assert (made["state"], made["property"], made["value"]) == ("open", f"{PUMP}/Vibration", 2.5)
    with pytest.raises(Forbidden):
        plant_lite.decide(BERT, "approve")
    with pytest.raises(InvalidInput):
        plant_lite.decide(CARL, "edit", edit={"property": "x"})
    plant_lite.decide(CARL, "approve")
    (row,) = plant_lite.act.writes()
    assert (row["state"], row["decided_by"]) == ("approved", "carl")
    assert plant_lite.act.writes("open") == []


@pytest.mark.parametrize(("name", "value"), [("Vibration", "fast"), ("Vibration", True), ("Running", 1), ("HotAbove", 3.0)])
def test_a_senseless_write_is_refused(plant_lite: Plant, name, value):
    target = plant_lite.assets.property(f"{PUMP}/{name}")
    with pytest.raises(InvalidInput), plant_lite.db.begin() as tx:
        plant_lite.act.propose_write(tx, target, value, BERT)


class Machine:
    """A hand on a machine of one number, that can lose the answer, refuse, or keep its own value."""

    def __init__(self) -> None:
        self.value, self.calls = 1.0, 0
        self.forbids = ""
        self.stubborn = self.deaf = self.mute = False

    def check(self, path: str, value: float | str) -> None:
        assert path
        if self.forbids:
            raise Conflict(self.forbids, code="write.permissive")
        if float(value) > 100:
            raise InvalidInput("too much", code="write.limits")

    def targets(self) -> list[dict[str, object]]:
        return [{"property": f"{PUMP}/Vibration"}]

    async def write(self, path: str, value: float | str) -> Touched:
        self.check(path, value)
        self.calls += 1
        before = self.value
        if not self.stubborn:
            self.value = float(value)
        if self.mute:
            self.mute = False
            raise Retryable("the line was cut", code="write.no-answer")
        return Touched(before, self.value, self.value == value)

    async def read(self, path: str, value: float | str) -> Touched:
        assert path
        if self.deaf:
            raise Retryable("no answer", code="write.no-answer")
        return Touched(None, self.value, self.value == value)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def wired(tmp_path: Path, machine: Machine) -> Iterator[Plant]:
    db = Database(f"sqlite:///{tmp_path / 'lite.db'}")
    made = Plant(db, tmp_path, hand=machine)
    made.act.start_engine()
    yield made
    made.act.stop()
    db.close()


def propose(plant: Plant, value: float = 2.5) -> str:
    target = plant.assets.property(f"{PUMP}/Vibration")
    with plant.db.begin() as tx:
        return str(plant.act.propose_write(tx, target, value, BERT, "slower")["id"])


def test_an_approved_write_is_carried_out_once_and_read_back(wired: Plant, machine: Machine):
    propose(wired)
    assert machine.calls == 0
    wired.decide(CARL, "approve")
    (row,) = wired.act.writes()
    assert (row["state"], row["outcome"], row["before"], row["readback"], row["why"]) == ("approved", "written", 1.0, 2.5, "")
    assert machine.calls == 1
    assert wired.act.tower()[0]["what"] == f"wrote 2.5 to {PUMP}/Vibration"
    wired.act.stop()
    wired.act.start_engine()
    assert wired.act.settle()
    assert machine.calls == 1


def test_what_is_rejected_or_not_decided_is_never_written(wired: Plant, machine: Machine):
    propose(wired)
    wired.decide(CARL, "reject", reason="no")
    propose(wired, 3.0)
    assert machine.calls == 0
    assert [row["outcome"] for row in wired.act.writes()] == [None, None]


def test_the_impossible_is_refused_when_it_is_proposed(wired: Plant, machine: Machine):
    with pytest.raises(InvalidInput):
        propose(wired, 101.0)
    machine.forbids = "locked out by anna: bearing change"
    with pytest.raises(Conflict, match="locked out by anna"):
        propose(wired)
    assert wired.act.writes() == []


@pytest.mark.parametrize(
    ("changes", "outcome", "why", "calls"),
    [
        ({"forbids": "locked out"}, "failed", "locked out", 0),
        ({"stubborn": True}, "failed", "the machine answers 1.0, not 2.5", 1),
        ({"mute": True}, "written", "the line was cut; the machine has the value", 1),
        ({"mute": True, "stubborn": True}, "failed", "the line was cut; the machine answers 1.0", 1),
        ({"mute": True, "deaf": True}, "unsure", "the line was cut; reading back failed: no answer", 1),
    ],
)
def test_what_went_wrong_is_told_and_nothing_is_repeated(wired: Plant, machine: Machine, changes, outcome, why, calls):
    propose(wired)
    for name, value in changes.items():
        setattr(machine, name, value)
    wired.decide(CARL, "approve")
    (row,) = wired.act.writes()
    assert (row["outcome"], row["why"], machine.calls) == (outcome, why, calls)
    told = [event for event in wired.events if event.key == f"writes:{PUMP}/Vibration"]
    assert told[-1].active == (outcome != "written")


def test_a_write_that_a_crash_cut_off_is_read_back_and_never_written_again(wired: Plant, machine: Machine):
    propose(wired)
    wired.act.stop()
    wired.decide(CARL, "approve")
    with wired.db.begin() as tx:
        tx.execute(machine_writes.update().values(state="writing"))
    machine.value = 2.5
    wired.act.start_engine()
    assert wired.act.settle()
    (row,) = wired.act.writes()
    assert (row["outcome"], machine.calls) == ("written", 0)


def test_an_approval_that_waited_too_long_is_not_carried_out(wired: Plant, machine: Machine):
    propose(wired)
    wired.act.stop()
    wired.decide(CARL, "approve")
    with wired.db.begin() as tx:
        tx.execute(machine_writes.update().values(approved=now_ns() - 10 * 60 * NS))
    wired.act.start_engine()
    assert wired.act.settle()
    (row,) = wired.act.writes()
    assert (row["outcome"], machine.calls) == ("failed", 0)
    assert "too much time" in row["why"]
