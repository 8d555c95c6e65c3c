"""Tables as YAML: a text is parsed once, as every step of every position asks; a file that was edited is another text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml


@lru_cache(maxsize=8)
def parsed(text: str) -> Any:
    """Return what a text holds, to be read and never changed."""
    return yaml.safe_load(text)
