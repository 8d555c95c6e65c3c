"""Training of one machine's model, or of several machines that learn together: what goes in, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lineshaft.core import LineshaftError
from lineshaft.detect.anomaly import Evaluation, Model, evaluate, fit, load
from lineshaft.detect.apart import Apart, Tell, said
from lineshaft.detect.machines.together import pooled


@dataclass(frozen=True, slots=True)
class Member:
    """One machine: its table, its settings, what is known about its past, and the version a new one is held against."""

    table: dict[str, Any]
    settings: dict[str, Any]
    labels: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    rival: bytes = b""
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    prefix: str = ""
    """What the names of its columns begin with, where several machines learn together."""
    notes: list[str] = field(default_factory=list[str])
    """What is to be said about what it learned from, beside what the model itself finds."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to learn from, and what to try the result on: one machine, or several that learn together."""

    members: list[Member]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: the model's bytes and how it was made, or why there is none."""

    blob: bytes | None
    about: dict[str, Any]
    backtest: dict[str, Any]
    error: str = ""


Results = list[Result]


def learn(task: Task, tell: Tell) -> Results:
    """Train on tables, and say what the model would have raised over each of them."""
    try:
        made = _fit(task.members, lambda share, what: tell(0.8 * share, what))
        tell(0.85, "backtest")
        return [_result(one, model) for one, model in zip(task.members, made, strict=True)]
    except LineshaftError as error:
        return [Result(None, {}, {}, said(error)) for _ in task.members]


def _fit(members: list[Member], tell: Tell) -> list[Model]:
    if len(members) == 1:
        one = members[0]
        return [fit(one.table, labels=one.labels, progress=tell, **one.settings)]
    table, settings = pooled([(one.table, one.labels, one.settings, one.prefix) for one in members])
    model = fit(table, progress=tell, **settings)
    return [model.renamed(lambda name, prefix=one.prefix: f"{prefix}{name}", **one.settings) for one in members]


def _result(one: Member, model: Model) -> Result:
    told = _told(evaluate(model, one.table, labels=one.labels))
    if one.rival:
        told["rival"] = _told(evaluate(load(one.rival), one.table, labels=one.labels))
    model.about.update(one.about)
    found = model.about.setdefault("thresholds", {})
    model.about["thresholds"] = {**found, "warnings": [*found.get("warnings", ()), *one.notes]}
    return Result(model.to_bytes(), model.about, told)


def _told(found: Evaluation) -> dict[str, Any]:
    return {**found.as_dict(), "said": str(found)}


def training(task: Callable[[], Task], step: Tell, done: Callable[[Results], None]) -> Apart[Task, Results]:
    """Return one training as work in a process of its own; where there is no result, `done` is told why."""
    return Apart(learn, task, step, lambda results, error: done(results or [Result(None, {}, {}, error)]))
