"""Every source that can be chosen is held to the rules all sources keep, against a machine of others."""

from __future__ import annotations

import re
from pathlib import Path

from lineshaft.connect import source_plugins

TESTS = Path(__file__).parents[1] / "connect"


def test_every_source_is_held_to_the_rules():
    texts = [path.read_text("utf-8") for path in TESTS.rglob("test_*.py")]
    checked = {name for text in texts for name in re.findall(r"check_source\(\s*\"(\w+)\"", text)}
    assert set(source_plugins()) - checked == set()
