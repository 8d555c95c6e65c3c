"""The matrix: complexity, risk and whether a hand must turn the wrench decide who does a task.

low complexity, low risk: automation. Low, high: a person with an assistant. High, low: an agent. High, high: an agent with
a person in the loop. What is physical is a person's whatever the rest says. The mode is computed on the server for every
writer; without an agent installed, an agent's task is proposed to a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from lineshaft.act.expression import Expression
from lineshaft.core import FormulaError

LEVELS = ("low", "high")


class Mode(StrEnum):
    """Who does a task."""

    AUTOMATION = "automation"
    HUMAN_ASSISTANT = "human_assistant"
    AGENT = "agent"
    AGENT_HUMAN = "agent_human"


_MATRIX: dict[tuple[str, str], Mode] = {
    ("low", "low"): Mode.AUTOMATION,
    ("low", "high"): Mode.HUMAN_ASSISTANT,
    ("high", "low"): Mode.AGENT,
    ("high", "high"): Mode.AGENT_HUMAN,
}


def mode_of(complexity: str, risk: str, physical: bool) -> Mode:
    """Return who does a task.

    >>> mode_of("low", "low", True).value, mode_of("low", "high", False).value, mode_of("low", "low", False).value
    ('human_assistant', 'human_assistant', 'automation')
    """
    return Mode.HUMAN_ASSISTANT if physical else _MATRIX[complexity, risk]


def level(text: str, names: Mapping[str, Any]) -> str:
    """Return `low` or `high`; whatever an expression cannot decide counts as high.

    >>> level("high if cost > 50 else low", {"cost": 10}), level("cost", {"cost": None})
    ('low', 'high')
    """
    if text in LEVELS:
        return text
    try:
        found = Expression(text).value(names)
    except FormulaError:
        return "high"
    return "low" if found == "low" else "high"
