"""10,000 metrics whose windows end at the same moment: how long until all their values are durable and shown."""

from __future__ import annotations

import statistics

from bench.plant import METRICS, MINUTE, close, minute_of, plant, take
from bench.row import Row, less_is_better
from lineshaft.core import now_ns

NAME = "metrics"
MACHINES, ROUNDS = 1_000, 5
PROMISE_S = 2.0


def run() -> list[Row]:
    """Feed a thousand machines minute by minute and close each."""
    wanted = MACHINES * len(METRICS)
    start = now_ns() // MINUTE * MINUTE - (ROUNDS + 4) * MINUTE
    took: list[float] = []
    with plant(MACHINES) as made:
        for number in range(ROUNDS + 1):
            take(made, minute_of(MACHINES, start + number * MINUTE, 1 + 1000 * number))
            take(made, minute_of(MACHINES, start + (number + 1) * MINUTE, 500 + 1000 * number, seconds=30))
            values, seconds = 0, 0.0
            while values < wanted:
                more, longer = close(made)
                if not more and number == 0:
                    break  # before its first value a state is not known: the first minute has no value of all
                if not more:
                    raise RuntimeError(f"only {values} of {wanted} windows closed")
                values, seconds = values + more, seconds + longer
            took.append(seconds)
    rest = took[1:]
    return [
        less_is_better(f"metrics: {wanted} values of one window out, median", statistics.median(rest), "s", "promise", PROMISE_S),
        less_is_better(f"metrics: {wanted} values of one window out, worst of {ROUNDS}", max(rest), "s", "promise", PROMISE_S),
    ]
