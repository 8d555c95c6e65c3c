from __future__ import annotations

import struct
import sys
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import vibration

VALUES = np.round(np.sin(np.arange(2000) / 7) + 0.25 * np.sin(np.arange(2000)), 5)


def test_csv_with_time_gives_its_rate(tmp_path):
    path = tmp_path / "a.csv"
    lines = [f"{n / 2560:.9f},{value},{2 * value}" for n, value in enumerate(VALUES)]
    path.write_text("\n".join(["time,x,y", *lines]) + "\n")
    told = vibration.read(path, "y", unit="m/s2")
    assert told.rate == pytest.approx(2560, rel=1e-6)
    assert told.values == pytest.approx(2 * VALUES)
    with pytest.raises(InvalidInput, match="2 channels") as refused:
        vibration.read(path, unit="g")
    assert "x, y" in refused.value.hint
    with pytest.raises(InvalidInput, match="does not say its unit"):
        vibration.read(path, "x")


def test_csv_without_a_head_and_with_decimal_commas(tmp_path):
    bare, german = tmp_path / "bare.csv", tmp_path / "german.csv"
    bare.write_text("\n".join(str(value) for value in VALUES))
    assert vibration.read(bare, rate=1000, unit="g").values[:3] == pytest.approx(VALUES[:3] * 9.80665)
    german.write_text("\n".join(["t;x", *[f"{n / 1000};{value}".replace(".", ",") for n, value in enumerate(VALUES)]]))
    assert vibration.read(german, unit="m/s2").values == pytest.approx(VALUES)
    with pytest.raises(InvalidInput, match="how many samples a second"):
        vibration.read(bare, unit="g")


def test_uneven_time_is_refused(tmp_path):
    path = tmp_path / "gap.csv"
    times = np.arange(2000) / 1000 + np.where(np.arange(2000) > 900, 3, 0)
    path.write_text("\n".join(["s,x", *[f"{at},{value}" for at, value in zip(times, VALUES, strict=True)]]))
    with pytest.raises(InvalidInput, match="not even") as refused:
        vibration.read(path, unit="g")
    assert "cut the record" in refused.value.hint


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pa.table({"DE": VALUES.astype(np.float32), "name": ["a"] * 2000}), path)
    assert vibration.read(path, rate=12_000, unit="m/s2").values == pytest.approx(VALUES, abs=1e-6)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav(tmp_path, width):
    path = tmp_path / "a.wav"
    full = 2 ** (8 * width - 1)
    whole = np.rint(VALUES / 2 * full * 0.99).astype(np.int64)
    data = b"".join(int(one + 128 if width == 1 else one).to_bytes(width, "little", signed=width > 1) for one in whole)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, width, 8000, 0, "NONE", ""))
        file.writeframes(data)
    told = vibration.read(path, unit="m/s2", sensitivity=0.5 * 0.99)
    assert told.rate == 8000
    assert told.values == pytest.approx(VALUES, abs=2.1 / full)


def test_wav_with_two_channels_of_floating_point(tmp_path):
    path = tmp_path / "a.wav"
    data = np.column_stack([VALUES, -VALUES]).astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 2, 8000, 64_000, 8, 32)
    body = (
        b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"LIST"
        + struct.pack("<I", 3)
        + b"abc\0"
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert vibration.read(path, "2", unit="m/s2").values == pytest.approx(-VALUES, abs=1e-6)


@pytest.mark.parametrize("compressed", [False, True])
def test_mat_as_scipy_writes_it(tmp_path, compressed):
    io = pytest.importorskip("scipy.io", reason="scipy comes with the extra `life`")
    path = tmp_path / "a.mat"
    inside = {"gs": VALUES[:, None], "sr": 97656.0, "label": "outer"}
    io.savemat(
        path, {"X097_DE_time": VALUES[:, None], "X097RPM": np.array([[1796]]), "bearing": inside}, do_compression=compressed
    )
    names = {one.name: one for one in vibration.channels(path)}
    assert set(names) == {"X097_DE_time", "bearing.gs"}
    assert names["bearing.gs"].values == pytest.approx(VALUES)
    told = vibration.read(path, "X097_DE_time", rate=12_000, unit="g")
    assert told.rpm == 1796
    assert told.values == pytest.approx(VALUES * 9.80665)
    assert vibration.read(path, "bearing.gs", unit="g").rate == 97656


def test_mat_with_several_channels_and_small_numbers(tmp_path):
    io = pytest.importorskip("scipy.io", reason="scipy comes with the extra `life`")
    path = tmp_path / "a.mat"
    io.savemat(path, {"a": np.column_stack([np.arange(300), np.arange(300) % 7]).astype(np.int16)})
    assert [one.name for one in vibration.channels(path)] == ["a:1", "a:2"]
    assert vibration.channels(path)[1].values.tolist() == [n % 7 for n in range(300)]


def universal(values, head="    58", body=None):
    lines = ["channel one", "", "21-Nov-26 09:00:00", "NONE", "NONE"]
    lines += ["    1         1    1         0       NONE         1   3       NONE         0   0"]
    lines += [f"         4{len(values):10d}         1  0.00000e+00  4.00000e-04  0.00000e+00"]
    lines += ["        17    0    0    0                 TIME                    s"]
    lines += ["        12    0    0    0         Acceleration                m/s^2"]
    lines += ["         0    0    0    0                 NONE                 NONE"] * 2
    start = "\n".join(["    -1", head, *lines, ""]).encode()
    if body is None:
        rows = ["".join(f"{value:20.11E}" for value in values[at : at + 4]) for at in range(0, len(values), 4)]
        body = ("\n".join(rows) + "\n").encode()
    return start + body + b"    -1\n"


def test_universal_file_in_text_and_binary(tmp_path):
    text, binary = tmp_path / "a.uff", tmp_path / "b.unv"
    text.write_bytes(b"    -1\n   151\nsomething\n    -1\n" + universal(VALUES) + universal(-VALUES))
    first, second = vibration.channels(text)
    assert (first.rate, first.unit) == (pytest.approx(2500), "m/s2")
    assert first.values == pytest.approx(VALUES)
    assert second.values == pytest.approx(-VALUES)
    data = VALUES.astype("<f8").tobytes()
    binary.write_bytes(
        universal(VALUES, f"    58b     1     2          11{len(data):12d}     0     0           0           0", data + b"\n")
    )
    assert vibration.read(binary).values == pytest.approx(VALUES)


@pytest.mark.parametrize("ending", ["csv", "parquet", "mat", "wav", "uff"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 200, b"hello\nworld\n", b"RIFF1234WAVEfmt "])
def test_a_file_that_is_no_record_is_refused(tmp_path, ending, content):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        vibration.read(path, rate=1000, unit="g")
    assert refused.value.hint
    assert refused.value.where == path.name


def test_what_is_not_read_is_said(tmp_path):
    other = tmp_path / "a.xyz"
    other.write_bytes(b"")
    for path in (other, tmp_path / "none.csv"):
        with pytest.raises(InvalidInput):
            vibration.read(path)


def newer(path, fill):
    """A file laid out as MATLAB writes version 7.3: its own head, then HDF5, every array turned round and named by its class."""
    h5py = pytest.importorskip("h5py", reason="the extra `hdf5`")
    with h5py.File(path, "w", userblock_size=512) as file:

        def put(name, values, kind=b"double", group=file):
            group[name] = np.asarray(values).T
            group[name].attrs["MATLAB_class"] = np.bytes_(kind)

        fill(h5py, file, put)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Sat Nov 21 09:00:00 2026 HDF5 schema 1.00 .".ljust(124))
        raw.write(b"\x00\x02IM")
    return path


def records(h5py, file, put):
    put("X097_DE_time", VALUES[:, None])
    put("X097RPM", [[1796.0]])
    put("note", [[111, 107] * 200], b"char")
    inside = file.create_group("bearing")
    put("gs", np.column_stack([VALUES, -VALUES]).astype(np.float32), b"single", inside)
    put("sr", [[97656]], b"int32", inside)
    kept = file.create_group("#refs#")
    put("a", 3 * VALUES[:, None], group=kept)
    several = file.create_group("runs")  # an array of two structs: each field is a list of references
    several["x"] = np.array([[kept["a"].ref], [kept["a"].ref]], h5py.ref_dtype)


def test_mat_of_version_7_3_is_read_like_an_older_one(tmp_path):
    path = newer(tmp_path / "a.mat", records)
    names = {one.name: one for one in vibration.channels(path)}
    assert set(names) == {"X097_DE_time", "bearing.gs:1", "bearing.gs:2", "runs.x"}
    told = vibration.read(path, "X097_DE_time", rate=12_000, unit="m/s2")
    assert (told.rpm, told.values) == (1796, pytest.approx(VALUES))
    assert vibration.read(path, "bearing.gs:2", unit="m/s2").rate == 97656
    assert names["bearing.gs:2"].values == pytest.approx(-VALUES, abs=1e-6)
    assert names["runs.x"].values == pytest.approx(3 * VALUES)


def test_mat_of_version_7_3_never_reads_another_file_of_the_machine(tmp_path, monkeypatch):
    secret = newer(tmp_path / "secret.mat", lambda h5py, file, put: put("key", VALUES[:, None]))
    raw = tmp_path / "raw.bin"
    raw.write_bytes(bytes(16_000))

    def link(h5py, file, put):
        file["x"] = h5py.ExternalLink(str(secret), "/key")

    def outside(h5py, file, put):
        file.create_dataset("x", (2000,), "f8", external=[(str(raw), 0, 16_000)])

    def virtual(h5py, file, put):
        layout = h5py.VirtualLayout((2000,), "f8")
        layout[:] = h5py.VirtualSource(str(secret), "key", (1, 2000))[0]
        file.create_virtual_dataset("x", layout)

    def ring(h5py, file, put):
        file["a/b"] = file.create_group("a") and h5py.SoftLink("/a")

    for place, fill in enumerate((link, outside, virtual, ring)):
        with pytest.raises(InvalidInput, match=r"another file|points elsewhere"):
            vibration.channels(newer(tmp_path / f"{place}.mat", fill))
    monkeypatch.setattr("lineshaft.detect.vibration.records.mat.LARGEST", 1000)
    with pytest.raises(InvalidInput, match="unfolds to more"):
        vibration.channels(newer(tmp_path / "large.mat", records))


def test_mat_of_version_7_3_without_its_library_or_damaged_says_the_way_out(tmp_path, monkeypatch):
    path = newer(tmp_path / "a.mat", records)
    data = path.read_bytes()
    for length in (600, 2000, len(data) // 2):
        path.write_bytes(data[:length])
        with pytest.raises(InvalidInput, match="breaks off"):
            vibration.channels(path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InvalidInput, match="h5py is not installed") as refused:
        vibration.channels(path)
    assert "-v7" in refused.value.hint
    assert "lineshaft[hdf5]" in refused.value.hint


def test_a_mat_file_that_breaks_off_is_refused_wherever_it_breaks_off(tmp_path):
    io = pytest.importorskip("scipy.io", reason="scipy comes with the extra `life`")
    path = tmp_path / "a.mat"
    io.savemat(path, {"a": {"b": VALUES}})
    data = path.read_bytes()
    for length in range(0, len(data) - 1, 977):
        path.write_bytes(data[:length])
        with pytest.raises(InvalidInput):
            vibration.read(path, rate=1000, unit="g")


def test_a_mat_file_that_unfolds_to_more_than_any_record_is_refused(tmp_path, monkeypatch):
    io = pytest.importorskip("scipy.io", reason="scipy comes with the extra `life`")
    path = tmp_path / "a.mat"
    io.savemat(path, {"a": np.zeros(100_000)}, do_compression=True)
    monkeypatch.setattr("lineshaft.detect.vibration.records.mat.LARGEST", 50_000)
    with pytest.raises(InvalidInput, match="unfolds to more"):
        vibration.channels(path)


def test_a_waveform_made_past_its_checks_is_refused():
    with pytest.raises(InvalidInput, match="no quantity") as told:
        vibration.Waveform(np.zeros(400), 1000.0, "m/s2", "g")
    assert "vibration.waveform" in told.value.hint
