"""Runs the bakery line in real time behind a server, with a control channel for its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from lineshaft.connect.control import serve_control
from lineshaft.connect.simulator import make_server, tell_source
from lineshaft.connect.simulators.bakery.line import STEP, Line
from lineshaft.connect.wire import Server, Value
from lineshaft.core import InvalidInput, did_you_mean, now_ns

MEASURED_EVERY = 4
"""Steps between two looks at measured values; what happens is shown at once."""


async def run_bakery(home: Path, *, port: int = 4840, seed: int = 7, protocol: str = "opcua") -> None:
    """Be the bakery line until cancelled; HOME/simulator.json says where."""
    line = Line(seed)
    server = make_server(protocol, port, "bakery")
    await server.start(line.tags(), writable=line.SETPOINTS)
    tell_source(home, server)

    def switch(name: str, active: bool) -> Mapping[str, bool]:
        if name and name not in line.faults:
            raise InvalidInput(f"the bakery has no fault '{name}'", hint=did_you_mean(name, line.faults))
        if name:
            line.faults[name] = active
        return line.faults

    try:
        async with serve_control(home, server.url, switch, simulator="bakery"):
            await _live(line, server)
    finally:
        await server.stop()


async def _live(line: Line, server: Server) -> None:
    """Step by the clock; after a pause of the computer, go on from now instead of racing."""
    loop = asyncio.get_running_loop()
    shown: dict[str, Value] = {}
    due, steps = loop.time(), 0
    while True:
        for tag in line.SETPOINTS:
            line.set(tag, await server.read(tag))
        line.step()
        steps += 1
        values = line.discrete() if steps % MEASURED_EVERY else line.discrete() | line.analog()
        changes = [(tag, value) for tag, value in values.items() if shown.get(tag) != value]
        shown.update(changes)
        await server.write(changes, now_ns())
        due = max(due + STEP, loop.time() - 1)
        await asyncio.sleep(max(0.0, due - loop.time()))
