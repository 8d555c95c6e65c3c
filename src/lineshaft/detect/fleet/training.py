"""Learning a fleet's remaining life, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lineshaft.detect.life import HealthIndex, Record, fit


@dataclass(frozen=True, slots=True)
class Task:
    """The lives to learn from: tables by name, which of them failed, ages known without sensors, the index, the cap."""

    tables: dict[str, dict[str, Any]]
    failed: list[str]
    records: list[Record] = field(default_factory=list[Record])
    index: HealthIndex | None = None
    cap: float | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of it."""

    blob: bytes
    method: str
    cap: float | None
    why: list[str]
    about: dict[str, Any]


def learn(task: Task, tell: Callable[[float, str], None]) -> Learned:
    """Learn from the lives; the method follows from what there is."""
    model = fit(
        {name: table for name, table in task.tables.items() if len(table["time"])},
        failed=[name for name in task.failed if len(task.tables[name]["time"])],
        records=task.records,
        index=task.index,
        cap=task.cap,
        method=task.method,
        progress=tell,
    )
    return Learned(model.to_bytes(), model.method, model.cap, model.why, model.about)
