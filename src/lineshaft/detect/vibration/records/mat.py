"""MATLAB files of version 5 to 7 (compressed or not): arrays of numbers, also inside structs; written from the published format.

Version 7.3 is HDF5 and read by `hdf`, so that no heavy library is needed for what most test benches write.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.records import hdf
from lineshaft.detect.vibration.records.channel import Channel, broken

NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MATRIX, COMPRESSED = 14, 15
STRUCT, FIRST_NUMERIC, LAST_NUMERIC = 2, 6, 15
LARGEST = 1 << 28
"""Bytes an element may unfold to: 33 million samples; more in one go is no record but an attack."""

LEAST = 256
"""A shorter array is a figure about the record (its rate, its speed), not a record."""

RATES, SPEEDS = ("sr", "fs", "rate", "samplerate", "sample_rate", "sampling_rate", "samplingfrequency"), ("rpm", "speed_rpm")


def mat(path: Path) -> list[Channel]:
    """Return the long arrays of a MATLAB file; a field beside them called sr or fs is the rate, one with rpm the speed."""
    data = path.read_bytes()
    if data[:19] == b"MATLAB 7.3 MAT-file" or data[:4] == b"\x89HDF":
        return _channels(path, hdf.arrays(path, LARGEST))
    if len(data) < 128 or data[126:128] not in (b"IM", b"MI"):
        raise broken(path, "this is no MATLAB file of version 5 to 7")
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        arrays = dict(_arrays(data[128:], order))
    except (struct.error, zlib.error, ValueError, IndexError, RecursionError) as error:
        raise broken(path, f"the MATLAB file breaks off or is damaged: {error}") from error
    return _channels(path, arrays)


def _channels(path: Path, arrays: dict[str, Floats]) -> list[Channel]:
    long = {name: values for name, values in arrays.items() if values.size >= LEAST}
    if not long:
        raise broken(path, "there is no array of samples", f"an array of {LEAST} numbers or more is taken as a record")
    figures = {name: float(values.flat[0]) for name, values in arrays.items() if values.size == 1}
    rate = next((value for name, value in figures.items() if name.rpartition(".")[2].lower() in RATES), None)
    rpm = next((value for name, value in figures.items() if name.lower().endswith(SPEEDS)), None)
    found: list[Channel] = []
    for name, values in long.items():
        columns = values.reshape(values.shape[0], -1) if values.shape[0] >= LEAST else values.reshape(values.shape[0], -1).T
        for place in range(columns.shape[1]):
            label = name if columns.shape[1] == 1 else f"{name}:{place + 1}"
            found.append(Channel(label, columns[:, place], rate, None, rpm))
    return found


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of every element; each begins at a multiple of 8 bytes."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack(order + "II", data[at : at + 8])
        if kind >> 16:
            small, kind = kind >> 16, kind & 0xFFFF
            yield kind, data[at + 4 : at + 4 + small]
            at += 8
            continue
        if at + 8 + size > len(data):
            raise ValueError("an element is longer than the file")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + (-size % 8 if kind != COMPRESSED else 0)


def _arrays(data: bytes, order: str) -> Iterator[tuple[str, Floats]]:
    for kind, content in _elements(data, order):
        if kind == COMPRESSED:
            opened = zlib.decompressobj()
            unfolded = opened.decompress(content, LARGEST)
            if opened.unconsumed_tail:
                raise ValueError(f"an element unfolds to more than {LARGEST >> 20} MiB")
            yield from _arrays(unfolded, order)
        elif kind == MATRIX:
            yield from _matrix(content, order, "")


def _matrix(content: bytes, order: str, outer: str) -> Iterator[tuple[str, Floats]]:
    parts = list(_elements(content, order))
    if len(parts) < 3:
        return
    flags = struct.unpack(order + "I", parts[0][1][:4])[0]
    shape = np.frombuffer(parts[1][1], order + "i4")
    name = outer or parts[2][1].decode("latin-1")
    what, hidden = flags & 0xFF, flags & 0x0800
    if what == STRUCT:
        yield from _fields(parts[3:], order, name)
    elif FIRST_NUMERIC <= what <= LAST_NUMERIC and not hidden and len(parts) > 3 and parts[3][0] in NUMBERS:
        numbers: Any = np.frombuffer(parts[3][1], order + NUMBERS[parts[3][0]])
        yield name, numbers.astype(np.float64).reshape(tuple(shape), order="F")


def _fields(parts: list[tuple[int, bytes]], order: str, outer: str) -> Iterator[tuple[str, Floats]]:
    """Yield the arrays of a struct (of the first one, where it is an array of structs)."""
    width = int(np.frombuffer(parts[0][1], order + "i4")[0])
    names = [parts[1][1][at : at + width].split(b"\0")[0].decode("latin-1") for at in range(0, len(parts[1][1]), width)]
    for name, (kind, content) in zip(names, parts[2:], strict=False):
        if kind == MATRIX:
            yield from _matrix(content, order, f"{outer}.{name}")
