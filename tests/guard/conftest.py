from __future__ import annotations

import pytest

from lineshaft.core import Database
from lineshaft.guard import MIGRATIONS, Guard, Subject
from tests.schema import migrate


@pytest.fixture
def guard(database: Database) -> Guard:
    migrate(database, {"guard": MIGRATIONS})
    return Guard(database)


@pytest.fixture
def anna(guard: Guard, database: Database) -> Subject:
    with database.begin() as tx:
        guard.users.create(tx, "anna", "a long password", ["planner"], "Anna Berg")
    return guard.login("anna", "a long password").subject
