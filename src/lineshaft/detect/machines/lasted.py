"""From when to when a machine's findings lasted, and what people said of them: what is not to be learned hangs on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lineshaft.core import Database, InvalidInput, iso, parse_time
from lineshaft.detect.anomaly.quality import Flaw
from lineshaft.detect.place_tables import alerts
from lineshaft.detect.tables import findings

HOUR = 3_600 * 10**9
NAMED = 3
"""The times of so many findings are said."""


@dataclass(frozen=True, slots=True)
class Lasted:
    """A finding's time; one that still lasts goes to the end of what was asked for."""

    id: str
    asset: str
    kind: str
    start: int
    end: int
    lasts: bool
    label: str | None
    code: str


def lasted(db: Database, asset: str, start: int, end: int, *, unjudged: bool = False) -> list[Lasted]:
    """Return the findings of an asset and its parts whose time touches (start, end), newest first; the unjudged if asked."""
    mine = sa.or_(findings.c.asset == asset, findings.c.asset.startswith(f"{asset}/", autoescape=True))
    query = sa.select(findings).where(mine).order_by(findings.c.at.desc(), findings.c.id)
    rows = db.rows(query.where(findings.c.label.is_(None)) if unjudged else query)
    open_ = sa.select(alerts.c.finding).where(alerts.c.end.is_(None), alerts.c.finding.is_not(None))
    lasting = {row["finding"] for row in db.rows(open_)}
    found = [_lasted(row, end, lasts=row["id"] in lasting) for row in rows]
    return [one for one in found if one.end > one.start and one.start < end and one.end > start]


def end_of(row: Mapping[str, Any]) -> int:
    """Return until when a finding's time goes, as its row tells it: an hour where it does not."""
    return _moment(row["evidence"], "end", row["at"] + HOUR)


def _lasted(row: Mapping[str, Any], end: int, *, lasts: bool) -> Lasted:
    start = _moment(row["evidence"], "start", row["at"])
    until = max(end_of(row), end) if lasts else end_of(row)
    return Lasted(row["id"], row["asset"], row["kind"], start, until, lasts, row["label"], row["failure_mode"])


def _moment(evidence: Mapping[str, Any], name: str, default: int) -> int:
    """Return a time of a finding's evidence: as this house writes it, or as somebody gave it."""
    if (at := evidence.get(f"{name}_ns")) is not None:
        return int(at)
    given = evidence.get(name)
    try:
        return parse_time(given) if isinstance(given, str) else int(default)
    except InvalidInput:
        return int(default)


def left_out(mine: Sequence[Lasted]) -> Flaw | None:
    """Say that findings nobody has judged lie in a time that is learned from: how many, when, and the way out."""
    if not mine:
        return None
    times = ", ".join(f"{iso(one.start)} - {'…' if one.lasts else iso(one.end)}" for one in mine[:NAMED])
    times += ", …" if len(mine) > NAMED else ""
    which = f"{len(mine)} findings that nobody has judged lie" if len(mine) > 1 else "a finding that nobody has judged lies"
    action = "their time is not learned; judge them: the time of a false alarm is learned with the next training"
    return Flaw("unjudged", f"{which} in this time ({times})", action, len(mine))
