"""One look through a network: which questions, how far it is, and the end that a person may put to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lineshaft.connect.discovery import probes as folder
from lineshaft.connect.discovery.found import Found, Gently
from lineshaft.connect.discovery.settings import ACTIVE, DiscoverySettings, Protocol
from lineshaft.connect.poll import Budget
from lineshaft.core import InvalidInput, Registry, new_id, now_ns


@lru_cache(maxsize=1)
def probe_plugins() -> Registry:
    """Return the protocols in which an address can be asked."""
    return Registry("lineshaft.probes", folder)


@dataclass(slots=True)
class Look:
    """A look through a network, running or ended."""

    network: str
    protocols: tuple[Protocol, ...]
    hosts: list[str]
    by: str
    questions: list[tuple[Protocol, str, int]] = field(repr=False)
    id: str = field(default_factory=new_id)
    state: str = "running"
    asked: int = 0
    found: list[Found] = field(default_factory=list[Found])
    started: int = field(default_factory=now_ns)
    ended: int | None = None
    message: str = ""

    @property
    def protocols_asked(self) -> list[str]:
        """Return the protocols in which every address was asked."""
        return [protocol for protocol in self.protocols if protocol in ACTIVE]

    def told(self) -> dict[str, Any]:
        """Return how far it is."""
        names = ("id", "network", "state", "asked", "by", "started", "ended", "message")
        more = {"protocols": list(self.protocols), "total": len(self.questions), "found": len(self.found)}
        return {**{name: getattr(self, name) for name in names}, **more}


def plan(settings: DiscoverySettings, network: str, protocols: tuple[Protocol, ...], by: str) -> Look:
    """Return the look, not yet begun. Raises Forbidden for a network that is not on the list, with the reason."""
    active: list[Protocol] = [protocol for protocol in protocols if protocol in ACTIVE]
    if active and not network:
        raise InvalidInput("name the network to look through", hint="for example 192.168.10.0/24", code="discovery.network")
    hosts = settings.addresses(network) if active else []
    questions: list[tuple[Protocol, str, int]] = [
        (protocol, host, port) for host in hosts for protocol in active for port in settings.ports(protocol)
    ]
    return Look(network, protocols, hosts, by, questions)


async def ask_all(look: Look, settings: DiscoverySettings, say: Callable[[Look], None] = lambda _look: None) -> None:
    """Ask every address, a few at a time and not faster than allowed, until done or cancelled."""
    budget = Budget(settings.per_second)
    times = settings.seconds("connect_timeout"), settings.seconds("unit_timeout")
    gently = Gently(*times, settings.modbus_units, budget.wait)
    waiting = iter(look.questions)

    async def work() -> None:
        for protocol, host, port in waiting:
            look.found += await probe_plugins().load(protocol).look(host, port, gently)
            look.asked += 1
            say(look)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(settings.at_once, len(look.questions))):
            group.create_task(work())
