"""Technicians: what they can, when they work, how much they have to do; and who should take an order, with the reasons.

A proposal is a sum of four shares, each shown with its weight; a person accepts it or chooses somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import NS, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns
from lineshaft.maintain.records import technicians
from lineshaft.maintain.steps import FINAL, State
from lineshaft.maintain.tables import orders
from lineshaft.production import Production

WEIGHTS = {"skills": 0.4, "shift": 0.2, "load": 0.25, "experience": 0.15}
USUAL_HOURS = 2.0
"""What an order without an estimate counts in somebody's load; it is said where it is used."""
ENOUGH = 3
"""Orders done at a position after which more of them make nobody better."""
DAY = 24 * 3600 * NS


@dataclass(frozen=True, slots=True)
class Reason:
    """One share of a proposal; `says` and `values` let a page say `why` in the reader's language."""

    name: str
    share: float
    says: str
    why: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def points(self) -> float:
        """What it adds to the score."""
        return round(WEIGHTS[self.name] * self.share, 3)

    def shown(self) -> dict[str, Any]:
        """Return it as the doors show it."""
        said = {"why": self.why, "says": self.says, "values": dict(self.values)}
        return {"name": self.name, "weight": WEIGHTS[self.name], "share": round(self.share, 3), "points": self.points, **said}


class Technicians:
    """The people of the workshop. `ids` gives the user id of each login, as orders name people by it."""

    def __init__(self, db: Database, production: Production | None = None) -> None:
        self._db = db
        self._production = production

    def put(self, tx: Connection, login: str, values: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
        """Add a technician, or change their card. Skills are `{name: level 1 to 5}`, shifts names of the production calendar."""
        skills = {str(name): _level(name, level) for name, level in (values.get("skills") or {}).items()}
        card = {**values, "skills": skills, "shifts": [str(one) for one in values.get("shifts") or []]}
        if not login.strip():
            raise InvalidInput("a technician needs the name of a user", where="login", code="technicians.login")
        row = tx.execute(sa.select(technicians.c.id).where(technicians.c.login == login)).first()
        if row is None:
            base = {"name": login, "active": True}
            tx.execute(technicians.insert().values(id=new_id(), version=1, login=login, **{**base, **card}))
        else:
            bump(tx, technicians, row.id, version, **card)
        return self.get(login, tx)

    def get(self, login: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one technician by login or id."""
        query = sa.select(technicians).where(sa.or_(technicians.c.login == login, technicians.c.id == login))
        rows = self._db.rows(query, tx)
        if not rows:
            known = [one["login"] for one in self._db.rows(sa.select(technicians.c.login), tx)]
            raise NotFound(f"there is no technician '{login}'", hint=did_you_mean(login, known), code="technicians.unknown")
        return rows[0]

    def list(self, ids: Mapping[str, str], at: int | None = None) -> list[dict[str, Any]]:
        """Return everybody with their load: open orders, hours in them, share of a week, whether their shift runs now."""
        now = now_ns() if at is None else at
        with self._db.read() as tx:
            people = self._db.rows(sa.select(technicians).order_by(technicians.c.name, technicians.c.login), tx)
            loads = self._loads(tx)
        return [
            {
                **one,
                "user_id": ids.get(one["login"]),
                **_load(loads.get(ids.get(one["login"], one["login"]), []), one),
                "on_shift": self._on_shift(one, now),
            }
            for one in people
        ]

    def propose(self, order: Mapping[str, Any], ids: Mapping[str, str], at: int | None = None) -> list[dict[str, Any]]:
        """Return who could take an order, the best first: score 0 to 1 with the points of each reason."""
        now = now_ns() if at is None else at
        with self._db.read() as tx:
            done = self._experience(tx, str(order["asset"]))
        found: list[dict[str, Any]] = []
        for one in self.list(ids, now):
            if not one["active"]:
                continue
            reasons = (
                _skilled(one["skills"], order.get("skills") or {}),
                self._shift(one, order.get("due"), now),
                _loaded(one),
                _experienced(done.get(one["user_id"] or one["login"], 0)),
            )
            score = round(sum(reason.points for reason in reasons), 3)
            shown = [reason.shown() for reason in reasons]
            known = {"login": one["login"], "name": one["name"], "account": one["user_id"] is not None}
            found.append({**known, "score": score, "fits": reasons[0].share > 0, "reasons": shown})
        found.sort(key=lambda one: (not one["fits"], -one["score"], one["login"]))
        return found

    def _loads(self, tx: Connection) -> dict[str, list[float | None]]:
        busy = [*FINAL, State.DONE, State.VERIFIED]
        query = sa.select(orders.c.assigned_to, orders.c.hours).where(
            orders.c.assigned_to.is_not(None), orders.c.state.not_in(busy)
        )
        found: dict[str, list[float | None]] = {}
        for row in tx.execute(query):
            found.setdefault(row.assigned_to, []).append(row.hours)
        return found

    def _experience(self, tx: Connection, asset: str) -> dict[str, int]:
        query = (
            sa.select(orders.c.assigned_to, sa.func.count())
            .where(orders.c.asset == asset, orders.c.done.is_not(None), orders.c.assigned_to.is_not(None))
            .group_by(orders.c.assigned_to)
        )
        return {str(row[0]): int(row[1]) for row in tx.execute(query)}

    def _on_shift(self, one: Mapping[str, Any], at: int) -> bool | None:
        if self._production is None or not one["line"] or not one["shifts"]:
            return None
        shift = self._production.calendar(one["line"]).shift_at(at)
        return shift is not None and shift.name in one["shifts"]

    def _shift(self, one: Mapping[str, Any], due: int | None, now: int) -> Reason:
        on = self._on_shift(one, now)
        if on is None or self._production is None:
            return Reason("shift", 0.5, "shiftUnknown", "no shifts are known")
        if on:
            return Reason("shift", 1.0, "onShift", "on shift now")
        coming = self._production.calendar(one["line"]).shifts(now, now + 7 * DAY)
        begins = min((s.start for s in coming if s.name in one["shifts"] and not s.holiday and s.start > now), default=None)
        if begins is None:
            return Reason("shift", 0.0, "noShift", "no shift within a week")
        hours = round((begins - now) / NS / 3600, 1)
        if due is not None and begins < due:
            return Reason("shift", 0.5, "shiftInTime", f"shift begins in {hours} h, before it is due", {"hours": hours})
        return Reason("shift", 0.0, "shiftLater", f"shift begins in {hours} h", {"hours": hours})


def _skilled(have: Mapping[str, int], asked: Mapping[str, int]) -> Reason:
    if not asked:
        return Reason("skills", 1.0, "noSkill", "no skill is asked for")
    shares = {name: min(1.0, have.get(name, 0) / max(1, level)) for name, level in asked.items()}
    share = 0.0 if 0 in shares.values() else sum(shares.values()) / len(shares)
    words = ", ".join(f"{name} {have.get(name, 0)} of {level}" for name, level in asked.items())
    return Reason("skills", share, "skill", words, {"list": words.replace(" of ", "/")})


def _loaded(one: Mapping[str, Any]) -> Reason:
    values = {"orders": one["open"], "hours": one["hours"], "week": one["hours_per_week"]}
    words = f"{one['open']} open orders, {one['hours']:g} h of {one['hours_per_week']:g}"
    return Reason("load", max(0.0, 1.0 - one["share"]), "load", words, values)


def _experienced(times: int) -> Reason:
    return Reason("experience", min(1.0, times / ENOUGH), "done", f"did {times} orders there", {"orders": times})


def _load(hours: list[float | None], one: Mapping[str, Any]) -> dict[str, Any]:
    total = sum(USUAL_HOURS if value is None else value for value in hours)
    week = one["hours_per_week"] or 1.0
    return {
        "open": len(hours),
        "unestimated": sum(value is None for value in hours),
        "hours": round(total, 2),
        "share": round(total / week, 3),
    }


def _level(name: object, level: object) -> int:
    if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= 5:
        raise InvalidInput(f"skill '{name}' has level {level}", where="skills", hint="1 to 5", code="technicians.skill")
    return level
