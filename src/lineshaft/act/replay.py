"""A case step by step: what was done on it, by whom or what, and how its tasks stood after each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def replay(
    case: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], calls: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the steps of a case, the oldest first: lines of the tower and calls of agents, each with its tasks' states then."""
    steps = [{**_bare(line, "line"), "what": line["what"], "outcome": line["outcome"], "mode": line["mode"]} for line in lines]
    steps += [_call(one) for one in calls]
    steps.sort(key=lambda step: (step["at"], step["kind"] != "call"))
    for number, step in enumerate(steps, 1):
        step["number"] = number
        step["tasks"] = {task["name"]: _state(task, step["at"]) for task in case["tasks"]}
    return steps


def _bare(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    told = {"at": row["at"], "kind": kind, "task": row.get("task") or "", "tokens": 0, "money": 0.0}
    return {**told, "actor": row.get("actor") or "", "actor_kind": row.get("actor_kind") or ""}


def _call(one: Mapping[str, Any]) -> dict[str, Any]:
    what = "asked the model" if one["kind"] == "model" else f"used {one['name']}"
    outcome = f"{one['state']}{': ' if one['why'] else ''}{one['why']}"
    used = {"tokens": one["tokens_in"] + one["tokens_out"], "money": one["money"]}
    named = {"actor": f"agent:{one['agent']}", "actor_kind": "agent", "mode": "agent"}
    return {**_bare(one, "call"), **named, **used, "what": what, "outcome": outcome}


def _state(task: Mapping[str, Any], at: int) -> str:
    """Return how a task stood at a moment.

    >>> _state({"opened": 5, "closed": 9, "state": "done"}, 7)
    'open'
    """
    if task["opened"] > at:
        return "ahead"
    return str(task["state"]) if task["closed"] is not None and task["closed"] <= at else "open"
