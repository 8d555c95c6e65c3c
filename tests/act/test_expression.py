from __future__ import annotations

import pytest

from lineshaft.act.expression import Expression
from lineshaft.core import FormulaError

NAMES = {"score": 0.8, "stock": {"low": True, "parts": [{"n": 2}]}, "asset": "Bakery/Pump", "proposal": {"cost": 147.0}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("score >= 0.7", True), ("0 < score < 0.5", False), ("stock.low", True), ("stock.low.deeper", None),
        ("high if proposal.cost > 100 else low", "high"), ("nothing", None), ("nothing > 3", False), ("nothing == none", True),
        ("not stock.low or score > 2", False), ("proposal.cost * 2 - 4", 290.0), ("1 / 0", None), ("'a' * 9", None),
        ("-score", -0.8), ("asset in ['Bakery/Pump']", True), ("score > 'text'", False), ("3 in 4", False),
    ],
)  # fmt: skip
def test_expressions_compute(text, value):
    assert Expression(text).value(NAMES) == value


@pytest.mark.parametrize(
    "text",
    [
        "open('x')", "asset.__class__", "().__class__", "[x for x in asset]", "lambda: 1", "2 ** 999999", "asset[0]",
        "f'{asset}'",
        "a := 1", "import os", "", "(" * 400, "9" * 501, "score; score", "{'a': 1}", "score @ score", "~1", "await x", "*asset",
    ],
)  # fmt: skip
def test_nothing_but_plain_data_can_be_reached(text):
    with pytest.raises(FormulaError):
        Expression(text).value(NAMES)
