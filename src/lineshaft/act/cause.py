"""Finding a cause: a rule knows none; an agent or a person lists what may lie behind, and the order keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.job import Action, Job, RuleAction
from lineshaft.guard import Subject

_ANALYST = Subject.rule("analyst")
LONGEST = 4000


def _draft(_tx: Connection, _job: Job) -> dict[str, Any]:
    return {"causes": [], "advice": ""}


def _kept(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    """Write the causes to the case's order, for whoever goes to the machine."""
    lines = [_line(number, cause) for number, cause in enumerate(proposal["causes"], 1) if isinstance(cause, dict)]
    text = "\n".join([*lines, str(proposal["advice"])]).strip()[:LONGEST]
    if text and job.order_id:
        job.rooms.orders.comment(tx, job.order_id, _ANALYST, text)
    return {"count": len(lines), "first": str(proposal["causes"][0].get("cause", "")) if lines else ""}


def _line(number: int, cause: Mapping[str, Any]) -> str:
    said = f"{number}. {cause.get('cause', '')}"
    for name, word in (("speaks_for", "for"), ("speaks_against", "against")):
        if cause.get(name):
            said += f"; {word}: {', '.join(str(one) for one in cause[name])}"
    return said + (f"; check: {cause['check']}" if cause.get("check") else "")


CAUSE_ACTIONS: dict[str, Action] = {"cause.find": RuleAction(_ANALYST, "work-orders.comment", _draft, _kept)}
