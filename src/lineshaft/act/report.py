"""The report of a shift: a rule counts what happened, an agent or a person words it, and once approved it is in the logbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.job import Action, Job, RuleAction
from lineshaft.core import NS, Conflict, iso, now_ns, parse_time
from lineshaft.guard import Subject
from lineshaft.production import LogEntry

_REPORTER = Subject.rule("reporter")
SHIFT = 8 * 3600 * NS
LONGEST = 8000
MOST = 40


def _draft(_tx: Connection, job: Job) -> dict[str, Any]:
    """List the orders and alarms of the last hours, at the place that was asked for and below."""
    at = parse_time(str(job.names["at"])) if job.names.get("at") else now_ns()
    place, since = str(job.case["asset"]), at - SHIFT
    orders = [row for row in job.rooms.orders.list(limit=200) if row["created"] >= since and _below(str(row["asset"]), place)]
    lines = [f"{row['number']} {row['title']} ({row['asset']}): {row['state']}" for row in orders]
    alarms = [row for row in job.rooms.detect.alarms(kind=None) if _below(str(row["asset"]), place)]
    lines += [f"Alarm {row['name']} ({row['asset']}): {row['state']}" for row in alarms]
    headline = f"{place}, {iso(since)} to {iso(at)}: {len(lines)} entries"
    return {"headline": headline, "text": "\n".join(lines[:MOST]) or "Nothing was noted.", "open_points": []}


def _written(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    if job.rooms.production is None:
        raise Conflict("this node keeps no logbook", code="cases.no-production")
    points = "\n".join(f"- {one}" for one in proposal["open_points"])
    parts = [str(proposal["headline"]), str(proposal["text"]), points]
    text = "\n\n".join(part for part in parts if part)[:LONGEST]
    entry = LogEntry(asset=str(job.case["asset"]), text=text, tags=["shift report"])
    made = job.rooms.production.logbook.write(tx, entry, _REPORTER.id)
    return {"entry": str(made.get("id", "")), "headline": str(proposal["headline"])}


def _below(asset: str, place: str) -> bool:
    return asset == place or asset.startswith(place + "/")


REPORT_ACTIONS: dict[str, Action] = {"report.write": RuleAction(_REPORTER, "production.report", _draft, _written)}
