"""Modbus registers by name: shared by what reads them and what writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from lineshaft.connect.image import Kind, Order
from lineshaft.core import Duration, Section

Table = Literal["coil", "discrete", "input", "holding"]
TABLES: dict[str, Table] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
NAMES: dict[str, Table] = {name: name for name in TABLES.values()}
WRITTEN = re.compile(r"^(coil|discrete|input|holding)[ :](\d+)(?:\.(\d+))?$|^([0134])(\d{4,5})(?:\.(\d+))?$")


@dataclass(frozen=True, slots=True)
class Place:
    """A register (or coil) of one table, counted from 0, and the bit of it."""

    table: Table
    address: int
    bit: int | None


def place(text: str) -> Place:
    """Read 'holding:100', 'holding:100.3' (bit 3) or the manufacturers' '40101' (counted from 1). Raises ValueError."""
    match = WRITTEN.match(text.strip().lower())
    if match is None:
        raise ValueError(f"'{text}' names no register: write 'holding:100' (counted from 0) or '40101' (counted from 1)")
    if match[1]:
        table, address, bit = (
            TABLES[{"coil": "0", "discrete": "1", "input": "3", "holding": "4"}[match[1]]],
            int(match[2]),
            match[3],
        )
    else:
        table, address, bit = TABLES[match[4]], int(match[5]) - 1, match[6]
    if not 0 <= address <= 65_535:
        raise ValueError(f"'{text}': addresses go from 0 to 65535 ('40001' is the first)")
    if bit is not None and (table in ("coil", "discrete") or int(bit) > 15):
        raise ValueError(f"'{text}': bits are 0 to 15 of a register")
    return Place(table, address, None if bit is None else int(bit))


class ModbusTag(Section):
    """One value of the controller."""

    name: str = Field(min_length=1, description="Name of the tag.")
    at: str = Field(description="Where it is: 'holding:100', 'input:7', 'coil:3', 'holding:100.3' for a bit, or '40101'.")
    type: Kind | None = Field(None, description="What the registers mean; coils and bits are bool, registers uint16 unless said.")
    order: Order = Field(
        "ABCD", description="Order of the bytes, A most significant: 'CDAB' is words swapped, 'DCBA' all reversed."
    )
    length: int = Field(0, ge=0, le=250, description="Bytes of a string.")
    scale: float = Field(1.0, description="The value is the number times scale plus shift.")
    shift: float = Field(0.0, description="Added after scaling.")
    unit: int | None = Field(None, ge=0, le=255, description="Unit (slave) id, if not the source's.")
    every: Duration | None = Field(None, description="How often it is asked, if not the source's `every`.")

    @model_validator(mode="after")
    def _fits(self) -> ModbusTag:
        where = place(self.at)
        kind = self.kind
        single = where.table in ("coil", "discrete") or where.bit is not None
        if single != (kind is Kind.BOOL):
            why = "one bit: its type is bool" if single else "a register: name its bit, e.g. 'holding:100.3', for a bool"
            raise ValueError(f"'{self.at}' is {why}")
        if kind in (Kind.INT8, Kind.UINT8):
            raise ValueError("a register has 16 bits: use int16 or uint16")
        if (kind is Kind.STRING) != (self.length > 0):
            raise ValueError("`length` (bytes) belongs to a string, and a string needs it")
        if where.address + self.registers > 65_536:
            raise ValueError(f"'{self.at}' with {self.registers} registers goes beyond the last one (65535)")
        return self

    @property
    def place(self) -> Place:
        """Return where it is."""
        return place(self.at)

    @property
    def kind(self) -> Kind:
        """Return what its bytes mean."""
        where = place(self.at)
        bit = where.table in ("coil", "discrete") or where.bit is not None
        return self.type or (Kind.BOOL if bit else Kind.UINT16)

    @property
    def registers(self) -> int:
        """Return how many registers (or coils) it covers."""
        if self.kind is Kind.BOOL:
            return 1
        return (self.length + 1) // 2 if self.kind is Kind.STRING else self.kind.size // 2
