"""Edge nodes: who they are and how they are, invitations, configurations with their approval and their way back, exclusion."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.core import NS, Forbidden, now_ns, parse_duration
from lineshaft.doors.rest.frame.asking import House, Known, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.shape import Body, Listed, MaybeMoment, MaybeName, Moment, Shape, moment
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject

router = APIRouter(prefix="/edges", tags=["connect"])
SILENT_AFTER = 30 * NS
EdgeName = Annotated[str, Field(examples=["press-hall-2"])]
Number = Annotated[int, Field(examples=[7], description="Of a configuration; 0 is the node's own settings.")]
Count = Annotated[int, Field(examples=[1200])]
Text = Annotated[
    str, Field(max_length=2_000_000, examples=['[[sources]]\nname = "press"\ntype = "opcua"\nurl = "opc.tcp://10.0.0.5:4840"'])
]
Told = Annotated[str, Field(max_length=300, examples=["the pump's new tags"])]


class EdgeSource(Shape):
    """How a source, a function or a detector of an edge node is."""

    name: Annotated[str, Field(examples=["press"])]
    state: Annotated[str, Field(examples=["connected"])]
    message: Annotated[str, Field(examples=["listening"])]
    bad: Annotated[int, Field(examples=[0], description="Tags that are bad.")]


class EdgeRule(Shape):
    """What a rule of an edge node has done since the node started."""

    name: Annotated[str, Field(examples=["slow down"])]
    target: Annotated[list[str], Field(examples=[["press", "ns=2;s=Press/Speed"]])]
    expires: Annotated[str, Field(examples=["2027-01-01T00:00:00Z"])]
    writes: Count
    refusals: Count
    said: Annotated[str, Field(examples=["wrote 60"])]


class EdgeEvent(Shape):
    """A condition of an edge node's own."""

    key: Annotated[str, Field(examples=["source:press"])]
    message: Annotated[str, Field(examples=["source press is down: no answer"])]
    severity: Annotated[str, Field(examples=["warning"])]
    at: MaybeMoment


class EdgeShape(Shape):
    """An edge node: what the plant knows and what the node last said."""

    name: EdgeName
    state: Annotated[str, Field(examples=["online"], description="invited, online, silent or revoked")]
    version: Annotated[str | None, Field(examples=["0.1.0"], description="Of the software it runs.")]
    config: Number
    wanted: Number
    trial: Annotated[bool, Field(examples=[False], description="The configuration is being tried.")]
    refused: Annotated[dict[str, Any] | None, Field(examples=[None], description="Which configuration it did not take, and why.")]
    seen: MaybeMoment
    enrolled: MaybeMoment
    expires: MaybeMoment
    invited_until: MaybeMoment
    revoked: MaybeMoment
    reason: Annotated[str, Field(examples=[""])]
    clock_offset_ms: Annotated[float | None, Field(examples=[12.5], description="By how much its clock is ahead of the plant's.")]
    waiting_values: Count
    waiting_bytes: Count
    waiting_since: MaybeMoment
    lost_values: Annotated[int, Field(examples=[0], description="Values its full buffer had to drop, ever.")]
    sources: list[EdgeSource]
    rules: list[EdgeRule]
    events: list[EdgeEvent]


class EdgeConfiguration(Shape):
    """One version of an edge node's configuration."""

    number: Number
    at: Moment
    by: MaybeName
    approved_by: MaybeName
    waits: Annotated[bool, Field(examples=[False], description="A second person must approve it: it holds rules or functions.")]
    mine: Annotated[bool, Field(examples=[False], description="Made by whoever asks, who cannot approve it.")]
    note: Told
    text: Text


class Binding(Shape):
    """A tag of an edge node and the property it is bound to now."""

    source: Annotated[str, Field(examples=["press"])]
    tag: Annotated[str, Field(examples=["ns=2;s=Press/Speed"])]
    path: Annotated[str, Field(examples=["Bakery/Line 1/Oven/Temperature"])]
    unit: Annotated[str, Field(examples=["degC"])]


class InvitationBody(Body):
    """Who may enrol, and for how long."""

    name: Annotated[str, Field(max_length=31, examples=["press-hall-2"])]
    valid: Annotated[str | None, Field(max_length=20, examples=["2h"])] = None


class Invitation(Shape):
    """The code for one enrolment; it is in this answer only."""

    name: EdgeName
    code: Annotated[str, Field(examples=["9f1c…-3ab0…"])]
    until: Moment
    port: Annotated[int, Field(examples=[8443])]
    listening: Annotated[bool, Field(examples=[True], description="False: the door for edge nodes is shut in settings.toml.")]


class ReasonBody(Body):
    """Why; the edge node is told."""

    reason: Told = ""


class ConfigurationBody(Body):
    """A new configuration in TOML: sources, derived, pipelines, functions, detectors, uns, rules."""

    text: Text
    note: Told = ""


class ConfigurationDone(Shape):
    """Which configuration is wanted now, or waits for a second person."""

    name: EdgeName
    number: Number
    waits: Annotated[bool, Field(examples=[False])]


class Excluded(Shape):
    """The edge node that is shut out."""

    name: EdgeName


@router.get("")
def edges(rooms: House, subject: Reader) -> Listed[EdgeShape]:
    """List the edge nodes and how each is."""
    _whole(subject)
    return Listed[EdgeShape].model_validate({"items": [_edge(row) for row in rooms.edges.all()], "next": None})


@router.post("", status_code=201)
def invite(sender: Sender, body: InvitationBody) -> Invitation:
    """Invite an edge node, or a known one anew: one machine may enrol with the code, once."""
    register = sender.rooms.edges
    valid = parse_duration(body.valid or register.settings.claim_valid, where="valid")

    def run(tx: Any) -> dict[str, Any]:
        made = register.invite(tx, body.name, valid)
        door = {"port": register.settings.port, "listening": register.settings.listen}
        return {**made, **door, "until": moment(made["until"])}

    return Invitation.model_validate(sender.do("edges.invite", f"edge:{body.name}", body.model_dump(), run))


@router.get("/{name}")
def edge(rooms: House, subject: Reader, name: str) -> EdgeShape:
    """Return one edge node."""
    _whole(subject)
    return EdgeShape.model_validate(_edge(rooms.edges.edge(name)))


@router.post("/{name}/revoke")
def revoke(sender: Sender, name: str, body: ReasonBody) -> Excluded:
    """Shut an edge node out, from its next word on."""

    def run(tx: Any) -> dict[str, Any]:
        sender.rooms.edges.revoke(tx, name, body.reason)
        return {"name": name}

    return Excluded.model_validate(sender.do("edges.revoke", f"edge:{name}", body.model_dump(), run))


@router.get("/{name}/bindings")
def bindings(rooms: House, subject: Reader, name: str) -> Listed[Binding]:
    """List which tags of an edge node are which properties now: what its Unified Namespace is made of."""
    _whole(subject)
    rooms.edges.edge(name)
    return Listed[Binding].model_validate({"items": _bindings(rooms, name), "next": None})


@router.get("/{name}/configs")
def configurations(rooms: House, subject: Known, name: str) -> Listed[EdgeConfiguration]:
    """List every configuration an edge node was ever given, newest first."""
    rooms.guard.gate(subject, "edges.read")
    names, me = rooms.guard.names(), _person(rooms, subject)
    items = [_configuration(row, names, me) for row in rooms.edges.versions.of(rooms.edges.edge(name)["id"])]
    return Listed[EdgeConfiguration].model_validate({"items": items, "next": None})


@router.post("/{name}/configs", status_code=201)
def configure(sender: Sender, name: str, body: ConfigurationBody) -> ConfigurationDone:
    """Give an edge node a new configuration; one with rules or functions waits for a second person."""
    register, by = sender.rooms.edges, _person(sender.rooms, sender.subject)

    def run(tx: Any) -> dict[str, Any]:
        return register.versions.add(tx, register.edge(name, tx), body.text, by, body.note)

    return ConfigurationDone.model_validate(sender.do("edges.configure", f"edge:{name}", body.model_dump(), run))


@router.post("/{name}/configs/{number}/approve")
def approve(sender: Sender, name: str, number: int) -> ConfigurationDone:
    """Approve a configuration that somebody else made."""
    register, subject = sender.rooms.edges, sender.subject

    def run(tx: Any) -> dict[str, Any]:
        if subject.kind not in ("person", "token"):
            raise Forbidden(f"a {subject.kind} cannot approve", hint="a person must", code="approval.person")
        return register.versions.approve(tx, register.edge(name, tx), number, _person(sender.rooms, subject, tx))

    return ConfigurationDone.model_validate(sender.do("edges.approve", f"edge:{name}", {"number": number}, run))


@router.post("/{name}/configs/{number}/want")
def want(sender: Sender, name: str, number: int) -> ConfigurationDone:
    """Have an edge node go back to a configuration it had before; 0 is its own settings."""
    register = sender.rooms.edges

    def run(tx: Any) -> dict[str, Any]:
        return register.versions.want(tx, register.edge(name, tx), number)

    return ConfigurationDone.model_validate(sender.do("edges.configure", f"edge:{name}", {"number": number}, run))


def _edge(row: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = row["report"] or {}
    config, depth = said.get("config") or {}, said.get("depth") or {}
    offset = said.get("offset_ns")
    events = [{**one, "at": moment(one["at"])} for one in said.get("events", [])]
    return {
        "name": row["name"],
        "state": _state(row),
        "version": said.get("version"),
        "config": config.get("number", 0),
        "wanted": row["wanted"],
        "trial": config.get("trial", False),
        "refused": config.get("refused"),
        **{name: moment(row[name]) for name in ("seen", "enrolled", "expires", "revoked")},
        "invited_until": moment(row["claim_until"]) if row["claim"] else None,
        "reason": row["reason"],
        "clock_offset_ms": None if offset is None else offset / 1e6,
        "waiting_values": depth.get("rows", 0),
        "waiting_bytes": depth.get("bytes", 0),
        "waiting_since": moment(depth.get("oldest")),
        "lost_values": said.get("lost", 0),
        "sources": said.get("sources", []),
        "rules": said.get("rules", []),
        "events": events,
    }


def _state(row: dict[str, Any]) -> str:
    if row["revoked"] is not None:
        return "revoked"
    if row["enrolled"] is None:
        return "invited"
    return "online" if row["seen"] is not None and now_ns() - row["seen"] < SILENT_AFTER else "silent"


def _configuration(row: dict[str, Any], names: dict[str, str], me: str) -> dict[str, Any]:
    plain = {name: row[name] for name in ("number", "note", "text")}
    people = {"by": called(row["by"], names), "approved_by": called(row["approved_by"] or None, names)}
    return {**plain, **people, "at": moment(row["at"]), "waits": not row["signature"], "mine": row["by"] == me}


def _bindings(rooms: Rooms, name: str) -> list[dict[str, Any]]:
    now, found = now_ns(), list[dict[str, Any]]()
    for asset in rooms.assets.tree():
        for one in rooms.assets.properties(asset.id):
            for span in rooms.assets.spans(one.id):
                edge, _, source = span.source.partition("/")
                if edge == name and source and span.covers(now):
                    found.append({"source": source, "tag": span.tag, "path": one.path, "unit": one.unit})
    return sorted(found, key=lambda one: str(one["path"]))


def _person(rooms: Rooms, subject: Subject, tx: Any = None) -> str:
    """Return who stands behind a subject: a token is its maker's."""
    if tx is not None:
        return rooms.guard.tokens.made_by(tx, subject.id)
    with rooms.db.begin() as own:
        return rooms.guard.tokens.made_by(own, subject.id)


def _whole(subject: Subject) -> None:
    if subject.scope:
        what = f"{subject.display or subject.name} may not look at the edge nodes of the whole plant"
        raise Forbidden(what, hint="ask somebody without an asset scope", code="gate.forbidden")
