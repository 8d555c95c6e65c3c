from __future__ import annotations

import pytest

from lineshaft.act.matrix import level, mode_of


@pytest.mark.parametrize(
    ("complexity", "risk", "mode"),
    [("low", "low", "automation"), ("low", "high", "human_assistant"), ("high", "low", "agent"), ("high", "high", "agent_human")],
)
def test_complexity_and_risk_decide_who_does_it_but_a_wrench_is_a_persons(complexity, risk, mode):
    assert mode_of(complexity, risk, physical=False) == mode
    assert mode_of(complexity, risk, physical=True) == "human_assistant"


@pytest.mark.parametrize("text", ["nonsense", "1", "open('x')", "missing.cost", "'medium'", "low if missing > 3 else high"])
def test_what_cannot_be_decided_counts_as_high(text):
    assert level(text, {}) == "high"
