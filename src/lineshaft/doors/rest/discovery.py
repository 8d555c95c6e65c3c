"""Discovery: looking for OT systems in networks that were allowed, the inventory of them, and what is proposed from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.assets import Position
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Id, Listed, MaybeMoment, Moment, SeenVersion, Shape, Version, moment
from lineshaft.doors.rooms import Rooms

router = APIRouter(tags=["connect"])
Text = Annotated[str, Field(examples=[""])]
Count = Annotated[int, Field(examples=[254])]
Protocols = Literal["opcua", "ethernet_ip", "modbus", "sparkplug"]
_TIMES = ("started", "ended", "first_seen", "last_seen", "silent_since")


class LookShape(Shape):
    """A look through a network: how far it is, or how it ended."""

    id: Id
    network: Annotated[str, Field(examples=["192.168.10.0/24"])]
    protocols: Annotated[list[str], Field(examples=[["opcua", "modbus"]])]
    state: Annotated[str, Field(examples=["running"], description="running, done, cancelled or failed")]
    message: Text
    by: Annotated[str, Field(examples=["anna"])]
    asked: Count
    total: Count
    found: Annotated[int, Field(examples=[3])]
    started: Moment
    ended: MaybeMoment


class DiscoveryShape(Shape):
    """Which networks may be looked through, how gently, and the last look."""

    networks: Annotated[list[str], Field(examples=[["192.168.10.0/24"]], description="Empty: discovery is off.")]
    per_second: Annotated[float, Field(examples=[20.0], description="Most questions in a second.")]
    look: LookShape | None


class LookBody(Body):
    """What is to be looked through: a network that settings.toml allows, and in which protocols."""

    network: Annotated[str, Field(max_length=100, examples=["192.168.10.0/24"])] = ""
    protocols: Annotated[list[Protocols], Field(min_length=1, examples=[["opcua", "modbus"]])]


class SystemShape(Shape):
    """An OT system of the inventory."""

    id: Id
    protocol: Annotated[str, Field(examples=["opcua"])]
    address: Annotated[str, Field(examples=["192.168.10.5:4840"])]
    name: Annotated[str, Field(examples=["Mill 3"])]
    maker: Annotated[str, Field(examples=["Acme"])]
    model: Annotated[str, Field(examples=["C7"])]
    owner: Annotated[str, Field(examples=["Maintenance hall 2"])]
    status: Annotated[str, Field(examples=["new"], description="new, known, connected, ignored or retired")]
    note: Text
    gaps: Annotated[list[str], Field(examples=[["anybody may log in without a name"]])]
    facts: Annotated[dict[str, Any], Field(examples=[{"security": "Basic256Sha256"}])]
    first_seen: Moment
    last_seen: Moment
    silent_since: MaybeMoment
    version: Version


class SystemBody(Body):
    """Whose a system is, what it is to us, and what a person has to say of it; what is left out stays."""

    owner: Annotated[str | None, Field(max_length=200, examples=["Maintenance hall 2"])] = None
    status: Annotated[str | None, Field(max_length=20, examples=["known"])] = None
    note: Annotated[str | None, Field(max_length=2_000, examples=["spare CPU in cabinet 4"])] = None
    name: Annotated[str | None, Field(max_length=300, examples=["Mill 3"])] = None
    version: SeenVersion = None


class Edited(Shape):
    """The system as it is now."""

    id: Id
    version: Version


class ProposedMachine(Shape):
    """An object of the server, and which node is which property of the model."""

    node: Annotated[str, Field(examples=["ns=3;i=1001"])]
    name: Annotated[str, Field(examples=["MyMill"])]
    tags: Annotated[dict[str, str], Field(examples=[{"Monitoring.FeedOverride": "ns=3;i=1002"}])]


class ProposedModel(Shape):
    """A model of machines that look alike, with the sentence a person decides by."""

    model: Annotated[str, Field(examples=["MachineTool"])]
    looks_like: Annotated[str, Field(examples=["'MyMill' looks like a MachineTool with 14 variables"])]
    text: Annotated[str, Field(examples=["model: MachineTool\nversion: 1\n"], description="The model's YAML, to be edited.")]
    machines: list[ProposedMachine]


class Proposal(Shape):
    """What could be made of a system: a source ready to be added, and models of the machines inside it."""

    source: Annotated[str, Field(examples=['[[sources]]\nname = "Mill 3"\n'], description="For settings.toml.")]
    entry: Annotated[
        dict[str, Any] | None, Field(examples=[{"name": "Mill 3", "type": "opcua"}], description="For POST sources.")
    ]
    models: list[ProposedModel]
    remark: Text


class NewPosition(Body):
    """A machine to be, and where it stands."""

    name: Annotated[str, Field(min_length=1, max_length=250, examples=["Mill 3"])]
    parent: Annotated[str, Field(examples=["Bakery/Line 1"], description="Path of the position above; empty: at the top.")] = ""
    source: Annotated[str, Field(max_length=63, examples=["Mill 3"])] = ""
    tags: Annotated[dict[str, str], Field(examples=[{"Monitoring.FeedOverride": "ns=3;i=1002"}])] = Field(default_factory=dict)


class AdoptBody(Body):
    """A model as YAML, and the machines that are of it."""

    text: Annotated[str, Field(min_length=1, max_length=2_000_000, examples=["model: MachineTool\nversion: 1\n"])]
    positions: Annotated[list[NewPosition], Field(max_length=1_000)] = Field(default_factory=list)


class Adopted(Shape):
    """The files that were written, and what the plant has now."""

    files: Annotated[list[str], Field(examples=[["models/machinetool.yaml", "plant.yaml"]])]
    added: Annotated[list[str], Field(examples=[["Bakery/Line 1/Mill 3"]])]
    bound: Annotated[int, Field(examples=[14], description="Measurements that are bound to tags.")]
    problems: Annotated[list[str], Field(examples=[[]])]


class Node(Shape):
    """What lies directly below a node of an OPC UA server."""

    node: Annotated[str, Field(examples=["ns=2;s=Oven/Temperature"])]
    name: Annotated[str, Field(examples=["Temperature"])]
    kind: Annotated[str, Field(examples=["variable"], description="object or variable")]
    value: Annotated[str, Field(examples=["181.5"])]
    type: Annotated[str, Field(examples=["double"], description="Empty: it cannot be stored.")]


@router.get("/discovery")
def discovery(rooms: House, _subject: Reader) -> DiscoveryShape:
    """Say which networks may be looked through, and how far the last look is."""
    settings = rooms.discovery.settings
    told = {"networks": list(settings.networks), "per_second": settings.per_second, "look": _look(rooms.discovery.look())}
    return DiscoveryShape.model_validate(told)


@router.post("/discovery/look")
def look(sender: Sender, body: LookBody) -> LookShape:
    """Begin a look through a network that settings.toml allows; it goes on in the background."""
    work = sender.rooms.discovery
    answer = sender.do(
        "discovery.scan",
        f"network:{body.network}",
        body.model_dump(),
        lambda tx: work.begin(tx, body.network, body.protocols, sender.subject),
    )
    return LookShape.model_validate(_look(answer))


@router.post("/discovery/cancel")
def cancel(sender: Sender) -> LookShape:
    """End the look that runs; what it found is kept."""
    work = sender.rooms.discovery
    sender.do_outside("discovery.scan", "look", {}, work.cancel)
    return LookShape.model_validate(_look(work.look()))


@router.get("/discovery/systems")
def systems(rooms: House, _subject: Reader) -> Listed[SystemShape]:
    """List the OT systems that were found."""
    return Listed[SystemShape].model_validate({"items": [_timed(row) for row in rooms.discovery.inventory.all()]})


@router.patch("/discovery/systems/{system}")
def edit(sender: Sender, system: str, body: SystemBody) -> Edited:
    """Note whose a system is and what it is to us."""
    changes = body.model_dump(exclude={"version"}, exclude_none=True)
    inventory = sender.rooms.discovery.inventory
    made = sender.do(
        "discovery.edit", f"system:{system}", body.model_dump(), lambda tx: inventory.edit(tx, system, changes, body.version)
    )
    return Edited.model_validate(made)


@router.post("/discovery/systems/{system}/proposal")
def propose(sender: Sender, system: str) -> Proposal:
    """Look inside a system and say what could be made of it; an OPC UA server is browsed and read, nothing is changed."""
    work = sender.rooms.discovery
    return Proposal.model_validate(sender.do_outside("discovery.scan", f"system:{system}", {}, lambda: work.proposal(system)))


@router.get("/discovery/browse")
def browse(
    sender: Sender,
    source: Annotated[str, Query(description="An OPC UA source of this node.", examples=["bakery"])] = "",
    url: Annotated[str, Query(description="Or a server in an allowed network.", examples=["opc.tcp://10.0.0.5:4840"])] = "",
    security: Annotated[str, Query(examples=["Basic256Sha256"])] = "None",
    node: Annotated[str, Query(description="Below which node; the Objects folder is i=85.", examples=["i=85"])] = "i=85",
) -> Listed[Node]:
    """Show what lies directly below a node of an OPC UA server, with the value each variable has now."""
    sender.rooms.guard.gate(sender.subject, "discovery.browse", f"opcua:{source or url}")
    work = sender.rooms.discovery
    options = work.options_of(source) if source else {"url": url, "security": security}
    return Listed[Node].model_validate({"items": work.browse(options, node)})


@router.post("/assets/adopt")
def adopt(sender: Sender, body: AdoptBody) -> Adopted:
    """Take a proposed model and its machines into the plant's files and load them; no restart is needed."""
    return Adopted.model_validate(
        sender.do_outside("assets.adopt", "plant.yaml", body.model_dump(), lambda: _adopt(sender, sender.rooms, body))
    )


def _adopt(sender: Asking, rooms: Rooms, body: AdoptBody) -> dict[str, Any]:
    for one in body.positions:
        rooms.guard.gate(sender.subject, "assets.adopt", one.parent)
    positions = [Position(one.name, one.parent, one.source, tags=one.tags) for one in body.positions]
    files, changes = rooms.assets.adopt(rooms.models, body.text, positions)
    problems = [str(one) for one in changes.problems]
    return {"files": files, "added": changes.added, "bound": len(changes.bound), "problems": problems}


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: moment(value) if name in _TIMES else value for name, value in row.items()}


def _look(told: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if told is None else _timed(told)
