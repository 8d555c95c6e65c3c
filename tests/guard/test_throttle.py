from __future__ import annotations

import pytest

from lineshaft.core import Retryable
from lineshaft.guard.throttle import LONGEST_WAIT, Throttle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_wait_doubles_up_to_a_minute_and_ends():
    clock = Clock()
    throttle = Throttle(free=3, clock=clock)
    waits = []
    for _ in range(12):
        throttle.refused("anna", "10.0.0.9")
        try:
            throttle.check("anna", "10.0.0.9")
        except Retryable as told:
            waits.append(told.details["retry_after_s"])
            clock.now += float(str(told.details["retry_after_s"]))
    assert waits[:4] == [2, 3, 5, 9]
    assert max(waits) == LONGEST_WAIT + 1


def test_one_address_may_not_try_many_names():
    throttle = Throttle(free=2, clock=Clock())
    for n in range(8):
        throttle.refused(f"user{n}", "10.0.0.9")
    with pytest.raises(Retryable):
        throttle.check("somebody new", "10.0.0.9")
    throttle.check("somebody new", "10.0.0.1")


def test_a_right_password_clears_the_pair():
    throttle = Throttle(free=1, clock=Clock())
    throttle.refused("anna", "p")
    throttle.passed("anna", "p")
    throttle.check("anna", "p")


def test_what_was_before_the_start_counts_and_ages():
    throttle = Throttle(free=2, clock=Clock())
    throttle.recall([("anna", "p", False, 3.0), ("anna", "p", False, 2.0), ("anna", "p", False, 1.0)])
    with pytest.raises(Retryable) as told:
        throttle.check("anna", "p")
    assert told.value.details["retry_after_s"] == 2
    throttle.recall([("bert", "p2", False, 1.0)] * 3 + [("bert", "p2", True, 0.5)])
    throttle.check("bert", "p2")


def test_memory_stays_bounded():
    clock = Clock()
    throttle = Throttle(clock=clock)
    for n in range(6_000):
        clock.now += 1
        throttle.refused(f"n{n}", f"p{n}")
    assert len(throttle._refused) <= 10_001
