"""Images over the door: kind by content, scope, exactly once, deleted; and the tables of the lake that outside programs read."""

from __future__ import annotations

import json
import os
import struct
import zlib

import polars as pl
import pytest

from lineshaft.app.mirror import Mirror
from lineshaft.connect import SourceEntry
from lineshaft.core import LineshaftError
from tests.doors.conftest import OVEN, PUMP, House


def png(colour: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([colour, 0, 0]) * 4 for _ in range(3))
    head = struct.pack(">IIBBBBB", 4, 3, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def send(house: House, content: bytes, role: str = "operator", **form: str):
    data = {"asset": OVEN, "lot": "L-1", "timestamp": "2026-01-01T06:00:00Z", "result": "fail", **form}
    return house.ask("POST", "images", role, files={"file": ("biscuit.exe", content)}, data=data)


@pytest.fixture(scope="module")
def mirror(house: House) -> Mirror:
    return Mirror(house.rooms.db, house.rooms.store, house.rooms.guard, house.rooms.assets)


def test_a_picture_is_taken_in_once_and_shown_to_those_in_reach(house: House):
    made = send(house, png(1))
    assert made.status_code == 201, made.text
    one = made.json()
    assert (one["mime"], one["width"], one["height"]) == ("image/png", 4, 3)
    assert send(house, png(1)).json()["id"] == one["id"]
    assert send(house, png(1), timestamp="2026-01-01T07:00:00Z").json()["id"] != one["id"]
    assert house.ask("GET", f"images/{one['id']}/content", "viewer").content == png(1)
    assert house.ask("GET", f"images/{one['id']}/content", "elsewhere").status_code == 403
    assert house.get("images", "elsewhere")["items"] == []
    assert len(house.get("images?lot=L-1&result=fail", "line 1")["items"]) == 2
    rows = house.post("sql", {"sql": "SELECT asset, lot, result, width FROM images ORDER BY ts LIMIT 1"}, "planner").json()[
        "rows"
    ]
    assert rows == [[OVEN, "L-1", "fail", 4]]


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "image.empty"), (b"MZ not a picture", "image.kind"), (b"<svg/>", "image.kind")]
)
def test_what_is_no_picture_is_refused(house: House, content: bytes, code: str):
    answer = send(house, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_inbox_is_emptied_and_what_is_wrong_is_put_aside(house: House, mirror: Mirror):
    inbox = house.rooms.store.images.inbox / PUMP
    inbox.mkdir(parents=True)
    for name, content in (("a.png", png(9)), ("b.png", b"nothing")):
        (inbox / name).write_bytes(content)
        os.utime(inbox / name, (1_760_000_000, 1_760_000_000))
    (inbox / "a.png.json").write_text(
        '{"lot": "L-9", "result": "pass", "station": "Camera 1", "score": 0.75, "model": "m 1", "time": "2026-01-02T00:00:00Z"}'
    )
    assert mirror.take_images() == 2
    (one,) = house.get("images?lot=L-9")["items"]
    assert (one["asset"], one["station"], one["score"], one["model"]) == (PUMP, "Camera 1", 0.75, "m 1")
    assert (house.rooms.store.images.inbox / "refused" / "b.png.txt").exists()
    assert mirror.take_images() == 0


def test_a_picture_from_an_edge_is_in_the_album_once_with_what_its_model_saw(house: House, mirror: Mirror):
    said = {"asset": OVEN, "lot": "L-edge", "time": "2026-01-03T00:00:00Z", "result": "scratch", "score": 0.9, "model": "s 3"}
    for _ in range(2):
        mirror.take_from_edge("hall-2", png(33), said)
    (one,) = house.get("images?lot=L-edge")["items"]
    assert (one["result"], one["score"], one["model"], one["asset"]) == ("scratch", 0.9, "s 3", OVEN)
    rows = house.post("sql", {"sql": "SELECT result, score, model FROM images WHERE lot = 'L-edge'"}, "planner").json()["rows"]
    assert rows == [["scratch", 0.9, "s 3"]]
    for wrong, what in (
        ({"asset": "nowhere"}, "nowhere"),
        ({"score": "much"}, "no number"),
        ({"score": float("nan")}, "no number"),
    ):
        with pytest.raises(LineshaftError, match=what):
            mirror.take_from_edge("hall-2", png(33), {**said, **wrong})


def test_books_of_the_plant_are_tables_of_the_lake(house: House, mirror: Mirror):
    alarm = house.shake_the_pump()
    house.post(f"alarms/{alarm['id']}/acknowledge", {})
    order = house.post("work-orders", {"asset": PUMP, "title": "lake"}).json()
    first = mirror.write()
    assert min(first["alarm_log"], first["work_orders"], first["work_order_history"], first["images"]) > 0
    assert set(mirror.write().values()) == {0}
    house.post(f"work-orders/{order['id']}/triage", {})
    assert mirror.write()["work_order_history"] >= 1
    tables = house.rooms.store.home / "lake" / "tables"
    frame = pl.read_delta(str(tables / "work_orders"))
    assert frame["id"].n_unique() == frame.height
    assert frame.filter(pl.col("id") == order["id"])["state"].to_list() == ["triaged"]
    log = pl.read_delta(str(tables / "alarm_log"))
    assert {"raised", "acknowledged"} <= set(log["what"]) or log.height > 1
    asked = "SELECT count(*) FROM alarm_log WHERE asset LIKE '%pump'"
    assert house.post("sql", {"sql": asked}, "planner").json()["rows"][0][0] == log.height
    assert house.post("sql", {"sql": asked}, "elsewhere").json()["rows"][0][0] == 0


def test_a_deleted_picture_is_gone_everywhere(house: House, mirror: Mirror):
    one = send(house, png(77), lot="L-77").json()
    mirror.write()
    assert house.ask("DELETE", f"images/{one['id']}", "operator").status_code == 403
    assert house.ask("DELETE", f"images/{one['id']}", "engineer").status_code == 200
    assert house.ask("GET", f"images/{one['id']}/content").status_code == 404
    mirror.write()
    frame = pl.read_delta(str(house.rooms.store.home / "lake" / "tables" / "images"))
    assert one["id"] not in set(frame["id"])
    place = house.rooms.store.home / "lake" / one["path"]
    os.utime(place, (1_760_000_000, 1_760_000_000))
    assert house.rooms.store.images.tidy(None) == 1
    assert not place.exists()


def test_a_picture_is_sent_to_the_source_that_judges_it(house: House, monkeypatch: pytest.MonkeyPatch):
    home = house.rooms.store.home
    monkeypatch.setenv("LINESHAFT_HOME", str(home))
    (home / "camera").mkdir()
    camera = SourceEntry.model_validate({"name": "camera", "type": "pictures", "folder": "camera"}).build()
    house.rooms.gateway.change("camera", camera)
    try:
        assert house.get("images/judges")["items"] == [{"source": "camera", "model": ""}]
        form = {"asset": OVEN, "lot": "L-5", "timestamp": "2026-01-01T06:00:00Z"}
        sent = house.ask("POST", "images/to/camera", "operator", files={"file": ("x", png(5))}, data=form)
        assert sent.status_code == 202, sent.text
        name = sent.json()["name"]
        assert (home / "camera" / name).read_bytes() == png(5)
        said = json.loads((home / "camera" / f"{name}.json").read_text())
        assert (said["asset"], said["lot"], said["time"][:19]) == (OVEN, "L-5", "2026-01-01T06:00:00")
        for to, content, who, code in (
            ("camera", b"no picture", "operator", 422),
            ("oven", png(5), "operator", 404),
            ("camera", png(6), "elsewhere", 403),
        ):
            refused = house.ask("POST", f"images/to/{to}", who, files={"file": ("x", content)}, data=form)
            assert refused.status_code == code, refused.text
        assert len(list((home / "camera").iterdir())) == 2
    finally:
        house.rooms.gateway.change("camera", None)
