"""Commands run in the test's own process set LINESHAFT_HOME for what they start: no test may leave it to the next."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_home_is_left() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    os.environ.pop("LINESHAFT_HOME", None)
    yield
    os.environ.pop("LINESHAFT_HOME", None)
