"""Looks through networks: what is refused, how it is kept, cancelled and told; against real devices of others."""

from __future__ import annotations

import asyncio
import ctypes.util
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lineshaft import guard
from lineshaft.connect import MIGRATIONS, SourceEntry
from lineshaft.connect.discovery import Discovery, DiscoverySettings
from lineshaft.connect.discovery.found import Found
from lineshaft.connect.discovery.probes.ethernet_ip import parse
from lineshaft.connect.discovery.probes.modbus import identity
from lineshaft.connect.discovery.work import proposal
from lineshaft.core import Conflict, Database, Forbidden, InvalidInput
from lineshaft.guard import Command, Guard, Role, Subject
from tests.counterparts.programs import MEND, python, running

FOLDER = Path(__file__).parents[2] / "counterparts"
HERE = "127.0.0.1"
ANNA = Subject("u1", "anna", "person", frozenset({Role.ENGINEER}), "Anna")


@pytest.fixture
def kept(database: Database) -> tuple[Database, Guard]:
    database.migrate({"guard": guard.MIGRATIONS, "connect": MIGRATIONS})
    return database, Guard(database)


def discovery(kept: tuple[Database, Guard], **more: Any) -> Discovery:
    settings = {"networks": [f"{HERE}/32"], "per_second": 1_000, "connect_timeout": "2s", "unit_timeout": "2s"} | more
    return Discovery(*kept, DiscoverySettings.model_validate(settings))


def look(work: Discovery, kept: tuple[Database, Guard], network: str, *protocols: Any) -> dict[str, Any]:
    begin(work, kept, network, *protocols)
    work.wait(60)
    told = work.look()
    assert told is not None
    return told


def begin(work: Discovery, kept: tuple[Database, Guard], network: str, *protocols: Any) -> dict[str, Any]:
    command = Command(ANNA, "discovery.scan", f"network:{network}")
    return kept[1].perform(command, lambda tx: work.begin(tx, network, protocols, ANNA))


def free() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


# --- what is refused ------------------------------------------------------------------------------------------------


def test_without_a_network_nothing_may_be_looked_for():
    with pytest.raises(Forbidden, match="no network may be looked through on this node"):
        DiscoverySettings().addresses("10.0.0.0/24")


@pytest.mark.parametrize("asked", ["10.0.1.0/24", "10.0.0.0/23", "192.168.0.1", "::1"])
def test_a_network_that_is_not_listed_is_refused_with_the_reason(asked: str):
    settings = DiscoverySettings(networks=("10.0.0.0/24", "172.16.0.0/16"))
    with pytest.raises(Forbidden, match=r"not on the list: only 10\.0\.0\.0/24, 172\.16\.0\.0/16 may") as told:
        settings.addresses(asked)
    assert told.value.code == "discovery.not-allowed"


def test_a_part_of_a_listed_network_is_allowed():
    assert DiscoverySettings(networks=("10.0.0.0/24",)).addresses("10.0.0.8/30") == ["10.0.0.9", "10.0.0.10"]


def test_a_look_covers_so_many_addresses_and_no_more():
    with pytest.raises(InvalidInput, match="65536 addresses, one look covers 4096"):
        DiscoverySettings(networks=("10.0.0.0/8",)).addresses("10.1.0.0/16")


def test_what_is_no_network_is_not_taken():
    with pytest.raises(ValidationError, match=r"'10\.0\.0\.0/33' is no network"):
        DiscoverySettings(networks=("10.0.0.0/33",))
    with pytest.raises(InvalidInput, match="'the hall' is no network"):
        DiscoverySettings().addresses("the hall")


def test_a_refused_look_asks_nobody_and_is_in_the_audit(kept: tuple[Database, Guard]):
    work = discovery(kept)
    with pytest.raises(Forbidden):
        begin(work, kept, "10.9.9.0/24", "modbus")
    assert work.look() is None
    row = kept[1].audit(limit=1)[0]
    assert (row.action, row.outcome, row.resource) == ("discovery.scan", "refused", "network:10.9.9.0/24")


def test_browsing_is_no_way_around_the_list(kept: tuple[Database, Guard]):
    with pytest.raises(Forbidden, match="neither the server of a source nor in a network"):
        discovery(kept).browse({"url": "opc.tcp://10.9.9.9:4840", "security": "None"}, "i=85")


# --- what answers mean ----------------------------------------------------------------------------------------------


def test_an_answer_cut_anywhere_is_no_device():
    body = bytes(2 + 16) + b"\x01\x00\x0e\x00\x37\x00\x14\x0b\x60\x31" + b"\x78\x56\x34\x12" + b"\x041756" + b"\x03"
    whole = b"\x63\x00" + (len(body) + 6).to_bytes(2, "little") + bytes(20) + b"\x01\x00\x0c\x00"
    whole += len(body).to_bytes(2, "little") + body
    found = parse(whole, "10.0.0.1:44818")
    assert found is not None
    assert (found.name, found.maker, found.model) == ("1756", "Rockwell Automation", "programmable logic controller")
    assert (found.facts["revision"], found.facts["serial"]) == ("20.011", "12345678")
    for length in range(len(whole) - 6):
        cut = parse(whole[:length], "x")
        assert cut is None or cut.facts["serial"] == "12345678"


def test_a_unit_says_who_it_is():
    answer = b"\x2b\x0e\x01\x01\x00\x00\x03" + b"\x00\x04Acme" + b"\x01\x02C7" + b"\x02\x031.2"
    assert identity(answer) == ("Acme", "C7", "1.2")
    assert identity(b"\xab\x01") == ("", "", "")
    assert identity(answer[:-4]) == ("Acme", "C7", "")


# --- the inventory --------------------------------------------------------------------------------------------------


def test_what_a_person_wrote_stays_when_a_system_is_found_again(kept: tuple[Database, Guard]):
    work = discovery(kept)
    one = Found("modbus", "10.0.0.5:502 unit 1", "C7", "Acme", "C7", ("open",), {"unit": 1, "any_unit": False})
    with kept[0].begin() as tx:
        assert work.inventory.take(tx, [one], 1_000) == {"new": 1, "known": 0}
    row = work.inventory.all()[0]
    with kept[0].begin() as tx:
        work.inventory.edit(tx, row["id"], {"owner": "Energy team", "status": "known", "name": "Chiller meter"}, row["version"])
    with kept[0].begin() as tx:
        assert work.inventory.missed(tx, {"10.0.0.5"}, {"modbus"}, 2_000, 2_500) == 1
    assert work.inventory.one(row["id"])["silent_since"] == 2_500
    with kept[0].begin() as tx:
        assert work.inventory.take(tx, [one], 3_000) == {"new": 0, "known": 1}
    row = work.inventory.one(row["id"])
    names = ("owner", "status", "name", "first_seen", "last_seen", "silent_since")
    assert [row[name] for name in names] == ["Energy team", "known", "Chiller meter", 1_000, 3_000, None]
    with kept[0].begin() as tx, pytest.raises(Conflict):
        work.inventory.edit(tx, row["id"], {"owner": "other"}, 1)
    with kept[0].begin() as tx, pytest.raises(InvalidInput, match="'knwon' is no status"):
        work.inventory.edit(tx, row["id"], {"status": "knwon"})


def test_a_part_of_a_network_makes_no_other_system_silent(kept: tuple[Database, Guard]):
    work = discovery(kept)
    with kept[0].begin() as tx:
        work.inventory.take(tx, [Found("modbus", "10.0.0.5:502 unit 1"), Found("opcua", "10.0.0.6:4840")], 1_000)
        assert work.inventory.missed(tx, {"10.0.0.6"}, {"modbus"}, 2_000, 2_500) == 0


FACTS = {
    "opcua": {"url": "opc.tcp://10.0.0.5:4840/m", "security": "Basic256Sha256"},
    "modbus": {"unit": 7},
    "ethernet_ip": {},
}


@pytest.mark.parametrize("protocol", FACTS)
def test_a_proposed_source_can_be_used_as_it_stands(protocol: str):
    address = "10.0.0.5:502 unit 7" if protocol == "modbus" else "10.0.0.5:4840"
    text = proposal.source_text(
        {"protocol": protocol, "address": address, "name": 'Press "7" / Ölhalle', "facts": FACTS[protocol]}
    )
    entry = SourceEntry.model_validate(tomllib.loads(text)["sources"][0])
    assert entry.build().name == "Press 7 lhalle"
    assert entry.type == protocol


# --- looking --------------------------------------------------------------------------------------------------------


def test_a_look_can_be_cancelled_and_keeps_what_it_found(kept: tuple[Database, Guard]):
    """A black hole: it takes calls and never answers."""
    with socket.socket() as hole:
        hole.bind((HERE, 0))
        hole.listen(16)
        hole.settimeout(20)
        settings = DiscoverySettings(
            networks=(f"{HERE}/32",), modbus_ports=(hole.getsockname()[1],), modbus_units=tuple(range(256)), unit_timeout="1h"
        )
        work = Discovery(*kept, settings)
        begin(work, kept, HERE, "modbus")
        line, _ = hole.accept()
        line.settimeout(20)
        assert line.recv(12)[6:8] == b"\x00\x03"
        with pytest.raises(Conflict, match="is running"):
            begin(work, kept, HERE, "modbus")
        told = work.look()
        assert told is not None
        assert (told["state"], told["asked"], told["total"]) == ("running", 0, 1)
        work.cancel()
        work.wait(20)
        told = work.look()
        assert told is not None
        assert (told["state"], told["message"]) == ("cancelled", "cancelled after 0 of 1 questions")
        line.close()
    with pytest.raises(Conflict, match="no look is running"):
        work.cancel()


def test_questions_keep_their_distance(kept: tuple[Database, Guard]):
    """64 addresses where nobody listens, 100 questions a second after the first ten."""
    work = discovery(kept, networks=["127.0.0.0/8"], per_second=100, at_once=64, modbus_ports=[free()])
    told = look(work, kept, "127.1.0.0/26", "modbus")
    assert (told["state"], told["asked"], told["found"]) == ("done", 62, 0)
    assert told["ended"] - told["started"] >= 0.5e9


class Hall:
    """A source that heard two devices being born."""

    name = "hall"

    async def run(self, out: object) -> None:
        await asyncio.Event().wait()

    def systems(self) -> list[dict[str, Any]]:
        return [
            {"path": "Plant/Edge1", "tags": ["Plant/Edge1/a", "Plant/Edge1/b"], "alive": True},
            {"path": "Plant/Edge2", "tags": [], "alive": False},
        ]


def test_those_that_announce_themselves_are_noted_without_a_question(kept: tuple[Database, Guard]):
    work = Discovery(*kept, DiscoverySettings(), sources=lambda: [Hall()])
    told = look(work, kept, "", "sparkplug")
    assert (told["state"], told["total"], told["found"]) == ("done", 0, 2)
    first, second = work.inventory.all()
    assert (first["name"], first["facts"]["count"], first["gaps"]) == ("Plant/Edge1", 2, [])
    assert second["gaps"] == ["it was born and is silent now"]
    assert work.proposal(first["id"])["remark"] == "the source 'hall' hears it already: 2 tags"


@pytest.mark.counterpart
def test_a_libmodbus_server_is_found(kept: tuple[Database, Guard]):
    if ctypes.util.find_library("modbus") is None:
        pytest.skip("libmodbus is not here: `apt-get install libmodbus5`")
    port = free()
    with running(sys.executable, FOLDER / "modbus_server.py", "tcp", str(port)):
        work = discovery(kept, modbus_ports=[port], modbus_units=[1, 2, 247])
        told = look(work, kept, HERE, "modbus")
    assert (told["state"], told["asked"], told["found"]) == ("done", 1, 1)
    row = work.inventory.all()[0]
    assert (row["address"], row["facts"]["any_unit"]) == (f"{HERE}:{port}", True)
    assert "it answers to every unit id" in row["gaps"]
    assert f'url = "tcp://{HERE}:{port}"' in work.proposal(row["id"])["source"]
    gone = look(work, kept, HERE, "modbus")
    assert (gone["found"], work.inventory.all()[0]["silent_since"] is not None) == (0, True)


@pytest.mark.counterpart
def test_a_logix_controller_is_found(kept: tuple[Database, Guard]):
    interpreter = python("ethernetip")
    if interpreter is None:
        pytest.skip(f"the Logix server is not here: {MEND}")
    port = free()
    with running(interpreter, FOLDER / "logix_server.py", str(port)):
        work = discovery(kept, ethernet_ip_ports=[port])
        told = look(work, kept, HERE, "ethernet_ip")
    assert (told["state"], told["found"]) == ("done", 1)
    row = work.inventory.all()[0]
    assert (row["name"], row["status"], row["address"]) == ("Counterpart", "new", f"{HERE}:{port}")
    assert row["facts"]["serial"]


@contextmanager
def machine(node: Path, folder: Path, port: int, pki: Path) -> Iterator[None]:
    command = [node, folder / "opcua_machine.mjs", str(port), pki]
    log = pki.with_suffix(".log")
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder) as one:
        try:
            assert one.stdout is not None
            assert any(line.startswith("up") for line in one.stdout), log.read_text()
            yield
        finally:
            one.kill()


@pytest.mark.counterpart
def test_an_opcua_server_is_found_and_a_machine_tool_seen_in_it(
    kept: tuple[Database, Guard], node: Path, npm_counterparts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    port = free()
    with machine(node, npm_counterparts, port, tmp_path / "pki-server"):
        work = discovery(kept, opcua_ports=[port])
        told = look(work, kept, HERE, "opcua")
        assert (told["state"], told["found"]) == ("done", 1)
        row = work.inventory.all()[0]
        assert row["facts"]["url"] == f"opc.tcp://{HERE}:{port}/m"
        assert "anybody may log in without a name" in row["gaps"]
        proposed = work.proposal(row["id"])
        said = [one["looks_like"] for one in proposed["models"]]
        assert said == [
            "'MyMill' looks like a MachineTool with 2 variables",
            "'Skid' looks like a machine of no declared type with 3 variables",
        ]
        assert '{name: "Pressure", kind: measurement, type: double}' in proposed["models"][1]["text"]
        options = {"url": row["facts"]["url"], "security": "None"}
        below = {one["name"]: one for one in work.browse(options, "i=85")}
        assert below["Skid"]["kind"] == "object"
        inside = work.browse(options, below["Skid"]["node"])
        assert [(one["name"], one["value"], one["type"]) for one in inside] == [
            ("Pressure", "4.5", "double"),
            ("Open", "True", "boolean"),
            ("Recipe", "7", "string"),
        ]
    assert "its inside could not be seen" in work.proposal(row["id"])["remark"]
