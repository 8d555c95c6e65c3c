"""What the cases of a process say: where open ones stand, how long each step takes, and the figure it exists for."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from lineshaft.act.process import Kpi
from lineshaft.act.tables import cases, tasks
from lineshaft.core import NS, Database, iso, now_ns

MONTH = 30 * 86_400 * NS
MONTHS = 6


class Figures:
    """Figures of processes, from the rows of their cases."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def last_90_days(self) -> int:
        """Return the moment from which on times and figures are taken."""
        return now_ns() - 3 * MONTH

    def standing(self, process: str) -> list[dict[str, Any]]:
        """Return every open task of the process's open cases: task, case_id, number, asset, opened, due."""
        query = (
            sa.select(tasks.c.name.label("task"), tasks.c.case_id, cases.c.number, cases.c.asset, tasks.c.opened, tasks.c.due)
            .join(cases, cases.c.id == tasks.c.case_id)
            .where(cases.c.process == process, cases.c.state == "open", tasks.c.state == "open")
            .order_by(tasks.c.opened, tasks.c.id)
        )
        return self._db.rows(query)

    def open_cases(self) -> dict[str, list[str]]:
        """Return the assets of the open cases, by process."""
        found: dict[str, list[str]] = {}
        for row in self._db.rows(sa.select(cases.c.process, cases.c.asset).where(cases.c.state == "open")):
            found.setdefault(row["process"], []).append(row["asset"])
        return found

    def times(self, process: str, since: int) -> dict[str, dict[str, Any]]:
        """Return how long each task was open, of those done since a moment: count, median and ninth decile in seconds."""
        query = (
            sa.select(tasks.c.name, tasks.c.opened, tasks.c.closed)
            .join(cases, cases.c.id == tasks.c.case_id)
            .where(cases.c.process == process, tasks.c.state == "done", tasks.c.closed >= since)
        )
        took: dict[str, list[float]] = {}
        for row in self._db.rows(query):
            took.setdefault(row["name"], []).append((row["closed"] - row["opened"]) / NS)
        return {name: {"count": len(all_), "median": statistics.median(all_), "p90": _p90(all_)} for name, all_ in took.items()}

    def kpi(self, process: str, kpi: Kpi | None) -> dict[str, Any] | None:
        """Return the figure with its baseline, its target, what it is now, and what it was month by month."""
        if kpi is None:
            return None
        now = now_ns()
        months = [(now - (n + 1) * MONTH, now - n * MONTH) for n in reversed(range(MONTHS))]
        points = [
            {"start": iso(start), "end": iso(end), **self._measure(process, kpi.measured, start, end)} for start, end in months
        ]
        last = self._measure(process, kpi.measured, now - 3 * MONTH, now)
        return {
            "name": kpi.name,
            "unit": kpi.unit,
            "baseline": kpi.baseline,
            "target": kpi.target,
            "source": kpi.source,
            "measured": kpi.measured,
            "now": last["value"],
            "cases": last["cases"],
            "months": points if kpi.measured else [],
        }

    def _measure(self, process: str, measured: str, start: int, end: int) -> dict[str, Any]:
        kind, _, of = measured.partition(":")
        if kind == "cases":
            count = self._count(process, start, end)
            return {"value": count * MONTH / (end - start), "cases": count}
        if kind == "hours-to":
            return _mean([(row["closed"] - row["began"]) / NS / 3600 for row in self._ended(process, of, start, end)])
        if kind == "share-of":
            gives, _, name = of.partition(".")
            said = [row["gives"].get(gives, {}).get(name) for row in self._done(process, start, end)]
            return _mean([float(bool(one)) for one in said if one is not None])
        return {"value": None, "cases": 0}

    def _count(self, process: str, start: int, end: int) -> int:
        mine = (cases.c.process == process) & (cases.c.opened > start) & (cases.c.opened <= end)
        return int(self._db.rows(sa.select(sa.func.count().label("n")).select_from(cases).where(mine))[0]["n"])

    def _ended(self, process: str, task: str, start: int, end: int) -> list[dict[str, Any]]:
        query = sa.select(tasks.c.closed, cases.c.opened.label("began")).join(cases, cases.c.id == tasks.c.case_id)
        mine = (cases.c.process == process) & (tasks.c.name == task) & (tasks.c.state == "done")
        return self._db.rows(query.where(mine, tasks.c.closed > start, tasks.c.closed <= end))

    def _done(self, process: str, start: int, end: int) -> list[Mapping[str, Any]]:
        mine = (cases.c.process == process) & (cases.c.state == "done") & (cases.c.closed > start) & (cases.c.closed <= end)
        return list(self._db.rows(sa.select(cases.c.gives).where(mine)))


def _mean(values: Collection[float]) -> dict[str, Any]:
    return {"value": statistics.fmean(values) if values else None, "cases": len(values)}


def _p90(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, (9 * len(ordered)) // 10)]
