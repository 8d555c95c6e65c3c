"""What webhooks are told of is written down with the change itself: neither is there without the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.app import MIGRATIONS
from lineshaft.app.telling import webhook_events
from lineshaft.core import Bus, Database
from lineshaft.guard import Subject
from lineshaft.maintain import Orders, Webhooks, WebhooksSettings

BOSS = Subject.system("test")
ENTRY = {"name": "board", "url": "http://127.0.0.1:9/hook", "secret_env": "BOARD_SECRET", "events": ["order"]}


class Killed(BaseException):
    """The process is gone right after the commit."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Database, Bus, Webhooks, Orders]]:
    monkeypatch.setenv("BOARD_SECRET", "wh-s3cret-value")
    db, bus = Database(f"sqlite:///{tmp_path / 'a.db'}"), Bus()
    db.migrate(MIGRATIONS)
    hooks = Webhooks(db, bus, WebhooksSettings.model_validate([ENTRY]).entries, "/lineshaft/test", "node")
    for event, write in webhook_events(hooks):
        bus.within(event, write)
    yield db, bus, hooks, Orders(db, bus)
    db.close()


def test_a_message_is_there_though_the_node_died_right_after_the_commit(world, monkeypatch: pytest.MonkeyPatch):
    db, bus, hooks, orders = world

    def die(_event: object) -> None:
        raise Killed

    monkeypatch.setattr(bus, "tell", die)
    with pytest.raises(Killed), db.begin() as tx:
        orders.create(tx, BOSS, asset="Bakery/Pump", title="Pump is loud")
    assert [row["title"] for row in orders.list()] == ["Pump is loud"]
    (message,) = hooks.list()
    assert (message["type"], message["state"], message["subject"]) == (
        "org.lineshaft.order.create",
        "waiting",
        orders.list()[0]["number"],
    )


def test_what_was_taken_back_is_not_told(world):
    db, _, hooks, orders = world
    with pytest.raises(Killed), db.begin() as tx:
        orders.create(tx, BOSS, asset="Bakery/Pump", title="Pump is loud")
        raise Killed
    assert orders.list() == []
    assert hooks.list() == []
