"""Looking inside a machine before it is listened to: what a controller, a broker, a folder or a database has to offer.

A person opens branches, searches, and picks; each pick is an option of the source to be. Looking only reads, slowly, and can be
ended at any time; what it finds is kept nowhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, ClassVar, Protocol, cast

from lineshaft.connect import insides as folder
from lineshaft.connect.poll import LineLost
from lineshaft.connect.settings import SourceEntry, source_plugins, validate_options
from lineshaft.connect.sight import Inside, Seen, Wish
from lineshaft.core import ConfigError, Conflict, InvalidInput, LineshaftError, NotFound, Registry, Retryable, Section

__all__ = ["Browser", "Inside", "Seen", "Wish", "inside_plugins"]

LONGEST = 60.0
"""Seconds that one look may take."""


class Looks(Protocol):
    """A plugin of connect/insides: `FILL` are options a source needs and a look does not."""

    FILL: ClassVar[Mapping[str, Any]]

    async def look(self, name: str, options: Section, wish: Wish) -> Seen:
        """Return what lies inside. Raises LineLost, OSError or LineshaftError."""
        ...


@lru_cache(maxsize=1)
def inside_plugins() -> Registry:
    """Return the protocols that can be looked into."""
    return Registry("lineshaft.insides", folder)


@dataclass(slots=True)
class _Running:
    """A look under way, so that it can be ended from another thread."""

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[Any]


class Browser:
    """Looks inside, one at a time for each ticket; a ticket is what a page calls its look by, to end it."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()

    def look(self, entry: SourceEntry, wish: Wish, ticket: str) -> dict[str, Any]:
        """Return what lies inside. Raises InvalidInput for options that lead nowhere, Retryable when nobody answers."""
        plugin, options = _ready(entry)
        try:
            seen = asyncio.run(self._timed(plugin.look(entry.name, options, wish), ticket))
        except asyncio.CancelledError:
            raise Conflict("the look was ended", code="inside.ended") from None
        except TimeoutError:
            hint = "look at a smaller part, or raise `timeout`"
            raise Retryable(f"it took longer than {LONGEST:g} s", hint=hint, code="inside.slow") from None
        except (LineLost, OSError) as error:
            hint = "is the address right, the machine on, and the way to it open?"
            raise Retryable(str(error) or type(error).__name__, hint=hint, code="inside.away") from None
        except ConfigError as error:
            raise InvalidInput(error.what, where=error.where, hint=error.hint, code="source.options") from None
        except LineshaftError:
            raise
        return {
            "items": [asdict(one) for one in seen.items],
            "remarks": [asdict(one) for one in seen.remarks],
        }

    def cancel(self, ticket: str) -> dict[str, Any]:
        """End a look. Raises NotFound when it is over."""
        with self._lock:
            running = self._running.get(ticket)
        if running is None:
            raise NotFound("no such look is under way", code="inside.over")
        running.loop.call_soon_threadsafe(running.task.cancel)
        return {"ticket": ticket}

    async def _timed(self, work: Coroutine[Any, Any, Seen], ticket: str) -> Seen:
        task = asyncio.ensure_future(work)
        with self._lock:
            self._running[ticket] = _Running(asyncio.get_running_loop(), cast("asyncio.Task[Any]", task))
        try:
            async with asyncio.timeout(LONGEST):
                return await task
        finally:
            with self._lock:
                self._running.pop(ticket, None)


def _ready(entry: SourceEntry) -> tuple[Looks, Section]:
    """Return the plugin and the options so far; what a look does not need may be missing. Raises InvalidInput."""
    try:
        plugin = cast("Looks", inside_plugins().load(entry.type)())
        chosen = dict(entry.model_extra or {})
        options = validate_options(
            source_plugins().load(entry.type).Options, {**plugin.FILL, **chosen}, where=f"source '{entry.name}'"
        )
    except ConfigError as error:
        raise InvalidInput(error.what, hint=error.hint, code="source.options") from None
    return plugin, options
