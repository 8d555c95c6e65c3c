"""Work in a process of its own that waits for its place: given up before its turn it says so at once, and only once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from lineshaft.detect.apart import Apart


def double(number, tell):
    tell(0.5, "half")
    return 2 * number


def test_work_given_up_before_its_turn_ends_at_once_and_never_begins():
    go, told, steps = threading.Event(), [], []
    with ThreadPoolExecutor(1) as places:
        places.submit(go.wait, 60)
        work = Apart(double, lambda: 3, lambda *step: steps.append(step), lambda *result: told.append(result)).start(places)
        work.cancel()
        work.wait(60)
        assert told == [(None, "cancelled")], "it need not wait for the place it never had"
        go.set()
    assert (told, steps) == ([(None, "cancelled")], [])


def test_work_with_a_place_of_its_own_gives_its_result():
    told, steps = [], []
    with ThreadPoolExecutor(1) as places:
        Apart(double, lambda: 3, lambda *step: steps.append(step), lambda *result: told.append(result)).start(places).wait(120)
    assert told == [(6, "")]
    assert [share for share, _ in steps] == [0.01, 0.5]
