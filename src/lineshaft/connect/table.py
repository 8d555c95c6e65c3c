"""Tags as places in a controller's memory, for simulators whose protocol only knows bytes: Modbus and S7."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from lineshaft.connect.wire import Value, Wire

FORMATS: dict[Wire, str] = {"double": ">d", "integer": ">q", "int32": ">i", "uint32": ">I"}
TEXT = 64
"""Bytes of a text; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a tag lies: its first byte; a truth value has two bytes of its own, of which the first holds 0 or 1."""

    at: int
    size: int
    wire: Wire


class Table:
    """The memory, and where each tag lies in it; no two tags share a word of 16 bits."""

    def __init__(self, tags: Mapping[str, Wire]) -> None:
        self.spots: dict[str, Spot] = {}
        at = 0
        for tag, wire in tags.items():
            size = 2 if wire == "boolean" else struct.calcsize(FORMATS[wire]) if wire in FORMATS else TEXT
            self.spots[tag] = Spot(at, size, wire)
            at += size
        self.memory = bytearray(max(at, 2))

    def put(self, tag: str, value: Value, *, counted: bool = False) -> None:
        """Show a value; nothing is NaN for a number with a point, and leaves others as they were.

        `counted` texts begin with their greatest and their present length, as S7 keeps them.
        """
        spot = self.spots[tag]
        if value is None:
            if spot.wire == "double":
                struct.pack_into(">d", self.memory, spot.at, float("nan"))
            return
        if spot.wire == "boolean":
            self.memory[spot.at] = bool(value)
        elif spot.wire in FORMATS:
            struct.pack_into(FORMATS[spot.wire], self.memory, spot.at, value)
        else:
            text = str(value).encode()[: TEXT - 2 if counted else TEXT]
            body = bytes((TEXT - 2, len(text))) + text if counted else text
            self.memory[spot.at : spot.at + TEXT] = body.ljust(TEXT, b"\0")

    def get(self, tag: str, *, counted: bool = False) -> Value:
        """Return a tag's value as it lies in the memory."""
        spot = self.spots[tag]
        if spot.wire == "boolean":
            return bool(self.memory[spot.at])
        if spot.wire in FORMATS:
            value: float | int = struct.unpack_from(FORMATS[spot.wire], self.memory, spot.at)[0]
            return value
        raw = bytes(self.memory[spot.at : spot.at + TEXT])
        return (raw[2 : 2 + raw[1]] if counted else raw.rstrip(b"\0")).decode("utf-8", "replace")


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)
