"""Whom the node believes: certificates of OPC UA servers that wait for a person, and devices that may publish."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.connect import Devices, TrustList
from lineshaft.core import NS, Forbidden
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Listed, MaybeMoment, Moment, Shape, moment
from lineshaft.guard import Subject

router = APIRouter(tags=["connect"])
DeviceName = Annotated[str, Field(max_length=63, examples=["dryer-3"])]
Topics = Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=50, examples=[["dryer-3/#"]])]
Fingerprint = Annotated[str, Field(max_length=120, examples=["9f1c3ab05d7716e2"])]


class CertificateShape(Shape):
    """The certificate an OPC UA server showed; one that waits is compared by a person at the machine."""

    source: Annotated[str, Field(examples=["press"])]
    trusted: Annotated[bool, Field(examples=[False])]
    fingerprint: Annotated[str, Field(examples=["9f1c3ab0"], description="SHA-256, in hex.")]
    subject: Annotated[str, Field(examples=["CN=Press 7"])]
    uri: Annotated[str, Field(examples=["urn:press-7"])]
    valid_from: Moment
    valid_to: Moment


class AcceptBody(Body):
    """The fingerprint as it was read at the machine: 8 digits or more."""

    fingerprint: Fingerprint


class Accepted(Shape):
    """The certificate that is trusted now."""

    fingerprint: Fingerprint


class Withdrawn(Shape):
    """The source whose server is trusted no longer."""

    source: Annotated[str, Field(examples=["press"])]


class DeviceShape(Shape):
    """A device that may publish, or might once."""

    name: DeviceName
    topics: Topics
    note: Annotated[str, Field(examples=["hall 2, by the door"])]
    created: Moment
    revoked: MaybeMoment
    seen: MaybeMoment
    online: Annotated[bool, Field(examples=[True])]
    address: Annotated[str, Field(examples=["10.0.0.31"])]
    messages: Annotated[int, Field(examples=[4711], description="Since it last connected.")]


class DeviceBody(Body):
    """A new device; without topics it may publish below its own name."""

    name: DeviceName
    topics: Topics = []  # noqa: RUF012 - pydantic copies it
    note: Annotated[str, Field(max_length=300, examples=["hall 2, by the door"])] = ""


class DeviceSecret(Shape):
    """What the device logs in with; the secret is in this answer only."""

    name: DeviceName
    secret: Annotated[str, Field(examples=["k3…"])]
    topics: Topics


class DeviceGone(Shape):
    """The device that is shut out."""

    name: DeviceName


@router.get("/certificates")
def certificates(rooms: House, subject: Reader) -> Listed[CertificateShape]:
    """List the certificates of OPC UA servers: those that wait for a person first."""
    _whole(subject)
    items = [
        {
            "source": one.source,
            "trusted": one.trusted,
            "fingerprint": one.fingerprint,
            "subject": one.subject,
            "uri": one.uri,
            "valid_from": moment(int(one.valid_from.timestamp()) * NS),
            "valid_to": moment(int(one.valid_to.timestamp()) * NS),
        }
        for one in _trust(rooms).all()
    ]
    return Listed[CertificateShape].model_validate({"items": items, "next": None})


@router.post("/certificates/{source}/accept")
def accept(sender: Sender, source: str, body: AcceptBody) -> Accepted:
    """Trust the certificate of a source's server that waits, if it is the one that was compared."""

    def run(_tx: Any) -> dict[str, Any]:
        return {"fingerprint": _trust(sender.rooms).accept(source, body.fingerprint).fingerprint}

    return Accepted.model_validate(sender.do("sources.trust", f"certificate:{source}", body.model_dump(), run))


@router.delete("/certificates/{source}")
def withdraw(sender: Sender, source: str) -> Withdrawn:
    """Trust a source's server no longer, from its next connection on."""

    def run(_tx: Any) -> dict[str, Any]:
        _trust(sender.rooms).withdraw(source)
        return {"source": source}

    return Withdrawn.model_validate(sender.do("sources.trust", f"certificate:{source}", {"withdraw": True}, run))


@router.get("/devices")
def devices(rooms: House, subject: Reader) -> Listed[DeviceShape]:
    """List the devices that may publish to the node's own MQTT listener, and those that were shut out."""
    _whole(subject)
    items = [
        {**one, **{key: moment(one[key]) for key in ("created", "revoked", "seen")}}
        for one in Devices(rooms.db, rooms.store.home).all()
    ]
    for one in items:
        one.pop("version")
    return Listed[DeviceShape].model_validate({"items": items, "next": None})


@router.post("/devices", status_code=201)
def create(sender: Sender, body: DeviceBody) -> DeviceSecret:
    """Add a device, or give one that was shut out a new secret; the secret is told this once."""
    register = Devices(sender.rooms.db, sender.rooms.store.home)
    answer = sender.do(
        "devices.edit",
        f"device:{body.name}",
        body.model_dump(),
        lambda tx: register.create(tx, body.name, body.topics, body.note),
    )
    register.publish()
    return DeviceSecret.model_validate(answer)


@router.post("/devices/{name}/secret")
def renew(sender: Sender, name: str) -> DeviceSecret:
    """Give a device a new secret; the old one ends at once."""
    register = Devices(sender.rooms.db, sender.rooms.store.home)
    answer = sender.do("devices.edit", f"device:{name}", {"renew": True}, lambda tx: register.renew(tx, name))
    register.publish()
    return DeviceSecret.model_validate(answer)


@router.delete("/devices/{name}")
def revoke(sender: Sender, name: str) -> DeviceGone:
    """Shut a device out; its line is cut within seconds."""
    register = Devices(sender.rooms.db, sender.rooms.store.home)
    answer = sender.do("devices.edit", f"device:{name}", {"revoke": True}, lambda tx: register.revoke(tx, name))
    register.publish()
    return DeviceGone.model_validate(answer)


def _trust(rooms: House) -> TrustList:
    return TrustList(rooms.store.home / "pki")


def _whole(subject: Subject) -> None:
    if subject.scope:
        what = f"{subject.display or subject.name} may not read whom the whole node believes"
        raise Forbidden(what, hint="ask somebody without an asset scope", code="gate.forbidden")
