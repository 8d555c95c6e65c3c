"""Messages to others: signed, tried again, replayed, and only of what was asked for."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lineshaft.core import ConfigError, NotFound, SystemEvent, load
from lineshaft.maintain import Webhooks, WebhooksSettings

SECRET = "wh-s3cret-value"
PUMP = "Bakery/Line 1/Cooler/Coolant pump"


class Receiver:
    """An address that remembers what it was told; `status` is what it answers."""

    def __init__(self):
        self.got, self.status = [], 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def board(monkeypatch):
    monkeypatch.setenv("BOARD_SECRET", SECRET)
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def hooks(shop, board, **values):
    entry = {"name": "board", "url": board.url, "secret_env": "BOARD_SECRET", **values}
    settings = WebhooksSettings.model_validate([entry])
    return Webhooks(shop.db, shop.bus, settings.entries, "/lineshaft/plant", "node")


def until(said, seconds=30.0):
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_message_is_shown_as_it_goes_out(lite, board):
    made = hooks(lite, board)
    made.tell("order", "create", PUMP, "WO-000001", {"number": "WO-000001", "title": "Pumpe läuft laut"})
    (row,) = made.list()
    shown = made.rehearse_again(row["id"])
    assert (shown["url"], shown["state"], board.got) == (board.url, "waiting", []), "nothing is sent by looking"
    made.start()
    until(lambda: made.list(state="delivered"))
    made.stop()
    ((headers, body),) = board.got
    assert body.decode() == shown["body"], "byte for byte"
    assert {name: headers[name] for name in ("Content-Type", "Webhook-Id")} == {
        name: shown["headers"][name] for name in ("Content-Type", "Webhook-Id")
    }
    stamp, mine = shown["headers"]["Webhook-Timestamp"], shown["headers"]["Webhook-Signature"]
    digest = hmac.new(SECRET.encode(), f"{headers['Webhook-Id']}.{stamp}.".encode() + body, hashlib.sha256).digest()
    assert b64decode(mine.removeprefix("v1,")) == digest
    with pytest.raises(NotFound):
        made.rehearse("nobody", "anna")


def test_a_receiver_can_verify_what_it_is_told(lite, board):
    made = hooks(lite, board)
    made.start()
    assert made.tell("order", "create", PUMP, "WO-000001", {"number": "WO-000001", "title": "Pumpe läuft laut"}) == 1
    until(lambda: made.list(state="delivered"))
    made.stop()
    ((headers, body),) = board.got
    event = json.loads(body)
    assert {event["specversion"], event["type"], event["source"]} == {"1.0", "org.lineshaft.order.create", "/lineshaft/plant"}
    assert (event["subject"], event["data"]["title"], event["datacontenttype"]) == (
        "WO-000001",
        "Pumpe läuft laut",
        "application/json",
    )
    assert headers["Content-Type"] == "application/cloudevents+json"
    said = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    version, _, mine = headers["Webhook-Signature"].partition(",")
    assert version == "v1"
    assert hmac.compare_digest(b64decode(mine), hmac.new(SECRET.encode(), said, hashlib.sha256).digest())
    assert headers["Webhook-Id"] == event["id"]
    (row,) = made.list()
    assert (row["status"], row["attempts"], row["error"]) == (204, 0, "")


def test_only_what_was_asked_for_is_told(lite, board):
    made = hooks(lite, board, events=["alarm"], asset="Bakery/Line 1")
    assert made.tell("order", "create", PUMP, "WO-1", {}) == 0
    assert made.tell("alarm", "raised", "Bakery/Line 10/Oven", "a", {}) == 0
    assert made.tell("alarm", "raised", PUMP, "a", {}) == 1
    assert made.tell("purchase", "approved", "", "PO-1", {}) == 0


def test_a_receiver_that_is_down_is_tried_again_and_gets_the_same_message(lite, board):
    told = []
    lite.bus.on(SystemEvent, told.append)
    made = hooks(lite, board)
    board.status = 503
    made.start()
    made.tell("finding", "raised", PUMP, "f", {"score": 0.9})
    until(lambda: made.list() and made.list()[0]["attempts"] == 2)
    assert SECRET not in str(made.list()) + str(told)
    board.status = 200
    until(lambda: made.list(state="delivered"))
    until(lambda: told and not told[-1].active)
    made.stop()
    assert len({headers["Webhook-Id"] for headers, _ in board.got}) == 1
    assert told[0].active


def test_a_message_is_replayed_with_its_id_and_given_up_after_a_while(lite, board):
    made = hooks(lite, board, give_up="1ms")
    board.status = 500
    made.start()
    made.tell("case", "opened", PUMP, "CASE-1", {})
    until(lambda: made.list(state="given up"))
    board.status = 200
    with lite.db.begin() as tx:
        made.replay(tx, made.list()[0]["id"])
    until(lambda: made.list(state="delivered"))
    with lite.db.begin() as tx:
        made.test(tx, "board", "Bert")
    until(lambda: len(made.list(state="delivered")) == 2)
    made.stop()
    assert len({headers["Webhook-Id"] for headers, _ in board.got}) == 2
    assert made.forget(2**62) == 2
    assert made.list() == []
    with pytest.raises(NotFound), lite.db.begin() as tx:
        made.test(tx, "bord", "Bert")


def test_what_was_written_down_before_a_crash_is_told_after_it(lite, board):
    hooks(lite, board).tell("order", "done", PUMP, "WO-1", {})
    again = hooks(lite, board)
    again.start()
    until(lambda: again.list(state="delivered"))
    again.stop()
    assert len(board.got) == 1


def test_settings_name_what_is_wrong(tmp_path):
    file = tmp_path / "settings.toml"
    for wrong, said in (
        ('[[webhooks]]\nname = "a"\nurl = "http://u:p@h"\nsecret_env = "S"\n', "environment variable"),
        ('[[webhooks]]\nname = "a"\nurl = "http://h"\nsecret_env = "S"\nevents = ["ordr"]\n', "'order'"),
        ('[[webhooks]]\nname = "a"\nurl = "http://h"\nsecret_env = "S"\n' * 2, "two webhooks"),
    ):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match=said):
            load(file, {"webhooks": WebhooksSettings})
