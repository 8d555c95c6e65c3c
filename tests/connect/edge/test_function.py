"""User functions run apart: a crash, an endless loop and too much memory stop nothing but themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from lineshaft.connect.edge.function import FunctionEntry, FunctionSource
from lineshaft.connect.source import SourceState
from lineshaft.core import InvalidInput
from tests.connect.edge.making import Ear, rows

MEAN = """
seen = []
def run(rows):
    for tag, ts, value, quality in rows:
        seen.append(value)
        yield ("mean", ts, sum(seen) / len(seen), "good")
"""


@contextlib.asynccontextmanager
async def running(code: str, **options: object) -> AsyncIterator[tuple[FunctionSource, Ear, asyncio.Task[None]]]:
    source = FunctionSource(FunctionEntry.model_validate({"name": "f", "code": code, **options}))
    ear = Ear()
    task = asyncio.create_task(source.run(ear))
    try:
        yield source, ear, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_function_returns_rows_and_remembers():
    async with running(MEAN, tags="T*") as (source, ear, _):
        await ear.until(lambda e: e.statuses and e.statuses[-1].message == "running")
        source.give("press", rows(("T1", 0, 2.0), ("other", 1, 99.0), ("T1", 2, 4)))
        await ear.until(lambda e: len(e.all("mean")) == 2)
        source.give("press", rows(("T1", 3, 6.0)))
        await ear.until(lambda e: len(e.all("mean")) == 3)
        assert ear.all("mean") == [(0, 2.0), (2, 3.0), (3, 4.0)]


@pytest.mark.parametrize(
    ("code", "options", "why"),
    [
        ("def run(rows):\n    1 / 0", {}, "ZeroDivisionError.*line 2"),
        ("def run(rows):\n    while True: pass", {"timeout": "300ms"}, "did not answer within 0.3 s"),
        ("def run(rows):\n    import os; os._exit(3)", {}, "process ended"),
        ("def run(rows):\n    return [('x', 1, bytearray(10**9))]", {"memory_mb": 128}, "MemoryError"),
        ("x = 1", {}, "no function `run"),
        ("def run(rows)\n  pass", {}, "SyntaxError"),
    ],
)
async def test_what_goes_wrong_in_it_ends_it_with_the_reason(code: str, options: dict[str, object], why: str):
    async with running(code, **options) as (source, ear, task):
        giving = asyncio.create_task(ear.until(lambda e: e.statuses and e.statuses[-1].message == "running"))
        await asyncio.wait({giving, task}, return_when=asyncio.FIRST_COMPLETED)
        giving.cancel()
        source.give("press", rows(("T", 0, 1.0)))
        with pytest.raises(InvalidInput, match=why):
            async with asyncio.timeout(20):
                await task


async def test_a_row_of_a_wrong_shape_is_counted_and_the_others_pass():
    code = "def run(rows):\n    return [('a', 1, [2]), ('b', rows[0][1], 7), ('', 1, 1)]"
    async with running(code) as (source, ear, _):
        await ear.until(lambda e: e.statuses and e.statuses[-1].message == "running")
        source.give("press", rows(("T", 5, 1.0)))
        await ear.until(lambda e: e.batches)
        assert ear.all("b") == [(5, 7)]
        assert len(ear.rejected) == 2


async def test_it_sees_no_environment_and_its_prints_do_no_harm():
    code = "import os\ndef run(rows):\n    print('hello')\n    return [('env', rows[0][1], len(os.environ))]"
    async with running(code) as (source, ear, _):
        await ear.until(lambda e: e.statuses and e.statuses[-1].message == "running")
        source.give("press", rows(("T", 5, 1.0)))
        await ear.until(lambda e: e.batches)
        assert ear.all("env")[0][1] <= 1  # LC_CTYPE, which Python itself sets


async def test_many_rows_are_given_in_portions_and_a_failed_call_loses_its_own_only():
    code = "def run(rows):\n    if rows[0][2] == 0: raise ValueError('first')\n    return [('n', rows[0][1], len(rows))]"
    source = FunctionSource(FunctionEntry.model_validate({"name": "f", "code": code}))
    ear = Ear()
    first = asyncio.create_task(source.run(ear))
    await ear.until(lambda e: e.statuses and e.statuses[-1].message == "running")
    source.give("press", rows(*(("T", n, float(n)) for n in range(5_000))))
    with pytest.raises(InvalidInput, match="ValueError: first"):
        async with asyncio.timeout(20):
            await first
    again = asyncio.create_task(source.run(ear))
    await ear.until(lambda e: e.statuses[-1].state is SourceState.DEGRADED, 60)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
    assert ear.all("n") == [(2_000, 2_000), (4_000, 1_000)]
    assert ear.statuses[-1].message.startswith("2000 values had no answer")
