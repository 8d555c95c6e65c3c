"""The worked examples run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[3] / "docs" / "how-to"


@pytest.mark.parametrize(
    ("page", "steps", "says"),
    [("watch-tool-wear.md", 3, "more than"), ("predict-quality.md", 2, "saying the usual share is off by")],
)
def test_the_worked_example_runs(page, steps, says, tmp_path, capsys):
    found = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == steps
    exec("\n".join(found), {"folder": tmp_path})
    assert says in capsys.readouterr().out
