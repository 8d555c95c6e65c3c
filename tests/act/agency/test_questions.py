"""The evaluation set of agents: each question can be answered with the tools, a wrong answer is marked wrong. No model is run."""

from __future__ import annotations

import pytest

from bench.agents.evaluate import ask_one, holds, is_right, questions, scripted
from bench.agents.plant import demo_plant


@pytest.fixture(scope="module")
def plant():
    with demo_plant() as made:
        yield made


def test_every_question_can_be_answered_from_the_plant_alone(plant):
    wrong = {}
    for question in questions():
        row, sheet = ask_one(plant, question, scripted(question), 60)
        if not row.right or row.calls != len(question.way) or not holds(sheet, question.evidence):
            wrong[question.id] = (row, sheet.calls)
    assert wrong == {}


def test_a_wrong_answer_is_marked_wrong(plant):
    for question in questions():
        row, _ = ask_one(plant, question, scripted(question, right=False), 60)
        assert not row.right, question.id


def test_there_is_enough_of_each_kind():
    kinds = [next(iter(question.expect)) for question in questions()]
    assert len(kinds) >= 25
    assert {kind: kinds.count(kind) >= 2 for kind in ("number", "words", "items", "unknown")} == dict.fromkeys(
        ("number", "words", "items", "unknown"), True
    )
    assert len({question.id for question in questions()}) == len(kinds)


@pytest.mark.parametrize(
    ("expect", "said", "right"),
    [
        ({"number": 2.3, "within": 0.06}, {"value": 2.35}, True),
        ({"number": 2.3, "within": 0.06}, {"value": 2.4}, False),
        ({"number": 2.3, "within": 0.06}, {"value": None}, False),
        ({"items": ["a", "b"]}, {"items": ["b", "a "]}, True),
        ({"items": ["a", "b"]}, {"items": ["a", "b", "c"]}, False),
        ({"words": ["Q1"]}, {"text": "the switch q1"}, True),
        ({"unknown": True}, {"known": False}, True),
        ({"unknown": True}, {"text": "blue"}, False),
        ({"number": 1, "within": 0}, {"value": 1, "known": False}, False),
    ],
)
def test_marking(expect, said, right):
    assert is_right(expect, {"text": "", "value": None, "items": [], "known": True, **said}) is right
