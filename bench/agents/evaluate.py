"""Asking the questions and marking the answers: by figures and words that must be there, never by another model's opinion."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from lineshaft.act import Reply
from lineshaft.act.agency import Use
from lineshaft.act.agency.model import Ask, work
from lineshaft.act.agency.toolbox import Tool
from lineshaft.app import Plant
from lineshaft.guard import Role, Subject

READER = Subject("examiner", "examiner", "person", frozenset({Role.VIEWER}))
FILE = Path(__file__).parent / "questions.yaml"
BRIEF = """Answer the question about this plant from the tools alone. If they do not tell, set known to false and guess nothing.
A figure goes to `value` (in the unit asked for), a list to `items` (exactly as the plant writes them), all else to `text`."""


class Answer(Reply):
    """An answer to one question."""

    text: str = Field(default="", max_length=2000)
    value: float | None = Field(default=None, description="The figure, if one was asked for.")
    items: list[str] = Field(default_factory=list, max_length=50, description="The list, if one was asked for.")
    known: bool = Field(description="False if the plant does not tell.")


@dataclass(frozen=True)
class Question:
    """One question, its right answer, and one way to it."""

    id: str
    ask: str
    expect: Mapping[str, Any]
    way: Sequence[Sequence[Any]]
    evidence: str = ""


@dataclass
class Marked:
    """How one question was answered."""

    id: str
    right: bool
    said: dict[str, Any]
    calls: int
    tokens: int
    seconds: float
    why: str = ""


@dataclass
class Sheet:
    """What a run tells and remembers: nothing is kept beyond it."""

    subject: Subject
    calls: list[tuple[str, Any]] = field(default_factory=list)
    tokens: int = 0

    def remembered(self, key: str) -> None:
        del key

    def asked(self, key: str, size: int) -> str:
        del size
        return key

    def answered(self, call_id: str, answer: dict[str, Any], tokens: tuple[int, int]) -> None:
        del call_id, answer
        self.tokens += sum(tokens)

    def failed(self, call_id: str, why: str) -> None:
        del call_id, why

    def use(self, tool: Tool, said: Mapping[str, Any], key: str) -> Any:
        found = tool.use(Use(self.subject, key), said)
        self.calls.append((tool.name, found))
        return found


def questions() -> list[Question]:
    """Read the questions."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))["questions"]
    return [Question(**row) for row in rows]


def is_right(expect: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Mark an answer."""
    if expect.get("unknown"):
        return not said["known"]
    if not said["known"]:
        return False
    if "number" in expect:
        return said["value"] is not None and abs(said["value"] - expect["number"]) <= expect["within"] + 1e-9
    if "items" in expect:
        return {one.strip() for one in said["items"]} == set(expect["items"])
    text = f"{said['text']} {' '.join(said['items'])}".casefold()
    return all(word.casefold() in text for word in expect["words"])


def ask_one(plant: Plant, question: Question, model: Any, within: float) -> tuple[Marked, Sheet]:
    """Ask one question."""
    sheet, begun = Sheet(READER), time.monotonic()
    tools = [one for one in plant.act.staff.tools.values() if not one.proposes]
    ask = Ask(BRIEF, question.ask, Answer, tools, within, 12, 2000)
    why, said = "", {"text": "", "value": None, "items": [], "known": False}
    try:
        said = asyncio.run(work(ask, model, sheet))
        right = is_right(question.expect, said)
    except Exception as error:  # noqa: BLE001 - whatever a model or its server does wrong is a wrong answer
        right, why = False, f"{type(error).__name__}: {error}"[:200]
    return Marked(question.id, right, said, len(sheet.calls), sheet.tokens, time.monotonic() - begun, why), sheet


def scripted(question: Question, *, right: bool = True) -> Any:
    """Return a scripted model that goes the way of a question and gives the right (or a wrong) answer; it thinks nothing."""
    from pydantic_ai.messages import ModelResponse, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    expect = question.expect
    answer: dict[str, Any] = {
        "text": " ".join(expect.get("words", ())),
        "value": expect.get("number"),
        "known": not expect.get("unknown"),
    }
    answer["items"] = list(expect.get("items", ()))
    if not right:
        answer = {"text": "42", "value": 42.0, "items": ["42"], "known": True}

    def play(messages: Any, info: Any) -> Any:
        step = sum(1 for message in messages if isinstance(message, ModelResponse))
        if right and step < len(question.way):
            return ModelResponse(parts=[ToolCallPart(question.way[step][0], dict(question.way[step][1]))])
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, answer)])

    return FunctionModel(play, model_name="scripted")


def holds(sheet: Sheet, evidence: str) -> bool:
    """Say whether what the tools answered holds the evidence."""
    return evidence in json.dumps([found for _, found in sheet.calls], ensure_ascii=False, default=str)
