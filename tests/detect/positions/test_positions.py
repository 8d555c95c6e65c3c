"""Sensor positions on a real node: commissioned, judged from streams and raw records, findings, restart, return to service."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.io.wavfile

from lineshaft import assets, detect, guard, store
from lineshaft.core import (
    NS,
    SAMPLES,
    Batch,
    Bus,
    ConfigError,
    Conflict,
    Database,
    InvalidInput,
    LineshaftError,
    NotFound,
    SystemEvent,
    now_ns,
)
from lineshaft.detect import FindingRaised, candidates, vibration
from tests.schema import migrate

PUMP = "Site/Pump"
END = f"{PUMP}/Drive end"
MINUTE = 60 * NS
MODEL = """\
model: Pump
version: 1
properties:
  - {name: Rated, kind: attribute, unit: kW, default: 4}
  - {name: Vibration, kind: measurement, unit: mm/s}
  - {name: Acceleration, kind: measurement, unit: g}
  - {name: Roughness, kind: measurement}
  - {name: Bearing temperature, kind: measurement, unit: degC}
  - {name: Winding temperature, kind: measurement, unit: degF}
  - {name: Running, kind: measurement, type: boolean}
  - {name: Speed, kind: measurement, unit: rpm}
  - {name: Pressure, kind: measurement, unit: bar}
"""
PLANT = """\
assets:
  - name: Site
    children:
      - {name: Pump, model: Pump, source: plc, tag_prefix: "Pump/", thing: {serial: PU-77}}
"""
COMMISSION = {
    "asset": PUMP,
    "name": "Drive end",
    "vibration": f"{PUMP}/Vibration",
    "temperature": f"{PUMP}/Bearing temperature",
    "running": f"{PUMP}/Running",
    "power_kw": 4,
    "every": "1m",
    "learn": 40,
    "bearing": "6205",
    "rpm": 1796,
}


class Node:
    """A node without its doors, its clock in the test's hand."""

    def __init__(self, home: Path, condition: str = "") -> None:
        folder = home / "config"
        (folder / "models").mkdir(parents=True, exist_ok=True)
        (folder / "models" / "pump.yaml").write_text(MODEL)
        (folder / "plant.yaml").write_text(PLANT)
        if condition:
            (folder / "condition.yaml").write_text(condition)
        self.home = home
        self.start = (now_ns() // MINUTE - 2000) * MINUTE
        self.seq = 0
        self.open()

    def open(self) -> None:
        self.bus, self.db = Bus(), Database(f"sqlite:///{self.home / 'lineshaft.db'}")
        rooms = (guard, assets, store, detect)
        migrate(self.db, {room.__name__.rsplit(".", 1)[-1]: room.MIGRATIONS for room in rooms})
        self.assets = assets.Assets(self.db, self.bus)
        assert self.assets.load(self.home / "config").problems == []
        self.store = store.Store(self.home, self.assets, self.db, store.StoreSettings(), self.bus)
        watch = detect.Detect(self.db, self.assets, self.store, self.bus)
        made = (self.db, self.assets, self.store, watch, guard.Guard(self.db), self.bus)
        self.positions = detect.Positions(*made, folder=self.home / "config")
        self.positions.ingest = lambda batches: self.store.show(self.store.append(batches))
        self.found: list[FindingRaised] = []
        self.bus.on(FindingRaised, self.found.append)

    def close(self) -> None:
        self.store.close()
        self.db.close()

    def load(self) -> int:
        return detect.load_positions(self.home / "config" / "condition.yaml", self.db, self.positions)

    def at(self, minute: float) -> int:
        return self.start + round(minute * MINUTE)

    def commission(self, **more):
        with self.db.begin() as tx:
            return self.positions.book.commission(tx, {**COMMISSION, **more}, "eva", self.start)

    def say(self, name: str, minutes, values) -> None:
        """Let the machine have said values of one tag, in the middle of minutes."""
        self.seq += 1
        size = len(minutes)
        boolean = isinstance(values[0], (bool, np.bool_))
        tags = pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([f"Pump/{name}"]))
        ts = pa.array([self.at(minute + 0.5) for minute in minutes]).cast(SAMPLES.field("ts").type)
        given = {"tag": tags, "ts": ts, "q": pa.array(np.zeros(size, np.int16))}
        given["vb" if boolean else "v"] = pa.array(values)
        arrays = [given.get(field.name, pa.nulls(size, field.type)) for field in SAMPLES]
        rows = pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)
        stored = self.store.append([Batch("plc", now_ns(), self.start, rows)])
        self.store.show(stored)
        self.came(stored)

    def came(self, stored: list[store.Stored]) -> None:
        """Values are visible: where a test wants it, the positions hear of it."""

    def feed(self, first: int, last: int, shake: float = 0.5, warm: float = 48.0) -> None:
        chance = np.random.default_rng(first)
        minutes = range(first, last)
        self.say("Vibration", minutes, chance.normal(shake, 0.01, last - first))
        self.say("Bearing temperature", minutes, chance.normal(warm, 0.2, last - first))

    def tick(self, minute: int) -> int:
        return self.positions.tick(self.at(minute) + 10 * NS)

    def now(self):
        return self.positions.book.find(END)

    def values(self, name: str) -> list:
        return self.store.history(f"{END}/{name}", 0, now_ns())["value"].to_pylist()

    def record(self, position: dict, values, at: int, **more):
        wave = vibration.waveform(values, rate=12_000, unit="g", **{"rpm": 1796, **more})
        looked = self.positions.look(position, wave)
        with self.db.begin() as tx:
            return self.positions.take_record(tx, position["id"], looked, at, "a.wav", "tom")


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.close()


def test_from_the_first_reading_to_a_verified_return_and_over_a_restart(node):
    node.commission(failure_mode="BRG")
    node.feed(0, 2, shake=2.4)
    assert node.tick(2) == 2
    assert (node.now()["state"], node.now()["now"]["zone"]) == ("warning", "C"), "the zone holds from the first reading"
    node.feed(2, 60)
    node.tick(60)
    told = node.now()
    assert (told["state"], told["now"]["zone"], told["now"]["learned"]) == ("healthy", "A", 1.0)
    assert told["now"]["usual"] == pytest.approx(0.5, abs=0.02)
    assert node.found == []

    node.feed(60, 70, shake=0.68)  # still zone A: only the learned baseline can tell
    node.tick(70)
    assert node.now()["now"]["zone"] == "A"
    assert node.now()["state"] == "alarm"
    assert {(one.asset_path, one.kind, one.failure_mode) for one in node.found} == {(PUMP, "vibration", "BRG")}
    assert [one.score >= 0.7 for one in node.found] == [False, True], "a warning that lasts, then the alarm that opens a case"
    evidence = node.found[1].evidence
    assert (evidence["property"], evidence["cause"], evidence["position"]) == (f"{PUMP}/Vibration", "vibration baseline", END)
    assert len(node.values("State")) == 70
    assert node.values("State")[-1] == "alarm"
    assert node.values("Severity")[-1] == 2
    assert node.values("Level")[-1] == pytest.approx(0.68, abs=0.05)

    node.close()
    node.open()
    assert node.now()["state"] == "alarm"
    node.feed(70, 90, shake=0.5)
    node.tick(90)
    assert node.now()["state"] == "alarm", "a fault that grows quiet is not gone"
    with node.db.begin() as tx:
        assert node.positions.acknowledge(tx, node.now()["id"])["state"] == "needs maintenance"
    with node.db.begin() as tx:
        assert node.positions.returned(tx, PUMP, node.at(90)) == 1
    node.feed(90, 100)
    node.tick(100)
    assert node.now()["state"] == "healthy"
    assert node.now()["now"]["learned"] == 1.0, "the baseline stays unless the position says otherwise"
    assert node.found == []


def test_a_return_that_a_crash_cuts_off_is_not_lost(node):
    node.commission(relearn=True)
    node.feed(0, 60)
    node.feed(60, 70, shake=5.0)
    node.tick(70)
    assert node.now()["state"] == "alarm"
    with node.db.begin() as tx:
        node.positions.returned(tx, "Site", node.at(71))
    node.close()
    node.open()
    node.feed(71, 76)
    node.tick(76)
    assert node.now()["state"] == "healthy"
    assert node.now()["now"]["learned"] == pytest.approx(5 / 40, abs=0.03)


def test_a_standing_machine_is_neither_learned_nor_judged(node):
    node.commission()
    node.say("Running", [0, 30], [False, True])
    node.feed(0, 30, shake=0.01)
    node.feed(30, 80)
    node.tick(80)
    assert node.now()["now"]["usual"] == pytest.approx(0.5, abs=0.02)
    assert node.now()["state"] == "healthy"
    assert len(node.values("State")) == 49  # from the first whole minute in which it ran


def test_a_warm_bearing_is_found_by_its_own_baseline_and_fahrenheit_is_read_as_such(node):
    node.commission(temperature=f"{PUMP}/Winding temperature", temperature_limit=90)
    chance = np.random.default_rng(1)
    node.say("Winding temperature", range(60), chance.normal(140, 0.5, 60))
    node.tick(60)
    assert node.now()["now"]["usual_temperature"] == pytest.approx(60, abs=0.5)
    node.say("Winding temperature", range(60, 68), chance.normal(200, 0.5, 8))
    node.tick(68)
    causes = {one["cause"] for one in node.now()["noticed"]}
    assert causes == {"temperature baseline", "temperature limit"}
    assert {one.evidence["property"] for one in node.found} == {f"{PUMP}/Winding temperature"}


def test_a_stuck_and_a_silent_sensor_are_told_and_not_learned(node):
    node.commission()
    node.say("Vibration", range(30), [0.5] * 30)
    node.tick(30)
    assert "stuck" in node.now()["now"]["trouble"]
    assert node.now()["now"]["learned"] < 1
    node.tick(60)
    assert "no value" in node.now()["now"]["trouble"]
    node.feed(60, 62)
    node.tick(62)
    assert node.now()["now"]["trouble"] == ""


def test_raw_records_are_judged_kept_and_shown(node, struck):
    made = node.commission(vibration="", temperature="", running="")
    first = node.record(made, struck(3.5848 * 29.93, seed=1), node.at(10))
    assert (first["diagnosis"]["fault"], first["diagnosis"]["confidence"]) == ("outer race", "high")
    assert first["zone"] in "ABCD"
    assert node.record(made, struck(3.5848 * 29.93, seed=1), node.at(10))["id"] == first["id"], "the same again changes nothing"
    assert node.now()["state"] == "warning"
    node.record(made, struck(3.5848 * 29.93, seed=2), node.at(20))
    assert node.now()["state"] == "alarm"
    assert [one.evidence["cause"] for one in node.found] == ["bearing"]
    assert "outer race" in node.found[0].evidence["says"]
    assert node.found[0].score >= 0.7
    late = node.record(made, struck(3.5848 * 29.93, seed=3), node.at(5))
    assert not late["judged"], "older than the last one: kept, not judged"
    assert [one["at"] for one in node.positions.book.records(made["id"])] == [node.at(20), node.at(10), node.at(5)]

    node.tick(21)
    assert node.values("Bearing") == ["outer race (high)"] * 2
    assert node.values("Kurtosis")[0] > 3
    shown = node.positions.spectra(first["id"])
    marks = shown["marks"]
    assert marks["BPFO"] == pytest.approx(107.3, abs=0.1)
    envelope = shown["envelope"]
    highest = envelope["x"][int(np.argmax(envelope["y"]))]
    assert min(abs(highest - n * marks["BPFO"]) for n in (1, 2, 3)) < 3


def test_a_record_beside_a_stream_tells_of_the_bearing_and_leaves_the_baseline_alone(node, struck):
    made = node.commission()
    node.feed(0, 60)
    node.tick(60)
    node.record(made, 3 * struck(5.4152 * 29.93), node.at(50))
    told = node.now()
    assert told["now"]["bearing"] == "inner race"
    assert told["now"]["temperature_z"] is not None, "a record says nothing of the temperature"
    assert told["now"]["usual"] == pytest.approx(0.5, abs=0.02)
    assert told["through"] == node.at(60)


def test_what_a_record_cannot_show_is_said(node):
    made = node.commission(vibration="", rpm=None, bearing=None)
    wave = vibration.waveform(np.random.default_rng(1).normal(size=2000), rate=1000, unit="m/s2")
    looked = node.positions.look(made, wave)
    assert set(looked.refused) == {"velocity", "orders", "bearing"}
    with node.db.begin() as tx:
        kept = node.positions.take_record(tx, made["id"], looked, node.at(1), "slow.csv", "tom")
    assert kept["zone"] is None
    assert kept["figures"]["rms"] == pytest.approx(1, abs=0.1)
    with pytest.raises(InvalidInput, match="yet to come"), node.db.begin() as tx:
        node.positions.take_record(tx, made["id"], looked, now_ns() + 3600 * NS, "slow.csv", "tom")


def test_streams_that_look_like_sensors_are_offered_with_what_belongs_to_them(node):
    found = {one["path"].rpartition("/")[2]: one for one in candidates(node.assets)}
    assert set(found) == {"Vibration", "Acceleration"}
    one = found["Vibration"]
    assert (one["temperature"], one["running"], one["speed"], one["power_kw"]) == (
        f"{PUMP}/Bearing temperature",
        f"{PUMP}/Running",
        f"{PUMP}/Speed",
        4,
    )
    assert found["Acceleration"]["measure"] == "other"
    assert {one["path"].rpartition("/")[2] for one in candidates(node.assets, "PU-77")} >= {"Pressure", "Roughness"}
    assert [one["tag"] for one in candidates(node.assets, "pump/vibration")] == ["Pump/Vibration"]
    node.commission()
    assert set(found) == {one["path"].rpartition("/")[2] for one in candidates(node.assets)}, "not our own results"


WRONG = [
    ({"vibration": f"{PUMP}/Acceleration", "measure": "velocity"}, "position.unit"),
    ({"vibration": f"{PUMP}/Roughness", "measure": "velocity"}, "position.unit"),
    ({"vibration": f"{PUMP}/Vibrations"}, "assets.no-property"),
    ({"vibration": f"{PUMP}/Running"}, "position.stream"),
    ({"temperature": f"{PUMP}/Pressure"}, "position.unit"),
    ({"power_kw": None}, "zones.power"),
    ({"group": "group-2"}, "zones.group"),
    ({"bearing": "9999"}, "bearing.unknown"),
    ({"bearing": {"rollers": 9, "roller_diameter": 5, "pitch_diameter": 2}}, "bearing.geometry"),
    ({"every": "10ms"}, "position.every"),
    ({"learn": 2}, "position.learn"),
    ({"rpm": -5}, "position.settings"),
    ({"powr": 4}, "position.settings"),
    ({"name": "Vibration"}, "assets.name-taken"),
    ({"asset": "Site/Pmp"}, "assets.unknown"),
]


def test_what_makes_no_sense_is_refused_with_a_way_out(node):
    for given, code in WRONG:
        with pytest.raises((InvalidInput, NotFound, Conflict)) as refused:
            node.commission(**given)
        assert refused.value.code == code, given
        assert refused.value.hint
    assert node.positions.book.list() == []


def test_a_sensor_of_its_own_unit_is_judged_by_its_baseline_alone(node):
    made = node.commission(vibration=f"{PUMP}/Acceleration", power_kw=None)
    assert made["settings"]["measure"] == "other"
    assert node.positions.position(made).zones is None


def test_changed_taken_off_and_commissioned_anew(node):
    made = node.commission()
    node.feed(0, 60)
    node.tick(60)
    with node.db.begin() as tx:
        told = node.positions.book.change(tx, made["id"], {"power_kw": 200, "bearing": None})
    assert node.positions.position(told).zones.limits == (1.4, 2.8, 4.5)
    node.tick(61)
    assert node.now()["now"]["learned"] == 1.0
    with node.db.begin() as tx:
        node.positions.book.change(tx, made["id"], {"vibration": f"{PUMP}/Acceleration", "measure": "other"})
    assert node.positions._watching(node.now()).monitor.vibration.usual is None, "another figure is learned anew"
    with pytest.raises(InvalidInput, match="name cannot be changed"), node.db.begin() as tx:
        node.positions.book.change(tx, made["id"], {"name": "other"})
    with node.db.begin() as tx:
        node.positions.book.take_off(tx, made["id"])
    with pytest.raises(NotFound):
        node.now()
    again = node.commission()
    assert again["id"] == made["id"]
    assert node.now()["state"] == "healthy"


def test_a_plants_own_tables_are_in_force(node):
    row = "{name: fans, standard: ours, source: our measurements, kw: [0, null], limits: {rigid: [0.1, 0.2, 0.3]}}"
    made = node.commission()
    (node.home / "config" / "zones.yaml").write_text(f"groups: {{fans: {row}}}\n")
    assert node.positions.position(made).zones.limits == (0.1, 0.2, 0.3)


def test_positions_and_records_of_a_file_are_commissioned_once(tmp_path, struck):
    import wave as waves

    (tmp_path / "config").mkdir()
    data = np.clip(struck(3.5848 * 25, rate=8000, seconds=2) / 8 * 2**15, -(2**15), 2**15 - 1).astype("<i2").tobytes()
    with waves.open(str(tmp_path / "config" / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(data)
    text = (
        "positions:\n  - asset: Site/Pump\n    name: Drive end\n    vibration: Site/Pump/Vibration\n    power_kw: 4\n"
        '    bearing: "6205"\n    records: [{file: a.wav, ago_s: 3600, unit: g, rpm: 1500, sensitivity: 0.125}]\n'
    )
    node = Node(tmp_path, text)
    try:
        assert (node.load(), node.load()) == (1, 1)
        [record] = node.positions.book.records(node.now()["id"])
        assert record["diagnosis"]["fault"] == "outer race"
        with node.db.begin() as tx:
            node.positions.book.take_off(tx, node.now()["id"])
        node.load()
        assert node.positions.book.list() == [], "what somebody took off stays off"
    finally:
        node.close()


def test_a_file_that_makes_no_sense_is_refused_with_a_way_out(tmp_path):
    node = Node(tmp_path)
    try:
        for text in ("positions: 3\n", "nothing\n", "positions:\n  - {asset: Site/Pump, name: x, power: 3}\n"):
            (tmp_path / "config" / "condition.yaml").write_text(text)
            with pytest.raises((ConfigError, InvalidInput)) as refused:
                node.load()
            assert refused.value.hint
    finally:
        node.close()


@pytest.mark.parametrize(
    "wrong",
    [
        "  - 3\n",
        "  - {asset: Site/Pump, name: Broken, every: [1]}\n",
        "  - {asset: Site/Pump, name: Broken, records: 3}\n",
        "  - {asset: Site/Pump, name: Broken, power_kw: 3, records: [{ago_s: soon, file: a.wav}]}\n",
        "  - {asset: Site/Pump, name: Broken, power_kw: 3, records: [{at: '2026-01-01T00:00:00Z'}]}\n",
        "  - {asset: Site/Pump, name: Broken, power_kw: 3, records: [{file: nowhere.wav, rate: 1000, unit: g}]}\n",
    ],
)
def test_a_position_that_makes_no_sense_stops_neither_the_others_nor_the_node(tmp_path, wrong):
    node = Node(tmp_path, f"positions:\n{wrong}  - {{asset: Site/Pump, name: Fine, power_kw: 4}}\n")
    try:
        with pytest.raises(LineshaftError) as refused:
            node.load()
        assert refused.value.hint
        assert "Fine" in {row["name"] for row in node.positions.book.list()}
    finally:
        node.close()


def test_a_record_that_was_wrong_at_the_first_start_is_taken_once_it_is_right(tmp_path, struck):
    text = (
        "positions:\n  - asset: Site/Pump\n    name: End\n    power_kw: 4\n"
        "    records: [{file: a.wav, ago_s: 3600, unit: g, rpm: 1500}]\n"
    )
    node = Node(tmp_path, text)
    try:
        with pytest.raises(LineshaftError):
            node.load()
        scipy.io.wavfile.write(tmp_path / "config" / "a.wav", 12_000, struck(90).astype(np.float32) / 8)
        for _ in range(2):
            node.load()
            assert len(node.positions.book.records(node.positions.book.list()[0]["id"])) == 1
    finally:
        node.close()


def test_what_works_is_told_once_and_not_every_two_seconds(tmp_path):
    node = Node(tmp_path, "positions:\n  - {asset: Site/Pump, name: Fine, power_kw: 4}\n")
    try:
        node.load()
        told: list[SystemEvent] = []
        node.bus.on(SystemEvent, told.append)
        for _ in range(3):
            node.positions.tick()
        assert [(one.key, one.active) for one in told] == [("detect:condition:Site/Pump/Fine", False)]
    finally:
        node.close()
