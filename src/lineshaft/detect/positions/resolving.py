"""How what was found at a position ended: how it failed, why, and what was done, in the codes of the plant's work orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, did_you_mean, new_id
from lineshaft.detect.finding import LABELS
from lineshaft.detect.position_tables import resolutions
from lineshaft.guard import Subject

CODES = ("mode", "cause", "remedy")
NOTHING = "NON"
"""The failure mode that says there was none."""


class Resolutions:
    """All resolutions of positions."""

    def __init__(self, db: Database, detect: Any) -> None:
        self._db, self._detect = db, detect

    def add(self, tx: Connection, row: dict[str, Any], said: Mapping[str, str], by: Subject, at: int) -> dict[str, Any]:
        """Write down how it ended, and label what was found and not labelled yet: confirmed, unless somebody says otherwise."""
        codes = {name: str(said.get(name) or "") for name in CODES}
        label = str(said.get("label") or ("no_fault_found" if codes["mode"] == NOTHING else "confirmed"))
        if label not in LABELS:
            raise InvalidInput(f"'{label}' is no label", where="label", hint=did_you_mean(label, LABELS), code="findings.label")
        found = self._open(row)
        for finding in found:
            self._detect.label(tx, finding, label, by)
        written: dict[str, Any] = {
            "id": new_id(),
            "position_id": row["id"],
            "asset": row["asset"],
            "position": row["path"],
            "at": at,
            "by": by.id,
            "state": row["state"],
            "since": row["since"],
            **codes,
            "label": label,
            "note": str(said.get("note") or ""),
            "findings": found,
        }
        tx.execute(resolutions.insert().values(**written))
        return written

    def list(self, asset: str | None = None, *, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return resolutions, the newest first; of one machine."""
        query = sa.select(resolutions).order_by(resolutions.c.at.desc(), resolutions.c.id).limit(limit)
        query = query if asset is None else query.where(resolutions.c.asset == asset)
        return self._db.rows(query if before is None else query.where(resolutions.c.at < before))

    def _open(self, row: dict[str, Any]) -> list[str]:
        """Return the findings of a position that nobody has labelled."""
        mine = self._detect.findings(asset=row["asset"], limit=1000)
        return [one["id"] for one in mine if one["label"] is None and one["evidence"].get("position_id") == row["id"]]
