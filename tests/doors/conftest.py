"""A small real plant behind the real REST door: the bakery's models, a real database, store and guard, no simulated rooms."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from lineshaft import act, assets, compute, connect, detect, guard, maintain, production, see, store, twin
from lineshaft.app.views import offer
from lineshaft.connect import (
    Discovery,
    DiscoverySettings,
    Edges,
    EdgesSettings,
    Gateway,
    GatewaySettings,
    SourceBook,
    SourcesSettings,
    open_buffer,
)
from lineshaft.core import NS, Batch, Bus, Database, SystemEvents, now_ns, samples
from lineshaft.doors import Rooms
from lineshaft.doors.mcp import McpSettings, mounting
from lineshaft.doors.rest import build, serve, tell_events
from lineshaft.guard import Role, Subject
from tests.schema import migrate

BAKERY = Path(compute.__file__).parents[1] / "examples" / "bakery"
PUMP = "Bakery/Line 1/Cooler/Coolant pump"
OVEN = "Bakery/Line 1/Oven"
PASSWORD = "a long enough password"


@dataclass
class House:
    """The rooms, the application, and a client a role."""

    rooms: Rooms
    client: httpx.Client
    secrets: dict[str, str]
    seq: int = 0
    at: int = 0
    faults: dict[str, bool] = field(default_factory=lambda: {"pump": False})

    def ask(self, method: str, path: str, role: str | None = "admin", **options: Any) -> httpx.Response:
        """Ask the door as a role (by token); None asks as nobody."""
        headers = dict(options.pop("headers", {}))
        if role is not None:
            headers["Authorization"] = f"Bearer {self.secrets[role]}"
        return self.client.request(method, f"/api/v1/{path}", headers=headers, **options)

    def get(self, path: str, role: str | None = "admin", **options: Any) -> Any:
        answer = self.ask("GET", path, role, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None, role: str | None = "admin", **options: Any) -> httpx.Response:
        return self.ask("POST", path, role, json=body, **options)

    def values(self, rows: list[tuple[str, object, int]], source: str = "bakery") -> None:
        """Let a machine have said (tag, value, ts): stored, derived and shown as the node does it."""
        self.seq += 1
        batch = Batch(source, self.seq, now_ns(), samples({"tag": t, "ts": ts, "value": v} for t, v, ts in rows))
        self.rooms.ingest([batch])

    def moment(self, later_s: float = 1) -> int:
        """Return a time later than any given before, not before now."""
        self.at = max(self.at + round(later_s * NS), now_ns())
        return self.at

    def shake_the_pump(self, value: float = 9.6) -> dict[str, Any]:
        """Let the pump vibrate until its alarm stands; return the alarm."""
        tag = "ns=2;s=Coolant pump/Vibration"
        self.values([(tag, value + n / 10, self.moment(4)) for n in range(3)])
        self.rooms.detect.tick()
        return next(a for a in self.get("alarms?state=all")["items"] if a["name"] == "Coolant pump vibration high")

    def calm_the_pump(self) -> None:
        """Let the pump run well again."""
        tag = "ns=2;s=Coolant pump/Vibration"
        self.values([(tag, 1.4 + n / 10, self.moment(4)) for n in range(3)])
        self.rooms.detect.tick()


DISCOVERY = DiscoverySettings(networks=("127.0.0.1/32",), per_second=1_000)
HOOKS = maintain.WebhooksSettings.model_validate([{"name": "board", "url": "http://127.0.0.1:9", "secret_env": "BOARD"}]).entries


def make_house(home: Path, acting: act.ActSettings | None = None, mcp: McpSettings | None = None) -> Iterator[House]:
    bus = Bus()
    db = Database(f"sqlite:///{home / 'lineshaft.db'}")
    rooms_in_order = (guard, connect, assets, production, store, compute, detect, maintain, act)
    migrate(db, {room.__name__.rsplit(".", 1)[-1]: room.MIGRATIONS for room in rooms_in_order})
    keeper = guard.Guard(db)
    register = assets.Assets(db, bus)
    made = production.Production(db, register)
    kept = store.Store(home, register, db, store.StoreSettings(), bus)
    figures = compute.Compute(register, made, kept, db, compute.ComputeSettings(), bus)
    watch = detect.Detect(db, register, kept, bus)
    orders, spares = maintain.Orders(db, bus, None, register, watch), maintain.Spares(db, bus)
    workshop = maintain.Workshop(db, keeper, orders, bus, register, made, kept, watch)
    purchases = maintain.Purchases(db, bus, home)
    reach = act.Reach(keeper, register, orders, spares, watch, kept, figures, home)
    cases = act.Act(home, db, keeper, orders, spares, purchases, watch, acting or act.ActSettings(), bus, None, made, reach=reach)
    gateway = Gateway([], open_buffer(home / "edge.db", GatewaySettings()), GatewaySettings(), bus)
    faults = {"pump": False}
    state: dict[str, Any] = {}

    def ingest(batches: list[Batch]) -> list[Any]:
        stored = kept.append(batches)
        kept.show(stored)
        for one in stored:
            derived = figures.on_rows(one)
            kept.show(kept.append_derived(derived, one.seq))
            for rows in (one.rows, derived):
                if rows.num_rows:
                    watch.on_rows(rows)
                    state["hub"].rows(rows)
        return stored

    def simulator(name: str, active: bool) -> dict[str, bool]:
        if name:
            faults[name] = active
        return dict(faults)

    following = detect.Positions(db, register, kept, watch, keeper, bus, folder=home / "config")
    following.closing = lambda codes: maintain.check_closing(codes, workshop.codes.lists(), complete=bool(codes))
    following.ingest = ingest
    fleets = detect.Fleets(db, register, kept, keeper, bus)
    fleets.ingest = ingest
    registry = detect.ModelRegistry(db, register, kept, bus)
    registry.ingest = ingest
    rooms = Rooms(
        guard=keeper,
        gateway=gateway,
        assets=register,
        production=made,
        store=kept,
        compute=figures,
        detect=watch,
        machines=detect.Machines(db, register, kept, keeper, bus, ingest),
        positions=following,
        fleets=fleets,
        registry=registry,
        orders=orders,
        spares=spares,
        purchases=purchases,
        workshop=workshop,
        webhooks=maintain.Webhooks(db, bus, HOOKS, "/lineshaft/test", "node"),
        partner=maintain.Partner(db, keeper, orders, bus, home, maintain.MaintainSettings(), "node"),
        act=cases,
        twin=twin.Twin(register, kept, watch, orders, spares),
        db=db,
        bus=bus,
        settings={},
        system_events=SystemEvents(bus),
        ingest=ingest,
        book=SourceBook(db, gateway, SourcesSettings(), home),
        discovery=Discovery(db, keeper, DISCOVERY, SourcesSettings(), gateway.sources),
        models=home / "config",
        edges=Edges(db, home / "edge-ca", EdgesSettings()),
        simulator=simulator,
        demo=True,
        version="0.1.0",
    )
    offer(rooms)
    app = build(rooms)
    mounting.mount(app, rooms, mcp or McpSettings())
    serve(app, see.host(see.STATIC))
    state["hub"] = app.state.hub
    for event, handler, name in tell_events(app.state.hub):
        bus.on(event, handler, name)
    bus.on(assets.AssetsChanged, kept.meaning_changed)
    cases.listen()
    register.load(BAKERY)
    made.load(BAKERY)
    maintain.load_spares(BAKERY / "spares.yaml", db, spares)
    figures.reload()
    watch.reload()
    secrets = {}
    with db.begin() as tx:
        for role in Role:
            maker = Subject(f"maker-{role.value}", role.value, "person", frozenset({Role.ADMIN}))
            secrets[role.value] = keeper.create_token(tx, f"test {role.value}", role.value, by=maker)[1]
        keeper.users.create(tx, "anna", PASSWORD, ["planner"], "Anna Berg")
        keeper.users.create(tx, "boss", PASSWORD, ["admin"], "Die Chefin")
        _, secrets["line 1"] = keeper.create_token(tx, "line 1", "engineer", scope=["Bakery/Line 1"])
        _, secrets["elsewhere"] = keeper.create_token(tx, "elsewhere", "engineer", scope=["Bakery/Line 2"])
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield House(rooms, client, secrets, faults=faults)
    kept.close()
    db.close()


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Run an application as the node does, by uvicorn on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    os.environ.pop("LINESHAFT_HOME", None)
    yield from make_house(tmp_path_factory.mktemp("plant"))
