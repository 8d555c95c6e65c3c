"""The tools of agents: they read through the gate as the agent they are; those that want something changed only propose it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lineshaft.act.agency.reach import MOST, Reach
from lineshaft.core import NS, InvalidInput, iso, now_ns
from lineshaft.guard import Subject


class Arguments(BaseModel):
    """What a tool is called with."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Arguments):
    """No arguments."""


class AtAsset(Arguments):
    """A place in the plant."""

    asset: str = Field(max_length=500, description="Path of the asset, as plant_assets lists it.")


class OfProperty(Arguments):
    """A property over a time."""

    property: str = Field(max_length=500, description="Path of the property, as plant_values lists it.")
    hours: float = Field(default=8, gt=0, le=24 * 31, description="How far to look back.")


class OverTime(AtAsset):
    """A place over a time."""

    hours: float = Field(default=8, gt=0, le=24 * 31, description="How far to look back.")


class OfPart(Arguments):
    """Spares of an asset, or one part."""

    part: str = Field(default="", max_length=100)
    asset: str = Field(default="", max_length=500)


class Question(Arguments):
    """A question about a machine."""

    question: str = Field(min_length=2, max_length=500)
    asset: str = Field(default="", max_length=500)


class OrderWanted(AtAsset):
    """A work order somebody should decide about."""

    title: str = Field(min_length=5, max_length=200)
    priority: int = Field(default=3, ge=1, le=5)
    reason: str = Field(default="", max_length=1000)


class PartWanted(Arguments):
    """A purchase somebody should decide about."""

    part: str = Field(max_length=100)
    quantity: float = Field(gt=0, lt=1e6)
    reason: str = Field(default="", max_length=1000)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a tool: by whom, and under which key it is done once."""

    subject: Subject
    key: str


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent can do; `proposes` says that it lays something before the people, all others only read."""

    name: str
    about: str
    arguments: type[Arguments]
    run: Callable[[Use, Any], Any]
    proposes: bool = False

    def use(self, use: Use, said: Mapping[str, Any]) -> Any:
        """Use it. Raises InvalidInput for arguments that do not fit."""
        try:
            arguments = self.arguments.model_validate(said)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidInput(f"{self.name}: {where}: {first['msg']}", where=where, code="agent.arguments") from None
        return self.run(use, arguments)


Propose = Callable[[Use, Mapping[str, Any]], Mapping[str, Any]]
Look = Callable[[Subject, str, str], Any]


@dataclass(frozen=True, slots=True)
class Doors:
    """What of act itself the tools use: search in manuals, cases, and the proposals."""

    manual: Look
    cases: Callable[[Subject, str], list[dict[str, Any]]]
    order: Propose
    purchase: Propose


def toolbox(reach: Reach, doors: Doors) -> dict[str, Tool]:
    """Return every tool by name."""
    made = (*_reading(reach), *_time(reach), *_own(reach, doors))
    return {tool.name: tool for tool in made}


def _reading(reach: Reach) -> tuple[Tool, ...]:
    def assets(use: Use, _said: Nothing) -> list[dict[str, Any]]:
        seen = reach.guard.readable(use.subject, "read", [one.path for one in reach.map.tree()])
        return [{"asset": path} for path in seen[: MOST * 4]]

    def values(use: Use, said: AtAsset) -> list[dict[str, Any]]:
        return reach.values(use.subject, said.asset)

    def alarms(use: Use, said: AtAsset) -> list[dict[str, Any]]:
        return reach.alarms(use.subject, said.asset)

    def work(use: Use, said: AtAsset) -> list[dict[str, Any]]:
        return reach.work(use.subject, said.asset)

    def spares(use: Use, said: OfPart) -> list[dict[str, Any]]:
        found = [reach.spares.get(said.part)] if said.part else reach.spares.list()
        names = ("part", "name", "bin", "on_hand", "reserved", "available", "minimum", "target", "unit_cost", "lead_time_days")
        rows = [{name: row[name] for name in names if name in row} for row in found]
        if said.asset:
            needed = {one["part"] for one in reach.spares.needed_for(reach.place(use.subject, said.asset), "")}
            rows = [row for row in rows if row["part"] in needed]
        free = use.subject if not use.subject.scope else Subject(use.subject.id, use.subject.name, "agent", veil=use.subject.veil)
        return reach.rows(free, "spares", rows, "part")

    return (
        Tool("plant_assets", "List the assets of the plant by path.", Nothing, assets),
        Tool("plant_values", "The newest value of every property of an asset.", AtAsset, values),
        Tool("alarms", "Alarms of an asset and below: state, value, limit, what to do.", AtAsset, alarms),
        Tool("work_orders", "Past and open work orders of an asset and below, with what was found.", AtAsset, work),
        Tool("spares", "Spare parts: of an asset, one part, or all; stock, minimum, target, lead time.", OfPart, spares),
    )


def _time(reach: Reach) -> tuple[Tool, ...]:
    def history(use: Use, said: OfProperty) -> list[dict[str, Any]]:
        one = reach.map.property(said.property)
        reach.guard.gate(use.subject, "read", one.path)
        if reach.store is None:
            return []
        end = now_ns()
        window = max(60 * NS, round(said.hours * 3600 * NS / 24 / NS) * NS)
        table = reach.store.aggregates(one.path, window, end - round(said.hours * 3600 * NS), end, ("avg", "min", "max"))
        rows = [
            {
                "property": one.path,
                "time": iso(int(row["ts"])),
                "average": row["avg"],
                "minimum": row["min"],
                "maximum": row["max"],
            }
            for row in table.to_pylist()
        ]
        return reach.rows(use.subject, "samples", rows, "property")

    def oee(use: Use, said: OverTime) -> dict[str, Any]:
        path = reach.place(use.subject, said.asset)
        if reach.compute is None:
            return {}
        end = now_ns()
        found = reach.compute.oee(path, end - round(said.hours * 3600 * NS), end)
        names = ("availability", "performance", "quality", "oee", "elements")
        return {"asset": path, **{name: getattr(found, name, None) for name in names}}

    def stops(use: Use, said: OverTime) -> list[dict[str, Any]]:
        path = reach.place(use.subject, said.asset)
        if reach.compute is None:
            return []
        end = now_ns()
        found = reach.compute.downtime(path, end - round(said.hours * 3600 * NS), end)
        rows = [
            {
                "asset": one.asset, "start": iso(one.start), "end": iso(one.end) if one.end else None,
                "state": one.state, "reason": one.reason, "micro": one.micro,
            }
            for one in found
        ]  # fmt: skip
        return reach.rows(use.subject, "downtime", rows)

    return (
        Tool(
            "plant_history", "Average, minimum and maximum of a property over the last hours, in 24 steps.", OfProperty, history
        ),
        Tool("oee", "Availability, performance, quality and OEE of a machine or line over the last hours.", OverTime, oee),
        Tool("stops", "Stops of a machine, or of all machines below a place, over the last hours.", OverTime, stops),
    )


def _own(reach: Reach, doors: Doors) -> tuple[Tool, ...]:
    def manual(use: Use, said: Question) -> Any:
        place = reach.place(use.subject, said.asset) if said.asset else ""
        return doors.manual(use.subject, said.question, place)

    def cases(use: Use, said: AtAsset) -> list[dict[str, Any]]:
        return reach.rows(use.subject, "cases", doors.cases(use.subject, reach.place(use.subject, said.asset)))

    def order(use: Use, said: OrderWanted) -> Any:
        return doors.order(use, {**said.model_dump(), "asset": reach.place(use.subject, said.asset)})

    def purchase(use: Use, said: PartWanted) -> Any:
        return doors.purchase(use, said.model_dump())

    return (
        Tool("manual", "Search manuals, instructions and past orders; answers passages with their source.", Question, manual),
        Tool("cases", "Open and past cases of an asset.", AtAsset, cases),
        Tool(
            "propose_work_order",
            "Lay a work order before the people; nothing is made before one approves.",
            OrderWanted,
            order,
            True,
        ),
        Tool(
            "propose_purchase",
            "Lay a purchase before the people; nothing is bought before one approves.",
            PartWanted,
            purchase,
            True,
        ),
    )
