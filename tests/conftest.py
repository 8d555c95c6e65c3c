"""Fixtures every room's tests share: a fresh database on SQLite and, where a server can be started, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.core import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'lineshaft.db'}")
    yield db
    db.close()
