"""What a move of a case is, and the small questions asked about a case and its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.job import Settled
from lineshaft.act.process import Process, Task, thaw
from lineshaft.core import now_ns
from lineshaft.guard import Command, Subject

Step = tuple[str, Subject, str, Callable[[Connection, dict[str, Any]], dict[str, Any]]]
"""A move: its key, who makes it, what it is at the gate, and what it does."""
SETTLED = ("done", "skipped", "rejected", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Move:
    """What a move left to do: `more` to move on at once, `outside` a task that must reach another system first."""

    more: bool
    outside: str = ""


def kind_of(actor: str) -> str:
    """Return what an actor is, from its id.

    >>> kind_of("rule:triage"), kind_of("9b2c")
    ('rule', 'person')
    """
    kind, colon, _ = actor.partition(":")
    return kind if colon and kind in ("rule", "system", "agent", "script", "token") else "person"


def command_of(case: Mapping[str, Any], key: str, by: Subject, verb: str) -> Command:
    """Return a move as a command: its key makes it happen once."""
    return Command(by, verb, str(case["number"]), {"move": key}, f"{case['id']}:{key}", str(case["asset"]))


def end_of(settled: Settled) -> dict[str, Any]:
    """Return what a task's row says once it is over."""
    who = {"state": settled.state, "actor": settled.actor, "actor_kind": kind_of(settled.actor)}
    return {**who, "closed": now_ns(), "output": dict(settled.output), "wake_at": None, "escalate_at": None}


def is_over(process: Process, rows: Mapping[str, Mapping[str, Any]]) -> bool:
    """Say whether every task of a case has ended."""
    return len(rows) == len(process.tasks) and all(row["state"] in SETTLED for row in rows.values())


def is_ready(process: Process, number: int, rows: Mapping[str, Mapping[str, Any]]) -> bool:
    """Say whether a task can begin: whatever it comes after has ended."""
    task = process.tasks[number]
    before = task.after if task.after is not None else [one.id for one in process.tasks[:number] if one.blocks]
    return all(name in rows and rows[name]["state"] in SETTLED for name in before)


def task_of(case: Mapping[str, Any], name: str) -> Task:
    """Return a task of a case by its id, as the case's own definition has it."""
    return next(task for task in thaw(case["definition"]).tasks if task.id == name)


def filled(template: str, event: Mapping[str, Any]) -> str:
    """Fill `{asset}/{failure_mode}` by plain replacement: a template reaches nothing but the event's own names."""
    text = template
    for name, value in event.items():
        text = text.replace("{" + name + "}", str(value))
    return text[:500]


def said_of(settled: Settled) -> str:
    """Return the result in a few words for the tower."""
    words = [f"{name}: {value}" for name, value in settled.output.items() if isinstance(value, str | int | float | bool)]
    return "; ".join([settled.state, *words])
