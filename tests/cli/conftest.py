"""Commands run in the test's own process set LINESHAFT_HOME for what they start: no test may leave it to the next."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from tests.doors.conftest import House


@pytest.fixture(autouse=True)
def _no_home_is_left() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    os.environ.pop("LINESHAFT_HOME", None)
    yield
    os.environ.pop("LINESHAFT_HOME", None)


def typed(command: click.Group, house: House, *words: str, role: str = "engineer") -> str:
    """Type a command against a node of the test, as somebody of a role; return what it says, or raise what it raises."""
    at = ("--url", str(house.client.base_url), "--token", house.secrets[role])
    result = CliRunner().invoke(command, [words[0], *at, *words[1:]], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout
