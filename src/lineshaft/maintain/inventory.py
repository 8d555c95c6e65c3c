"""Beside the daily moves: counting bins, where a part is used, what may take its place, when it ran out, its label."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import segno
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Conflict, Database, InvalidInput, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.tables import moves, spares


class Inventory(Spares):
    """The store of spare parts, with counts, bills of material and labels."""

    def __init__(self, db: Database, bus: Bus) -> None:
        super().__init__(db, bus)

    def count(
        self, tx: Connection, spare: str, counted: float, by: Subject, note: str = "", version: int | None = None
    ) -> dict[str, Any]:
        """Write what was counted in the bin: the difference becomes a move of its own. Raises Conflict below what is reserved."""
        row = self.get(spare, tx)
        if version is not None and version != row["version"]:
            raise Conflict(f"{row['part']} was moved while it was counted", hint="count it again", code="version.conflict")
        if isinstance(counted, bool) or not math.isfinite(counted) or not 0 <= counted < 1e9:
            raise InvalidInput(f"'{counted}' is no count", where="quantity", code="spares.quantity")
        if counted < row["reserved"]:
            raise Conflict(
                f"{row['reserved']:g} of {row['part']} are promised to orders, {counted:g} were counted",
                hint="release reservations first, so that nobody waits for parts that are not there",
                code="spares.reserved",
            )
        difference = round(counted - row["on_hand"], 3)
        if difference:
            self._move(tx, row["part"], "count", difference, by, on_hand=difference, note=note or "counted")
        tx.execute(spares.update().where(spares.c.id == row["id"]).values(counted=now_ns()))
        return self.get(row["id"], tx)

    def bill(self, asset: str) -> list[dict[str, Any]]:
        """Return the parts an asset and what lies below it use: `{part, name, bin, quantity, failure_mode, asset, available}`."""
        found: list[dict[str, Any]] = []
        for row in self.list():
            for use in row["used_by"]:
                if use["asset"] == asset or use["asset"].startswith(f"{asset}/"):
                    names = ("part", "name", "bin", "available")
                    found.append({**{name: row[name] for name in names}, **use})
        return sorted(found, key=lambda one: (one["asset"], one["part"]))

    def instead_of(self, spare: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return the parts that may take a part's place, with what is free of each."""
        row = self.get(spare, tx)
        known = {one["part"]: one for one in self.list(tx)}
        names = ("part", "name", "bin", "available")
        return [{name: known[part][name] for name in names} for part in row["alternatives"] or [] if part in known]

    def stock_outs(self, start: int, end: int) -> list[dict[str, Any]]:
        """Return when nothing of a part was free any more, in (start, end]: the move that took the last one."""
        query = (
            sa.select(moves.c.at, moves.c.on_hand, moves.c.reserved, moves.c.spare_id, spares.c.part, spares.c.name)
            .join(spares, spares.c.id == moves.c.spare_id)
            .where(moves.c.at <= end)
            .order_by(moves.c.at, moves.c.id)
        )
        free: dict[str, bool] = {}
        found: list[dict[str, Any]] = []
        for row in self._db.rows(query):
            out = row["on_hand"] - row["reserved"] <= 0
            if out and free.get(row["spare_id"], False) and row["at"] > start:
                found.append({"part": row["part"], "name": row["name"], "at": row["at"]})
            free[row["spare_id"]] = not out
        return found


def label(address: str) -> str:
    """Return a QR code of an address as SVG without a size of its own: it fills what it is put in."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True, dark="#000", light="#fff"
    )
    return out.getvalue().decode()


def sheet(labels: Sequence[tuple[str, str, str]]) -> str:
    """Return a page of labels (address, heading, line below) ready to print: three a row, each 60 x 30 mm."""
    cells = "".join(
        f'<div class="l">{label(address)}<p><b>{_safe(head)}</b><br>{_safe(text)}</p></div>' for address, head, text in labels
    )
    return (
        "<!doctype html><html><head><meta charset='utf-8'><title>Labels</title><style>@page{size:A4;margin:10mm}"
        "body{font:11px system-ui,sans-serif;margin:0;display:flex;flex-wrap:wrap;gap:2mm}"
        ".l{width:60mm;height:30mm;display:flex;"
        "gap:2mm;align-items:center;border:1px dotted #999;overflow:hidden;break-inside:avoid}"
        ".l svg{width:26mm;height:26mm;flex:none}"
        f"b{{font-size:13px}}p{{margin:0;overflow-wrap:anywhere}}</style></head><body>{cells}</body></html>"
    )


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
