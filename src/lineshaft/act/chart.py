"""A process drawn: which task follows which, where each stands on the map, and who does it in which case."""

from __future__ import annotations

from typing import Any

from lineshaft.act.matrix import LEVELS, mode_of
from lineshaft.act.process import Process, Task


def before(process: Process, number: int) -> list[str]:
    """Return the tasks that one waits for: those it names, else all before it that block."""
    task = process.tasks[number]
    return list(task.after) if task.after is not None else [one.id for one in process.tasks[:number] if one.blocks]


def edges(process: Process) -> list[tuple[str, str]]:
    """Return who follows whom, without the steps that another way round says already."""
    waits = {task.id: before(process, number) for number, task in enumerate(process.tasks)}
    behind: dict[str, set[str]] = {}
    for name, names in waits.items():
        behind[name] = set(names).union(*(behind[one] for one in names))
    found: list[tuple[str, str]] = []
    for name, names in waits.items():
        hidden = set[str]().union(*(behind[one] for one in names)) if names else set[str]()
        found += [(one, name) for one in names if one not in hidden]
    return found


def places(process: Process) -> dict[str, tuple[int, int]]:
    """Return the column (how many tasks come before it) and the row of each task; rows keep to their way where they can.

    >>> from lineshaft.act.process import Start, Task
    >>> tasks = [Task(id="a", does="x"), Task(id="b", does="x", blocks=False), Task(id="c", does="x", after=["a"])]
    >>> places(Process(process="p", version=1, start=[Start(event="alarm")], tasks=tasks))
    {'a': (0, 0), 'b': (1, 0), 'c': (1, 1)}
    """
    found: dict[str, tuple[int, int]] = {}
    into: dict[str, list[str]] = {}
    for start, end in edges(process):
        into.setdefault(end, []).append(start)
    for task in process.tasks:
        ways = into.get(task.id, [])
        column = max((found[one][0] for one in ways), default=-1) + 1
        row = min((found[one][1] for one in ways), default=0)
        taken = {place[1] for place in found.values() if place[0] == column}
        while row in taken:
            row += 1
        found[task.id] = (column, row)
    return found


def modes(task: Task) -> list[str]:
    """Return the modes a task can be done in: one, or those its expressions leave open.

    >>> modes(Task(id="a", does="x", risk="high if cost > 1 else low"))
    ['automation', 'human_assistant']
    """
    complexities = [task.complexity] if task.complexity in LEVELS else list(LEVELS)
    risks = [task.risk] if task.risk in LEVELS else list(LEVELS)
    both = [mode_of(complexity, risk, task.a_persons).value for complexity in complexities for risk in risks]
    return list(dict.fromkeys(both))


def drawn(process: Process) -> list[dict[str, Any]]:
    """Return the tasks with their places, modes, and what they wait for."""
    at, ways = places(process), edges(process)
    return [
        {
            "id": task.id,
            "title": task.title or task.id,
            "does": task.does,
            "when": task.when,
            "role": task.role,
            "physical": task.a_persons,
            "complexity": task.complexity,
            "risk": task.risk,
            "modes": modes(task),
            "takes": list(task.takes),
            "gives": task.gives,
            "due": None if task.due is None else str(task.due),
            "expires": None if task.expires is None else str(task.expires),
            "escalates": None if task.escalate is None else {"after": str(task.escalate.after), "to": task.escalate.to},
            "compensation": task.compensation,
            "blocks": task.blocks,
            "column": at[task.id][0],
            "row": at[task.id][1],
            "after": [start for start, end in ways if end == task.id],
        }
        for task in process.tasks
    ]
