"""Fleets at work: learning remaining life, forecasting every asset, filing a finding when little is left."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Batch, Bus, Conflict, Database, LineshaftError, NotFound, SystemEvent, iso, now_ns, samples
from lineshaft.detect.apart import Apart
from lineshaft.detect.finding import Findings
from lineshaft.detect.fleet.book import SOURCE, FleetBook
from lineshaft.detect.fleet.lives import Ends, Span, Store, outside, records, spans, table
from lineshaft.detect.fleet.tables import fleets, versions
from lineshaft.detect.fleet.training import Learned, Task, learn
from lineshaft.detect.heavy.trainings import Trainings
from lineshaft.detect.life import Forecast, HealthIndex, LifeModel, load
from lineshaft.guard import Command, Guard, Subject

log = logging.getLogger("lineshaft.detect")
ME = Subject.system("life")
EVENT = "detect:life"
KIND = "remaining life"
HOUR = 3600e9
PAUSE_S = 15.0
AGAIN = 1.5
"""Little is left no longer when so many times as much as `low` is."""


class Fleets:
    """All fleets of a node."""

    def __init__(
        self,
        db: Database,
        assets: Assets,
        store: Store,
        guard: Guard,
        bus: Bus,
        clock: Callable[[], int] = now_ns,
        places: Trainings | None = None,
    ) -> None:
        self.book = FleetBook(db, assets)
        self.ingest: Callable[[list[Batch]], Any] = _nowhere
        self.ends: Ends = _no_ends
        self._db, self._store, self._guard, self._bus, self._clock = db, store, guard, bus, clock
        self._findings = Findings(db, bus)
        self._places = places or Trainings()
        self._trainings: dict[str, Apart[Task, Learned]] = {}
        self._models: dict[str, tuple[str, LifeModel]] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- training

    def train(self, tx: Connection, fleet_id: str, by: str, end: int | None = None) -> dict[str, Any]:
        """Begin a new version; `begin` starts the work."""
        return self.book.begin(tx, self.book.fleet(fleet_id, tx), self._clock() if end is None else end, by)

    def begin(self, row: dict[str, Any]) -> Apart[Task, Learned]:
        """Start the process of a version whose row is written."""
        fleet = self.book.fleet(row["fleet_id"])

        def step(share: float, what: str) -> None:
            with self._db.begin() as tx:
                self.book.write(tx, row["id"], share=share, step=what)

        def done(learned: Learned | None, error: str) -> None:
            self.trained(row, learned, error, work.where)

        with self._lock:
            work = self._trainings[row["id"]] = Apart(learn, lambda: self.task(fleet, row["end"]), step, done)
        return work.start(self._places)

    def task(self, fleet: dict[str, Any], now: int) -> Task:
        """Return what a fleet has to learn from at a moment."""
        known = spans(fleet, self.ends, now)
        tables = {one.name: self._table(fleet, one) for one in known}
        first = {name: int(each["time"][0]) for name, each in tables.items() if len(each["time"])}
        index = fleet["index"]
        return Task(
            tables,
            [one.name for one in known if one.failed],
            records(fleet, known, first),
            HealthIndex(index["property"], index["limit"], index["rising"]) if index else None,
            float(fleet["cap"]) if fleet["cap"] else None,
            fleet["method"] or None,
        )

    def _table(self, fleet: dict[str, Any], one: Span) -> dict[str, Any]:
        return table(self._store, one.asset, fleet["properties"], fleet["every"], one.begin, one.end)

    def trained(self, row: dict[str, Any], learned: Learned | None, error: str = "", where: str = "") -> None:
        """Write what came of a training; the first version that is ready begins to forecast."""
        state = "ready" if learned is not None else "cancelled" if error == "cancelled" else "failed"
        notes = outside(self.book.fleet(row["fleet_id"]), row["end"])
        values: dict[str, Any] = {
            "state": state,
            "error": "" if learned else "; ".join([error, *notes]) if state == "failed" else error,
            "ended": self._clock(),
            "share": 1.0,
            "step": "",
        }
        if learned is not None:
            values |= {"blob": learned.blob, "method": learned.method, "cap": learned.cap}
            names = self.book.number(row["fleet_id"], row["number"])["about"].get("renamed")  # while it was trained
            more = {**({"where": where} if where else {}), **({"renamed": names} if names else {})}
            values |= {"why": [*learned.why, *notes], "about": {**learned.about, **more}}
        with self._db.begin() as tx:
            self.book.write(tx, row["id"], **values)
            tx.execute(fleets.update().where(fleets.c.id == row["fleet_id"]).values(trained=self._clock()))
            if learned is not None and self.book.fleet(row["fleet_id"], tx)["active"] is None:
                self.book.use(tx, row["fleet_id"], row["number"])
                self._guard.record(tx, ME, "models.use", f"life:{row['fleet_id']}", {"number": row["number"]})
        with self._lock:
            self._trainings.pop(row["id"], None)

    def cancel(self, fleet_id: str) -> dict[str, Any]:
        """End the training under way. Raises Conflict if there is none."""
        row = next((one for one in self.book.versions(fleet_id) if one["state"] == "training"), None)
        work = self._trainings.get(row["id"]) if row else None
        if work is None or row is None:
            raise Conflict("nothing is being trained", code="life.not-training")
        work.cancel()
        work.wait(30)
        return self.book.number(fleet_id, row["number"])

    # -- forecasting

    def tick(self, now: int | None = None) -> int:
        """Forecast every fleet that is due; returns how many assets got a forecast."""
        at = self._clock() if now is None else now
        count = 0
        for fleet in self.book.list():
            if fleet["active"] is not None and at // fleet["every"] > fleet["through"] // fleet["every"]:
                with self._reported(fleet["name"]):
                    count += self.forecast(fleet, at // fleet["every"] * fleet["every"])
        return count

    def forecast(self, fleet: dict[str, Any], at: int) -> int:
        """Forecast every asset of a fleet at a moment, write it down, and file findings."""
        model, names = self._model(fleet)
        known = [one for one in spans(fleet, self.ends, at) if one.now]
        rows = [self._row(fleet, one, model, at, names) for one in known]
        self.ingest([_batch(self.book.tags(fleet), rows)])
        with self._db.begin() as tx:
            before = {row["asset"]: row for row in self.book.forecasts(fleet["id"], tx)}
            for row in rows:
                row["finding"] = self._file(tx, fleet, row, before.get(row["asset"]), model)
            self.book.keep(tx, fleet["id"], rows, at)
        return len(rows)

    def _model(self, fleet: dict[str, Any]) -> tuple[LifeModel, dict[str, str]]:
        """Return what a fleet forecasts with, and what properties are called now that it learned by another name."""
        row = self.book.number(fleet["id"], fleet["active"])
        with self._lock:
            if fleet["id"] not in self._models or self._models[fleet["id"]][0] != row["id"]:
                self._models[fleet["id"]] = row["id"], load(row["blob"])
            return self._models[fleet["id"]][1], row["about"].get("renamed", {})

    def _row(self, fleet: dict[str, Any], one: Span, model: LifeModel, at: int, names: dict[str, str]) -> dict[str, Any]:
        seen = self._table(fleet, one)
        known = one.sure or bool(len(seen["time"]))
        begin = one.begin if one.sure or not known else int(seen["time"][0])
        told = self._told(model, one.asset, seen, float(at - begin), names) if known else _unknown(one.asset)
        told = _gone(one.asset) if self.book.is_gone(one.asset) else told
        lengths = {name: None if np.isnan(value) else value for name, value in (("remaining", told.remaining), ("low", told.low))}
        return {
            "asset": one.asset,
            "at": at,
            "number": fleet["active"],
            "begin": begin,
            "age": told.age,
            **(lengths if not told.error else {"remaining": None, "low": None}),
            "high": told.high,
            "more_than": told.more_than,
            "why": told.why,
            "error": told.error,
            "finding": None,
        }

    @staticmethod
    def _told(model: LifeModel, asset: str, seen: dict[str, Any], age: float, names: dict[str, str]) -> Forecast:
        learned = {now: name for name, now in names.items()}
        table = {learned.get(name, name): column for name, column in seen.items()}
        try:
            told = model.predict({asset: table} if len(seen["time"]) else None, ages={asset: age})[0]
            return replace(told, why=[{**one, "sensor": names.get(one["sensor"], one["sensor"])} for one in told.why])
        except LineshaftError as error:
            return Forecast(asset, age, float("nan"), 0.0, None, more_than=False, error=str(error))

    def _file(
        self, tx: Connection, fleet: dict[str, Any], row: dict[str, Any], old: dict[str, Any] | None, model: LifeModel
    ) -> str | None:
        """File a finding when little is left; one for a life, until much is left again."""
        filed = old["finding"] if old is not None and old["begin"] == row["begin"] else None
        left, low = row["remaining"], fleet["low"]
        if not low or left is None:
            return filed
        if filed is not None:
            return None if left > AGAIN * low else filed
        if left > low or row["more_than"]:
            return None
        evidence = {
            "text": _said(row),
            "fleet": fleet["name"],
            "fleet_id": fleet["id"],
            "version": row["number"],
            "method": model.method,
            "remaining_h": left / HOUR,
            "low_h": row["low"] / HOUR,
            "high_h": None if row["high"] is None else row["high"] / HOUR,
            "due": iso(int(row["at"] + left)),
            "why": row["why"],
        }
        score = round(0.7 + 0.3 * (1 - left / low), 4)
        new = self._findings.add(
            tx,
            row["asset"],
            KIND,
            score,
            by=ME,
            sensors=_sensors(row),
            evidence=evidence,
            failure_mode=fleet["failure_mode"],
            at=row["at"],
        )
        self._guard.record(tx, ME, "findings.add", f"finding:{new['id']}", {"fleet": fleet["name"], "version": row["number"]})
        return str(new["id"])

    # -- the node's own thread

    def start(self) -> None:
        """Forecast as time goes on, and train again when it is time."""
        with self._db.begin() as tx:
            gone = {"state": "failed", "error": "the node stopped meanwhile", "ended": self._clock()}
            tx.execute(versions.update().where(versions.c.state == "training").values(**gone))
        self._thread = threading.Thread(target=self._run, name="life", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a training under way is given up."""
        self._stopping.set()
        waiting = list(self._trainings.values())
        for work in waiting:
            work.cancel()
        for work in waiting:
            work.wait(10)
        self._places.stop()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_S):
            with self._reported("fleets"):
                self.tick()
                self._retrain()

    def _retrain(self) -> None:
        now = self._clock()
        for fleet in self.book.list():
            due = fleet["retrain"] and fleet["trained"] is not None and now - fleet["trained"] >= fleet["retrain"]
            if not due or any(one["state"] == "training" for one in self.book.versions(fleet["id"])):
                continue
            rows: list[dict[str, Any]] = []

            def run(tx: Connection, fleet: dict[str, Any] = fleet, rows: list[dict[str, Any]] = rows) -> dict[str, Any]:
                rows.append(self.train(tx, fleet["id"], ME.id))
                return {"number": rows[0]["number"]}

            self._guard.perform(Command(ME, "models.train", f"life:{fleet['id']}", {"why": "schedule"}), run)
            self.begin(rows[0])

    @contextlib.contextmanager
    def _reported(self, name: str) -> Any:
        """Tell what fails as a condition of the system; the other fleets go on."""
        try:
            yield
        except LineshaftError as error:
            text = f"'{name}' gets no forecast of remaining life: {error}"
            hint = "a renamed property goes on with was: in its model; for one that is gone, plan another fleet"
            hint = hint if isinstance(error, NotFound) else ""
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", text, "warning", hint=hint))
        except Exception as error:
            log.exception("the fleet '%s' failed", name)
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"'{name}' gets no forecast of remaining life: {error}", "error"))
        else:
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"'{name}' is forecast", active=False))


def _unknown(asset: str) -> Forecast:
    """Return that nothing can be said: an age that nobody knows is not made up."""
    error = "nobody knows when its life began: it has no values yet; tell a life with its begin, or wait for values"
    return Forecast(asset, 0.0, float("nan"), 0.0, None, more_than=False, error=error)


def _gone(asset: str) -> Forecast:
    """Return that nothing can be said: the asset is no longer part of the plant."""
    error = "it is no longer part of the plant; what has another name goes on with was: in plant.yaml"
    return Forecast(asset, 0.0, float("nan"), 0.0, None, more_than=False, error=error)


def _said(row: dict[str, Any]) -> str:
    hours = [None if row[name] is None else row[name] / HOUR for name in ("remaining", "low", "high")]
    upper = "?" if hours[2] is None else f"{hours[2]:.0f}"
    return f"about {hours[0] or 0:.0f} h left (80 %: {hours[1] or 0:.0f} to {upper} h)"


def _sensors(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the sensors that take life away, with their shares."""
    taking = {
        one["sensor"]: -float(one["adds"]) for one in row["why"] if float(one.get("adds", 0)) < 0 and one["sensor"] != "age"
    }
    if not taking:
        taking = {str(one["sensor"]): 1.0 for one in row["why"] if one["sensor"] != "age"}
    total = sum(taking.values()) or 1.0
    return [{"property": f"{row['asset']}/{name}", "share": round(share / total, 4)} for name, share in taking.items()]


def _batch(tag: Callable[[str, str], str], rows: Sequence[dict[str, Any]]) -> Batch:
    """Return forecasts in hours as values of the source `life`; an upper end that nobody knows has no value."""
    made = [
        {"tag": tag(row["asset"], name), "ts": row["at"], "value": float(row[name]) / HOUR}
        for row in rows
        for name in ("remaining", "low", "high")
        if row[name] is not None
    ]
    now = now_ns()
    return Batch(SOURCE, -now, now, samples(made))


def _nowhere(batches: list[Batch]) -> None:
    """Keep forecasts out of the store: nobody has said where they go."""
    del batches


def _no_ends(asset: str, failure_mode: str, start: int, end: int) -> list[Any]:
    """Know no maintenance history."""
    del asset, failure_mode, start, end
    return []
