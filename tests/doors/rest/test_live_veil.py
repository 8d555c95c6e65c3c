"""The live stream shows nothing that a permission takes away: not from its first frame, and not on a line that is open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from lineshaft.core import SystemEvent
from tests.doors.conftest import OVEN, PUMP, House
from tests.doors.rest.test_live import VIBRATION, dial, subscribe, until

TAG = "ns=2;s=Coolant pump/Vibration"
CANARY = 1.2345678


@contextmanager
def rule(house: House, **said: object) -> Iterator[None]:
    """A rule for viewers that lasts as long as the block."""
    made = house.post("permissions", {"who": "role:viewer", **said})
    assert made.status_code == 201, made.text
    try:
        yield
    finally:
        house.ask("DELETE", f"permissions/{made.json()['id']}")


@pytest.mark.parametrize(
    "taken",
    [
        {"tables": "samples"},
        {"tables": "latest"},
        {"tables": "samples", "columns": ["value"]},
        {"tables": "samples", "columns": ["value"], "effect": "mask"},
        {"tables": "*", "columns": ["val*"]},
        {"tables": "latest", "columns": ["property"]},
    ],
)
def test_values_that_are_taken_away_are_in_no_frame(house: House, taken: dict[str, object]):
    house.values([(TAG, CANARY, house.moment())])
    with rule(house, **taken), dial(house) as socket:
        first = subscribe(socket, PUMP, events=True)
        assert first["values"] == {}
        house.values([(TAG, CANARY + 1, house.moment())])
        house.rooms.bus.tell(SystemEvent("veil", "something happened"))
        frame = until(socket, lambda f: any(one["type"] == "system" for one in f["events"]))
        assert "2.2345678" not in json.dumps(frame)
        assert frame["values"] == {}


def test_times_and_qualities_go_alone(house: House):
    house.values([(TAG, CANARY, house.moment())])
    with rule(house, tables="samples", columns=["ts"]), dial(house) as socket:
        assert subscribe(socket, PUMP)["values"][VIBRATION] == [CANARY, "good", None]
    with rule(house, tables="samples", columns=["quality"], effect="mask"), dial(house) as socket:
        value, quality, at = subscribe(socket, PUMP)["values"][VIBRATION]
        assert (value, quality) == (CANARY, None)
        assert at.endswith("Z")


def test_a_part_of_the_plant_is_all_there_is(house: House):
    house.values([(TAG, CANARY, house.moment()), ("ns=2;s=Oven/Power", 40.0, house.moment())])
    with rule(house, assets=[OVEN]), dial(house) as socket:
        first = subscribe(socket, "Bakery", PUMP)
        assert f"{OVEN}/Power" in first["values"]
        assert not [path for path in first["values"] if not path.startswith(OVEN)]
        house.values([(TAG, CANARY + 1, house.moment()), ("ns=2;s=Oven/Power", 41.0, house.moment())])
        frame = until(socket, lambda f: f"{OVEN}/Power" in f["values"])
        assert VIBRATION not in frame["values"]


def test_events_of_a_hidden_table_are_not_told(house: House):
    with rule(house, tables="alarms"), dial(house) as veiled, dial(house, "engineer") as other:
        subscribe(veiled, PUMP, events=True)
        subscribe(other, PUMP, events=True)
        house.shake_the_pump()
        until(other, lambda f: any(one["type"] == "alarm" for one in f["events"]))
        house.rooms.bus.tell(SystemEvent("veil", "the last word"))
        types: set[str] = set()
        while "system" not in types:
            types |= {one["type"] for one in until(veiled, lambda f: bool(f["events"]))["events"]}
        assert "alarm" not in types
    house.calm_the_pump()


def test_a_column_of_an_event_is_taken_and_its_kind_stays(house: House):
    with rule(house, tables="alarms", columns=["name"], effect="mask"), dial(house) as socket:
        subscribe(socket, PUMP, events=True)
        house.shake_the_pump()
        frame = until(socket, lambda f: any(one["type"] == "alarm" for one in f["events"]))
        assert {one["name"] for one in frame["events"] if one["type"] == "alarm"} == {"•••"}
    house.calm_the_pump()


def test_a_rule_holds_on_a_line_that_is_open(house: House):
    house.values([(TAG, CANARY, house.moment())])
    with dial(house) as socket, dial(house, "engineer") as untouched:
        assert subscribe(socket, PUMP)["values"]
        assert subscribe(untouched, PUMP)["values"]
        with rule(house, tables="samples", columns=["value"]):
            house.values([(TAG, CANARY + 2, house.moment())])
            frames: list[str] = []
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    frames.append(str(socket.recv(timeout=10)))
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4409
            assert json.loads(frames[-1])["problem"]["code"] == "stream.permissions"
            assert not [frame for frame in frames if str(CANARY + 2) in frame]
            assert until(untouched, lambda f: VIBRATION in f["values"])["values"][VIBRATION][0] == CANARY + 2
            with dial(house) as again:
                assert subscribe(again, PUMP)["values"] == {}
