"""WAV: PCM of 8 to 32 bits and floating point; full scale is 1, so the unit needs the sensor's sensitivity."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.records.channel import Channel, broken

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def wav(path: Path) -> list[Channel]:
    """Return the channels of a WAV file, as shares of full scale."""
    data = path.read_bytes()
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise broken(path, "this is no WAV file")
    parts = _chunks(data)
    if b"fmt " not in parts or b"data" not in parts or len(parts[b"fmt "]) < 16:
        raise broken(path, "the WAV file has no format or no samples")
    coding, channels, rate, _, block, bits = struct.unpack("<HHIIHH", parts[b"fmt "][:16])
    if coding == EXTENSIBLE and len(parts[b"fmt "]) >= 26:
        coding = struct.unpack("<H", parts[b"fmt "][24:26])[0]
    if not channels or not block:
        raise broken(path, "the WAV file has no channels")
    whole = len(parts[b"data"]) // block * block
    samples = _samples(path, parts[b"data"][:whole], coding, bits).reshape(-1, channels)
    return [Channel(str(place + 1), samples[:, place], float(rate)) for place in range(channels)]


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        found.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _samples(path: Path, data: bytes, coding: int, bits: int) -> Floats:
    if coding == FLOAT and bits in (32, 64):
        return np.frombuffer(data, "<f4" if bits == 32 else "<f8").astype(np.float64)
    if coding != PCM or bits not in (8, 16, 24, 32):
        raise broken(path, f"coding {coding} with {bits} bits is not read", "save it as PCM of 16, 24 or 32 bits, or as float")
    if bits == 8:
        return np.frombuffer(data, np.uint8).astype(np.float64) / 128 - 1
    if bits == 24:
        three = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (three[:, 0] << 8 | three[:, 1] << 16 | three[:, 2] << 24) >> 8
        return whole.astype(np.float64) / 2**23
    return np.frombuffer(data, f"<i{bits // 8}").astype(np.float64) / 2.0 ** (bits - 1)
