"""Files of raw vibration that do harm: each is refused with what is wrong and the way out, and the next file is read."""

from __future__ import annotations

import ctypes
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from lineshaft.core import InvalidInput, Retryable
from lineshaft.detect import ConditionSettings, Records, vibration
from lineshaft.detect.positions import recording
from lineshaft.detect.positions.reader import Reader

SMALL = ConditionSettings(record_memory_mb=64)
VALUES = np.random.default_rng(1).normal(0, 1, 24_000)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text("a;b\n" + "\n".join(f"{value:.6f};{-value:.6f}" for value in VALUES))
    return path


def abort(_path: Path):
    os.abort()


def segfault(_path: Path):
    ctypes.string_at(0)


def endless(_path: Path):
    time.sleep(3600)


def mute(_path: Path):
    os._exit(0)


def buggy(_path: Path):
    raise ZeroDivisionError("a parser's mistake")


def look_at(_path: Path, other: Path):
    return other.read_text(), np.empty(0)


def talk(_path: Path):
    return "x" * (17 << 20), np.empty(0)


def wait_for(path: Path):
    while not path.with_suffix(".go").exists():
        time.sleep(0.05)
    return "went", np.empty(0)


def test_a_record_read_apart_says_what_it_says_when_read_here(good):
    said = {"rate": 12_000, "unit": "m/s2", "rpm": None, "sensitivity": 0.5}
    position = vibration.Position("Pump", power_kw=4, bearing=vibration.bearing("6205"))
    found = Records().look(good, "b", said, position, 1796)
    here = recording.look(vibration.with_speed(vibration.read(good, "b", **said), 1796), position)
    assert found.wave.values.tolist() == here.wave.values.tolist()
    assert (found.wave.rpm, found.wave.name, found.wave.rate) == (1796, "good.csv:b", 12_000)
    assert (found.features, found.diagnosis, found.refused) == (here.features, here.diagnosis, here.refused)
    assert [one["name"] for one in Records().channels(good)] == ["a", "b"]
    content, _ = recording.kept(here.wave, 0)
    assert Records().spectra(content, position.bearing) == recording.spectra(recording.opened(content), position.bearing)


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (abort, "SIGABRT"),
        pytest.param(segfault, "SIGSEGV", marks=pytest.mark.slow),
        pytest.param(mute, "code 0", marks=pytest.mark.slow),
        pytest.param(talk, "length", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_breaks_its_reader_is_refused_and_the_next_one_is_read(work, why, good):
    reader = Reader()
    with pytest.raises(InvalidInput, match=f"the process that read the file broke down .*{why}") as refused:
        reader.read(work, good)
    assert (refused.value.code, refused.value.where) == ("record.crash", "good.csv")
    assert "save it again" in refused.value.hint
    assert len(Records().channels(good)) == 2


def test_a_parsers_own_mistake_is_told_with_the_file(good):
    with pytest.raises(InvalidInput, match="ZeroDivisionError: a parser's mistake") as refused:
        Reader().read(buggy, good)
    assert (refused.value.code, refused.value.where) == ("record.unreadable", "good.csv")


def test_reading_without_an_end_is_ended(good):
    with pytest.raises(InvalidInput, match="longer than 1 s") as refused:
        Reader(ConditionSettings(record_seconds=1)).read(endless, good)
    assert refused.value.code == "record.slow"
    assert "record_seconds" in refused.value.hint


@pytest.mark.slow
def test_a_file_waits_for_its_place_only_so_long(good):
    reader = Reader(ConditionSettings(record_seconds=1))
    reader._places.acquire()
    reader._places.acquire()
    with pytest.raises(Retryable, match="other files are still being read"):
        reader.read(mute, good)
    reader._places.release()
    good.with_suffix(".go").touch()
    assert reader.read(wait_for, good)[0] == "went", "there is a place again"


def _parquet(path: Path) -> None:
    column = pa.array(np.zeros(5_000_000))
    with pa.parquet.ParquetWriter(path, pa.schema([("a", pa.float64())]), compression="zstd") as writer:
        for _ in range(4):
            writer.write_table(pa.table({"a": column}))


def _mat(path: Path) -> None:
    content = zlib.compress(struct.pack("<II", 14, 1 << 28) + bytes(1 << 27))
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(content)) + content)


def _hdf(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for place in range(8):
            file.create_dataset(f"a{place}", (1 << 24,), "f8", chunks=(1 << 20,), compression="gzip")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("bomb.parquet", _parquet),
        pytest.param("bomb.mat", _mat, marks=pytest.mark.slow),
        pytest.param("bomb73.mat", _hdf, marks=pytest.mark.slow),
    ],
)
def test_a_file_that_unfolds_beyond_its_memory_is_refused(name, make, tmp_path, good):
    path = tmp_path / name
    make(path)
    assert path.stat().st_size < 1 << 20
    records = Records(SMALL)
    with pytest.raises(InvalidInput, match="needs more than 64 MB of memory") as refused:
        records.channels(path)
    assert (refused.value.code, refused.value.where) == ("record.memory", name)
    assert "record_memory_mb" in refused.value.hint
    assert len(records.channels(good)) == 2


def test_a_file_that_declares_terabytes_is_refused_before_any_is_taken(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "huge.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (1 << 40,), "f8", chunks=(1 << 20,), compression="gzip")
    with pytest.raises(InvalidInput, match="unfolds to more than 256 MiB"):
        Records(SMALL).channels(path)


@pytest.mark.skipif(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1, reason="this system has no Landlock")
def test_the_process_sees_no_file_but_the_one_it_reads(good, tmp_path):
    secret = tmp_path / "secret.key"
    secret.write_text("a key of the plant")
    assert Reader().read(look_at, good, good)[0].startswith("a;b")
    with pytest.raises(InvalidInput, match="PermissionError"):
        Reader().read(look_at, good, secret)
