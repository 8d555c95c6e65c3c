"""What the rooms tell, put on the live stream: pages ask again for what an event made old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lineshaft.act import AgentChanged, ApprovalChanged, CaseChanged, TowerAdded
from lineshaft.assets import AssetsChanged
from lineshaft.compute import RecomputeMoved
from lineshaft.core import SystemEvent, iso
from lineshaft.detect import AlarmChanged, FindingRaised
from lineshaft.doors.rest.frame.hub import Hub
from lineshaft.maintain import OrderChanged, PurchaseChanged, SpareLow

Wiring = tuple[type[Any], Callable[[Any], None], str]
Telling = Callable[[Any], dict[str, Any]]


def _alarm(event: AlarmChanged) -> dict[str, Any]:
    return {"asset": event.asset_path, "id": event.alarm_id, "name": event.name, "what": event.what, "state": event.state}


def _finding(event: FindingRaised) -> dict[str, Any]:
    return {"asset": event.asset_path, "id": event.finding_id, "finding": event.kind}


def _order(event: OrderChanged) -> dict[str, Any]:
    about = {"asset": event.asset, "id": event.order_id, "number": event.number}
    return {**about, "what": event.what, "state": event.state, "case_id": event.case_id}


def _purchase(event: PurchaseChanged) -> dict[str, Any]:
    return {"id": event.purchase_id, "number": event.number, "part": event.part, "state": event.state}


def _spare(event: SpareLow) -> dict[str, Any]:
    return {"id": event.part, "part": event.part, "available": event.available, "minimum": event.minimum}


def _case(event: CaseChanged) -> dict[str, Any]:
    return {"asset": event.asset, "id": event.case_id, "number": event.number, "state": event.state, "what": event.what}


def _approval(event: ApprovalChanged) -> dict[str, Any]:
    return {"id": event.approval_id, "case_id": event.case_id, "state": event.state, "what": event.what}


def _agent(event: AgentChanged) -> dict[str, Any]:
    return {"id": event.name, "state": event.state, "what": event.what}


def _tower(event: TowerAdded) -> dict[str, Any]:
    return {name: event.line[name] for name in ("asset", "id", "what", "case_id")}


def _recompute(event: RecomputeMoved) -> dict[str, Any]:
    about = {"id": event.id, "state": event.state, "share": event.share}
    return {**about, "changed": event.changed, "preview": event.preview}


def _system(event: SystemEvent) -> dict[str, Any]:
    about = {"id": event.key, "message": event.message, "severity": event.severity}
    return {**about, "active": event.active, "at": iso(event.at)}


TOLD: tuple[tuple[type[Any], str, Telling], ...] = (
    (AlarmChanged, "alarm", _alarm),
    (FindingRaised, "finding", _finding),
    (OrderChanged, "work-order", _order),
    (PurchaseChanged, "purchase", _purchase),
    (SpareLow, "spares", _spare),
    (CaseChanged, "case", _case),
    (ApprovalChanged, "approval", _approval),
    (AgentChanged, "agent", _agent),
    (TowerAdded, "tower", _tower),
    (RecomputeMoved, "recompute", _recompute),
    (SystemEvent, "system", _system),
)
"""Which events the stream carries, under which name, and what it says of each."""


def tell_events(hub: Hub) -> Iterator[Wiring]:
    """Yield (event type, handler, name) for every event the stream carries; the composition root connects them."""

    def on(kind: str, telling: Telling) -> Callable[[Any], None]:
        return lambda event: hub.event(kind, **telling(event))

    def plant_changed(_event: AssetsChanged) -> None:
        hub.plant_changed()
        hub.event("assets", id="")

    for event, kind, telling in TOLD:
        yield event, on(kind, telling), f"live stream: {kind}"
    yield AssetsChanged, plant_changed, "live stream: assets"
