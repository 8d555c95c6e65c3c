"""What forbids a write before anything goes to a machine: no tag, no rule, a limit, a lock-out, a permissive."""

from __future__ import annotations

import pytest

from lineshaft.app import Plant
from lineshaft.app.hand import PlantHand
from lineshaft.connect import SourcesSettings, WriterSettings
from lineshaft.core import Batch, ConfigError, Conflict, Forbidden, InvalidInput, LineshaftError, NotFound, now_ns, samples
from tests.app.test_plant import plant as plant  # noqa: PLC0414 - a fixture

OVEN = "Bakery/Line 1/Oven"
TAG = "ns=2;s=Oven/SpeedSetpoint"


class Around:
    """What the hand asks: whether a source lives, who locked a machine."""

    def __init__(self) -> None:
        self.lives, self.lock = True, ""


@pytest.fixture
def around() -> Around:
    return Around()


def hand_of(plant: Plant, around: Around, **rule: object) -> PlantHand:
    allow = {"source": "bakery", "tag": TAG, "minimum": 60, "maximum": 125, **rule}
    return PlantHand(
        WriterSettings.model_validate({"dry_run": False, "allow": [allow]}),
        SourcesSettings(),
        lambda _source: around.lives,
        plant.assets,
        plant.store,
        lambda path: around.lock if path == OVEN else "",
    )


@pytest.fixture
def hand(plant: Plant, around: Around) -> PlantHand:
    return hand_of(plant, around, permissive="state != 4", inputs={"state": f"{OVEN}/State"})


def say(plant: Plant, seq: int, state: int, quality: int = 0) -> None:
    at = now_ns() + seq
    plant.shaft.take([Batch("bakery", seq, at, samples([{"tag": "ns=2;s=Oven/State", "ts": at, "value": state, "q": quality}]))])


def test_what_may_be_written_is_listed(hand: PlantHand):
    (one,) = hand.targets()
    assert (one["property"], one["minimum"], one["maximum"], one["unit"]) == (f"{OVEN}/SpeedSetpoint", 60, 125, "part/min")


def test_a_permissive_must_hold(plant: Plant, hand: PlantHand):
    say(plant, 1, 1)
    hand.check(f"{OVEN}/SpeedSetpoint", 100.0)
    say(plant, 2, 4)
    with pytest.raises(Conflict, match="'state != 4' does not hold: state is 4"):
        hand.check(f"{OVEN}/SpeedSetpoint", 100.0)


def test_a_permissive_that_cannot_be_known_does_not_hold(plant: Plant, hand: PlantHand, around: Around):
    with pytest.raises(Conflict, match="has no good value"):
        hand.check(f"{OVEN}/SpeedSetpoint", 100.0)
    say(plant, 1, 1, quality=2)
    with pytest.raises(Conflict, match="has no good value"):
        hand.check(f"{OVEN}/SpeedSetpoint", 100.0)
    say(plant, 2, 1)
    around.lives = False
    with pytest.raises(Conflict, match="bakery is not connected"):
        hand.check(f"{OVEN}/SpeedSetpoint", 100.0)


def test_a_lock_out_forbids_every_write_of_the_machine(plant: Plant, hand: PlantHand, around: Around):
    say(plant, 1, 1)
    around.lock = "locked out by anna: belt change"
    with pytest.raises(Conflict, match="locked out by anna"):
        hand.check(f"{OVEN}/SpeedSetpoint", 100.0)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        (f"{OVEN}/SpeedSetpoint", 126.0, InvalidInput),
        (f"{OVEN}/SpeedSetpoint", float("nan"), InvalidInput),
        (f"{OVEN}/Temperature", 200.0, Forbidden),
        (f"{OVEN}/Running", 1, NotFound),
        (f"{OVEN}/Nothing", 1, NotFound),
    ],
)
def test_only_what_is_allowed_within_limits(plant: Plant, around: Around, path: str, value: float, error: type[LineshaftError]):
    with pytest.raises(error):
        hand_of(plant, around).check(path, value)


def test_a_wrong_permissive_is_told_when_settings_are_read(plant: Plant, around: Around):
    with pytest.raises(ConfigError, match="permissive"):
        hand_of(plant, around, permissive="stat != 4", inputs={"state": f"{OVEN}/State"})
