"""S7 values by their absolute address: shared by what reads them and what writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import Field, model_validator

from lineshaft.connect.image import Kind
from lineshaft.core import Duration, Section

IN_BLOCK = re.compile(r"^DB(\d+)\.DB([XBWD])(\d+)(?:\.([0-7]))?$")
IN_AREA = re.compile(r"^(M|I|E|Q|A)([XBWD]?)(\d+)(?:\.([0-7]))?$")
AREAS = {"M": "M", "I": "I", "E": "I", "Q": "Q", "A": "Q"}
SIZES = {"X": Kind.BOOL, "B": Kind.UINT8, "W": Kind.UINT16, "D": Kind.UINT32}
TYPES = {
    "bool": Kind.BOOL,
    "byte": Kind.UINT8,
    "usint": Kind.UINT8,
    "sint": Kind.INT8,
    "word": Kind.UINT16,
    "uint": Kind.UINT16,
    "int": Kind.INT16,
    "dword": Kind.UINT32,
    "udint": Kind.UINT32,
    "dint": Kind.INT32,
    "ulint": Kind.UINT64,
    "lint": Kind.INT64,
    "real": Kind.FLOAT32,
    "lreal": Kind.FLOAT64,
    "time": Kind.INT32,
    "string": Kind.STRING,
}
"""IEC 61131-3 types as Step 7 names them; a TIME is in milliseconds."""


@dataclass(frozen=True, slots=True)
class Address:
    """An area (DB, M, I, Q), the number of the data block, a byte, a bit, and what the address itself says of the kind."""

    area: str
    block: int
    byte: int
    bit: int | None
    kind: Kind


def address(text: str) -> Address:
    """Read 'DB5.DBD10', 'DB5.DBX0.3', 'MW4', 'I0.3' or the German 'E0.3' and 'A0.3'. Raises ValueError."""
    word = text.strip().upper().replace(" ", "")
    match = IN_BLOCK.match(word)
    if match:
        area, block, size, byte, bit = "DB", int(match[1]), match[2], int(match[3]), match[4]
    else:
        match = IN_AREA.match(word)
        if match is None:
            raise ValueError(f"'{text}' is no S7 address: write DB5.DBD10, DB5.DBX0.3, MW4 or I0.3")
        area, block, byte, bit = AREAS[match[1]], 0, int(match[3]), match[4]
        size = match[2] or ("X" if bit is not None else "B")
    if (size == "X") != (bit is not None):
        raise ValueError(f"'{text}': a bit is written with its number, as DB5.DBX0.3, and only a bit")
    return Address(area, block, byte, None if bit is None else int(bit), SIZES[size])


class S7Tag(Section):
    """One value of the controller."""

    name: str = Field(min_length=1, description="Name of the tag.")
    at: str = Field(description="Absolute address: DB5.DBD10, DB5.DBX0.3, MW4, I0.3 (or E0.3), Q0.3 (or A0.3).")
    type: str = Field(
        "",
        description="IEC type: bool, int, dint, real, lreal, word, string ...; empty: what the address says.",
    )
    length: int = Field(0, ge=0, le=254, description="Greatest length of a string, as declared: STRING[20] is 20.")
    scale: float = Field(1.0, description="The value is the number times scale plus shift.")
    shift: float = Field(0.0, description="Added after scaling.")
    every: Duration | None = Field(None, description="How often it is asked, if not the source's `every`.")

    @model_validator(mode="after")
    def _fits(self) -> S7Tag:
        where = address(self.at)
        if self.type and self.type.lower() not in TYPES:
            raise ValueError(f"'{self.type}' is no type we know: {', '.join(TYPES)}")
        if (self.kind is Kind.BOOL) != (where.bit is not None):
            raise ValueError(f"'{self.at}' as {self.kind}: a bool lies at a bit, as DB5.DBX0.3, and nothing else does")
        if (self.kind is Kind.STRING) != (self.length > 0):
            raise ValueError("`length` belongs to a string, and a string needs it")
        if where.kind.size > self.kind.size and self.kind is not Kind.STRING:
            raise ValueError(f"'{self.at}' is larger than a {self.type}")
        return self

    @property
    def address(self) -> Address:
        """Return where it is."""
        return address(self.at)

    @property
    def kind(self) -> Kind:
        """Return what its bytes mean."""
        return TYPES[self.type.lower()] if self.type else address(self.at).kind

    @property
    def size(self) -> int:
        """Return how many bytes it covers; a string has two more, for its lengths."""
        return self.length + 2 if self.kind is Kind.STRING else self.kind.size
