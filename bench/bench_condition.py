"""Condition monitoring: how early a bearing run to its end is told, which damaged races are named, how fast records are read."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bench.detecting import public
from bench.row import Row, less_is_better, more_is_better
from lineshaft.detect import vibration

NAME = "condition"
RACES = {"IR": "inner race", "OR": "outer race"}


def absent(name: str) -> bool:
    """Say, once, that a data set is not here."""
    if public.there(name):
        return False
    print(f"the public data set '{name}' is not here (../shared/data or LINESHAFT_DATA)", file=sys.stderr)
    return True


def ims() -> list[Row]:
    """IMS test 2: four bearings run until one breaks; each is a position without zones (its unit is not velocity)."""
    if absent("ims_bearing"):
        return []
    with (public.DATA / "ims_bearing" / "2nd_test_resmaple_10minutes.csv").open() as file:
        lines = list(csv.DictReader(file))
    times = [line["Datetime"].replace(".", "-", 2).replace(".", "T", 1).replace(".", ":") for line in lines]
    alarms: dict[str, float] = {}
    early = 0
    for number in range(1, 5):
        name = f"Bearing {number}"
        table = {"time": times, "x": [float(line[name]) for line in lines]}
        told = vibration.follow(table, vibration.Position(name, measure="other"), vibration="x")
        at = [one.at for one in told.judged]
        places = [at.index(one.at) / len(at) for one in told.findings if one.severity == "alarm"]
        early += sum(place < 0.2 for place in places)
        if places:
            alarms[name] = min(places)
    values = np.array([float(line["Bearing 1"]) for line in lines])
    doubled = int(np.argmax(values > 2 * np.median(values[:144]))) / len(values)
    return [
        less_is_better("condition.ims.alarm", alarms["Bearing 1"], "of life", "promise", 0.6),
        less_is_better("condition.ims.alarm beside RMS doubled", alarms["Bearing 1"], "of life", "RMS doubled", doubled),
        Row("condition.ims.early", early, "alarms in the first 20 %", "promise", 0),
        Row("condition.ims.first", int(min(alarms, key=lambda name: alarms[name])[-1]), "bearing that alarms first", "truth", 1),
    ]


def cwru() -> list[Row]:
    """Case Western, 0 hp: six damaged races, three balls, one sound bearing."""
    if absent("cwru"):
        return []
    folder = public.DATA / "cwru"
    with (folder / "index.csv").open() as file:
        speeds = {line["file"]: float(line["rpm"]) for line in csv.DictReader(file)}
    part = vibration.bearing("6205")
    told, spent = {}, []
    for path in sorted(folder.glob("*.parquet")):
        rate = 48_000 if path.stem.startswith("normal") else 12_000
        wave = vibration.read(path, "DE", rate=rate, unit="g", rpm=speeds[path.stem])
        begin = time.process_time()
        told[path.stem.replace("12k_Drive_End_", "")] = vibration.diagnose(wave, part)
        spent.append((time.process_time() - begin) / wave.seconds)
    races = {name: RACES[name[:2]] for name in told if name[:2] in RACES}
    balls = [told[name] for name in told if name.startswith("B0")]
    return [
        more_is_better(
            "condition.cwru.races", sum(told[name].fault == race for name, race in races.items()), "of 6", "promise", 6
        ),
        Row("condition.cwru.wrong", sum(told[n].fault not in (None, race) for n, race in races.items()), "races named wrong"),
        Row("condition.cwru.balls", sum(one.confidence in ("medium", "high") for one in balls), "balls claimed", "promise", 0),
        Row(
            "condition.cwru.sound", sum(told[n].fault is not None for n in told if n.startswith("normal")), "false", "promise", 0
        ),
        Row("condition.diagnose", 1 / float(np.median(spent)), "s of record a CPU-second"),
    ]


def figures() -> list[Row]:
    """All figures of a record of ten seconds at 25.6 kHz."""
    values = np.random.default_rng(1).normal(size=256_000)
    wave = vibration.waveform(values, rate=25_600, unit="m/s2", rpm=1480)
    vibration.features(wave)
    begin = time.process_time()
    for _ in range(5):
        vibration.features(wave)
    return [Row("condition.features", 5 / (time.process_time() - begin), "records of 10 s a CPU-second")]


def run() -> list[Row]:
    """Measure on one core."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return [*ims(), *cwru(), *figures()]
