"""Plans of maintenance: what is to be done to an asset, and whether a date, a meter or a condition says when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import Field, ValidationError, model_validator
from sqlalchemy.engine import Connection

from lineshaft.compute import parse
from lineshaft.core import (
    Database,
    DataType,
    InvalidInput,
    NotFound,
    Section,
    bump,
    did_you_mean,
    new_id,
    now_ns,
    parse_duration,
    parse_time,
)
from lineshaft.maintain.records import occurrences, plans
from lineshaft.maintain.schedule import check_every
from lineshaft.maintain.tables import orders


class Trigger(Section):
    """When a plan falls due.

    `every` + `from` is a date (fixed, or floating from when it was last done); `meter` + `every_units` a count; `alarm` an
    alarm's name; `when` + `inputs` a formula over properties.
    """

    every: str = ""
    start: str = Field("", alias="from")
    floating: bool = False
    meter: str = ""
    every_units: float | None = Field(None, gt=0)
    alarm: str = ""
    when: str = ""
    inputs: dict[str, str] = Field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return time, meter or condition."""
        return "time" if self.every else "meter" if self.meter else "condition"

    @model_validator(mode="after")
    def _one(self) -> Trigger:
        if sum(map(bool, (self.every, self.meter, self.alarm or self.when))) != 1:
            raise ValueError("a plan has one trigger: every, meter, alarm or when")
        if self.every:
            check_every(self.every)
            parse_time(self.start or "2020-01-01T06:00:00Z", where="from")
        if self.meter and self.every_units is None:
            raise ValueError("a meter needs every_units: after how many it is due")
        if self.when:
            parse(self.when, dict.fromkeys(self.inputs, DataType.DOUBLE))
        return self


class Part(Section):
    """Parts a plan takes."""

    part: str
    quantity: float = Field(1.0, gt=0)


class Plan(Section):
    """One plan."""

    name: str = Field(min_length=1, max_length=120)
    asset: str
    title: str = ""
    kind: str = Field("preventive", pattern="^(preventive|inspection|predictive)$")
    trigger: Trigger
    lead: str = "7d"
    grace: str = "1d"
    priority: int = Field(4, ge=1, le=5)
    hours: float | None = Field(None, gt=0)
    skills: dict[str, int] = Field(default_factory=dict)
    parts: list[Part] = Field(default_factory=list[Part])
    instruction: str = ""
    checklist: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    permits: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])

    @model_validator(mode="after")
    def _spans(self) -> Plan:
        for text in (self.lead, self.grace):
            parse_duration(text)
        return self


class Plans:
    """All plans with what came of them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, tx: Connection, values: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
        """Add a plan or change one; what its meter counted and what was made of it stays."""
        plan = check(values)
        row = tx.execute(sa.select(plans.c.id, plans.c.definition).where(plans.c.name == plan.name)).first()
        definition = plan.model_dump(mode="json", by_alias=True)
        if row is None:
            now = now_ns()
            tx.execute(
                plans.insert().values(
                    id=new_id(), version=1, name=plan.name, asset=plan.asset, definition=definition, created=now, used_since=now
                )
            )
        elif row.definition != definition or version is not None:
            bump(tx, plans, row.id, version, asset=plan.asset, definition=definition)
        return self.get(plan.name, tx)

    def pause(self, tx: Connection, name: str, paused: bool, version: int | None = None) -> dict[str, Any]:
        """Let a plan rest, or go on: dates that pass while it rests are not missed."""
        bump(tx, plans, self.get(name, tx)["id"], version, paused=paused)
        return self.get(name, tx)

    def get(self, name: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one plan by name or id, with its occurrences, newest first."""
        rows = self._db.rows(sa.select(plans).where(sa.or_(plans.c.name == name, plans.c.id == name)), tx)
        if not rows:
            known = [row["name"] for row in self._db.rows(sa.select(plans.c.name), tx)]
            raise NotFound(f"there is no plan '{name}'", hint=did_you_mean(name, known), code="plans.unknown")
        return {**rows[0], "occurrences": self.occurrences([rows[0]["id"]], tx)}

    def list(self, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return all plans by name."""
        return self._db.rows(sa.select(plans).order_by(plans.c.name), tx)

    def occurrences(self, ids: Sequence[str], tx: Connection | None = None, limit: int = 200) -> list[dict[str, Any]]:
        """Return what came of plans, the latest due first, each with its order's number, state and when it was done."""
        c = occurrences.c
        query = (
            sa.select(occurrences, orders.c.number, orders.c.state, orders.c.done, orders.c.closed)
            .join(orders, orders.c.id == c.order_id, isouter=True)
            .where(c.plan_id.in_(list(ids)))
            .order_by(c.due.desc(), c.key.desc())
            .limit(limit)
        )
        return self._db.rows(query, tx)


def check(values: Mapping[str, Any]) -> Plan:
    """Return a plan. Raises InvalidInput that names what is wrong."""
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(str(first["msg"]).removeprefix("Value error, "), where=where, code="plans.invalid") from None


def outcome(occurrence: Mapping[str, Any], grace: int, now: int) -> str:
    """Say what became of a due date: done in time, done late, missed, or still open."""
    limit = occurrence["due"] + grace
    if occurrence["done"] is not None:
        return "in_time" if occurrence["done"] <= limit else "late"
    if occurrence["order_id"] is None or occurrence["state"] in {"cancelled", "rejected"}:
        return "missed"
    return "overdue" if now > limit else "open"
