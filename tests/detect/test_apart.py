"""Work in a process of its own that waits for its place: given up before its turn it says so at once, and only once."""

from __future__ import annotations

import threading

import pytest

from lineshaft.detect.apart import Apart
from lineshaft.detect.heavy.settings import TrainingSettings
from lineshaft.detect.heavy.trainings import Trainings


def double(number, tell):
    tell(0.5, "half")
    return 2 * number


@pytest.fixture
def place():
    made = Trainings(TrainingSettings(at_once=1))
    yield made
    made.stop()


def test_work_given_up_before_its_turn_ends_at_once_and_never_begins(place):
    go, told, steps = threading.Event(), [], []
    place.places.submit(go.wait, 60)
    work = Apart(double, lambda: 3, lambda *step: steps.append(step), lambda *result: told.append(result)).start(place)
    work.cancel()
    work.wait(60)
    assert told == [(None, "cancelled")], "it need not wait for the place it never had"
    go.set()
    place.places.shutdown()
    assert (told, steps) == ([(None, "cancelled")], [])


def test_work_with_a_place_of_its_own_gives_its_result(place):
    told, steps = [], []
    Apart(double, lambda: 3, lambda *step: steps.append(step), lambda *result: told.append(result)).start(place).wait(120)
    assert told == [(6, "")]
    assert [share for share, _ in steps] == [0.01, 0.5]
