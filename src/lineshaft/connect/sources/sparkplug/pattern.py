"""Patterns: an edge node says the same again and again, so where its values lie is learnt once and then only verified.

A pattern is every byte of a payload's metrics that does not change - tags, lengths, aliases, names - and the places of those
that do: times, values, and integers, whose length changes with them. Payloads that show their pattern are read together, field
by field; the others are walked through, byte by byte (`sparkplug_b.decode`), and learnt from.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineshaft.connect.sparkplug_b import (
    ALIAS,
    BOOLEAN,
    DATATYPE,
    DOUBLE,
    FIXED,
    FLOAT,
    HISTORICAL,
    INT,
    LONG,
    NULL,
    TIME,
    TRANSIENT,
    UINT64,
    VALUES,
    Head,
    Malformed,
    Metrics,
    decode,
    name_key,
    varint,
    walk,
)

Ints = NDArray[np.int64]
NAME, MS, SEQ = 1, 0x08, 0x18
WORTH, MOST, TRIES, LONGEST = 256, 3, 8, 8
"""Metrics that must be alike for reading them together; patterns a speaker may have, and misses before it is taken for one
that says something else each time; bytes of the longest integer read in columns."""
_MASKS, _HIGH, _LAST = np.zeros(256, np.uint64), np.zeros(256, np.uint64), np.ones(256, np.uint64)
"""For n bytes: the low n of a word; the top bits of those; and how these are where a number of n bytes ends with them.

No word is like the last of an n that is none.
"""
for _n in range(1, LONGEST + 1):
    _MASKS[_n] = 2 ** (8 * _n) - 1
    _HIGH[_n], _LAST[_n] = 0x8080808080808080 >> 8 * (8 - _n), 0x80808080808080 >> 8 * (8 - _n)


@dataclass(slots=True, eq=False)
class Pattern:
    """Bytes as they must be, and where the changing ones lie; integers of changing length are cut out of the bytes.

    `steps` has for each of those: bytes since the last one, how far before it its metric's length stands, and what of that
    length is not the integer. `times` and the others are (which metric, where).
    """

    n: int
    mask: NDArray[np.uint8]
    expected: NDArray[np.uint8]
    steps: list[tuple[int, int, int]]
    rest: int
    key: UINT64
    named: NDArray[np.bool_]
    field: NDArray[np.uint8]
    transient: NDArray[np.bool_]
    times: list[tuple[int, tuple[Ints, Ints]]]
    values: dict[int, tuple[Ints, Ints]]
    loose: Ints
    back: Ints
    other: NDArray[np.uint8]
    width: UINT64
    head: int
    _last: tuple[int, tuple[Any, ...]] = (0, ())

    def again(self, count: int) -> tuple[Any, ...]:
        """Return keys, which are names, fields and which are transient, so many times over; mostly as often as the last time."""
        if self._last[0] != count:
            self._last = count, tuple(np.tile(column, count) for column in (self.key, self.named, self.field, self.transient))
        return self._last[1]

    @property
    def likeness(self) -> tuple[bytes, bytes, tuple[tuple[int, int, int], ...]]:
        """What makes two patterns the same."""
        return self.mask.tobytes(), self.expected.tobytes(), tuple(self.steps)


@dataclass(slots=True)
class _Speaker:
    patterns: list[Pattern] = field(default_factory=list[Pattern])
    misses: int = 0


@dataclass(slots=True)
class _Found:
    """Payloads of one pattern as far as they were cut: the fixed bytes, and where the integers lie in all the data."""

    pieces: list[bytes] = field(default_factory=list[bytes])
    at: list[int] = field(default_factory=list[int])
    messages: list[int] = field(default_factory=list[int])
    seqs: list[int] = field(default_factory=list[int])
    heads: list[Head] = field(default_factory=list[Head])


class Patterns:
    """What is known of how each speaker speaks."""

    def __init__(self) -> None:
        self._speakers: dict[Hashable, _Speaker] = {}
        self._known: dict[object, Pattern] = {}

    def decode(self, payloads: Sequence[bytes], speakers: Sequence[Hashable]) -> tuple[list[Head], Metrics]:
        """Decode payloads of data at once. Raises Malformed when one of them is none: decode them one by one then."""
        heads: list[Head] = [Head(-1, -1)] * len(payloads)
        parts: list[Metrics] = []
        left = list(range(len(payloads)))
        for turn in range(MOST):
            left = self._turn(turn, payloads, speakers, left, heads, parts)
        if left or not parts:
            walked, metrics = decode([payloads[number] for number in left])
            for number, head in zip(left, walked, strict=True):
                heads[number] = head
            metrics.message = np.array(left, np.int64)[metrics.message]
            parts.append(metrics)
            self._learn(payloads, speakers, left)
        return heads, _in_order(parts) if len(parts) > 1 else parts[0]

    def _turn(
        self,
        turn: int,
        payloads: Sequence[bytes],
        speakers: Sequence[Hashable],
        left: list[int],
        heads: list[Head],
        parts: list[Metrics],
    ) -> list[int]:
        """Read what shows its speaker's next pattern; return the others."""
        groups: dict[int, tuple[Pattern, list[int]]] = {}
        for number in left:
            speaker = self._speakers.get(speakers[number])
            if speaker is not None and turn < len(speaker.patterns):
                pattern = speaker.patterns[turn]
                groups.setdefault(id(pattern), (pattern, []))[1].append(number)
        taken: set[int] = set()
        for pattern, numbers in groups.values():
            if pattern.n * len(numbers) >= WORTH:
                read = _read(pattern, payloads, numbers)
                if read is not None:
                    found, metrics = read
                    parts.append(metrics)
                    taken.update(found.messages)
                    for number, head in zip(found.messages, found.heads, strict=True):
                        heads[number] = head
        for number in taken:
            self._speakers[speakers[number]].misses = 0
        return [number for number in left if number not in taken] if taken else left

    def _learn(self, payloads: Sequence[bytes], speakers: Sequence[Hashable], missed: Sequence[int]) -> None:
        """Learn from the last payload of each speaker that showed no pattern, unless it never shows one."""
        for who, number in {speakers[number]: number for number in missed}.items():
            speaker = self._speakers.setdefault(who, _Speaker())
            speaker.misses += 1
            if speaker.misses > TRIES and speaker.misses % (TRIES * TRIES):
                continue
            pattern = learn(payloads[number])
            if pattern is None:
                continue
            pattern = self._known.setdefault(pattern.likeness, pattern)
            if pattern not in speaker.patterns:
                speaker.patterns = [pattern, *speaker.patterns[: MOST - 1]]
        if len(self._known) > 4 * max(len(self._speakers), TRIES):
            used = {id(pattern) for speaker in self._speakers.values() for pattern in speaker.patterns}
            self._known = {key: pattern for key, pattern in self._known.items() if id(pattern) in used}


# --- reading -------------------------------------------------------------------------------------------------------


def _read(pattern: Pattern, payloads: Sequence[bytes], numbers: Sequence[int]) -> tuple[_Found, Metrics] | None:
    """Return the metrics of those payloads that show the pattern, None where there is none."""
    found, begin = _Found(), 0
    begins: list[int] = []
    for number in numbers:
        if _cut(pattern, payloads[number], begin, found):
            found.messages.append(number)
            begins.append(begin)
            begin += len(payloads[number])
    if not found.messages:
        return None
    count, width = len(found.messages), len(pattern.mask)
    fixed = b"".join(found.pieces)
    matrix = np.frombuffer(fixed, np.uint8).reshape(count, width)
    data = b"".join([payloads[number] for number in found.messages])
    alike = ((matrix & pattern.mask) == pattern.expected).all(axis=1)
    integers, proper = _integers(pattern, data, found, count)
    alike &= proper
    if not alike.all():
        good = [number for number, fits in zip(found.messages, alike.tolist(), strict=True) if fits]
        return _read(pattern, payloads, good) if good else None
    found.heads = [Head(ms, seq) for ms, seq in zip(_times(pattern, fixed, count), found.seqs, strict=True)]
    return found, _metrics(pattern, fixed, integers, np.array(found.messages, np.int64), data)


def _times(pattern: Pattern, fixed: bytes, count: int) -> list[int]:
    """Return the times of the payloads themselves."""
    if not pattern.head:
        return [-1] * count
    begins = np.arange(count) * len(pattern.mask) + 1
    return _squeezed(_words(fixed)[begins] & _MASKS[pattern.head], pattern.head).tolist()


def _cut(pattern: Pattern, payload: bytes, begin: int, found: _Found) -> bool:
    """Cut one payload into its fixed bytes and its integers; return whether that could be done."""
    pieces: list[bytes] = []
    at: list[int] = []
    pos = 0
    try:
        for step, back, other in pattern.steps:
            there = pos + step
            pieces.append(payload[pos:there])
            at.append(begin + there)
            pos = there + payload[there - back] - other
            if pos <= there:
                return False
    except IndexError:
        return False
    there = pos + pattern.rest
    seq = _tail(payload, there)
    if seq is None:
        return False
    pieces.append(payload[pos:there])
    found.pieces += pieces
    found.at += at
    found.seqs.append(seq)
    return True


def _tail(payload: bytes, pos: int) -> int | None:
    """Return the sequence number behind the metrics, -1 where nothing is there; None for anything else."""
    size = len(payload) - pos
    if size == 0:
        return -1
    if size == 2 and payload[pos] == SEQ and payload[pos + 1] < 0x80:
        return payload[pos + 1]
    if size == 3 and payload[pos] == SEQ and payload[pos + 1] >= 0x80 > payload[pos + 2]:
        return payload[pos + 1] & 0x7F | payload[pos + 2] << 7
    return None


def _words(data: bytes) -> UINT64:
    """Return the eight bytes from each place on as a number."""
    padded = data + bytes(8)
    return np.ndarray((len(data) + 1,), "<u8", padded, 0, (1,))


def _integers(pattern: Pattern, data: bytes, found: _Found, count: int) -> tuple[UINT64, NDArray[np.bool_]]:
    """Return the integers that were cut out, and for each payload whether all of them end where they should."""
    if not pattern.steps:
        return np.zeros(0, np.uint64), np.ones(count, np.bool_)
    at = np.array(found.at).reshape(count, -1)
    sizes = np.frombuffer(data, np.uint8)[at - pattern.back] - pattern.other
    words = _words(data)[at]
    proper = (words & _HIGH[sizes]) == _LAST[sizes]
    return _squeezed(words & _MASKS[sizes], min(int(sizes.max()), LONGEST)), proper.all(axis=1)


def _squeezed(words: UINT64, size: int) -> UINT64:
    """Put the lower seven bits of each byte together."""
    out = words & np.uint64(0x7F)
    for n in range(1, size):
        out |= (words >> np.uint64(n)) & np.uint64(0x7F << 7 * n)
    return out


def _metrics(pattern: Pattern, fixed: bytes, integers: UINT64, messages: Ints, data: bytes) -> Metrics:
    """Read the fields of payloads that were verified."""
    n, count, width = pattern.n, len(messages), len(pattern.mask)
    words = _words(fixed)
    rows = np.arange(0, count * width, width)[:, None]
    ms = np.full((count, n), -1, np.int64)
    for size, (which, where) in pattern.times:
        ms[:, which] = _squeezed(words[rows + where] & _MASKS[size], size).view(np.int64)
    raw = np.zeros((count, n), np.uint64)
    for kind, (which, where) in pattern.values.items():
        bits = words[rows + where]
        if kind == FLOAT:
            with np.errstate(invalid="ignore"):  # a NaN of the signalling kind
                bits = bits.astype(np.uint32).view(np.float32).astype(np.float64).view(np.uint64)
        elif kind == BOOLEAN:
            bits = bits & np.uint64(0x7F)
        raw[:, which] = bits
    if len(integers):
        raw[:, pattern.loose] = integers & pattern.width
    key, named, kinds, transient = pattern.again(count)
    return Metrics(np.repeat(messages, n), key, named, ms.ravel(), kinds, raw.ravel(), transient, [], data, pattern)


def _in_order(parts: Sequence[Metrics]) -> Metrics:
    """Put the metrics of all payloads in the order they came."""
    names = ("key", "named", "ms", "field", "raw", "transient")
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    message = np.concatenate([part.message for part in parts])
    order = np.argsort(message, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    slow: list[tuple[int, int, int]] = []
    row = begin = 0
    for part in parts:
        slow += [(int(place[row + at]), begin + start, begin + end) for at, start, end in part.slow]
        row, begin = row + len(part.message), begin + len(part.data)
    key, named, ms, kind, raw, transient = (column[order] for column in columns)
    return Metrics(message[order], key, named, ms, kind, raw, transient, slow, b"".join(part.data for part in parts))


# --- learning ------------------------------------------------------------------------------------------------------


def learn(payload: bytes) -> Pattern | None:
    """Return the pattern a payload shows, None when it has metrics that are not read in columns."""
    starts: list[int] = []
    lengths: list[int] = []
    beside: dict[int, tuple[int, int]] = {}
    try:
        walk(payload, 0, len(payload), starts, lengths, beside)
    except Malformed:
        return None
    if not starts or -1 in beside:
        return None
    sheet, pos = _Sheet(), -1
    for start, length in zip(starts, lengths, strict=True):
        front = 2 + (length >= 0x80) + (length >= 0x4000)
        if pos < 0 and not sheet.begin(payload[: start - front]):
            return None
        if pos not in (-1, start - front):
            return None  # a number stands between two metrics
        pos = start + length
        sheet.write(payload[start - front : start], 0xFF)
        if not sheet.metric(payload[start:pos]):
            return None
    return sheet.pattern()


class _Sheet:
    """What a pattern is written on, metric by metric."""

    def __init__(self) -> None:
        self._mask, self._expected = bytearray(), bytearray()
        self.head = 0
        self._steps: list[tuple[int, int, int]] = []
        self._cut = 0
        self._keys: list[int] = []
        self._named: list[bool] = []
        self._fields: list[int] = []
        self._transient: list[bool] = []
        self._times: dict[int, list[tuple[int, int]]] = {}
        self._values: dict[int, list[tuple[int, int]]] = {}
        self._loose: list[int] = []

    def write(self, data: bytes, mask: int) -> None:
        """Note bytes of which these bits do not change."""
        self._mask += bytes([mask]) * len(data)
        self._expected += bytes(byte & mask for byte in data)

    def begin(self, front: bytes) -> bool:
        """Note what stands before the metrics: the payload's time, or nothing; return whether it is no more."""
        if not front:
            return True
        self.head = len(front) - 1
        self.write(front[:1], 0xFF)
        self.write(front[1:], 0x80)
        return front[0] == MS and varint(front, 1, len(front))[1] == len(front) <= LONGEST

    def metric(self, row: bytes) -> bool:
        """Note one metric; return whether it can be read in columns."""
        begin, pos = len(self._mask), 0
        self._keys.append(0)
        self._named.append(False)
        self._fields.append(0)
        self._transient.append(False)
        seen: dict[int, int] = {}
        try:
            while pos < len(row):
                number, wire = row[pos] >> 3, row[pos] & 7
                if number in seen:
                    return False
                self.write(row[pos : pos + 1], 0xFF)
                pos += 1
                end = self._end(row, pos, number, wire)
                if end > len(row) or not self._field(
                    number, row[pos:end], pos, last=end == len(row), begin=begin, aliased=ALIAS in seen
                ):
                    return False
                seen[number] = row[pos]
                pos = end
        except (IndexError, Malformed):
            return False
        values = [number for number in seen if number in VALUES]
        if values and not seen.get(NULL):
            self._fields[-1] = values[0]
        return len(values) < 2

    @staticmethod
    def _end(row: bytes, pos: int, number: int, wire: int) -> int:
        """Return where a field's value ends; beyond the row for one that is not read in columns."""
        if wire == 0:
            return varint(row, pos, len(row))[1]
        if (number, wire) in ((FLOAT, 5), (DOUBLE, 1)):
            return pos + FIXED[number]
        return pos + 1 + row[pos] if (number, wire) == (NAME, 2) and row[pos] < 0x80 else len(row) + 1

    def _field(self, number: int, value: bytes, pos: int, *, last: bool, begin: int, aliased: bool) -> bool:
        """Note one field; return whether it is one of those that are read in columns."""
        which, where = len(self._keys) - 1, len(self._mask)
        if number in (NAME, ALIAS):
            if number == ALIAS:
                self._keys[-1] = varint(value, 0, len(value))[0] & 0xFFFFFFFFFFFFFFFF
            elif not aliased:
                self._keys[-1] = name_key(value[1:])
            self._named[-1] = number == NAME and not aliased
            self.write(value, 0xFF)
        elif number in (TRANSIENT, NULL):
            self._transient[-1] = self._transient[-1] or (number == TRANSIENT and value != b"\0")
            self.write(value, 0xFF)
            return len(value) == 1
        elif number in (TIME, DATATYPE, HISTORICAL, BOOLEAN):
            if number == TIME:
                self._times.setdefault(len(value), []).append((which, where))
            elif number == BOOLEAN:
                self._values.setdefault(number, []).append((which, where))
            self.write(value, 0x80)
            return len(value) <= (1 if number == BOOLEAN else LONGEST)
        elif number in (INT, LONG):
            self._steps.append((where - self._cut, pos + 1, pos))
            self._loose.append(which)
            self._cut = where
            self._mask[begin - 1] = self._expected[begin - 1] = 0  # the metric's length
            return last and len(value) <= LONGEST and pos + len(value) < 0x80
        elif number in FIXED:
            self._values.setdefault(number, []).append((which, where))
            self.write(value, 0)
        else:
            return False
        return True

    def pattern(self) -> Pattern:
        """Return what was written."""
        return Pattern(
            len(self._keys),
            np.frombuffer(bytes(self._mask), np.uint8),
            np.frombuffer(bytes(self._expected), np.uint8),
            self._steps,
            len(self._mask) - self._cut,
            np.array(self._keys, np.uint64),
            np.array(self._named, np.bool_),
            np.array(self._fields, np.uint8),
            np.array(self._transient, np.bool_),
            [(size, _pair(places)) for size, places in self._times.items()],
            {kind: _pair(places) for kind, places in self._values.items()},
            np.array(self._loose, np.int64),
            np.array([back for _, back, _ in self._steps], np.int64),
            np.array([other for _, _, other in self._steps], np.uint8),
            np.array([0xFFFFFFFF if self._fields[which] == INT else 2**64 - 1 for which in self._loose], np.uint64),
            self.head,
        )


def _pair(places: Sequence[tuple[int, int]]) -> tuple[Ints, Ints]:
    which, where = zip(*places, strict=True)
    return np.array(which, np.int64), np.array(where, np.int64)
