"""The process of `bench_waiting`: opens cases that wait for a person, then does nothing, and prints what that costs."""

from __future__ import annotations

import json
import sys
import time

import psutil

from bench.acting import alarm, works

PROCESS = """\
process: bench
version: 1
start: [{event: alarm}]
one_open_case_per: "{asset}"
tasks:
  - {id: triage, does: triage.rule, gives: triage}
  - {id: ask, does: person.do, role: operator, due: 8h, escalate: {after: 4h, to: planner}}
"""
SETTLE, WATCH = 5.0, 30.0


def main(url: str, people: int) -> None:
    me = psutil.Process()
    with works(url, PROCESS) as made:
        empty = me.memory_full_info().pss / 1e6
        for number in range(people):
            made.act.on_alarm(alarm(number, "bench"))
            if number % 50 == 49:
                made.act.settle(60)
        if not made.act.settle(280):
            raise TimeoutError("the cases do not settle")
        waiting = sum(
            one["state"] == "open" and one["current_task"] == "ask" for one in made.act.cases("open", limit=10 * people)
        )
        time.sleep(SETTLE)
        before, began = sum(me.cpu_times()[:2]), time.monotonic()
        time.sleep(WATCH)
        core = (sum(me.cpu_times()[:2]) - before) / (time.monotonic() - began) * 100
        megabytes = me.memory_full_info().pss / 1e6
        woken = time.perf_counter()
        made.act.recover()
        made.act.settle(280)
        again = time.perf_counter() - woken
    print(json.dumps({"waiting": waiting, "core": core, "empty": empty, "megabytes": megabytes, "recover": again}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
