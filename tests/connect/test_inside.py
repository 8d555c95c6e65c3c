"""Looking inside machines nobody here wrote: what a person picks from, what each pick becomes, and how a look ends."""

from __future__ import annotations

import csv
import ctypes.util
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pylogix.lgx_response import Response
from pylogix.lgx_tag import UDT, Tag

from lineshaft.connect import SourceEntry, source_plugins
from lineshaft.connect.inside import Browser, inside_plugins
from lineshaft.connect.insides.ethernet_ip import seen_of
from lineshaft.connect.logix_tags import LogixTag
from lineshaft.connect.rehearsal import read_once
from lineshaft.connect.sight import Wish
from lineshaft.connect.sources.ethernet_ip import EthernetIpOptions
from lineshaft.core import Conflict, CredentialsError, InvalidInput, NotFound, Retryable
from tests.connect.plant import Plant
from tests.connect.test_sparkplug_counterpart import edge_node
from tests.counterparts.mosquitto import mosquitto
from tests.counterparts.programs import MEND, python, running

FOLDER = Path(__file__).parents[1] / "counterparts"
HERE = "127.0.0.1"


def look(kind: str, options: dict[str, Any], below: str = "", **wish: Any) -> dict[str, dict[str, Any]]:
    """Look inside and return what there is by name."""
    told = Browser().look(entry(kind, options), Wish(below, **wish), "")
    return {one["name"]: one for one in told["items"]}


def entry(kind: str, options: dict[str, Any], name: str = "press") -> SourceEntry:
    return SourceEntry.model_validate({"name": name, "type": kind, **options})


def test_every_protocol_can_be_looked_into():
    assert set(source_plugins()) - set(inside_plugins()) == {"pictures"}, "a folder of pictures has nothing to pick"


def test_options_that_lead_nowhere_are_told():
    with pytest.raises(InvalidInput, match="no plugin 'opcau'"):
        Browser().look(entry("opcau", {}), Wish(), "")
    with pytest.raises(InvalidInput, match="url"):
        Browser().look(entry("opcua", {}), Wish(), "")


@pytest.mark.parametrize("kind", ["opcua", "modbus", "ethernet_ip", "s7", "mqtt"])
def test_an_address_where_nobody_is_is_told_as_such(kind: str, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    urls = {"opcua": "opc.tcp", "modbus": "tcp", "mqtt": "mqtt"}
    options: dict[str, Any] = {"host": HERE, "port": free_port}
    if kind in urls:
        options = {"url": f"{urls[kind]}://{HERE}:{free_port}"} | ({"security": "None"} if kind == "opcua" else {})
    with pytest.raises(Retryable) as told:
        Browser().look(entry(kind, options), Wish(), "")
    assert told.value.code in ("inside.away", "opcua.away")


def test_a_look_is_ended_by_its_ticket():
    """A black hole: it takes the call and never answers."""
    browser, said = Browser(), list[str]()
    with socket.socket() as hole:
        hole.bind((HERE, 0))
        hole.listen(4)
        hole.settimeout(20)
        options = {"url": f"opc.tcp://{HERE}:{hole.getsockname()[1]}", "security": "None", "timeout": "1h"}

        def work() -> None:
            try:
                browser.look(entry("opcua", options), Wish(), "t-1")
            except Conflict as error:
                said.append(error.code)

        thread = threading.Thread(target=work)
        thread.start()
        line, _ = hole.accept()
        line.settimeout(20)
        assert line.recv(3) == b"HEL"
        browser.cancel("t-1")
        thread.join(20)
        line.close()
    assert said == ["inside.ended"]
    with pytest.raises(NotFound):
        browser.cancel("t-1")


# --- OPC UA ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def plant(node: Path, npm_counterparts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path / "home"))
    one = Plant(node, npm_counterparts, tmp_path / "pki", units=1)
    yield one
    one.kill()


@pytest.mark.counterpart
@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
def test_a_foreign_opcua_server_is_opened_searched_and_picked_from(plant: Plant, monkeypatch: pytest.MonkeyPatch):
    url = f"opc.tcp://{HERE}:{plant.port}/plant"
    opened = {"url": url, "security": "None"}
    top = look("opcua", opened)
    assert (top["Line"]["kind"], top["Line"]["more"]) == ("branch", True)
    inside = look("opcua", opened, top["Line"]["id"])
    weight = inside["Weight"]
    assert [weight[name] for name in ("type", "value", "unit", "more")] == ["double", "12.5", "kg", False]
    assert weight["pick"] == {"option": "nodes", "value": f"ns={plant.namespace};s=weight", "sets": {}}
    found = look("opcua", opened, find="WEIGHT")
    assert list(found) == ["Line/Weight"]
    below = look("opcua", opened, top["Line"]["id"], deep=True)
    assert {f"v{n}" for n in range(10)} <= set(below)
    cut = Browser().look(entry("opcua", opened), Wish(top["Line"]["id"], deep=True, most=3), "")
    assert len(cut["items"]) == 3
    monkeypatch.setenv("SOURCE_PRESS", "not the password")
    with pytest.raises(CredentialsError) as told:
        look("opcua", {**opened, "user": "user1", "password_env": "SOURCE_PRESS"})
    assert told.value.code == "credentials.refused"
    sealed = {"url": url, "security": "Basic256Sha256", "nodes": plant.tags(1)}
    with pytest.raises(CredentialsError) as told:
        look("opcua", sealed)
    assert (told.value.code, told.value.where) == ("trust.waits", "press")
    trust_the_waiting()
    assert "Line" in look("opcua", sealed)
    assert read_once(entry("opcua", sealed), 20)["items"][0]["tag"] == plant.tags(1)[0], "a reading stands in for its source"


def trust_the_waiting() -> None:
    from lineshaft.connect.sources.opcua.link import pki_folder
    from lineshaft.connect.trust import TrustList

    (waiting,) = TrustList(pki_folder()).all()
    TrustList(pki_folder()).accept(waiting.source, waiting.fingerprint)


# --- controllers ----------------------------------------------------------------------------------------------------


@pytest.mark.counterpart
def test_registers_of_a_libmodbus_server_are_picked(free_port: int):
    if ctypes.util.find_library("modbus") is None:
        pytest.skip("libmodbus is not here: `apt-get install libmodbus5`")
    options = {"url": f"tcp://{HERE}:{free_port}", "requests_per_second": 5_000}
    with running(sys.executable, FOLDER / "modbus_server.py", "tcp", str(free_port)):
        assert look("modbus", options)["unit 1"]["id"] == "1"
        tables = look("modbus", options, "1")
        assert list(tables) == ["holding", "input", "coil", "discrete"]
        assert "0 - 99" in look("modbus", options, tables["holding"]["id"])
        registers = look("modbus", options, "1/holding/0")
        coils = look("modbus", options, "1/coil/0")
        other = look("modbus", options, "2/holding/0")
    ten = registers["holding:10"]
    assert (ten["value"], ten["type"]) == ("10", "uint16")
    assert ten["pick"]["value"] == {"name": "holding:10", "at": "holding:10"}
    assert (coils["coil:1"]["type"], coils["coil:1"]["value"]) == ("bool", "true")
    assert other["holding:10"]["pick"]["value"]["unit"] == 2


@pytest.mark.counterpart
def test_a_logix_controller_gives_its_tags_or_says_that_it_does_not(free_port: int):
    interpreter = python("ethernetip")
    if interpreter is None:
        pytest.skip(f"the Logix server is not here: {MEND}")
    with running(interpreter, FOLDER / "logix_server.py", str(free_port)):
        told = Browser().look(entry("ethernet_ip", {"host": HERE, "port": free_port}), Wish(), "")
    found = {one["name"]: one for one in told["items"]}
    assert [one["code"] for one in told["remarks"]] == ([] if found else ["inside.noList"])
    if found:
        assert (found["Speed"]["type"], found["Speed"]["value"]) == ("REAL", "72.5")
        assert found["Count"]["pick"]["value"] == {"at": "Count"}


def logix_tag(name: str, kind: str, *, size: int = 0, struct: int = 0) -> Tag:
    tag = Tag()
    tag.TagName, tag.DataType, tag.Array, tag.Size, tag.Struct = name, kind, int(size > 0), size, struct
    return tag


class Logix:
    """A controller that gives out its list, as pylogix tells it; no server of others here serves that service."""

    def __init__(self) -> None:
        motor = UDT()
        motor.Name = "Motor"
        motor.Fields = [logix_tag("Speed", "REAL"), logix_tag("ZZZZZ1", "SINT"), logix_tag("Faults", "DINT", size=4)]
        self.UDTByName = {"Motor": motor}

    def GetTagList(self) -> Response:  # noqa: N802 - pylogix's name
        tags = [logix_tag("Pump", "Motor", struct=1), logix_tag("Count", "DINT"), logix_tag("__internal", "DINT")]
        return Response(None, [*tags, logix_tag("Program:Main.Step", "DINT"), logix_tag("Axis", "AXIS_CIP", struct=1)], "Success")

    def Read(self, names: list[str]) -> list[Response]:  # noqa: N802 - pylogix's name
        return [Response(name, 7, "Success") if name == "Count" else Response(name, None, "Path segment error") for name in names]


def test_members_of_logix_structures_are_picked_one_by_one():
    seen = seen_of(Logix(), EthernetIpOptions.model_validate({"host": HERE, "tags_file": "none yet"}), Wish())
    assert [(one.id, one.parent, one.kind, one.type) for one in seen.items] == [
        ("Pump", "", "branch", "Motor"),
        ("Pump.Speed", "Pump", "value", "REAL"),
        ("Pump.Faults", "Pump", "value", "DINT[4]"),
        ("Count", "", "value", "DINT"),
        ("Program:Main.Step", "", "value", "DINT"),
        ("Axis", "", "branch", "AXIS_CIP"),
    ]
    picks = {one.id: one.pick.value for one in seen.items if one.pick is not None}
    assert picks["Pump.Faults"] == {"at": "Pump.Faults[0]", "name": "Pump.Faults", "count": 4}
    tags = [LogixTag.model_validate(pick) for pick in picks.values()]
    assert {"Pump.Speed", "Pump.Faults[3]", "Program:Main.Step"} <= {label for tag in tags for label in tag.labels}
    assert [one.value for one in seen.items if one.value] == ["7"]


@pytest.mark.counterpart
def test_data_blocks_of_the_c_snap7_are_picked(free_port: int):
    interpreter = python("snap7")
    if interpreter is None:
        pytest.skip(f"the S7 server is not here: {MEND}")
    options = {"host": HERE, "port": free_port, "requests_per_second": 1_000}
    with running(interpreter, FOLDER / "s7_server.py", str(free_port)):
        assert {"DB1", "DB2", "M"} <= set(look("s7", options))
        assert list(look("s7", options, "DB2")) == ["0 - 63"]
        words = look("s7", options, "DB1/0")
    assert words["DB1.DBD8"]["value"] == "3"
    assert words["DB1.DBD8"]["pick"]["value"] == {"name": "DB1.DBD8", "at": "DB1.DBD8", "type": "real"}


# --- brokers, files, databases --------------------------------------------------------------------------------------


@pytest.mark.counterpart
def test_topics_of_a_mosquitto_are_heard_for_a_while(tmp_path: Path, free_port: int):
    with mosquitto(tmp_path, free_port) as broker:
        for topic, text in (("hall/press/speed", "7.5"), ("hall/press/state", '{"at": {"step": 3}, "ok": true}')):
            command = ["mosquitto_pub", "-h", HERE, "-p", str(broker.port), "-t", topic, "-m", text, "-r"]
            subprocess.run(command, check=True, timeout=30)
        found = look("mqtt", {"url": f"mqtt://{HERE}:{broker.port}"}, seconds=1.0)
    assert (found["hall"]["id"], found["hall"]["pick"]["value"]) == ("hall/#", {"filter": "hall/#"})
    assert (found["speed"]["value"], found["speed"]["parent"]) == ("7.5", "hall/press/#")
    step = found["at.step"]
    assert (step["parent"], step["value"], step["type"]) == ("hall/press/state", "3", "number")
    assert SourceEntry.model_validate({"name": "h", "type": "mqtt", "url": "mqtt://x", "topics": [step["pick"]["value"]]}).build()


@pytest.mark.slow
@pytest.mark.counterpart
def test_metrics_of_an_edge_node_of_tahu_are_heard(tmp_path: Path, free_port: int, node: Path, npm_counterparts: Path):
    with mosquitto(tmp_path, free_port) as broker, edge_node(node, npm_counterparts, broker.port):
        found = look("sparkplug", {"url": f"mqtt://{HERE}:{broker.port}"}, seconds=5.0)
    assert found["Plant"]["pick"] == {"option": "groups", "value": "Plant", "sets": {}}
    assert (found["Edge1"]["parent"], found["Dev1"]["parent"], found["m/9"]["parent"]) == (
        "Plant",
        "Plant/Edge1",
        "Plant/Edge1/Dev1",
    )
    assert found["m/9"]["value"] != ""


def test_columns_of_files_are_shown_with_what_they_probably_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    (tmp_path / "drop").mkdir()
    with (tmp_path / "drop" / "a.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([["Time", "Oven", "Mixer"], ["2026-11-20 06:00", "181,5", "3"]])
    told = Browser().look(entry("files", {"folder": "drop"}), Wish(), "")["items"]
    assert [(one["name"], one["value"]) for one in told[1:]] == [("Time", "2026-11-20 06:00"), ("Oven", "181,5"), ("Mixer", "3")]
    assert told[0]["pick"]["sets"] == {"layout": "wide", "time": "Time"}


def test_tables_of_a_database_are_shown_with_the_query_that_reads_them(tmp_path: Path):
    file = tmp_path / "historian.db"
    with sqlite3.connect(file) as line:
        line.execute("CREATE TABLE samples (ts TEXT, tag TEXT, value REAL)")
        line.execute('CREATE TABLE oven (ts TEXT, heat REAL, "belt speed" REAL)')
        line.execute("INSERT INTO samples VALUES ('2026-11-20T06:00:00', 'Oven', 181.5)")
    line.close()
    options = {"url": f"sqlite:///{file}"}
    assert list(look("sql", options)) == ["oven", "samples"]
    long = look("sql", options, "samples")
    assert (long["value"]["type"], long["value"]["value"]) == ("REAL", "181.5")
    assert long["*"]["pick"]["sets"] == {
        "query": "SELECT * FROM samples", "layout": "long", "time": "ts", "tag": ["tag"], "value": "value",
    }  # fmt: skip
    wide = look("sql", options, "oven")
    assert wide["belt speed"]["pick"]["value"] == {"from": "oven", "time": "ts", "columns": ["ts", '"belt speed"']}
    with pytest.raises(Retryable, match="unable to open"):
        look("sql", {"url": f"sqlite:///{tmp_path}/no/such.db"})
