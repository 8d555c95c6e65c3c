"""A small plant with people who can be told, a mail server and a web hook of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft.act import ActSettings
from lineshaft.core import Database, metadata
from lineshaft.guard import Subject
from tests.act.conftest import Plant
from tests.act.notify.receivers import Hook, mail_server, web_hook

PEOPLE = {"anna": ["technician"], "bert": ["planner"], "carl": ["planner"], "dora": ["technician"]}


class Told(Plant):
    """The plant, its people, and what was sent to them."""

    def settle(self):
        assert self.act.notifier.settle()

    def people(self):
        self.ids = {name: f"id-{name}" for name in PEOPLE}
        with self.db.begin() as tx:
            for name, roles in PEOPLE.items():
                self.person(tx, name, roles)

    def person(self, tx, name, roles, scope=()):
        """Add somebody who never logs in: hashing passwords takes long."""
        row = {"id": f"id-{name}", "version": 1, "name": name, "display": name.title(), "roles": roles, "scope": list(scope)}
        tx.execute(metadata.tables["users"].insert().values(**row, created=1))

    def who(self, name) -> Subject:
        found = self.guard.sessions.named(f"user:{name}")
        assert found is not None
        return found

    def choose(self, name, **said):
        with self.db.begin() as tx:
            self.act.notifier.book.choose(tx, self.who(name), said)

    def route(self, who, **said):
        with self.db.begin() as tx:
            return self.act.notifier.book.put(tx, {"who": who, "gather": 0, **said})

    def deliveries(self, **by):
        return self.act.notifier.book.deliveries(**by)


def settings(hook_port: int, mail_port: int, **more) -> ActSettings:
    mail = f"mailto://localhost:{mail_port}?from=line@plant.example&to={{address}}&mode=insecure"
    channels = [{"name": "mail", "url": mail}, {"name": "hook", "url": f"json://127.0.0.1:{hook_port}/x"}]
    return ActSettings.model_validate({"channels": channels, "link": "https://plant.example", **more})


@pytest.fixture
def hook():
    with web_hook() as made:
        yield made


@pytest.fixture
def mailbox(free_port: int):
    with mail_server(free_port) as box:
        yield box


def make(db: Database, home: Path, hook: Hook, mail_port: int, **more) -> Told:
    made = Told(db, home, settings=settings(hook.port, mail_port, **more))
    made.people()
    return made


@pytest.fixture
def told(tmp_path: Path, hook: Hook, free_port: int):
    """A plant that tells; its engine does not run, its notifier does."""
    db = Database(f"sqlite:///{tmp_path / 'told.db'}")
    made = make(db, tmp_path, hook, free_port)
    made.act.notifier.start()
    yield made
    made.act.notifier.stop()
    db.close()


@pytest.fixture
def told_both(database: Database, tmp_path: Path, hook: Hook, free_port: int):
    """The same on both databases."""
    made = make(database, tmp_path, hook, free_port)
    made.act.notifier.start()
    yield made
    made.act.notifier.stop()
