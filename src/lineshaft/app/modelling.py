"""Models beside those of single machines, joined with the rest of the node: remaining life of fleets, own models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lineshaft.assets import Assets
from lineshaft.core import Batch, Bus, Database
from lineshaft.detect import End, Fleets, ModelRegistry, Trainings
from lineshaft.guard import Guard
from lineshaft.maintain import ended_lives
from lineshaft.store import Store


class Modelling:
    """What learns and forecasts on a node."""

    def __init__(
        self,
        db: Database,
        assets: Assets,
        store: Store,
        guard: Guard,
        bus: Bus,
        take: Callable[[list[Batch]], Any],
        places: Trainings | None = None,
    ) -> None:
        self.fleets = Fleets(db, assets, store, guard, bus, places=places)
        self.registry = ModelRegistry(db, assets, store, bus)
        self.fleets.ingest = self.registry.ingest = take

        def ends(asset: str, failure_mode: str, start: int, end: int) -> Sequence[End]:
            return [End(*one) for one in ended_lives(db, asset, failure_mode, start, end)]

        self.fleets.ends = ends

    def start(self) -> None:
        """Begin."""
        self.fleets.start()
        self.registry.start()

    def stop(self) -> None:
        """End; a training under way is given up."""
        self.registry.stop()
        self.fleets.stop()
