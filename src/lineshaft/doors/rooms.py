"""The rooms as a door gets them: built and joined elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineshaft.core import Batch, Bus, Database, SystemEvents, now_ns
from lineshaft.guard import Guard

if TYPE_CHECKING:
    from lineshaft.act import Act
    from lineshaft.assets import Assets
    from lineshaft.compute import Compute
    from lineshaft.connect import Discovery, Edges, Gateway, SourceBook
    from lineshaft.detect import Detect, Fleets, Machines, ModelRegistry, Positions
    from lineshaft.maintain import Orders, Partner, Purchases, Spares, Webhooks, Workshop
    from lineshaft.production import Production
    from lineshaft.store import Store, Stored
    from lineshaft.twin import Twin


@dataclass(frozen=True)
class Rooms:
    """Every room of a running node, and the few callables only the composition root can give.

    `ingest` makes batches durable and hands them on; `simulator(fault, active)` switches a fault of the demo machine
    (an empty name only asks) and returns every fault's state; `models` is the folder of the plant's YAML.
    """

    guard: Guard
    gateway: Gateway
    assets: Assets
    production: Production
    store: Store
    compute: Compute
    detect: Detect
    machines: Machines
    positions: Positions
    fleets: Fleets
    registry: ModelRegistry
    orders: Orders
    spares: Spares
    purchases: Purchases
    workshop: Workshop
    webhooks: Webhooks
    partner: Partner
    act: Act
    twin: Twin
    db: Database
    bus: Bus
    settings: Mapping[str, Any]
    system_events: SystemEvents
    ingest: Callable[[list[Batch]], list[Stored]]
    edges: Edges
    book: SourceBook
    discovery: Discovery
    models: Path
    simulator: Callable[[str, bool], Mapping[str, bool]] | None = None
    demo: bool = False
    version: str = ""
    started: int = field(default_factory=now_ns)
