"""The floor plan: every room of a node, joined.

A value's way: gateway -> journal (fsync, then ack) -> bind -> transforms -> hot -> windows -> detectors -> cases -> screen.
Rooms further down react to events of rooms further up; `Plant._wire` lists every such connection, `lineshaft rooms` prints it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import uvicorn
from fastapi import FastAPI
from sqlalchemy.engine import Connection

from lineshaft import __version__, act, assets, compute, detect, guard, maintain, production, see, store
from lineshaft.app.edge_parts import check
from lineshaft.app.hand import PlantHand
from lineshaft.app.housekeeping import Housekeeping
from lineshaft.app.mirror import Mirror
from lineshaft.app.modelling import Modelling
from lineshaft.app.retention import Retention
from lineshaft.app.settings import SECTIONS, open_database, read_settings
from lineshaft.app.shaft import Shaft, Way
from lineshaft.app.telling import webhook_events
from lineshaft.app.views import offer
from lineshaft.connect import (
    Accounts,
    Devices,
    Discovery,
    Edges,
    Gateway,
    Reception,
    SourceBook,
    fault,
    open_buffer,
    simulator_faults,
)
from lineshaft.connect.edge.pipeline import Pipelines
from lineshaft.core import Bus, ConfigError, LineshaftError, Problem, SystemEvent, SystemEvents
from lineshaft.doors import Rooms, rest, uplink
from lineshaft.doors.mcp import mounting as mcp
from lineshaft.twin import Twin


class Server(uvicorn.Server):
    """uvicorn, with the node's own signal handling: Ctrl+C ends the node in the order of the data."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the node."""
        yield


class Plant:
    """A running node: every room, joined.

    Raises ConfigError for what a person must mend: a wrong setting, a home of a newer version, a port in use.
    """

    def __init__(self, home: Path, *, address: str | None = None, port: int | None = None, demo: bool = False) -> None:
        self.home = home
        self.demo = demo
        self._server: Server | None = None
        self._stopped = self._loading = False
        self.problems: list[Problem] = []
        self.db, self.settings = open_database(home)
        self.address = address or self.settings.web.host
        self.port = port or self.settings.web.port
        self.bus = Bus()
        self.system_events = SystemEvents(self.bus)
        self.guard = guard.Guard(self.db, self.settings.guard)
        self.gateway = self._listening(home)
        self.gateway.afar = self.accounts = Accounts(home / "edges.db")
        self.book, self.discovery = self._finding(home)
        Devices(self.db, home).publish()
        self.edges = Edges(self.db, home / "edge-ca", self.settings.edges)
        self.edges.versions.check = check
        self.assets = assets.Assets(self.db, self.bus)
        self.production = production.Production(self.db, self.assets, self.bus)
        self.feeds = self.settings.feeds.build(home / "settings.toml")
        self.store = store.Store(
            home, self.assets, self.db, self.settings.store, self.bus, self.settings.cost, self.settings.tiers
        )
        self.compute = compute.Compute(self.assets, self.production, self.store, self.db, self.settings.compute, self.bus)
        self.detect = detect.Detect(self.db, self.assets, self.store, self.bus, settings=self.settings.alarms)
        self.machines = detect.Machines(
            self.db, self.assets, self.store, self.guard, self.bus, places=detect.Trainings(self.settings.training, self.bus)
        )
        kinds = (self.assets, self.store, self.detect, self.guard, self.bus)
        models = home / self.settings.node.models
        self.positions = detect.Positions(self.db, *kinds, folder=models, settings=self.settings.condition)
        self.orders = maintain.Orders(self.db, self.bus, self.settings.maintain, self.assets, self.detect)
        self.spares = maintain.Spares(self.db, self.bus)
        self.purchases = maintain.Purchases(self.db, self.bus, home, self.settings.maintain, self.settings.act.executor)
        self.workshop = maintain.Workshop(
            self.db, self.guard, self.orders, self.bus, self.assets, self.production, self.store, self.detect
        )
        hand = PlantHand(
            self.settings.writer, self.settings.sources, self._alive, self.assets, self.store, self.orders.locked_out
        )
        kept = (self.orders, self.spares, self.purchases, self.detect)
        seen = (self.assets, self.orders, self.spares, self.detect, self.store, self.compute)
        reach = act.Reach(self.guard, *seen, home, self.workshop.instructions)
        beside = (hand, self.production, self.settings.agents, reach)
        self.act = act.Act(home, self.db, self.guard, *kept, self.settings.act, self.bus, *beside)
        self.webhooks, self.partner = self._exchange(home)
        self.twin = Twin(self.assets, self.store, self.detect, self.orders, self.spares)
        self.shaft = Shaft(Way(self.store, self.compute, self.detect, self.bus, self._publish))
        self.mirror = Mirror(self.db, self.store, self.guard, self.assets)
        retention = Retention(self.db, self.settings.retention, self.store.documents)
        self.housekeeping = Housekeeping(home, self.assets, self.store, self.gateway, self.guard, retention, self.bus)
        self.machines.ingest = self.positions.ingest = self.shaft.take
        self.modelling = Modelling(self.db, self.assets, self.store, self.guard, self.bus, self.shaft.take, self.machines.places)
        self.gateway.deliver = lambda batches: len(self.shaft.take(batches))
        self._paths = rest.PathBook(self.assets, self.store)
        self._hub = rest.Hub(self._paths)
        self.web: FastAPI = self._open(self._rooms())
        self._wire()

    def _listening(self, home: Path) -> Gateway:
        """Return the gateway with the sources and pipelines of the settings."""
        sources = self.settings.sources.build(home / "settings.toml")
        buffer = open_buffer(home / "edge.db", self.settings.gateway)
        gateway = Gateway(sources, buffer, self.settings.gateway, self.bus)
        gateway.pipelines = Pipelines(self.settings.pipelines.entries)
        return gateway

    def _open(self, rooms: Rooms) -> FastAPI:
        """Return the application with every door, the pages behind them."""
        offer(rooms)
        web = rest.build(rooms, self._hub)
        mcp.mount(web, rooms, self.settings.mcp)
        rest.serve(web, see.host(see.STATIC))
        return web

    def _exchange(self, home: Path) -> tuple[maintain.Webhooks, maintain.Partner]:
        """Make what talks to other systems beside the ERP: those that are told what happens, and another CMMS."""
        node, hooks, chosen = self.settings.act.executor, self.settings.webhooks.entries, self.settings.maintain
        webhooks = maintain.Webhooks(self.db, self.bus, hooks, f"/lineshaft/{self.settings.node.name}", node)
        return webhooks, maintain.Partner(self.db, self.guard, self.orders, self.bus, home, chosen, node)

    def _finding(self, home: Path) -> tuple[SourceBook, Discovery]:
        """Make what adds sources to the running gateway, and what looks for them."""
        written = self.settings.sources
        found = Discovery(self.db, self.guard, self.settings.discovery, written, self.gateway.sources)
        return SourceBook(self.db, self.gateway, written, home), found

    def _rooms(self) -> Rooms:
        """Hand the rooms to the doors, with the few callables only this place can give."""
        return Rooms(
            guard=self.guard,
            gateway=self.gateway,
            assets=self.assets,
            production=self.production,
            store=self.store,
            compute=self.compute,
            detect=self.detect,
            machines=self.machines,
            positions=self.positions,
            fleets=self.modelling.fleets,
            registry=self.modelling.registry,
            orders=self.orders,
            spares=self.spares,
            purchases=self.purchases,
            workshop=self.workshop,
            webhooks=self.webhooks,
            partner=self.partner,
            act=self.act,
            twin=self.twin,
            db=self.db,
            bus=self.bus,
            settings={name: getattr(self.settings, name) for name in SECTIONS},
            system_events=self.system_events,
            ingest=self.shaft.take,
            edges=self.edges,
            book=self.book,
            discovery=self.discovery,
            models=self.home / self.settings.node.models,
            simulator=self._simulator if self.demo else None,
            demo=self.demo,
            version=__version__,
        )

    def _wire(self) -> None:
        """Connect the rooms: who reacts to what. `lineshaft rooms` prints this."""
        lists = self.workshop.codes.lists
        self.positions.closing = lambda codes: maintain.check_closing(codes, lists(), complete=bool(codes))
        self.machines.worked_on = self.machines.afar.worked_on = self.positions.worked_on = lambda path: bool(
            self.orders.locked_out(path)
        )
        on = self.bus.on
        on(assets.AssetsChanged, self.store.meaning_changed, "store: which property a tag means")
        on(assets.AssetsChanged, self._on_assets, "compute, detect: formulas and alarm definitions")
        on(assets.AssetsChanged, self._paths.changed, "live stream: which path a series shows")
        on(detect.AlarmRaised, self.act.on_alarm, "act: an alarm that names a process opens a case")
        on(detect.FindingRaised, self.act.on_finding, "act: a finding opens a case")
        on(detect.AlarmCleared, self.act.on_alarm_step, "act: a return to normal verifies")
        on(detect.AlarmChanged, self.act.on_alarm_step, "act: an alarm's input is back")
        on(maintain.OrderChanged, self.act.on_order, "act: a step of an order wakes its case")
        on(maintain.PurchaseChanged, self.act.on_purchase, "act: an approved purchase is bought, an ordered one wakes its case")
        on(production.ProductionChanged, self._on_production, "compute: shifts that metrics close by")
        on(production.ProductionChanged, self.act.on_production, "act: a verdict wakes the case of a held lot")
        on(maintain.SpareLow, self.act.on_spare, "act: a part that is low is bought")
        on(
            act.ExecutorLost,
            self._on_lost,
            "maintain: what an executor that died was bringing is brought from here",
        )
        on(maintain.ReturnedToService, self._on_return, "detect: models of the asset begin anew")
        self.bus.within(maintain.ReturnedToService, self._within_return)
        on(maintain.OrderChanged, self.partner.on_order, "maintain: a new order goes to the other maintenance system")
        told = (rest.tell_events(self._hub), self.act.notifier.wires())
        for event, handler, name in [wire for wires in told for wire in wires]:
            on(event, handler, name)
        for event, write in webhook_events(self.webhooks):
            self.bus.within(event, write)

    def _reload(self) -> list[Problem]:
        """Compile formulas and alarm definitions anew; what is wrong is told and stops nothing else."""
        self.compute.reload()
        problems = [*self.compute.problems(), *self.detect.reload()]
        self.workshop.follow(self.assets)
        act.follow(self.db, self.assets)
        self.modelling.registry.changed()  # after detection has gone with what moved
        return problems

    def _on_assets(self, _event: assets.AssetsChanged) -> None:
        if not self._loading:
            self._reload()

    def _on_return(self, event: maintain.ReturnedToService) -> None:
        self.machines.returned(event.asset, event.at)

    def _within_return(self, tx: Connection, event: maintain.ReturnedToService) -> None:
        self.positions.returned(tx, event.asset, event.at)
        self.machines.afar.returned(tx, event.asset, event.at)
        self.detect.returned(tx, event.asset)

    def _on_lost(self, lost: act.ExecutorLost) -> None:
        self.partner.take_over(lost.name)
        self.webhooks.take_over(lost.name)
        self.act.notifier.carrying.take_over(lost.name)

    def _on_production(self, _event: production.ProductionChanged) -> None:
        if not self._loading:
            self.compute.calendars_changed()

    @staticmethod
    def problems_of(home: Path) -> list[Problem]:
        """Return what is wrong in the models, formulas and alarms of a home; a running node is left alone."""
        models = home / read_settings(home).node.models
        with tempfile.TemporaryDirectory() as folder:
            plant = Plant(Path(folder))
            found = plant.load_models(models)
            plant.stop()
        return found

    def _locked_at_edge(self, edge: str, source: str, tag: str) -> str:
        """Say who locked out the machine an edge's rule writes to."""
        target = self.assets.property_of(f"{edge}/{source}", tag)
        return self.orders.locked_out(target.asset_path) if target is not None else ""

    def _alive(self, source: str) -> bool:
        """Say whether a source's values are of now."""
        return any(one.name == source and one.state in {"connected", "degraded"} for one in self.gateway.statuses())

    def _simulator(self, name: str, active: bool) -> dict[str, bool]:
        return fault(self.home, name, active=active) if name else simulator_faults(self.home)

    def _publish(self, rows: pa.RecordBatch) -> None:
        """Show rows that are visible now to detectors and screens."""
        if rows.num_rows:
            self.detect.on_rows(rows)
            self.machines.afar.on_rows(rows)
            self.positions.on_rows(rows)
            self.modelling.registry.on_rows(rows)
            self._hub.rows(rows)

    @property
    def url(self) -> str:
        """Where people find this node."""
        return f"http://{self.address}:{self.port}"

    def first_admin(self) -> str | None:
        """Create the first administrator if there is nobody yet; return the password to print once."""
        return self.guard.first_admin(os.environ.get("LINESHAFT_ADMIN_PASSWORD") or None)

    def load_models(self, folder: Path | None = None) -> list[Problem]:
        """Read the YAML of HOME/config; what is wrong in one file is told (and returned) and stops nothing else."""
        folder = folder or self.home / self.settings.node.models
        found: list[Problem] = []
        self._loading = True  # formulas are compiled once, when all files have been read
        try:
            if folder.is_dir():
                found += self.assets.load(folder).problems
                found += self.production.load(folder).problems
                found += self._load_spares(folder / "spares.yaml")
                found += self._load_workshop(folder / "maintenance.yaml")
                found += self._load_manuals(folder / "documents.yaml")
                found += self._load_positions(folder / "condition.yaml")
        finally:
            self._loading = False
        self.problems = found + self._reload()
        return self.problems

    def _load_spares(self, path: Path) -> list[Problem]:
        try:
            if path.exists():
                maintain.load_spares(path, self.db, self.spares)
        except LineshaftError as error:
            self.bus.tell(SystemEvent(f"models:{path.name}", str(error), "error"))
            return [Problem(error.where, error.what, error.hint)]
        return []

    def _load_workshop(self, path: Path) -> list[Problem]:
        try:
            if path.exists():
                maintain.load_workshop(path, self.db, self.workshop, self.store)
        except LineshaftError as error:
            self.bus.tell(SystemEvent(f"models:{path.name}", str(error), "error"))
            return [Problem(error.where, error.what, error.hint)]
        return []

    def _load_manuals(self, path: Path) -> list[Problem]:
        try:
            if path.exists() and act.load_manuals(path, self.db, self.store):
                self.act.assistant.feeder.wake()
        except LineshaftError as error:
            self.bus.tell(SystemEvent(f"models:{path.name}", str(error), "error"))
            return [Problem(error.where, error.what, error.hint)]
        return []

    def _load_positions(self, path: Path) -> list[Problem]:
        try:
            if path.exists():
                detect.load_positions(path, self.db, self.positions)
        except LineshaftError as error:
            self.bus.tell(SystemEvent(f"models:{path.name}", str(error), "error"))
            return [Problem(error.where, error.what, error.hint)]
        return []

    async def run(self, started: Callable[[], None] | None = None) -> None:
        """Run until a signal ends it; `started` is called once the pages answer."""
        sock = listen(self.address, self.port)
        config = uvicorn.Config(
            self.web, log_level="warning", access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=3
        )
        self._server = server = Server(config)
        door = self._edge_door()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.ask_stop)
        await asyncio.to_thread(self.start)
        try:
            gateway = asyncio.create_task(self.gateway.run(), name="gateway")
            serving = asyncio.create_task(server.serve(sockets=[sock]), name="web")
            uplinks = asyncio.create_task(door() if door else asyncio.Event().wait(), name="edges")
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
                await asyncio.sleep(0.02)
            if started is not None and not serving.done():
                started()
            await asyncio.wait((gateway, serving, uplinks), return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            gateway.cancel()
            uplinks.cancel()
            ended = await asyncio.gather(gateway, serving, uplinks, return_exceptions=True)
        finally:
            await asyncio.to_thread(self.stop)
        for result in ended:
            if isinstance(result, Exception):
                raise result

    def _edge_door(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Return what serves edge nodes, its port taken already, where the settings open the door."""
        chosen = self.settings.edges
        if not chosen.listen:
            return None
        sock = listen(chosen.host, chosen.port)
        reception = Reception(self.guard, self.edges, self.accounts, self.shaft.take)
        reception.locked = self._locked_at_edge
        reception.detectors = self.machines.afar.told
        reception.picture = self.mirror.take_from_edge
        server = Server(uplink.config(reception, self.edges.authority))
        return lambda: server.serve(sockets=[sock])

    def ask_stop(self) -> None:
        """Ask the node to end in good order; any thread may ask."""
        if self._server is not None:
            self._server.should_exit = True

    def start(self) -> None:
        """Load the models, catch up with the journal, and let the rooms' own threads run."""
        self.load_models()
        self.book.start()
        self.act.start_engine()
        self.partner.start()
        self.webhooks.start()
        self.shaft.start()
        self.store.start()
        self.store.etl.start()
        self.store.import_jobs.start()
        self.mirror.start()
        self.compute.recompute.start()
        self.housekeeping.start()
        self.workshop.start()
        self.machines.start()
        self.positions.start()
        self.modelling.start()
        self.production.feeder.start(self.feeds)

    def stop(self) -> None:
        """End in the order of the data; everything acknowledged is durable already. Ending twice is ending once."""
        if self._stopped:
            return
        self._stopped = True
        self.discovery.stop()
        self.production.feeder.stop()
        self.machines.stop()
        self.positions.stop()
        self.modelling.stop()
        self.mirror.stop()
        self.store.import_jobs.stop()
        self.store.etl.stop()
        self.workshop.stop()
        self.housekeeping.stop()
        self.compute.recompute.stop()
        self.shaft.stop()
        self.webhooks.stop()
        self.partner.stop()
        self.act.stop()
        self.store.close()
        self.gateway.buffer.close()
        self.accounts.close()
        self.db.close()


def listen(address: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ConfigError with a mend if the port is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, proto=socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every answer waits 40 ms for an acknowledgement
    try:
        sock.bind((address, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"port {port} at {address} cannot be used: {error.strerror}",
            hint="another program (or node) listens there: stop it, or choose another port with --port or [web] port",
            code="port.in-use",
        ) from None
    return sock
