from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from lineshaft.core import SystemEvent
from tests.doors.conftest import OVEN, PASSWORD, PUMP, House

VIBRATION = f"{PUMP}/Vibration"


def dial(house: House, role: str | None = "viewer", **headers: str) -> ClientConnection:
    url = str(house.client.base_url).replace("http", "ws") + "/api/v1/stream"
    if role is not None:
        headers["Authorization"] = f"Bearer {house.secrets[role]}"
    return connect(url, additional_headers=headers, open_timeout=10)


def subscribe(socket: ClientConnection, *assets: str, events: bool = False) -> dict[str, Any]:
    """Subscribe and return the first frame: everything as it is now."""
    socket.send(json.dumps({"subscribe": {"assets": list(assets), "events": events}}))
    return json.loads(socket.recv(timeout=10))


def until(socket: ClientConnection, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any]:
    """Read frames until one is as wanted."""
    end = time.monotonic() + seconds
    while True:
        frame = json.loads(socket.recv(timeout=end - time.monotonic()))
        if wanted(frame):
            return frame


def close_code(socket: ClientConnection) -> tuple[int, str]:
    told = ""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            told = json.loads(socket.recv(timeout=10)).get("problem", {}).get("code", "")
    return closed.value.rcvd.code if closed.value.rcvd else 0, told


def test_subscribing_gives_all_values_and_then_what_changes(house: House):
    house.values([("ns=2;s=Coolant pump/Vibration", 1.25, house.moment()), ("ns=2;s=Oven/Power", 40.0, house.moment())])
    with dial(house) as socket:
        first = subscribe(socket, PUMP)
        assert first["values"][VIBRATION][:2] == [1.25, "good"]
        assert f"{OVEN}/Power" not in first["values"]
        house.values([("ns=2;s=Coolant pump/Vibration", 1.5, house.moment()), ("ns=2;s=Oven/Power", 41.0, house.moment())])
        frame = until(socket, lambda f: VIBRATION in f["values"])
        assert list(frame["values"]) == [VIBRATION]
        assert frame["values"][VIBRATION][0] == 1.5
        assert frame["t"].endswith("Z")


def test_a_branch_covers_what_lies_below_and_nothing_beside(house: House):
    with dial(house) as socket:
        assert VIBRATION in subscribe(socket, "Bakery")["values"]
        assert subscribe(socket, "Bakery/Line")["values"] == {}
        assert subscribe(socket)["values"] == {}


def test_computed_values_are_on_the_stream(house: House):
    with dial(house) as socket:
        subscribe(socket, "Bakery/Line 1/Cooler")
        house.values([("ns=2;s=Cooler/State", 4, house.moment())])
        frame = until(socket, lambda f: any(path.endswith("/Down") for path in f["values"]))
        assert frame["values"]["Bakery/Line 1/Cooler/Down"][0] == 1.0


def test_only_the_newest_value_of_a_tick_is_sent_and_late_ones_never(house: House):
    now = house.moment(60)
    with dial(house) as socket:
        subscribe(socket, PUMP)
        house.values([("ns=2;s=Coolant pump/Flow", float(n), now + n * 10**6) for n in range(50)])
        assert until(socket, lambda f: f"{PUMP}/Flow" in f["values"])["values"][f"{PUMP}/Flow"][0] == 49.0
        house.values([("ns=2;s=Coolant pump/Flow", -1.0, now)])
        house.values([("ns=2;s=Coolant pump/Current", 6.0, now)])
        frame = until(socket, lambda f: f"{PUMP}/Current" in f["values"])
        assert f"{PUMP}/Flow" not in frame["values"]


def test_bad_and_strange_values_are_shown_as_such(house: House):
    with dial(house) as socket:
        subscribe(socket, OVEN)
        house.values([("ns=2;s=Oven/Temperature", float("nan"), house.moment())])
        frame = until(socket, lambda f: f"{OVEN}/Temperature" in f["values"])
        assert frame["values"][f"{OVEN}/Temperature"][0] is None


def test_events_are_told_to_those_who_asked(house: House):
    with dial(house) as deaf, dial(house) as socket:
        subscribe(deaf, PUMP)
        subscribe(socket, PUMP, events=True)
        house.shake_the_pump()
        frame = until(socket, lambda f: any(e["type"] == "case" for e in f["events"]))
        kinds = {e["type"] for e in frame["events"]}
        assert kinds <= {"alarm", "case", "tower", "work-order"}
        house.rooms.bus.tell(SystemEvent("disk", "nearly full"))
        event = until(socket, lambda f: any(e["type"] == "system" for e in f["events"]))["events"][-1]
        assert (event["id"], event["active"]) == ("disk", True)
        house.values([("ns=2;s=Coolant pump/Vibration", 1.0, house.moment())])
        assert until(deaf, lambda f: f["values"].get(VIBRATION, [0])[0] == 1.0)["events"] == []


def test_a_new_binding_shows_its_tag_at_once(house: House):
    with dial(house) as socket:
        subscribe(socket, "Bakery/Line 1/Packer")
        house.post("bindings", {"property": "Bakery/Line 1/Packer/Speed", "source": "camera", "tag": "speed"})
        house.values([("speed", 77.0, house.moment())], source="camera")
        frame = until(socket, lambda f: "Bakery/Line 1/Packer/Speed" in f["values"])
        assert frame["values"]["Bakery/Line 1/Packer/Speed"][0] == 77.0


def test_after_a_broken_line_the_present_is_shown_again(house: House):
    with dial(house) as socket:
        subscribe(socket, PUMP)
    house.values([("ns=2;s=Coolant pump/Vibration", 2.75, house.moment())])
    with dial(house) as socket:
        assert subscribe(socket, PUMP)["values"][VIBRATION][0] == 2.75


def test_a_browser_comes_with_its_cookie_and_from_its_own_page_only(house: House):
    session = house.rooms.guard.login("anna", PASSWORD).token
    cookie = {"Cookie": f"lineshaft_session={session}"}
    own = str(house.client.base_url).rstrip("/")
    with dial(house, None, **cookie, Origin=own) as socket:
        assert VIBRATION in subscribe(socket, PUMP)["values"]
    with dial(house, None, **cookie, Origin="http://evil.example") as socket:
        assert close_code(socket) == (4403, "csrf.origin")


def test_a_program_may_say_its_token_first(house: House):
    with dial(house, None) as socket:
        socket.send(json.dumps({"token": house.secrets["viewer"]}))
        assert VIBRATION in subscribe(socket, PUMP)["values"]
    with dial(house, None) as socket:
        socket.send(json.dumps({"token": house.secrets["viewer"], "subscribe": {"assets": [PUMP]}}))
        assert VIBRATION in json.loads(socket.recv(timeout=10))["values"]


@pytest.mark.parametrize("word", ['{"token": "lst_wrong"}', '{"subscribe": {"assets": []}}', "{}"])
def test_nobody_known_hears_nothing(house: House, word):
    with dial(house, None) as socket:
        socket.send(word)
        code, told = close_code(socket)
        assert code == 4401
        assert told.startswith("login.")


@pytest.mark.parametrize(
    "word",
    ["nonsense", "[]", '{"subscribe": 5}', '{"subscribe": {"assets": "B"}}', '{"subscribe": {"assets": [1]}}', "x" * 70_000],
)
def test_nonsense_ends_the_conversation_with_a_word(house: House, word):
    with dial(house) as socket:
        socket.send(word)
        assert close_code(socket) == (4400, "stream.message")


def test_a_login_for_one_line_sees_that_line_only(house: House):
    with dial(house, "elsewhere") as socket:
        assert subscribe(socket, "Bakery", events=True)["values"] == {}
        house.values([("ns=2;s=Coolant pump/Vibration", 1.0, house.moment())])
        house.rooms.bus.tell(SystemEvent("everybody", "hears this"))
        frame = until(socket, lambda f: f["events"])
        assert frame["values"] == {}
    with dial(house, "line 1") as socket:
        assert VIBRATION in subscribe(socket, "Bakery")["values"]


def test_a_login_that_ended_is_sent_away(house: House, monkeypatch):
    monkeypatch.setattr("lineshaft.doors.rest.live.RECHECK_S", 0.1)
    made = house.post("tokens", {"name": "short", "role": "viewer"}).json()
    house.secrets["short"] = made["secret"]
    with dial(house, "short") as socket:
        subscribe(socket, PUMP)
        house.ask("DELETE", f"tokens/{made['id']}")
        assert close_code(socket) == (4401, "login.unknown")


def test_a_quiet_plant_gives_signs_of_life(house: House, monkeypatch):
    monkeypatch.setattr("lineshaft.doors.rest.live.SIGN_OF_LIFE_S", 0.1)
    with dial(house) as socket:
        subscribe(socket, "Bakery/Line 1/Packer")
        frame = json.loads(socket.recv(timeout=5))
        assert (frame["values"], frame["events"]) == ({}, [])


def test_a_change_is_on_the_screen_well_within_a_second(house: House):
    late = []
    with dial(house) as socket:
        subscribe(socket, PUMP)
        for n in range(20):
            value = 1.0 + n / 100
            began = time.monotonic()
            house.values([("ns=2;s=Coolant pump/Vibration", value, house.moment())])
            until(socket, lambda f, value=value: f["values"].get(VIBRATION, [None])[0] == value)
            late.append(time.monotonic() - began)
    assert sorted(late)[-2] < 0.5


def test_many_screens_share_one_encoding(house: House):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(dial(house)) for _ in range(12)]
        for socket in sockets:
            subscribe(socket, PUMP)
        value = 3.21
        house.values([("ns=2;s=Coolant pump/Vibration", value, house.moment())])
        frames = [until(s, lambda f: f["values"].get(VIBRATION, [None])[0] == value) for s in sockets]
        assert len({json.dumps(frame) for frame in frames}) == 1
