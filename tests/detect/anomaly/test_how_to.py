"""The how-to runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "find-anomalies.md"


def test_the_worked_example_runs(tmp_path, capsys):
    steps = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(steps) == 7
    known: dict[str, object] = {"folder": tmp_path}
    exec("\n".join(steps), known)
    said = capsys.readouterr().out
    assert "4 of 4 labelled anomalies found" in said
    assert "instead of" in said
