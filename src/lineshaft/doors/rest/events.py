"""What the rooms tell, put on the live stream: pages ask again for what an event made old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lineshaft.assets import AssetsChanged
from lineshaft.core import SystemEvent, iso
from lineshaft.detect import AlarmChanged, FindingRaised
from lineshaft.doors.rest.frame.hub import Hub
from lineshaft.maintain import OrderChanged, PurchaseChanged, SpareLow

Wiring = tuple[type[Any], Callable[[Any], None], str]


def tell_events(hub: Hub) -> Iterator[Wiring]:
    """Yield (event type, handler, name) for every event the stream carries; the composition root connects them."""

    def alarm(event: AlarmChanged) -> None:
        hub.event("alarm", asset=event.asset_path, id=event.alarm_id, name=event.name, what=event.what, state=event.state)

    def finding(event: FindingRaised) -> None:
        hub.event("finding", asset=event.asset_path, id=event.finding_id, finding=event.kind)

    def order(event: OrderChanged) -> None:
        about = {"number": event.number, "what": event.what, "state": event.state, "case_id": event.case_id}
        hub.event("work-order", asset=event.asset, id=event.order_id, **about)

    def purchase(event: PurchaseChanged) -> None:
        hub.event("purchase", id=event.purchase_id, number=event.number, part=event.part, state=event.state)

    def spare(event: SpareLow) -> None:
        hub.event("spares", id=event.part, part=event.part, available=event.available, minimum=event.minimum)

    def system(event: SystemEvent) -> None:
        hub.event("system", id=event.key, message=event.message, severity=event.severity, active=event.active, at=iso(event.at))

    def assets(_event: AssetsChanged) -> None:
        hub.plant_changed()
        hub.event("assets", id="")

    yield from (
        (AlarmChanged, alarm, "live stream: alarms"),
        (FindingRaised, finding, "live stream: findings"),
        (OrderChanged, order, "live stream: work orders"),
        (PurchaseChanged, purchase, "live stream: purchases"),
        (SpareLow, spare, "live stream: spares"),
        (SystemEvent, system, "live stream: system events"),
        (AssetsChanged, assets, "live stream: assets"),
    )
