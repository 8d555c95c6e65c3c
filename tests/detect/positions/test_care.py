"""What people do with positions: a reading taken now, how a finding ended, sensors that tell of themselves, tables."""

from __future__ import annotations

import pytest

from lineshaft.core import NS, Conflict, InvalidInput, SystemEvent, iso
from lineshaft.detect import candidates, positions_read, positions_table, positions_take
from lineshaft.guard import Role, Subject
from tests.detect.positions.test_positions import COMMISSION, END, MODEL, PUMP, Node

TOM = Subject("tom", "tom", "person", frozenset({Role.TECHNICIAN}), "Tom")
SELF = """\
  - {name: Battery, kind: measurement, unit: "%"}
  - {name: RSSI, kind: measurement, unit: dBm}
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.detect.positions.test_positions.MODEL", MODEL + SELF)
    made = Node(tmp_path)
    yield made
    made.close()


def measure(node, at):
    node.positions._clock = lambda: at
    with node.db.begin() as tx:
        return node.positions.measure(tx, node.now()["id"], "tom")


def resolve(node, **said):
    with node.db.begin() as tx:
        return node.positions.resolve(tx, node.now()["id"], said, TOM)


def test_a_reading_taken_now_is_judged_and_changes_nothing(node):
    node.commission()
    with pytest.raises(Conflict, match="no value of now"):
        measure(node, node.at(1))
    node.feed(0, 60)
    node.tick(60)
    before = node.now()
    node.say("Vibration", [60], [2.4])
    told = measure(node, node.at(60.5) + NS)
    assert (told["zone"], told["level"], told["running"], told["at"]) == ("C", 2.4, True, iso(node.at(60.5)))
    assert told["vibration_z"] > 6
    assert any("zone C" in said for said in told["says"])
    after = node.now()
    assert after["memory"] == before["memory"], "nothing is learned from it"
    assert (after["state"], after["through"]) == ("healthy", before["through"])
    assert after["now"]["measured"]["by"] == "tom"
    node.positions._send(after["id"])
    assert node.values("Level")[-1] == 2.4, "it is a value like any other"
    node.tick(61)
    assert node.now()["state"] == "warning", "the step it was in is judged when it is whole"
    with pytest.raises(Conflict, match="no value of now"):
        measure(node, node.at(70))
    node.say("Running", [70], [False])
    node.say("Vibration", [71], [0.02])
    still = measure(node, node.at(71.5) + NS)
    assert (still["running"], still["zone"]) == (False, None), "a machine that stands still is not judged"


def test_how_a_finding_ended_is_written_down_and_labels_it(node):
    node.commission()
    node.feed(0, 45)
    node.tick(45)
    node.feed(45, 55, shake=3.5)
    node.tick(55)
    assert node.now()["state"] == "alarm"
    open_ = node.positions._detect.findings(asset=PUMP)
    assert open_
    assert all(one["label"] is None for one in open_)
    node.positions.closing = refuse
    with pytest.raises(InvalidInput, match="'XYZ'"):
        resolve(node, mode="XYZ", cause="AGE", remedy="REPLACE")
    node.positions.closing = dict
    assert resolve(node, mode="VIB", cause="AGE", remedy="REPLACE", note="6205 changed")["state"] == "healthy"
    (written,) = node.positions.resolutions.list(PUMP)
    assert (written["mode"], written["cause"], written["remedy"], written["label"]) == ("VIB", "AGE", "REPLACE", "confirmed")
    assert (written["state"], written["by"], written["position"]) == ("alarm", "tom", END)
    assert sorted(written["findings"]) == sorted(one["id"] for one in open_)
    assert {one["label"] for one in node.positions._detect.findings(asset=PUMP)} == {"confirmed"}
    assert resolve(node, mode="NON", cause="UNK", remedy="INSPECT")["state"] == "healthy"
    assert node.positions.resolutions.list(PUMP)[0]["label"] == "no_fault_found"
    assert node.positions.resolutions.list("Site/Other") == []
    with pytest.raises(InvalidInput, match="no label"):
        resolve(node, label="maybe")


def refuse(codes):
    if codes["mode"] != "VIB":
        raise InvalidInput(f"'{codes['mode']}' is not on the list of mode")


def test_a_sensors_battery_and_signal_are_shown_and_a_low_battery_is_told(node):
    (one,) = [one for one in candidates(node.assets, below=PUMP) if one["path"] == f"{PUMP}/Vibration"]
    assert (one["battery"], one["signal"]) == (f"{PUMP}/Battery", f"{PUMP}/RSSI")
    node.commission(battery=one["battery"], signal=one["signal"])
    told: list[SystemEvent] = []
    node.bus.on(SystemEvent, told.append)
    row = node.now()
    assert node.positions.power([row])[row["id"]].battery is None, "nothing was said yet"
    node.say("Battery", [1], [87.0])
    node.say("RSSI", [1], [-71.0])
    node.tick(2)
    power = node.positions.power([row])[row["id"]]
    assert (power.battery, power.battery_unit, power.signal, power.signal_unit, power.low) == (87.0, "%", -71.0, "dBm", False)
    for value in (12.0, 11.0, 95.0):
        node.say("Battery", [2 + value], [value])
        node.tick(120)
    said = [(one.active, one.message) for one in told if "battery" in one.key]
    assert said == [
        (True, f"the battery of the sensor '{END}' is at 12 %"),
        (False, f"the battery of the sensor '{END}' is well"),
    ], "once, until it is changed"
    with node.db.begin() as tx:
        node.positions.book.change(tx, row["id"], {"battery_low": 97})
    assert node.positions.power([node.now()])[row["id"]].low


def taken(node, text):
    with node.db.begin() as tx:
        return positions_take(tx, node.positions.book, positions_read(text), "eva", node.start)


def test_positions_come_as_a_table_and_go_out_as_one(node):
    text = (
        "asset;name;vibration;temperature;power_kw;rpm;bearing;every;learn\n"
        f"{PUMP};Drive end;{PUMP}/Vibration;{PUMP}/Bearing temperature;7,5;1450;6205;10m;144\n"
        f"{PUMP};Free end;;;4;;;;\n\n"
    )
    made = taken(node, text)
    assert (made.rows, made.added, made.known, made.wrong) == (2, [END, f"{PUMP}/Free end"], 0, [])
    row = node.now()
    assert (row["settings"]["power_kw"], row["settings"]["rpm"], row["every"]) == (7.5, 1450, 600 * NS)
    written = positions_table(node.positions.book.wanted(one) for one in node.positions.book.list())
    assert taken(node, written).known == 2
    with node.db.begin() as tx:
        node.positions.book.take_off(tx, row["id"])
    assert taken(node, written).added == [END], "what was taken off is commissioned anew"
    again = node.positions.book.wanted(node.now())
    assert again["power_kw"] == 7.5
    assert again["bearing"] == "6205"


def test_what_is_wrong_with_a_table_is_said_line_by_line(node):
    made = taken(node, f"asset,name,group,vibration\nSite/Pmp,A,,\n{PUMP},B,group-9,\n{PUMP},C,,{PUMP}/Vibr\n")
    assert [one.line for one in made.wrong] == [2, 3, 4]
    assert "Pump" in made.wrong[0].hint
    for text, match in (("asset,nme\n", "'nme' is nothing a position has"), ("asset\nx", "no column is called 'name'")):
        with pytest.raises(InvalidInput, match=match):
            positions_read(text)
    assert COMMISSION["asset"] == PUMP
