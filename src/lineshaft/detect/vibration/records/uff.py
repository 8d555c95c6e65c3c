"""Universal files, data set 58 (functions at nodal degrees of freedom): evenly sampled real time histories, ASCII or binary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.records.channel import Channel, broken

MARK = re.compile(rb"^ {4}-1[ \t]*\r?\n", re.MULTILINE)
SINGLE, DOUBLE = 2, 4
LINES = 11
BIG = 2
UNITS = {"m/s^2": "m/s2", "m/s2": "m/s2", "m/s**2": "m/s2", "m/s²": "m/s2", "g": "g", "mm/s": "mm/s", "m/s": "m/s"}


def uff(path: Path) -> list[Channel]:
    """Return the time histories of a universal file."""
    try:
        found = [_channel(path, block, place + 1) for place, block in enumerate(_blocks(path.read_bytes() + b"\n"))]
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise broken(path, f"a data set 58 breaks off or is damaged: {error}") from error
    if not found:
        raise broken(path, "there is no data set 58 in the file", "export time histories as universal file, data set 58")
    return found


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield what follows each `58`; a binary block says its own length, so that samples are never read as a mark."""
    at = 0
    while opened := MARK.search(data, at):
        begin = opened.end()
        head, _, _ = data[begin : begin + 200].partition(b"\n")
        kind = head[:6].strip()
        size = int(head[31:43]) + _after(data, begin, LINES + 1) - begin if head[6:7] in (b"b", b"B") else None
        closed = MARK.search(data, begin + (size or 0))
        end = closed.start() if closed else len(data)
        if kind == b"58":
            yield data[begin:end]
        at = closed.end() if closed else len(data)


def _after(data: bytes, at: int, lines: int) -> int:
    for _ in range(lines):
        at = data.index(b"\n", at) + 1
    return at


def _channel(path: Path, block: bytes, number: int) -> Channel:
    heads = [line.decode("latin-1").rstrip() for line in block.split(b"\n")[: LINES + 1]]
    form = heads[7].split()
    kind, count, even, step = int(form[0]), int(form[1]), int(form[2]), float(form[4])
    if kind not in (SINGLE, DOUBLE) or even != 1 or step <= 0:
        raise broken(path, f"data set {number} is no evenly sampled, real time history", "export the raw time history")
    body = block[_after(block, 0, LINES + 1) :]
    values = _binary(heads[0], body, kind, count) if heads[0][6:7] in "bB" and len(heads[0]) > 6 else _text(body, kind, count)
    if len(values) < count:
        raise broken(path, f"data set {number} has {len(values)} of {count} samples")
    written = heads[9].split()[-1].strip("[]()") if heads[9].split() else ""
    return Channel(heads[1].strip() or str(number), values, 1 / step, UNITS.get(written.lower()))


def _binary(head: str, body: bytes, kind: int, count: int) -> Floats:
    order = ">" if int(head[7:13]) == BIG else "<"
    form = order + ("f4" if kind == SINGLE else "f8")
    return np.frombuffer(body[: count * int(form[2])], form).astype(np.float64)


def _text(body: bytes, kind: int, count: int) -> Floats:
    """Read columns of fixed width: 13 characters single, 20 double."""
    width = 13 if kind == SINGLE else 20
    cells: list[float] = []
    for line in body.decode("latin-1").splitlines():
        cells += [float(line[at : at + width]) for at in range(0, len(line.rstrip()), width)]
        if len(cells) >= count:
            break
    return np.array(cells[:count])
