from __future__ import annotations

import asyncio
import json

import numpy as np
import pyarrow as pa

from lineshaft.doors.rest.frame.hub import MOST_EVENTS, Client, Hub, Shown, Watch, encode, within
from lineshaft.doors.rest.frame.pathbook import PathBook
from lineshaft.store import STORED

NAMES = ["Plant/A/x", "Plant/A/y", "Plant/B/x", None]


class Paths:
    def __call__(self, sids):
        return [NAMES[sid] for sid in sids.tolist()]

    def changed(self) -> None:
        return


def rows(*values: tuple[int, int, object]) -> pa.RecordBatch:
    """Rows (series, time, value) in the shape of the store."""
    kinds = {"v": float, "vi": int, "vs": str, "vb": bool}
    columns = {
        "sid": pa.array([s for s, _, _ in values], pa.int32()),
        "ts": pa.array([t for _, t, _ in values]).cast(pa.timestamp("ns", "UTC")),
        **{
            name: pa.array([v if type(v) is kind else None for _, _, v in values], STORED.field(name).type)
            for name, kind in kinds.items()
        },
        "q": pa.array([0] * len(values), pa.int16()),
        "code": pa.nulls(len(values), pa.int32()),
    }
    return pa.RecordBatch.from_pydict(columns, schema=STORED)


async def hub_with(*watches: Watch) -> tuple[Hub, list[Client], asyncio.Task[None]]:
    hub = Hub(Paths(), tick_s=0.01)
    task = asyncio.create_task(hub.run())
    await asyncio.sleep(0)
    clients = [Client(watch=watch) for watch in watches]
    for client in clients:
        hub.join(client)
    return hub, clients, task


async def next_frame(hub: Hub, client: Client) -> dict:
    await asyncio.wait_for(client.wake.wait(), 5)
    client.wake.clear()
    return json.loads(hub.frame(client))


async def test_a_caught_up_client_gets_changes_only_and_a_slow_one_everything_it_missed():
    hub, (fast, slow), task = await hub_with(Watch(("Plant",)), Watch(("Plant",)))
    hub.rows(rows((0, 1, 1.0), (1, 1, 10), (2, 1, "a")))
    assert set((await next_frame(hub, fast))["values"]) == {"Plant/A/x", "Plant/A/y", "Plant/B/x"}
    hub.rows(rows((0, 2, 2.0)))
    assert list((await next_frame(hub, fast))["values"]) == ["Plant/A/x"]
    caught_up = await next_frame(hub, slow)
    assert caught_up["values"]["Plant/A/x"][0] == 2.0
    assert set(caught_up["values"]) == {"Plant/A/x", "Plant/A/y", "Plant/B/x"}
    hub.rows(rows((2, 3, True)))
    assert (await next_frame(hub, slow))["values"] == {"Plant/B/x": [True, "good", "1970-01-01T00:00:00.000000003Z"]}
    task.cancel()


async def test_each_asset_is_encoded_once_for_all(monkeypatch):
    counted = []
    monkeypatch.setattr("lineshaft.doors.rest.frame.hub.encode", lambda shown: counted.append(shown) or encode(shown))
    hub, clients, task = await hub_with(*[Watch(("Plant",))] * 50, *[Watch(("Plant/A",))] * 50)
    hub.rows(rows((0, 1, 1.0), (2, 1, 2.0)))
    frames = {hub.frame(client) for client in clients if await asyncio.wait_for(client.wake.wait(), 5)}
    assert len(frames) == 2
    assert len(counted) == 2
    task.cancel()


async def test_the_newest_of_many_rows_wins_whatever_their_order():
    hub, (client,), task = await hub_with(Watch(("Plant/A",)))
    hub.rows(rows((0, 5, 5.0), (0, 9, 9.0), (0, 7, 7.0)))
    hub.rows(rows((0, 8, 8.0)))
    assert (await next_frame(hub, client))["values"]["Plant/A/x"][0] == 9.0
    task.cancel()


async def test_a_crowd_of_rows_is_looked_through_beside_the_loop():
    hub, (client,), task = await hub_with(Watch(("Plant/A",)))
    hub.rows(rows(*((n % 3, n, float(n)) for n in range(20_000))))
    frame = await next_frame(hub, client)
    assert frame["values"]["Plant/A/x"][0] == 19_998.0
    task.cancel()


async def test_unbound_series_are_not_shown():
    hub, (client,), task = await hub_with(Watch(("Plant",)))
    hub.rows(rows((3, 1, 1.0), (0, 1, 1.0)))
    assert list((await next_frame(hub, client))["values"]) == ["Plant/A/x"]
    task.cancel()


async def test_nobody_watching_costs_nothing():
    hub = Hub(Paths())
    hub.rows(rows((0, 1, 1.0)))
    hub.event("alarm", id="1")
    assert (hub._rows, hub._events) == ([], [])


async def test_what_was_shown_is_forgotten_with_the_last_client():
    hub, (client,), task = await hub_with(Watch(("Plant",)))
    hub.rows(rows((0, 1, 1.0)))
    await next_frame(hub, client)
    hub.leave(client)
    assert hub._shown == {}
    task.cancel()


async def test_events_wait_for_a_slow_client_up_to_a_limit():
    hub, (client,), task = await hub_with(Watch((), events=True))
    for n in range(3):
        hub.event("alarm", asset="Plant/A", id=str(n))
    frame = await next_frame(hub, client)
    assert [e["id"] for e in frame["events"]] == ["0", "1", "2"]
    for n in range(MOST_EVENTS + 1):
        hub.event("alarm", id=str(n))
    await asyncio.wait_for(client.wake.wait(), 5)
    assert client.lost
    task.cancel()


async def test_events_keep_to_a_clients_part_of_the_plant():
    hub, (mine, all_), task = await hub_with(Watch((), events=True, scope=("Plant/B",)), Watch((), events=True))
    hub.event("alarm", asset="Plant/A", id="a")
    hub.event("alarm", asset="Plant/B", id="b")
    hub.event("system", id="s")
    assert [e["id"] for e in (await next_frame(hub, all_))["events"]] == ["a", "b", "s"]
    assert [e["id"] for e in (await next_frame(hub, mine))["events"]] == ["b", "s"]
    task.cancel()


async def test_a_snapshot_never_takes_a_newer_value_back():
    hub, (client,), task = await hub_with(Watch(("Plant/A",)))
    hub.rows(rows((0, 9, 9.0)))
    await next_frame(hub, client)
    hub.begin(client, Watch(("Plant/A",)), {"Plant/A/x": Shown(1.0, 0, 1), "Plant/A/y": Shown(2, 2, 1)})
    frame = await next_frame(hub, client)
    assert frame["values"]["Plant/A/x"][0] == 9.0
    assert frame["values"]["Plant/A/y"][:2] == [2, "bad"]
    task.cancel()


def test_a_branch_is_not_a_prefix_of_letters():
    assert within("Plant/A", "Plant/A")
    assert not within("Plant/AB", "Plant/A")


class Register:
    def __init__(self) -> None:
        self.asked = 0
        self.bound = {"p0": 0}

    def properties(self):
        self.asked += 1
        return [type("P", (), {"id": one, "path": f"Plant/{one}"})() for one in self.bound]

    def spans(self, property_id):
        return [type("S", (), {"source": "s", "tag": str(self.bound[property_id])})()]

    def sid(self, source, tag):
        return int(tag)


def test_the_path_book_is_written_again_only_for_an_unknown_number():
    register = Register()
    book = PathBook(register, register)
    for _ in range(3):
        assert book(np.array([0, 5], np.int32)) == ["Plant/p0", None]
    assert register.asked == 1
    register.bound["p1"] = 5
    assert book(np.array([5], np.int32)) == [None]
    book.changed()
    assert book(np.array([0, 5], np.int32)) == ["Plant/p0", "Plant/p1"]
    assert register.asked == 2
