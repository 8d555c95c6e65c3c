"""MQTT -> function -> file: an edge node of ours beside Node-RED, the same broker, publisher and messages in the same run.

Ours acknowledges a message once it is in a synced file and runs the function in a process of its own; Node-RED acknowledges as it
hears and leaves its file to the operating system. Every message must be in the file in the end, at both.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench import flows
from bench.row import Row, less_is_better, more_is_better
from tools.counterparts import NODE_RED

NAME = "edge-flow"
MESSAGES, PACED_HZ, PACED_S, PATIENCE = 20_000, 500, 10, 60.0


@dataclass(frozen=True)
class Run:
    """Messages a second and CPU a message as fast as they come, CPU a message at a pace, memory."""

    rate: float
    cpu_us: float
    paced_us: float
    megabytes: float


def run() -> list[Row]:
    mine = _measured(flows.ours)
    if not (NODE_RED / "node_modules").exists():
        print("no peer Node-RED here: `python -m tools.counterparts soak` brings it")
        return [Row(f"{NAME}/as fast as they come", mine.rate, "messages/s"), Row(f"{NAME}/CPU", mine.cpu_us, "us/message")]
    theirs = _measured(flows.node_red)
    return [
        more_is_better(f"{NAME}/as fast as they come", mine.rate, "messages/s", "Node-RED", theirs.rate),
        less_is_better(f"{NAME}/CPU meanwhile", mine.cpu_us, "us/message", "Node-RED", theirs.cpu_us),
        less_is_better(f"{NAME}/CPU at {PACED_HZ} messages/s", mine.paced_us, "us/message", "Node-RED", theirs.paced_us),
        less_is_better(f"{NAME}/memory (PSS)", mine.megabytes, "MB", "Node-RED", theirs.megabytes),
    ]


def _measured(flow: Callable[[int], AbstractContextManager[flows.Flow]]) -> Run:
    with tempfile.TemporaryDirectory() as folder, flows.broker(Path(folder)) as port, flow(port) as made:
        _first(made, port)
        rate, cpu = _sent(made, port, MESSAGES, 0)
        _, paced = _sent(made, port, PACED_HZ * PACED_S, PACED_HZ)
        return Run(rate, cpu, paced, made.megabytes())


def _first(flow: flows.Flow, port: int) -> None:
    """Send one message after another until one is in the file, and wait until all that were heard are."""
    end = time.monotonic() + flows.STARTED_WITHIN
    while not _count(flow):
        if time.monotonic() > end:
            raise TimeoutError("the flow never wrote a message")
        _publish(port, 1, 0)
        time.sleep(0.5)
    time.sleep(3)


def _count(flow: flows.Flow) -> int:
    try:
        return flow.done()
    except sqlite3.Error:  # not made yet
        return 0


def _sent(flow: flows.Flow, port: int, messages: int, hz: int) -> tuple[float, float]:
    """Send messages and wait for the last; return messages a second and CPU microseconds a message."""
    before, used, began = flow.done(), flow.cpu(), time.perf_counter()
    _publish(port, messages, hz)
    while (done := flow.done() - before) < messages:
        if time.perf_counter() - began > PATIENCE:
            raise TimeoutError(f"{done} of {messages} messages came through")
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    if done != messages:
        raise ValueError(f"{messages} messages were sent and {done} came through")
    return messages / seconds, (flow.cpu() - used) / messages * 1e6


def _publish(port: int, messages: int, hz: int) -> None:
    """Let mosquitto_pub send: at once, or so many a second in portions of a twentieth of a second."""
    lines = [b'{"n": %d, "temperature": %.2f}\n' % (n, 20 + n % 997 / 100) for n in range(messages)]
    portion = hz // 20 or messages
    with flows.sender(port) as process:
        assert process.stdin is not None
        began = time.perf_counter()
        for number, first in enumerate(range(0, messages, portion)):
            if hz:
                time.sleep(max(0.0, began + number / 20 - time.perf_counter()))
            process.stdin.write(b"".join(lines[first : first + portion]))
            process.stdin.flush()
        process.stdin.close()
        process.wait(PATIENCE)
