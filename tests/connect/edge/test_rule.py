"""Edge rules: a value becomes a write within its limits, its time and its approval; every deed is on record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from lineshaft.connect import SourcesSettings, WriterSettings
from lineshaft.connect import writer as writing
from lineshaft.connect.edge.deeds import Deeds
from lineshaft.connect.edge.rule import RuleEntry, Rules
from lineshaft.connect.writer import Writer
from lineshaft.core import Quality, Retryable, Section
from tests.connect.edge.making import COMPILE, rows

FAR = "2099-01-01T00:00:00Z"


class Machine:
    """A machine in memory behind the real writer."""

    Options: ClassVar[type[Section]] = Section
    values: ClassVar[dict[str, Any]] = {}
    writes: ClassVar[list[tuple[str, Any]]] = []
    silent: ClassVar[bool] = False

    def __init__(self, name: str, options: Section) -> None:
        self.name = name

    async def read(self, tag: str) -> Any:
        if Machine.silent:
            raise Retryable("the machine does not answer", code="write.no-answer")
        return Machine.values.get(tag)

    async def write(self, tag: str, value: Any) -> None:
        if Machine.silent:
            raise Retryable("the machine does not answer", code="write.no-answer")
        Machine.writes.append((tag, value))
        Machine.values[tag] = value

    async def close(self) -> None:
        return


class Plugins:
    def load(self, _type: str, *, where: str) -> type[Machine]:
        return Machine


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> type[Machine]:
    monkeypatch.setattr(writing, "writer_plugins", Plugins)
    Machine.values, Machine.writes, Machine.silent = {"Speed": 100.0}, [], False
    return Machine


def entry(**more: object) -> RuleEntry:
    plain = {"name": "slow down", "source": "press", "formula": "if(v > 7, 60)", "inputs": {"v": "Vib"}, "expires": FAR}
    plain |= {"target": "press", "tag": "Speed", "minimum": 50, "maximum": 120, "every": "0s"}
    return RuleEntry.model_validate({**plain, **more})


class Bench:
    """Rules with everything around them."""

    def __init__(self, folder: Path, *entries: RuleEntry, locked: dict[tuple[str, str], str] | None = None) -> None:
        self.locked = locked or {}
        sources = SourcesSettings.model_validate([{"name": "press", "type": "opcua"}])
        settings = WriterSettings(dry_run=False, allow=tuple(one.allowed() for one in entries))
        self.deeds = Deeds(folder / "deeds.db")
        writer = Writer(settings, sources, lambda s, t, _v: self.locked.get((s, t), ""), hold=True)
        self.rules = Rules(entries, COMPILE, writer, self.deeds)

    async def hear(self, *values: Any) -> None:
        self.rules.hear("press", rows(*values))
        async with asyncio.timeout(20):
            while tasks := self.rules._tasks | self.rules._ending:
                await asyncio.wait(tasks)


@pytest.fixture
async def bench(tmp_path: Path):
    made = Bench(tmp_path, entry())
    await made.rules.begin()
    yield made
    await made.rules.end()
    made.deeds.close()


async def test_a_value_beyond_writes_once_and_is_on_record(bench: Bench):
    await bench.hear(("Vib", 0, 3.0))
    assert Machine.writes == []
    await bench.hear(("Vib", 1, 7.5), ("Vib", 2, 8.0))
    await bench.hear(("Vib", 3, 9.0))
    assert Machine.writes == [("Speed", 60.0)]
    (deed,) = bench.deeds.ended()
    assert (deed["rule"], deed["value"], deed["outcome"], deed["because"]) == ("slow down", 60.0, "ok", {"v": 8.0})
    bench.deeds.taken(deed["number"])
    assert bench.deeds.ended() == []


async def test_a_bad_value_is_no_value(bench: Bench):
    await bench.hear(("Vib", 1, 9.0, Quality.BAD))
    assert Machine.writes == []


async def test_a_lock_out_blocks_it_and_is_on_record_once(bench: Bench):
    bench.locked["press", "Speed"] = "locked out by Anna: bearing"
    for at in range(5):
        await bench.hear(("Vib", at, 9.0))
    assert Machine.writes == []
    (deed,) = bench.deeds.ended()
    assert (deed["outcome"], deed["code"]) == ("refused", "write.permissive")
    assert "Anna" in deed["reason"]
    bench.locked.clear()
    await bench.hear(("Vib", 9, 9.0))
    assert Machine.writes == [("Speed", 60.0)]


async def test_after_its_end_nothing_is_written(tmp_path: Path):
    bench = Bench(tmp_path, entry(expires="2020-01-01T00:00:00Z"))
    await bench.rules.begin()
    await bench.hear(("Vib", 1, 9.0))
    await bench.rules.end()
    assert Machine.writes == []
    assert bench.deeds.ended()[0]["code"] == "rule.expired"
    bench.deeds.close()


async def test_an_answer_outside_the_limits_is_refused_and_never_clamped(tmp_path: Path):
    bench = Bench(tmp_path, entry(formula="v * 100"))
    await bench.rules.begin()
    await bench.hear(("Vib", 1, 9.0))
    assert Machine.writes == []
    assert bench.deeds.ended()[0]["code"] == "write.limits"
    await bench.hear(("Vib", 2, 0.9))
    await bench.rules.end()
    assert Machine.writes == [("Speed", 90.0)]
    bench.deeds.close()


async def test_a_silent_machine_is_on_record_and_asked_again(bench: Bench):
    Machine.silent = True
    await bench.hear(("Vib", 1, 9.0))
    Machine.silent = False
    await bench.hear(("Vib", 2, 9.0))
    assert [deed["outcome"] for deed in bench.deeds.ended()] == ["refused", "ok"]
    assert bench.rules.told()[0]["writes"] == 1


async def test_too_soon_waits_and_then_writes_what_is_wanted_then(tmp_path: Path):
    bench = Bench(tmp_path, entry(formula="v", every="300ms"))
    await bench.rules.begin()
    await bench.hear(("Vib", 1, 60.0))
    for value in (70.0, 80.0, 90.0):
        bench.rules.hear("press", rows(("Vib", 2, value)))
    await bench.hear(("Vib", 3, 95.0))
    await bench.rules.end()
    assert Machine.writes == [("Speed", 60.0), ("Speed", 95.0)]
    bench.deeds.close()


async def test_a_kill_between_request_and_answer_stays_on_record(tmp_path: Path):
    deeds = Deeds(tmp_path / "deeds.db")
    deeds.begin({"rule": "slow down", "source": "press", "tag": "Speed", "value": 60.0})
    assert deeds.ended() == []
    again = Deeds(tmp_path / "deeds.db")
    (deed,) = again.ended()
    assert (deed["outcome"], deed["value"]) == ("unknown", 60.0)
    again.taken(deed["number"])
    again.close()
    again = Deeds(tmp_path / "deeds.db")
    assert again.ended() == []
    deeds.close()
    again.close()


def test_a_rule_needs_limits_and_an_end():
    with pytest.raises(ValidationError, match="minimum"):
        entry(minimum=200)
    with pytest.raises(ValidationError, match="expires"):
        entry(expires="some day")
