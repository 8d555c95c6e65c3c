"""How the node is: its sources, its own conditions; and the switch of the demo machine."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.core import NotFound, now_ns
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Moment, Shape, moment
from lineshaft.doors.rooms import Rooms

router = APIRouter(tags=["system"])
Faults = Annotated[dict[str, bool], Field(examples=[{"pump": True}])]


class SourceShape(Shape):
    """The line to a machine."""

    name: Annotated[str, Field(examples=["bakery"])]
    state: Annotated[str, Field(examples=["connected"], description="connecting, connected, degraded or down")]
    message: Annotated[str, Field(examples=[""])]
    since: Moment
    tags_ok: Annotated[int, Field(examples=[31])]
    tags_bad: Annotated[dict[str, str], Field(examples=[{"ns=2;s=Oven/Tmep": "BadNodeIdUnknown"}])]


class EventShape(Shape):
    """A condition of our own (disk, clock, ledger): never an operator's alarm."""

    key: Annotated[str, Field(examples=["store:ledger"])]
    message: Annotated[str, Field(examples=["3 tags do not balance"])]
    severity: Annotated[str, Field(examples=["warning"])]
    at: Moment
    hint: Annotated[str, Field(examples=["look at the ledger page"])]


class Health(Shape):
    """How the node is; degraded while a source is not connected or a condition of ours holds."""

    status: Annotated[str, Field(examples=["ok"])]
    version: Annotated[str, Field(examples=["0.1.0"])]
    started: Moment
    uptime_s: Annotated[float, Field(examples=[86400.0])]
    sources: list[SourceShape]
    system_events: list[EventShape]
    demo: Annotated[bool, Field(examples=[False])]
    simulator: Annotated[bool, Field(examples=[False])]


class FaultBody(Body):
    """A fault of the demo machine, on or off."""

    fault: Annotated[str, Field(min_length=1, max_length=80, examples=["pump"])]
    active: Annotated[bool, Field(examples=[True])] = True


class Fault(Shape):
    """A fault as it is now."""

    fault: Annotated[str, Field(examples=["pump"])]
    active: Annotated[bool, Field(examples=[True])]


class Simulator(Shape):
    """The demo machine's faults; `running` is false on a node with real machines only."""

    running: Annotated[bool, Field(examples=[True])]
    faults: Faults


@router.get("/health")
def health(rooms: House, _subject: Reader) -> Health:
    """Say how the node is."""
    sources = [
        {
            "name": one.name,
            "state": one.state.value,
            "message": one.message,
            "since": moment(one.since),
            "tags_ok": one.tags_ok,
            "tags_bad": dict(one.tags_bad),
        }
        for one in rooms.gateway.statuses()
    ]
    events = [
        {"key": e.key, "message": e.message, "severity": e.severity, "at": moment(e.at), "hint": e.hint}
        for e in rooms.system_events.current()
    ]
    well = all(one["state"] == "connected" for one in sources) and not any(e["severity"] != "info" for e in events)
    return Health.model_validate(
        {
            "status": "ok" if well else "degraded",
            "version": rooms.version,
            "started": moment(rooms.started),
            "uptime_s": round((now_ns() - rooms.started) / 1e9, 3),
            "sources": sources,
            "system_events": events,
            "demo": rooms.demo,
            "simulator": rooms.simulator is not None,
        }
    )


@router.get("/simulator")
def simulator(rooms: House, _subject: Reader) -> Simulator:
    """Show the demo machine's faults."""
    switch = rooms.simulator
    return Simulator(running=switch is not None, faults={} if switch is None else dict(switch("", False)))


@router.post("/simulator/faults")
def fault(sender: Sender, body: FaultBody) -> Fault:
    """Break or mend the demo machine."""

    def run() -> dict[str, Any]:
        faults = _switch(sender.rooms)(body.fault, body.active)
        return {"fault": body.fault, "active": faults.get(body.fault, body.active)}

    return Fault.model_validate(sender.do_outside("simulator.fault", f"simulator:{body.fault}", body.model_dump(), run))


def _switch(rooms: Rooms) -> Any:
    if rooms.simulator is None:
        raise NotFound("there is no demo machine here", hint="`lineshaft demo` has one", code="simulator.none")
    return rooms.simulator
