"""The bakery line: coherent physics, the same for the same seed, and a pump that breaks on command."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.connect import SourceState, fault, simulator_faults
from lineshaft.connect.simulators.bakery import Line
from lineshaft.connect.sources.opcua import OpcuaOptions, OpcuaSource
from lineshaft.core import InvalidInput, NotFound
from tests.connect.conftest import listening

RUNNING, STARVED, BLOCKED, DOWN = 1, 2, 3, 4
MACHINES = ("Mixer", "Former", "Oven", "Cooler", "Packer")


def run(line: Line, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        line.step()


def states(line: Line) -> list[int]:
    return [machine.state for machine in line.machines]


def test_the_tags_are_those_the_examples_bind():
    tags = Line().tags()
    machine = {f"{name}/{tag}" for name in MACHINES for tag in ("State", "Good", "Bad", "Speed", "Power")}
    pump = {f"Coolant pump/{tag}" for tag in ("Vibration", "BearingTemperature", "Flow", "Current", "Running")}
    assert set(tags) == machine | pump | {"Oven/Temperature", "Cooler/Temperature", "Mixer/Torque", "Oven/SpeedSetpoint"}
    assert tags["Oven/State"] == ("int32", RUNNING)
    assert tags["Oven/Good"][0] == "uint32"


def test_the_same_seed_gives_the_same_shift():
    one, same, other = Line(7), Line(7), Line(8)
    for line in (one, same, other):
        run(line, 600)
    assert one.discrete() == same.discrete()
    assert one.analog() == same.analog()
    assert one.discrete() != other.discrete()


def test_no_part_is_made_of_nothing():
    line = Line(3)
    for _ in range(36_000):
        line.step()
        assert all(-1e-9 <= buffer <= 15 for buffer in line.buffers)
    for first, second in zip(line.machines, line.machines[1:], strict=False):
        assert abs(first.good - second.good - second.bad) <= 15


def test_the_oven_is_the_constraint():
    line = Line(7)
    spent = [Counter[int]() for _ in line.machines]
    for _ in range(36_000):
        line.step()
        for counter, machine in zip(spent, line.machines, strict=True):
            counter[machine.state] += 1
    running = [counter[RUNNING] for counter in spent]
    assert max(running) == running[2] > 0.9 * 36_000
    assert 212 < line.oven_temperature < 228


def test_a_broken_pump_stops_the_cooler_blocks_the_oven_and_starves_the_packer():
    line = Line(7)
    run(line, 60)
    assert line.pump.vibration < 2
    line.faults["pump"] = True
    run(line, 5)
    assert line.pump.vibration > 9
    run(line, 15)
    assert line.machines[3].state == DOWN
    run(line, 15)
    assert states(line)[2:] == [BLOCKED, DOWN, STARVED]
    assert line.pump.bearing > 75
    line.faults["pump"] = False
    run(line, 5)
    assert line.machines[3].state == RUNNING
    assert line.pump.vibration < 2


@pytest.fixture
def bakery(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    command = [sys.executable, "-m", "lineshaft", "simulate", "--home", str(tmp_path), "--port", "0", "--with-parent"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while not (tmp_path / "simulator.json").exists():
        assert process.poll() is None, process.stdout.read()
        signal.sigtimedwait([signal.SIGCHLD], 0.05)
    yield tmp_path, json.loads((tmp_path / "simulator.json").read_text())["url"]
    process.terminate()
    process.wait(60)
    process.stdout.close()


async def test_the_line_lives_behind_a_real_server_and_breaks_on_command(bakery: tuple[Path, str]):
    home, url = bakery
    tags = ("ns=2;s=Coolant pump/Vibration", "ns=2;s=Oven/State", "ns=2;s=Oven/Good")
    async with listening(OpcuaSource("bakery", OpcuaOptions(url=url, nodes=tags, security="None"))) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED and len(ear.of(tags[0])) > 2)
        assert isinstance(ear.of(tags[1])[0], int)
        assert await asyncio.to_thread(simulator_faults, home) == {"pump": False}
        assert await asyncio.to_thread(lambda: fault(home, "pump")) == {"pump": True}
        await ear.until(lambda: ear.of(tags[0])[-1] > 7.1, 15)
        assert await asyncio.to_thread(lambda: fault(home, "pump", active=False)) == {"pump": False}
        await ear.until(lambda: ear.of(tags[0])[-1] < 7.1, 15)
        with pytest.raises(InvalidInput, match="did you mean 'pump'"):
            await asyncio.to_thread(lambda: fault(home, "pum"))
    assert (home / "simulator.json").stat().st_mode & 0o077 == 0


def test_no_simulator_is_told_so(tmp_path: Path):
    with pytest.raises(NotFound, match="start one with `lineshaft simulate`"):
        fault(tmp_path, "pump")


async def test_a_wrong_secret_moves_nothing(bakery: tuple[Path, str]):
    home, _ = bakery
    where = json.loads((home / "simulator.json").read_text())
    reader, writer = await asyncio.open_connection("127.0.0.1", where["control_port"])
    writer.write(json.dumps({"secret": "guess", "fault": "pump"}).encode() + b"\n")
    assert json.loads(await reader.readline()) == {"error": "the secret is wrong"}
    writer.close()
    await writer.wait_closed()
    assert simulator_faults(home) == {"pump": False}
