from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lineshaft.core import SystemEvent
from lineshaft.production import FeedEntry
from tests.production.conftest import Floor

COLUMNS = {"order": "number", "customer": "buyer.name", "product": "material", "quantity": "amount", "due": "date"}


class Mes:
    """Another system behind a real HTTP server: it answers two orders a page and notes what it was asked."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str | None]] = []
        self.instead: tuple[int, bytes, dict[str, str]] | None = None
        mes = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mes.asked.append((self.path, self.headers.get("Authorization")))
                status, body, headers = mes.instead or mes.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                del args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/orders?plant=1"

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        query = parse_qs(urlsplit(path).query)
        since, at = query.get("since", [""])[0], int(query.get("at", ["0"])[0])
        found = [one for one in self.orders if one["changed"] >= since]
        following = f"/orders?at={at + 2}&since={since}" if at + 2 < len(found) else None
        body = {"data": {"items": found[at : at + 2]}, "links": {"next": following}}
        return 200, json.dumps(body).encode(), {}

    def order(self, number: int, minute: int, *amounts: float) -> None:
        lines = [{"material": "A", "amount": amount, "date": "2026-01-10"} for amount in amounts]
        changed = f"2026-01-05T08:{minute:02}:00Z"
        self.orders.append({"number": number, "buyer": {"name": "Nord"}, "changed": changed, "positions": lines})


@pytest.fixture
def mes() -> Iterator[Mes]:
    other = Mes()
    thread = threading.Thread(target=other.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield other
    other.server.shutdown()
    thread.join()
    other.server.server_close()


def planned(floor: Floor, mes: Mes, **options: Any) -> None:
    own = {"kind": "orders", "columns": COLUMNS, "items": "data.items", "lines": "positions", "since": "since", "mark": "changed"}
    entry = FeedEntry.model_validate({"name": "mes", "type": "rest", "url": mes.url, "next": "links.next", **own, **options})
    floor.production.feeder.plan([entry.build()])


def test_pages_are_followed_and_only_what_is_new_is_asked_for(floor: Floor, mes: Mes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MES_SECRET", "Bearer of news")
    for n in range(5):
        mes.order(100 + n, n, 10, 20)
    planned(floor, mes, secret_env="MES_SECRET")
    assert floor.production.feeder.read("mes").last_taken == 5
    assert [path for path, _ in mes.asked] == ["/orders?plant=1", "/orders?at=2&since=", "/orders?at=4&since="]
    assert {secret for _, secret in mes.asked} == {"Bearer of news"}
    order = floor.production.orders.get("100")
    assert (order["customer"], [line["quantity"] for line in order["lines"]]) == ("Nord", [10, 20])
    mes.order(200, 59, 1)
    assert floor.production.feeder.read("mes").last_taken == 1
    assert mes.asked[3][0] == "/orders?plant=1&since=2026-01-05T08%3A04%3A00Z"


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ((302, b"", {"Location": "http://127.0.0.2/"}), "answers with a redirect"),
        ((503, b"", {}), "answers 503"),
        ((200, b"<html>", {}), "not JSON"),
        ((200, b"{}", {}), "there is no list at"),
        ((200, b" " * 2000, {}), "larger than"),
        ((200, b'{"data": {"items": []}, "links": {"next": "http://127.0.0.2/x"}}', {}), "on another host"),
    ],
)
def test_what_does_not_answer_as_it_should_is_told(floor: Floor, mes: Mes, instead: Any, said: str):
    mes.order(1, 1, 1)
    planned(floor, mes, most_bytes=1000)
    mes.instead = instead
    status = floor.production.feeder.read("mes")
    assert (status.state, said in status.error, len(mes.asked)) == ("failing", True, 1), status.error
    mes.instead = None
    assert floor.production.feeder.read("mes").last_taken == 1


def test_a_secret_that_is_not_there_is_not_left_out_silently(floor: Floor, mes: Mes):
    planned(floor, mes, secret_env="NOT_SET_ANYWHERE")
    assert "NOT_SET_ANYWHERE is empty" in floor.production.feeder.read("mes").error
    assert mes.asked == []


def test_the_thread_reads_at_once_and_when_asked_and_one_failing_feed_stops_no_other(floor: Floor, mes: Mes):
    mes.order(1, 1, 1)
    read = threading.Semaphore(0)
    floor.bus.on(SystemEvent, lambda _event: read.release())
    own = {"kind": "orders", "columns": COLUMNS, "items": "data.items", "lines": "positions", "every": "1h"}
    entries = [{"name": "dead", "url": "http://127.0.0.1:1/x"}, {"name": "mes", "url": mes.url}]
    feeder = floor.production.feeder
    feeder.start([FeedEntry.model_validate({"type": "rest", **own, **entry}).build() for entry in entries])
    assert read.acquire(timeout=10)
    assert read.acquire(timeout=10)
    assert [(status.name, status.state, status.taken) for status in feeder.statuses()] == [
        ("dead", "failing", 0),
        ("mes", "ok", 1),
    ]
    mes.order(2, 2, 1)
    feeder.ask("mes")
    assert read.acquire(timeout=10)
    assert feeder.statuses()[1].taken == 2
    feeder.stop()
