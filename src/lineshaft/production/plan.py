"""What compute asks for every window, held in memory: the calendar of a line, and which order ran where at which ideal cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.production.calendar import Calendar, CalendarVersion
from lineshaft.production.tables import calendars, cycles, order_lines, orders, products, runs
from lineshaft.production.written import CalendarEntry


@dataclass(frozen=True, slots=True)
class Run:
    """An order ran from `start` to `end`; `ideal_cycle_s` is the product's at that machine (None: take the machine's own)."""

    start: int
    end: int
    order: str
    product: str
    ideal_cycle_s: float | None


@dataclass(frozen=True, slots=True)
class _Ran:
    start: int
    end: int | None
    order: str
    product: str
    product_id: str


@dataclass(frozen=True)
class Plan:
    """One committed state of calendars, runs and ideal cycles, by the id of the line or machine."""

    calendars: dict[str, Calendar] = field(default_factory=dict[str, Calendar])
    runs: dict[str, list[_Ran]] = field(default_factory=dict[str, list[_Ran]])
    cycles: dict[tuple[str, str], list[tuple[int, float]]] = field(default_factory=dict[tuple[str, str], list[tuple[int, float]]])

    def running(self, line_id: str, machine_id: str, start: int, end: int) -> list[Run]:
        """Return what ran at a line between two moments, with the ideal cycles of one of its machines."""
        found: list[Run] = []
        for ran in self.runs.get(line_id, []):
            low, high = max(ran.start, start), end if ran.end is None else min(ran.end, end)
            if low < high:
                found += self._pieces(ran, machine_id, low, high)
        return found

    def _pieces(self, ran: _Ran, machine_id: str, low: int, high: int) -> list[Run]:
        """Return a run cut where the ideal cycle changes."""
        known = self.cycles.get((ran.product_id, machine_id), [])
        edges = [low, *(since for since, _ in known if low < since < high), high]
        pieces: list[Run] = []
        for start, end in pairwise(edges):
            valid = [seconds for since, seconds in known if since <= start]
            pieces.append(Run(start, end, ran.order, ran.product, valid[-1] if valid else None))
        return pieces


def read_plan(tx: Connection) -> Plan:
    """Read the plan as this transaction sees it."""
    return Plan(_calendars(tx), _runs(tx), _cycles(tx))


def _calendars(tx: Connection) -> dict[str, Calendar]:
    """Return each line's calendar; the versions of one name follow each other, whatever lines an earlier one had."""
    by_name: dict[str, list[tuple[CalendarVersion, list[str]]]] = {}
    for row in tx.execute(sa.select(calendars).order_by(calendars.c.valid_from)).mappings():
        version = CalendarEntry.model_validate(row["body"]).version(row["valid_from"])
        by_name.setdefault(row["name"], []).append((version, row["asset_ids"]))
    found: dict[str, Calendar] = {}
    for name, entries in by_name.items():
        for asset_id in entries[-1][1]:
            found[asset_id] = Calendar(name, tuple(version for version, _ in entries))
    return found


def _runs(tx: Connection) -> dict[str, list[_Ran]]:
    query = (
        sa.select(runs, orders.c.number, products.c.product, order_lines.c.product_id)
        .join(orders, orders.c.id == runs.c.order_id)
        .join(order_lines, (order_lines.c.order_id == runs.c.order_id) & (order_lines.c.line == runs.c.line))
        .join(products, products.c.id == order_lines.c.product_id)
        .order_by(runs.c.start_ns)
    )
    found: dict[str, list[_Ran]] = {}
    for row in tx.execute(query).mappings():
        ran = _Ran(row["start_ns"], row["end_ns"], row["number"], row["product"], row["product_id"])
        found.setdefault(row["asset_id"], []).append(ran)
    return found


def _cycles(tx: Connection) -> dict[tuple[str, str], list[tuple[int, float]]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for row in tx.execute(sa.select(cycles).order_by(cycles.c.valid_from)).mappings():
        found.setdefault((row["product_id"], row["asset_id"]), []).append((row["valid_from"], row["seconds"]))
    return found
