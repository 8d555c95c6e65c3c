"""Reading the other systems, one after the other in one thread: what each brought, how far it got, and what was wrong.

How far a feed was read is kept in the same transaction as what it brought: a node that is killed goes on where it was, and
nothing is taken twice. What names a lot or product that is not known yet waits here and is tried again at every reading.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from lineshaft.core import NS, Bus, Database, LineshaftError, NotFound, Problem, SystemEvent, bump, iso, new_id, now_ns
from lineshaft.production.feed import BOOKS, FeedDraft, Pulled
from lineshaft.production.intake import Loaded
from lineshaft.production.settings import PlannedFeed
from lineshaft.production.tables import feeds

log = logging.getLogger("lineshaft.production")
MOST_WAITING, MOST_TOLD = 1_000, 100


@dataclass(frozen=True)
class FeedStatus:
    """How a feed is doing: when it was read, what it brought, what waits and what was wrong."""

    name: str
    type: str
    every_ns: int
    state: str = "new"
    """new (not read yet), ok, problems (some entries were left out) or failing (the other side does not answer)."""
    last_run: int | None = None
    last_ok: int | None = None
    last_taken: int = 0
    taken: int = 0
    waiting: int = 0
    error: str = ""
    problems: Sequence[Problem] = field(default_factory=tuple)


class Feeder:
    """The thread that reads the feeds; one that fails is told and stops none of the others."""

    def __init__(self, db: Database, bus: Bus, take: Callable[[Connection, FeedDraft], Loaded]) -> None:
        self._db, self._bus, self._take = db, bus, take
        self._feeds: dict[str, PlannedFeed] = {}
        self._status: dict[str, FeedStatus] = {}
        self._due: dict[str, float] = {}
        self._reading = threading.Lock()
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def plan(self, planned: Sequence[PlannedFeed]) -> None:
        """Know the feeds and how far each was read before."""
        for one in planned:
            kept = next(iter(self._db.rows(sa.select(feeds).where(feeds.c.name == one.name))), {})
            known = {name: kept[name] for name in ("last_run", "last_ok", "taken") if name in kept}
            waiting = len(cast("list[object]", kept.get("waiting") or []))
            self._feeds[one.name] = one
            self._status[one.name] = FeedStatus(one.name, one.type, one.every_ns, waiting=waiting, **known)
            self._due[one.name] = 0.0

    def start(self, planned: Sequence[PlannedFeed]) -> None:
        """Begin to read the feeds, each at once and then as often as it says."""
        self.plan(planned)
        if self._feeds and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the feed that is being read."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)

    def statuses(self) -> list[FeedStatus]:
        """Return how every feed is doing, in the order of the settings."""
        return list(self._status.values())

    def ask(self, name: str) -> FeedStatus:
        """Have a feed read as soon as possible. Raises NotFound."""
        status = self._known(name)
        self._due[name] = 0.0
        self._wake.set()
        return status

    def read(self, name: str) -> FeedStatus:
        """Read a feed now, until nothing more is new; what fails is in the status and told as a system event."""
        self._known(name)
        with self._reading:
            status = self._status[name]
            started = now_ns()
            try:
                taken, problems, waiting = self._pull(self._feeds[name])
            except Exception as error:
                log.warning(
                    "feed %s: %s", name, error, exc_info=not isinstance(error, LineshaftError | OSError | SQLAlchemyError)
                )
                status = replace(status, state="failing", last_run=started, last_taken=0, error=_said(error))
            else:
                state = "problems" if problems else "ok"
                more = {"problems": tuple(problems[:MOST_TOLD]), "waiting": waiting, "taken": status.taken + taken}
                status = replace(status, state=state, last_run=started, last_ok=started, last_taken=taken, error="", **more)
            self._status[name] = status
        self._tell(status)
        return status

    def _known(self, name: str) -> FeedStatus:
        if name not in self._status:
            raise NotFound(f"there is no feed '{name}'", hint=f"feeds: {', '.join(self._status) or 'none'}", code="feed.unknown")
        return self._status[name]

    def _run(self) -> None:
        while not self._stopped.is_set():
            now = time.monotonic()
            for name, due in list(self._due.items()):
                if due <= now and not self._stopped.is_set():
                    self._due[name] = time.monotonic() + self._feeds[name].every_ns / NS
                    self.read(name)
            self._wake.wait(max(0.0, min(self._due.values()) - time.monotonic()))
            self._wake.clear()

    def _pull(self, planned: PlannedFeed) -> tuple[int, list[Problem], int]:
        """Read page after page; each page and its mark are one transaction."""
        taken, problems, waiting, more = 0, list[Problem](), 0, True
        first = True
        while more and not self._stopped.is_set():
            kept = next(iter(self._db.rows(sa.select(feeds).where(feeds.c.name == planned.name))), None)
            mark = str(kept["mark"]) if kept else ""
            pulled = planned.feed.pull(mark)
            with self._db.begin() as tx:
                result = self._page(tx, planned.name, kept, pulled, retry=first or not pulled.more)
            taken += len(result.taken)
            problems += result.problems
            waiting = len(result.waiting)
            more, first = pulled.more and pulled.mark != mark, False
        return taken, problems, waiting

    def _page(self, tx: Connection, name: str, kept: dict[str, Any] | None, pulled: Pulled, *, retry: bool) -> Loaded:
        """Take a page, what waited before first, and keep how far it got."""
        old: list[list[Any]] = list(kept["waiting"]) if kept else []
        result = self._take(tx, _again(old)) if retry else Loaded()
        new = self._take(tx, pulled.draft)
        result.taken += new.taken
        result.problems += new.problems
        waits = (result.waiting if retry else []) + [one for one in new.waiting if one not in result.waiting]
        still = ([] if retry else old) + [
            [book, where, entry.model_dump(mode="json", exclude_unset=True)] for book, where, entry in waits
        ]
        if len(still) > MOST_WAITING:
            lost = len(still) - MOST_WAITING
            result.problems.append(Problem(name, f"{lost} entries that waited for others are given up", "send them again"))
            still = still[lost:]
        result.waiting = [*waits]
        now = now_ns()
        values = {"mark": pulled.mark, "waiting": still, "last_run": now, "last_ok": now}
        if kept is None:
            tx.execute(feeds.insert().values(id=new_id(), version=1, name=name, taken=len(result.taken), **values))
        else:
            total = tx.execute(sa.select(feeds.c.taken).where(feeds.c.id == kept["id"])).scalar_one()
            bump(tx, feeds, kept["id"], None, taken=total + len(result.taken), **values)
        return result

    def _tell(self, status: FeedStatus) -> None:
        key, name = f"production.feed.{status.name}", f"the feed '{status.name}'"
        if status.state == "failing":
            since = f"; it was read last at {iso(status.last_ok)}" if status.last_ok else ""
            hint = "nothing is lost: it goes on where it was; look at the other system and at [[feeds]] in settings.toml"
            self._bus.tell(SystemEvent(key, f"{name} cannot be read: {status.error}{since}", "error", hint=hint))
        elif status.problems:
            message = f"{len(status.problems)} entries of {name} were left out: {status.problems[0]}"
            self._bus.tell(SystemEvent(key, message, hint="mend them there; what waits for another entry is tried again"))
        else:
            self._bus.tell(SystemEvent(key, f"{name} is in order", active=False))


def _again(waiting: list[list[Any]]) -> FeedDraft:
    """Return what waited as a draft."""
    draft = FeedDraft()
    for book, where, values in waiting:
        cast("list[tuple[str, Any]]", getattr(draft, book)).append((where, BOOKS[book].model_validate(values)))
    return draft


def _said(error: Exception) -> str:
    """Return what an error says in one line; a database's own words without the statement."""
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or [type(error).__name__])[0]
