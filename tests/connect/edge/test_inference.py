"""A detector that was trained at the plant judges its machine at the edge, and goes on where it was after a restart."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.app.edge_parts import opened
from lineshaft.connect.edge.inference import RECORD, DetectorEntry, Inference
from lineshaft.core import NS, InvalidInput
from lineshaft.detect.machines.record import TAG, read
from tests.connect.edge.making import T0, Ear, rows

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
EVERY = 60
LENGTH = 3_000


def running(count: int, first: int = 0, drift: float = 0.0) -> dict[str, np.ndarray]:
    """Rows of a machine whose three sensors belong together; a drift takes one of them away."""
    at = np.arange(first, first + count)
    chance = np.random.default_rng(first)
    load = np.sin(at / 50) + 0.3 * np.sin(at / 7)
    noise = chance.normal(0, 0.05, (3, count))
    return {"load": load + noise[0], "heat": 2 * load + noise[1] + drift, "speed": 5 - load + noise[2]}


@pytest.fixture(scope="module")
def content() -> bytes:
    from lineshaft.detect import anomaly

    times = (T0 + np.arange(LENGTH) * EVERY * NS).astype("datetime64[ns]")
    table = pa.table({"time": pa.array(times), **{name: pa.array(values) for name, values in running(LENGTH).items()}})
    model = anomaly.fit(table)
    return model.export("pump 3", 7, key="the model")


@contextlib.asynccontextmanager
async def judging(content: bytes, folder: Path) -> AsyncIterator[tuple[Inference, Ear]]:
    entry = DetectorEntry(name="pump 3", content=base64.b64encode(content).decode(), source="press", sensors={"heat": "DB1.Heat"})
    made, ear = Inference(entry, opened(entry.bytes()), folder), Ear()
    task = asyncio.create_task(made.run(ear))
    await ear.until(lambda e: e.statuses)
    try:
        yield made, ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def say(inference: Inference, count: int, first: int, drift: float) -> None:
    """Let the machine speak twice a minute; the mean is what counts."""
    for n, values in enumerate(zip(*running(count, first, drift).values(), strict=True)):
        at = (first + n) * EVERY - 30
        load, heat, speed = values
        spoken = [
            (at + k, name, value + k / 1e3)
            for k in (0, 1)
            for name, value in (("load", load), ("DB1.Heat", heat), ("speed", speed))
        ]
        inference.give("press", rows(*((name, when, float(value)) for when, name, value in spoken)))


async def test_it_is_calm_in_normal_running_and_not_when_a_sensor_drifts(content: bytes, tmp_path: Path):
    async with judging(content, tmp_path) as (inference, ear):
        say(inference, 150, LENGTH, 0.0)
        await ear.until(lambda e: len(e.all("reason")) >= 149)
        calm = [float(value) for _, value in ear.all("score")]
        assert (T0 // NS + ear.all("score")[0][0]) % EVERY == 0
    async with judging(content, tmp_path) as (inference, ear):
        say(inference, 400, LENGTH + 150, 3.0)
        await ear.until(lambda e: len(e.all("reason")) >= 399)
        drifting = [float(value) for _, value in ear.all("score")]
        assert ear.all("score")[0][0] > (LENGTH + 148) * EVERY
    assert max(calm) < 0.5 < max(drifting)


def records(ear: Ear) -> list[dict]:
    return [json.loads(str(text)) for _, text in ear.all(RECORD)]


class Cut(Ear):
    """An outlet that says what it was given, and keeps nothing."""

    async def kept(self) -> None:
        await asyncio.Event().wait()


async def test_an_alert_is_told_until_it_is_kept_and_a_repair_begins_the_charts_anew(content: bytes, tmp_path: Path):
    assert RECORD == TAG
    entry = DetectorEntry(name="pump 3", content=base64.b64encode(content).decode(), source="press", sensors={"heat": "DB1.Heat"})
    made, cut = Inference(entry, opened(entry.bytes()), tmp_path), Cut()
    task = asyncio.create_task(made.run(cut))
    await cut.until(lambda e: e.statuses)
    say(made, 400, LENGTH, 3.0)
    await cut.until(records)
    task.cancel()  # it was said, and not kept
    await asyncio.gather(task, return_exceptions=True)
    async with judging(content, tmp_path) as (inference, ear):
        await ear.until(records)
        told = records(ear)[0]
        assert told == records(cut)[0]
        assert (told["model"], told["name"], told["version"], told["end"]) == ("the model", "pump 3", 7, None)
        assert told["sensors"][0][0] == "heat"
        at = T0 + round(ear.all(RECORD)[0][0] * NS)
        assert read(str(ear.all(RECORD)[0][1]), at).start == told["start"] == at
        assert inference.told() == ("pump 3", "the model", "pump 3", 7)

        repaired = T0 + (LENGTH + 420) * EVERY * NS
        inference.returned(repaired)
        say(inference, 100, LENGTH + 400, 3.0)
        await ear.until(lambda e: len(e.all("reason")) >= 99)
        (over,) = [one for one in records(ear) if one["end"] is not None]
        assert over["end"] == repaired, "the alert is over with the repair"
        after = [value for at, value in ear.all("reason") if (LENGTH + 420) * EVERY < at < (LENGTH + 424) * EVERY]
        assert len(after) >= 3
        assert set(after) == {"normal"}, "the charts begin anew"
        inference.returned(repaired)
        say(inference, 100, LENGTH + 500, 3.0)
        await ear.until(lambda e: len(e.all("reason")) >= 199)
    async with judging(content, tmp_path) as (inference, ear):
        inference.returned(repaired)
        say(inference, 20, LENGTH + 600, 3.0)
        await ear.until(lambda e: len(e.all("reason")) >= 19)
        assert set(dict(ear.all("reason")).values()) == {"anomaly"}, (
            "a repair that is known begins nothing anew, after a restart too"
        )


async def test_an_alert_that_began_after_a_repair_stays_when_the_edge_hears_of_it_late(content: bytes, tmp_path: Path):
    async with judging(content, tmp_path) as (inference, ear):
        say(inference, 300, LENGTH, 3.0)
        await ear.until(lambda e: len(e.all("reason")) >= 299)
        start = records(ear)[0]["start"]
        inference.returned(start - 1)
        say(inference, 20, LENGTH + 300, 3.0)
        await ear.until(lambda e: len(e.all("reason")) >= 319)
        assert {(one["start"], one["end"]) for one in records(ear)} == {(start, None)}
        assert [value for _, value in ear.all("alert")] == [True], "what grows is told to the plant alone, no rule hears it again"
        peaks = [one["strongest"]["peak"] for one in records(ear)]
        assert all(later > before for before, later in pairwise(peaks))
        assert 1 < len(peaks) < 30, "and never with each step"


async def test_while_people_are_at_the_machine_nothing_is_judged(content: bytes, tmp_path: Path):
    async with judging(content, tmp_path) as (inference, ear):
        inference.away = True
        say(inference, 300, LENGTH, 9.0)
        say(inference, 20, LENGTH + 300, 0.0)
        await ear.until(lambda e: len(e.all("reason")) >= 319)
        assert {value for _, value in ear.all("reason")} == {"off"}
        assert ear.all("score") == records(ear) == []
        inference.away = False
        say(inference, 60, LENGTH + 320, 0.0)
        await ear.until(lambda e: len(e.all("reason")) >= 379)
        assert {value for _, value in ear.all("reason")[320:]} == {"normal"}, "the charts stood still"


def test_a_file_that_is_none_is_refused():
    with pytest.raises(InvalidInput):
        opened(b"no model")
