"""Values under their asset paths at a local broker nobody here wrote."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from lineshaft.connect.edge.uns import Namespace, UnsSettings
from tests.connect.edge.making import Ear, rows, said
from tests.counterparts.mosquitto import mosquitto
from tests.flow.node import free_port


def settings(port: int, **more: object) -> UnsSettings:
    bind = [
        {"source": "press", "tag": "DB1.T", "path": "Site/Line 1/Press/Temperature", "unit": "degC"},
        {"source": "press", "tag": "DB1.S", "path": "Site/Line 1/Press/State"},
    ]
    return UnsSettings.model_validate({"url": f"mqtt://127.0.0.1:{port}", "prefix": "acme", "bind": bind, **more})


async def hear(port: int, topic: str, count: int) -> list[tuple[str, dict[str, object]]]:
    """What mosquitto's own subscriber hears."""
    program = shutil.which("mosquitto_sub")
    if program is None:
        pytest.skip("no mosquitto_sub here: `apt-get install mosquitto-clients`")
    command = [program, "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-C", str(count), "-W", "20", "-F", "%t\t%r\t%p"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    lines = [line.split("\t") for line in out.decode().splitlines()]
    return sorted((topic, json.loads(payload)) for topic, _, payload in lines)


@pytest.mark.counterpart
async def test_the_newest_values_are_retained_under_their_paths_and_come_again_after_the_broker_was_away(tmp_path: Path):
    port = free_port()
    with mosquitto(tmp_path, port) as broker:
        space, ear = Namespace(settings(port)), Ear()
        task = asyncio.create_task(space.run(ear))
        try:
            await ear.until(lambda e: e.statuses and e.statuses[-1].state.value == "connected")
            space.give("press", rows(("DB1.T", 0, 20.0), ("DB1.X", 0, 1.0), ("DB1.T", 1, 21.5), ("DB1.S", 1, "run")))
            space.give("mill", rows(("DB1.T", 2, 99.0)))
            found = await hear(port, "acme/#", 2)
            assert [topic for topic, _ in found] == ["acme/Site/Line 1/Press/State", "acme/Site/Line 1/Press/Temperature"]
            temperature = found[1][1]
            assert (temperature["value"], temperature["quality"], temperature["unit"]) == (21.5, "good", "degC")
            assert str(temperature["timestamp"]).startswith("2023-11-14T22:13:21")
            broker.stop()
            await ear.until(lambda e: e.statuses[-1].state.value == "down")
            space.give("press", rows(("DB1.T", 3, 30.0)))
            broker.start()
            await ear.until(lambda e: e.statuses[-1].state.value == "connected")
            for _ in range(100):
                (_, now), *_ = await hear(port, "acme/Site/Line 1/Press/Temperature", 1)
                if now["value"] == 30.0:
                    break
            assert now["value"] == 30.0, said(ear)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_a_path_that_cannot_be_a_topic_and_a_tag_bound_twice_are_refused():
    with pytest.raises(ValidationError, match="cannot be a topic"):
        settings(1, bind=[{"source": "press", "tag": "a", "path": "Site/#"}])
    with pytest.raises(ValidationError, match="bound twice"):
        settings(1, bind=[{"source": "press", "tag": "a", "path": "A"}, {"source": "press", "tag": "a", "path": "B"}])
