"""Discovery on a node: one look at a time in a thread of its own, the inventory, and what is proposed from it."""

from __future__ import annotations

import asyncio
import threading
import tomllib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection

from lineshaft.connect.discovery import proposal
from lineshaft.connect.discovery.inventory import Inventory
from lineshaft.connect.discovery.look import Look, ask_all, plan, probe_plugins
from lineshaft.connect.discovery.passive import heard
from lineshaft.connect.discovery.settings import DiscoverySettings, Protocol, network
from lineshaft.connect.settings import SourcesSettings, source_plugins, validate_options
from lineshaft.connect.source import Source
from lineshaft.core import Conflict, Database, Forbidden, InvalidInput, LineshaftError, NotFound, after_commit, now_ns
from lineshaft.guard import Command, Guard, Subject

LONGEST = 60.0
"""Seconds that browsing a server may take."""


class Discovery:
    """Looks for OT systems where that is allowed, and keeps the inventory."""

    def __init__(
        self,
        db: Database,
        guard: Guard,
        settings: DiscoverySettings,
        entries: SourcesSettings | None = None,
        sources: Callable[[], Iterable[Source]] = list,
    ) -> None:
        self.settings = settings
        self.inventory = Inventory(db)
        self._guard = guard
        self._entries = entries or SourcesSettings()
        self._sources = sources
        self._look: Look | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    # --- looking --------------------------------------------------------------------------------------------------

    def begin(self, tx: Connection, text: str, protocols: Sequence[Protocol], subject: Subject) -> dict[str, Any]:
        """Begin a look once the transaction is committed. Raises Forbidden for a network not listed, Conflict while one runs."""
        with self._lock:
            if self._look is not None and self._look.state == "running":
                hint = "wait for it, or cancel it"
                raise Conflict(
                    f"a look through {self._look.network or 'brokers'} is running", hint=hint, code="discovery.running"
                )
            look = plan(self.settings, text.strip(), tuple(dict.fromkeys(protocols)), subject.name)
            after_commit(tx, lambda: self._start(look, subject))
            return look.told()

    def _start(self, look: Look, subject: Subject) -> None:
        with self._lock:
            self._look = look
            self._thread = threading.Thread(target=self.run, args=(look, subject), name="discovery", daemon=True)
            self._thread.start()

    def run(self, look: Look, subject: Subject, say: Callable[[Look], None] = lambda _look: None) -> None:
        """Look through the network in this thread; what was found is kept, however it ends."""
        state, message = "done", ""
        try:
            if look.questions:
                asyncio.run(self._asking(look, say))
        except (asyncio.CancelledError, KeyboardInterrupt):
            state, message = "cancelled", f"cancelled after {look.asked} of {len(look.questions)} questions"
        except Exception as error:  # noqa: BLE001 - a look that fails says so and harms nobody
            state, message = "failed", f"{type(error).__name__}: {error}"
        if "sparkplug" in look.protocols:
            look.found += heard(self._sources())
        try:
            self._keep(look, subject, whole=state == "done")
        except LineshaftError as error:
            state, message = "failed", f"what was found could not be kept: {error}"
        look.message, look.ended = message, now_ns()
        look.state = state

    async def _asking(self, look: Look, say: Callable[[Look], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            await ask_all(look, self.settings, say)
        finally:
            self._task = None

    def _keep(self, look: Look, subject: Subject, *, whole: bool) -> None:
        def run(tx: Connection) -> dict[str, Any]:
            at = now_ns()
            count = self.inventory.take(tx, look.found, at)
            hosts, protocols = set(look.hosts), look.protocols_asked
            silent = self.inventory.missed(tx, hosts, protocols, look.started, at) if whole else 0
            return {**count, "silent": silent}

        body = {"network": look.network, "asked": look.asked, "found": len(look.found)}
        self._guard.perform(Command(subject, "discovery.scan", f"look:{look.id}", body), run)

    def cancel(self) -> dict[str, Any]:
        """End the look that runs. Raises Conflict when there is none."""
        look, task, loop = self._look, self._task, self._loop
        if look is None or look.state != "running":
            raise Conflict("no look is running", code="discovery.not-running")
        if task is not None and loop is not None:
            loop.call_soon_threadsafe(task.cancel)
        return {"id": look.id}

    def look(self) -> dict[str, Any] | None:
        """Return how far the look is that runs, or how the last one ended."""
        return None if self._look is None else self._look.told()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the look that runs."""
        if self._thread is not None:
            self._thread.join(seconds)

    def stop(self) -> None:
        """End with the node: a look is cancelled, what it found is kept."""
        if self._look is not None and self._look.state == "running":
            self.cancel()
            self.wait(10)

    # --- what is inside -------------------------------------------------------------------------------------------

    def proposal(self, system: str) -> dict[str, Any]:
        """Return what could be made of a system: a [[sources]] table and, from an OPC UA server, models of its machines."""
        row = self.inventory.one(system)
        told: dict[str, Any] = {"source": proposal.source_text(row), "models": [], "remark": ""}
        told["entry"] = tomllib.loads(told["source"])["sources"][0] if told["source"] else None
        if row["protocol"] == "sparkplug":
            told["remark"] = f"the source '{row['facts']['source']}' hears it already: {row['facts']['count']} tags"
        if row["protocol"] != "opcua":
            return told
        name = proposal.source_name(row)
        options = {"url": row["facts"]["url"], "security": row["facts"]["security"]}
        try:
            things = self._opcua("survey", name, options)
        except LineshaftError as error:
            return {**told, "remark": f"its inside could not be seen: {error}"}
        return {**told, "models": proposal.models(things, row["address"])}

    def browse(self, options: dict[str, Any], node: str) -> list[dict[str, Any]]:
        """Return what lies directly below a node of a server: one that a source listens to, or in an allowed network."""
        url = str(options.get("url", ""))
        self._reachable(url)
        return self._opcua("children", "browse", options, node)

    def options_of(self, source: str) -> dict[str, Any]:
        """Return how a configured OPC UA source reaches its server. Raises NotFound."""
        for entry in self._entries.entries:
            if entry.name == source and entry.type == "opcua":
                names = ("url", "security", "mode", "certificate", "private_key", "server_certificate", "user", "password_env")
                return {name: value for name, value in (entry.model_extra or {}).items() if name in names}
        raise NotFound(f"there is no OPC UA source '{source}'", code="source.unknown")

    def _reachable(self, url: str) -> None:
        """Raise Forbidden for an address that nobody allowed: browsing is not a way around the list."""
        if any((entry.model_extra or {}).get("url") == url for entry in self._entries.entries):
            return
        host = urlsplit(url).hostname or ""
        try:
            inside = self.settings.allows(network(host))
        except ValueError:
            inside = False
        if not inside:
            what = f"'{host or url}' is neither the server of a source nor in a network that may be looked through"
            hint = "write an IP address of a network in [discovery] networks"
            raise Forbidden(what, hint=hint, code="discovery.not-allowed")

    def _opcua(self, what: str, name: str, options: dict[str, Any], *more: Any) -> Any:
        plugin = source_plugins().load("opcua")
        chosen = validate_options(plugin.Options, {**options, "browse": True}, where="browse")
        work = getattr(probe_plugins().load("opcua"), what)

        async def ask() -> Any:
            async with asyncio.timeout(LONGEST):
                return await work(name, chosen, *more)

        try:
            return asyncio.run(ask())
        except TimeoutError:
            raise InvalidInput(f"{options['url']} took longer than {LONGEST:g} s", code="opcua.slow") from None
