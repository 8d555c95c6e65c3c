"""Settings of discovery: which networks may be looked through at all, and how gently."""

from __future__ import annotations

import ipaddress
from typing import Literal, TypeAlias

from pydantic import Field, field_validator

from lineshaft.core import NS, Duration, Forbidden, InvalidInput, Section, parse_duration

Protocol: TypeAlias = Literal["opcua", "ethernet_ip", "modbus", "sparkplug"]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
ACTIVE: tuple[Protocol, ...] = ("opcua", "ethernet_ip", "modbus")


class DiscoverySettings(Section):
    """Which networks may be looked through for OT systems, and how gently; without a network nothing is ever sent."""

    networks: tuple[str, ...] = Field(
        (), description='Networks that may be looked through, for example ["192.168.10.0/24"]; none: discovery is off.'
    )
    per_second: float = Field(20.0, gt=0, le=1_000, description="Most questions sent in a second, to all addresses together.")
    at_once: int = Field(8, ge=1, le=64, description="Addresses asked at the same time.")
    most_addresses: int = Field(4_096, ge=1, description="Most addresses one look may cover.")
    connect_timeout: Duration = Field("500ms", description="Longest wait for an address to take a call.")
    unit_timeout: Duration = Field("100ms", description="Longest wait for a Modbus unit; it is asked once.")
    modbus_units: tuple[int, ...] = Field(
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 247, 255), description="Modbus unit ids that are asked at each address."
    )
    opcua_ports: tuple[int, ...] = Field((4840,), description="Ports where OPC UA servers are looked for.")
    modbus_ports: tuple[int, ...] = Field((502,), description="Ports where Modbus controllers are looked for.")
    ethernet_ip_ports: tuple[int, ...] = Field((44818,), description="Ports where EtherNet/IP devices are looked for.")

    @field_validator("networks")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            network(text)
        return texts

    @field_validator("modbus_units")
    @classmethod
    def _units(cls, units: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 0 <= unit <= 255 for unit in units):
            raise ValueError("a Modbus unit id is 0 to 255")
        return tuple(dict.fromkeys(units))

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS

    def ports(self, protocol: Protocol) -> tuple[int, ...]:
        """Return where a protocol is looked for."""
        return {"opcua": self.opcua_ports, "modbus": self.modbus_ports, "ethernet_ip": self.ethernet_ip_ports}.get(protocol, ())

    def addresses(self, text: str) -> list[str]:
        """Return the addresses of a network. Raises Forbidden, with the reason, for one that is not on the list."""
        asked = _asked(text)
        if not self.allows(asked):
            listed = ", ".join(self.networks)
            why = f"only {listed} may be looked through" if listed else "no network may be looked through on this node"
            hint = f'who answers for the network adds it: [discovery] networks = ["{asked}"] in settings.toml'
            raise Forbidden(f"{asked} is not on the list: {why}", hint=hint, code="discovery.not-allowed")
        if asked.num_addresses > self.most_addresses:
            hint = "ask for a smaller network, or raise [discovery] most_addresses"
            what = f"{asked} has {asked.num_addresses} addresses, one look covers {self.most_addresses}"
            raise InvalidInput(what, hint=hint, code="discovery.too-many")
        return [str(host) for host in asked.hosts()]

    def allows(self, asked: Network) -> bool:
        """Say whether a network lies within one that is listed."""
        listed = [network(text) for text in self.networks]
        return any(one.version == asked.version and asked.subnet_of(one) for one in listed)  # type: ignore[arg-type]


def network(text: str) -> Network:
    """Return a network from text. Raises ValueError saying how one is written."""
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError:
        raise ValueError(f"'{text}' is no network: write an address or a range such as 192.168.10.0/24") from None


def _asked(text: str) -> Network:
    try:
        return network(text)
    except ValueError as error:
        raise InvalidInput(str(error), code="discovery.network") from None
