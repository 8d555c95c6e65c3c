"""Own models at work: registered, served, scoring by the clock and with every new value."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets, Property
from lineshaft.core import Batch, Bus, Database, InvalidInput, LineshaftError, NotFound, SystemEvent, did_you_mean, now_ns
from lineshaft.detect.registry import scoring
from lineshaft.detect.registry.book import ModelBook, check
from lineshaft.detect.registry.opened import Columns
from lineshaft.detect.registry.scoring import Stream
from lineshaft.detect.registry.serving import About, Served, Workers
from lineshaft.detect.registry.targets import candidates, judged
from lineshaft.guard import Subject

log = logging.getLogger("lineshaft.detect")
EVENT = "detect:scorer"
MOST_ROWS = 100_000
PAUSE_S = 1.0
SETTLE = 5 * 10**9
"""Values of a step may arrive so much later than its end."""


class Store(Protocol):
    """What scorers ask the store."""

    def aggregates(
        self, ref: Any, window_ns: int, start: int, end: int, functions: Any = ..., *, partial: bool = False
    ) -> pa.Table:
        """Return a row a window."""
        ...

    def sid(self, source: str, tag: str) -> int | None:
        """Return the number of a series."""
        ...

    def latest(self, refs: Sequence[str], /) -> Sequence[Any]:
        """Return the newest value of each property, None where nothing ever came."""
        ...


class ModelRegistry:
    """All own models of a node."""

    def __init__(self, db: Database, assets: Assets, store: Store, bus: Bus, clock: Callable[[], int] = now_ns) -> None:
        self.book = ModelBook(db, assets)
        self.ingest: Callable[[list[Batch]], Any] = _nowhere
        self._db, self._assets, self._store, self._bus, self._clock = db, assets, store, bus, clock
        self._workers = Workers()
        self._streams: dict[str, Stream] = {}
        self._lock = threading.RLock()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._stale = True
        self._thread: threading.Thread | None = None

    # -- registering

    def open(self, kind: str, content: bytes, told: Mapping[str, Any]) -> About:
        """Open content once in a process apart, and close it again: what it says of itself. Raises what is wrong with it."""
        check(kind, content, trust=bool(told.get("trust")), sha256=str(told.get("sha256") or ""))
        served = Served(kind, content, list(told.get("inputs") or ()))
        served.close()
        return served.about

    # -- serving

    def predict(self, name: str, columns: Mapping[str, Any], number: int | None = None) -> tuple[int, dict[str, Any]]:
        """Return the version that answered and a column an output."""
        row = self.book.usable(name, number)
        given = _checked(columns, row["inputs"])
        return int(row["number"]), self._served(row).predict(given)

    def _served(self, row: Mapping[str, Any]) -> Served:
        return self._workers.of(str(row["id"]), row["kind"], lambda: self.book.content(str(row["id"])), row["inputs"])

    # -- scoring

    def score(self, tx: Connection, by: Subject, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Let a model score into a property from now on."""
        made = scoring.create(tx, self._assets, self.book, by, name, wanted, self._clock(), self._silent)
        self._stale = True
        return made

    def targets(self, name: str, search: str, reaches: Callable[[str], bool]) -> list[Property]:
        """Return the properties scores of a model could be written into, those of its asset first."""
        return candidates(self._assets, str(self.book.model(name)["asset"]), search, reaches)

    def free(self, some: Sequence[Property]) -> list[dict[str, Any]]:
        """Say of each property whether scores may be written into it, and why not."""
        return judged(self._assets, some, {row["property"] for row in self.book.scorers()}, self._store.latest)

    def _silent(self, path: str) -> bool:
        return self._store.latest([path])[0] is None

    def end(self, tx: Connection, name: str, scorer_id: str) -> None:
        """End a scorer of a model; what it wrote stays."""
        scoring.remove(tx, scorer_id, self.book.model(name, tx)["id"])
        self._stale = True

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Take rows that became visible; called for every batch, so it returns at once where nothing streams."""
        if not self._streams:
            return
        with self._lock:
            for stream in self._streams.values():
                stream.take(rows)
        self._wake.set()

    def tick(self, now: int | None = None) -> int:
        """Score what has become of the inputs since the last time; returns how many rows were scored."""
        at = self._clock() if now is None else now
        rows = self.book.scorers()
        self._refresh(rows)
        names = {model["id"]: model["name"] for model in self.book.list()}
        return sum(self._scored(row, names[row["model_id"]], at) for row in rows if row["on"])

    def _scored(self, row: dict[str, Any], name: str, now: int) -> int:
        """Score one property; where that fails the others go on, and it is tried again."""
        try:
            return self._tick(row, name, now)
        except Exception as problem:
            if not isinstance(problem, NotFound):
                log.exception("'%s' could not be scored", row["property"])
            text = f"'{row['property']}' gets no scores of '{name}': {problem}"
            self._bus.tell(SystemEvent(f"{EVENT}:{row['id']}", text, "error", hint=_way_out(problem)))
            return 0

    def _tick(self, row: dict[str, Any], name: str, now: int) -> int:
        for path in (*row["inputs"].values(), row["property"]):
            self._assets.property(path)  # one that is gone is told
        skipped = 0
        if row["mode"] == "streaming":
            times, columns, skipped = self._waiting(row)
            through = int(times[-1]) if len(times) else row["through"]
        else:
            through = max((now - SETTLE) // row["every"] * row["every"], row["through"])
            times, columns, skipped = scoring.gathered(
                self._store.aggregates, row["inputs"], row["every"], row["through"], through
            )
        if not len(times) and not skipped:
            return 0
        error = ""
        try:
            if len(times):
                _, said = self.predict(name, columns, row["number"])
                self.ingest([scoring.batch(row["id"], times, np.asarray(said[row["output"]], np.float64).tolist())])
        except (LineshaftError, KeyError, ValueError, TypeError) as problem:
            error = str(problem)
        done = 0 if error else len(times)
        skipped += len(times) - done
        values = {"through": through, "rows": row["rows"] + done, "skipped": row["skipped"] + skipped, "error": error}
        with self._db.begin() as tx:
            scoring.write(tx, row["id"], **values)
        text = f"'{row['property']}' gets no scores of '{name}': {error}" if error else f"'{row['property']}' is scored"
        self._bus.tell(SystemEvent(f"{EVENT}:{row['id']}", text, "warning", active=bool(error)))
        return done

    def _waiting(self, row: dict[str, Any]) -> tuple[Any, dict[str, Any], int]:
        """Return the rows that wait to be scored, and how many came too fast for it."""
        taken: list[tuple[int, tuple[float, ...]]] = []
        dropped = 0
        with self._lock:
            stream = self._streams.get(row["id"])
            if stream is not None:
                taken, dropped = stream.waiting, stream.dropped
                stream.waiting, stream.dropped = [], 0
        times = np.array([at for at, _ in taken], np.int64)
        matrix = np.array([values for _, values in taken], np.float64).reshape(len(taken), len(row["inputs"]))
        return times, {name: matrix[:, place] for place, name in enumerate(row["inputs"])} if len(taken) else {}, dropped

    def _refresh(self, rows: list[dict[str, Any]]) -> None:
        """Learn which series the streaming scorers listen to."""
        if not self._stale:
            return
        streams = {row["id"]: one for row in rows if row["mode"] == "streaming" and row["on"] if (one := self._stream(row))}
        with self._lock:
            self._streams = {key: self._streams.get(key, one) for key, one in streams.items()}
            for key, one in streams.items():
                self._streams[key].sids = one.sids
        self._stale = any(len(one.sids) < len(one.names) for one in streams.values())

    def _stream(self, row: dict[str, Any]) -> Stream | None:
        """Return what a scorer listens to; None for one of whose inputs the plant has nothing any more."""
        sids: dict[int, int] = {}
        for place, path in enumerate(row["inputs"].values()):
            one = self._assets.find(path)
            if one is None:
                return None
            for span in self._assets.spans(one.id):
                number = self._store.sid(span.source, span.tag) if span.end_ns is None else None
                if number is not None:
                    sids[number] = place
        return Stream(list(row["inputs"]), sids)

    def changed(self) -> None:
        """Look again which series mean the inputs."""
        self._stale = True

    # -- the node's own thread

    def start(self) -> None:
        """Begin to score."""
        self._thread = threading.Thread(target=self._run, name="scorers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; models' processes end too."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(30)
        self._workers.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(PAUSE_S)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.tick()
            except Exception:
                log.exception("scoring failed")
            self._stopping.wait(0.2)  # rows that come together are scored together


def _checked(columns: Mapping[str, Any], inputs: list[str]) -> Columns:
    """Return the inputs as arrays of numbers of one length. Raises InvalidInput for what is missing or no number."""
    strange = [name for name in columns if name not in inputs]
    missing = [name for name in inputs if name not in columns]
    if missing or strange:
        what = f"the input '{missing[0]}' is missing" if missing else f"the model has no input '{strange[0]}'"
        hint = did_you_mean(strange[0], inputs) if strange else ""
        raise InvalidInput(what, where="rows", hint=hint or f"its inputs are: {', '.join(inputs)}", code="registry.inputs")
    made: dict[str, Any] = {}
    for name in inputs:
        try:
            made[name] = np.array([np.nan if one is None else float(one) for one in columns[name]], np.float64)
        except (ValueError, TypeError):
            hint = "numbers, or null for a value that is missing"
            raise InvalidInput(
                f"the input '{name}' holds what is no number", where=name, hint=hint, code="registry.inputs"
            ) from None
    sizes = {len(column) for column in made.values()}
    if len(sizes) != 1 or not 0 < min(sizes) <= MOST_ROWS:
        hint = f"1 to {MOST_ROWS} rows, every input as many"
        raise InvalidInput(f"inputs of {', '.join(map(str, sorted(sizes)))} rows", where="rows", hint=hint, code="registry.rows")
    return made


def _way_out(problem: Exception) -> str:
    """Return what to do about a scorer that does not work."""
    if not isinstance(problem, NotFound):
        return ""
    return (
        "a renamed property goes on with was: in its model; for one that is gone, end this scorer and make one with other inputs"
    )


def _nowhere(batches: list[Batch]) -> None:
    """Keep scores out of the store: nobody has said where they go."""
    del batches
