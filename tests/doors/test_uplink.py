"""The line between an edge and its plant over real TLS: who may speak, what is said twice, certificates that end and begin."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from lineshaft.connect import Accounts, EdgeBuffer, Edges, EdgesSettings, Reception
from lineshaft.connect.edge.identity import enrol, read_identity
from lineshaft.connect.edge.line import Refused
from lineshaft.connect.edge.uplink import Uplink
from lineshaft.core import NS, CredentialsError, InvalidInput, Retryable, now_ns, samples
from lineshaft.doors import uplink
from tests.doors.conftest import House


class Door:
    """The plant's door on a free port."""

    def __init__(self, house: House, folder: Path, valid: str = "365d") -> None:
        folder.mkdir()
        self.house = house
        self.edges = Edges(house.rooms.db, folder / "ca", EdgesSettings(certificate_valid=valid))
        self.accounts = Accounts(folder / "edges.db")
        reception = self.reception = Reception(house.rooms.guard, self.edges, self.accounts, house.rooms.ingest)
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        self.server = uvicorn.Server(uplink.config(reception, self.edges.authority))
        self.thread = threading.Thread(target=self.server.run, args=([listener],), daemon=True)
        self.thread.start()
        self.listener = listener

    def code(self, name: str) -> str:
        with self.house.rooms.db.begin() as tx:
            return str(self.edges.invite(tx, name, 3600 * NS)["code"])

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(15)
        self.listener.close()
        self.accounts.close()


@pytest.fixture
def door(house: House, tmp_path: Path) -> Iterator[Door]:
    made = Door(house, tmp_path / "plant")
    yield made
    made.close()


class Edge:
    """An edge without sources."""

    def __init__(self, folder: Path, door: Door, name: str) -> None:
        self.folder, self.door, self.name = folder, door, name
        self.buffer = EdgeBuffer(folder / "edge.db")
        enrol(folder, door.url, door.code(name))
        self.line = Uplink(folder, self.buffer, 10)

    def said(self, count: int) -> None:
        began = now_ns() - count * NS
        self.buffer.put("press", samples({"tag": f"T{n % 3}", "ts": began + n * NS, "value": float(n)} for n in range(count)))

    def hand_over(self, *, forget: bool = True) -> None:
        batches = self.buffer.head()
        try:
            self.line.deliver(batches)
            if forget:
                self.buffer.delivered(batches)
        finally:
            self.buffer.returned()

    def account(self) -> dict[str, int]:
        accounts, store = self.door.accounts, self.door.house.rooms.store
        rows = store.ledger(accounts.received(), accounts.pending(), accounts.lost(), accounts.filtered())
        mine = [row for row in rows if row.source == f"{self.name}/press"]
        return {
            name: sum(getattr(row, name) for row in mine) for name in ("received", "stored", "duplicate", "pending", "balance")
        }

    def close(self) -> None:
        self.line.close()
        self.buffer.close()


@pytest.fixture
def edge(door: Door, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Edge]:
    name = request.node.name.removeprefix("test_").replace("_", "-")[:29].strip("-")
    made = Edge(tmp_path / "edge", door, name)
    yield made
    made.close()


def test_what_is_delivered_twice_is_stored_once_and_the_account_balances(edge: Edge):
    edge.said(30)
    edge.hand_over(forget=False)
    edge.hand_over(forget=False)
    edge.said(12)
    edge.hand_over()
    assert edge.account() == {"received": 42 + 60, "stored": 42, "duplicate": 60, "pending": 0, "balance": 0}


def test_a_picture_travels_whole_and_a_refusal_says_why(edge: Edge):
    got: list[tuple[str, bytes, dict[str, Any]]] = []

    def take(name: str, content: bytes, said: dict[str, Any]) -> None:
        if said["asset"] == "nowhere":
            raise InvalidInput("there is no asset 'nowhere'")
        got.append((name, content, said))

    with pytest.raises(Refused, match="keeps no pictures"):
        edge.line.picture(b"x", {"asset": "A"})
    edge.door.reception.picture = take
    content = bytes(range(256)) * 8_000
    edge.line.picture(content, {"asset": "Öfen", "score": 0.9})
    assert got == [(edge.name, content, {"asset": "Öfen", "score": 0.9})]
    with pytest.raises(Refused, match="no asset 'nowhere'"):
        edge.line.picture(b"x", {"asset": "nowhere"})


def test_a_shut_out_edge_keeps_its_values_and_hands_them_over_once_invited_again(edge: Edge):
    edge.said(9)
    edge.hand_over()
    edge.said(21)
    with edge.door.house.rooms.db.begin() as tx:
        edge.door.edges.revoke(tx, edge.name, "stolen")
    with pytest.raises(Refused, match="shut out: stolen"):
        edge.hand_over()
    assert edge.buffer.depth().rows == 21
    enrol(edge.folder, edge.door.url, edge.door.code(edge.name))
    edge.hand_over()
    assert edge.account() == {"received": 30, "stored": 30, "duplicate": 0, "pending": 0, "balance": 0}


def test_a_lost_buffer_counts_anew_and_the_sums_stay_right(edge: Edge):
    edge.said(9)
    edge.hand_over()
    edge.buffer.close()
    (edge.folder / "edge.db").unlink()
    edge.buffer = EdgeBuffer(edge.folder / "edge.db")
    edge.line.close()
    edge.line = Uplink(edge.folder, edge.buffer, 10)
    edge.said(4)
    edge.hand_over()
    assert edge.account() == {"received": 13, "stored": 13, "duplicate": 0, "pending": 0, "balance": 0}


def test_a_clock_that_jumps_back_an_hour_loses_nothing_and_is_told(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    edge.said(5)
    buffer = edge.buffer
    rows = samples([{"tag": "T0", "ts": now_ns(), "value": 1.0}])
    buffer.put("press", rows, arrived=now_ns() - 3600 * NS)
    seqs = [batch.seq for batch in buffer.head()]
    buffer.returned()
    assert seqs == sorted(set(seqs))
    edge.hand_over()
    assert edge.account()["balance"] == 0
    assert edge.account()["stored"] == 6
    from lineshaft.connect.edge import uplink as module

    monkeypatch.setattr(module, "now_ns", lambda: now_ns() + 3600 * NS)
    edge.line.report({})
    assert edge.line.offset_ns is not None
    assert 3590 * NS < edge.line.offset_ns < 3610 * NS


def test_a_certificate_is_renewed_in_time_and_the_one_before_is_good_no_more(house: House, tmp_path: Path):
    door = Door(house, tmp_path / "plant", valid="20m")
    edge = Edge(tmp_path / "edge", door, "renewing")
    before = (tmp_path / "edge" / "edge" / "edge.pem").read_bytes()
    assert edge.line.renew_if_due() is True
    edge.said(3)
    edge.hand_over()
    after = (tmp_path / "edge" / "edge" / "edge.pem").read_bytes()
    assert before != after
    (tmp_path / "edge" / "edge" / "edge.pem").write_bytes(before)
    edge.line.close()
    with pytest.raises(Refused) as error:
        edge.line.report({})
    assert error.value.code == "edge.certificate-unknown"
    edge.close()
    door.close()


def test_an_expired_certificate_is_said_and_costs_nothing(house: House, tmp_path: Path):
    door = Door(house, tmp_path / "plant", valid="2s")
    edge = Edge(tmp_path / "edge", door, "expiring")
    edge.said(3)
    for _ in range(200):
        edge.line.close()
        try:
            edge.line.report({})
        except (Refused, Retryable):
            break
        threading.Event().wait(0.05)
    with pytest.raises(Refused) as error:
        edge.hand_over()
    assert error.value.code == "edge.certificate-expired"
    assert edge.buffer.depth().rows == 3
    edge.close()
    door.close()


def test_another_plant_is_not_believed(edge: Edge, house: House, tmp_path: Path):
    other = Door(house, tmp_path / "other")
    try:
        secret = edge.door.code("nobody").split("-")[0]
        wrong = f"{secret}-{'0' * 20}"
        with pytest.raises(CredentialsError, match="not the one that printed the code"):
            enrol(tmp_path / "new", edge.door.url, wrong)
        identity = read_identity(edge.folder)
        said = json.loads((identity.folder / "identity.json").read_text())
        (identity.folder / "identity.json").write_text(json.dumps({**said, "url": other.url}))
        edge.line.close()
        with pytest.raises(Refused) as error:
            edge.line.report({})
        assert error.value.code == "edge.plant-unknown"
    finally:
        other.close()


def test_nobody_without_a_certificate_gets_further_than_the_claim(door: Door):
    import ssl
    import urllib.error
    import urllib.request

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for path in ("/edge/batches", "/edge/report", "/edge/renew", "/"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(door.url + path, b"{}", method="POST"), context=context, timeout=10)
        assert error.value.code == 403
        error.value.close()
