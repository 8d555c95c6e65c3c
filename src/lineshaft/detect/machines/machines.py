"""Models of machines at work: training, trying, following the machine, raising findings, starting anew after a repair."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets, within
from lineshaft.core import Batch, Bus, Conflict, Database, InvalidInput, LineshaftError, SystemEvent, now_ns
from lineshaft.detect.anomaly import Evaluation, Model, QualityReport, check, evaluate
from lineshaft.detect.anomaly.quality import Flaw
from lineshaft.detect.apart import Apart
from lineshaft.detect.finding import Findings
from lineshaft.detect.gone import refuse_forgotten
from lineshaft.detect.heavy.trainings import Trainings
from lineshaft.detect.machines.afar import Afar
from lineshaft.detect.machines.arrivals import arrivals, arrived
from lineshaft.detect.machines.book import Book, again, same_machine
from lineshaft.detect.machines.course import shown
from lineshaft.detect.machines.events import ModelMoved
from lineshaft.detect.machines.filing import ME, Filing
from lineshaft.detect.machines.following import Following, drift
from lineshaft.detect.machines.labels import Labels
from lineshaft.detect.machines.lasted import Lasted, left_out
from lineshaft.detect.machines.opening import blob_of, called, opened, there, way_out
from lineshaft.detect.machines.results import lines_of, table_of
from lineshaft.detect.machines.table import ALWAYS, Gathered, Store, gather
from lineshaft.detect.machines.taking import fitted, learned
from lineshaft.detect.machines.training import Member, Result, Results, Task, training
from lineshaft.detect.machines.verdict import takes_over, verdict
from lineshaft.detect.model_tables import models, versions
from lineshaft.guard import Command, Guard

log = logging.getLogger("lineshaft.detect")
EVENT = "detect:models"
MOST_ROWS = 1_500_000
PAUSE_S = 5.0


class Machines:
    """All models of machines of a node."""

    def __init__(
        self,
        db: Database,
        assets: Assets,
        store: Store,
        guard: Guard,
        bus: Bus,
        ingest: Callable[[list[Batch]], Any] | None = None,
        clock: Callable[[], int] = now_ns,
        places: Trainings | None = None,
    ) -> None:
        self.book = Book(db, assets)
        self.ingest: Callable[[list[Batch]], Any] = ingest or _nowhere
        self.worked_on: Callable[[str], bool] = _nobody
        """Says whether people are at an asset (it is locked out): what its sensors show then is not judged."""
        self._db, self._store, self._guard, self._bus, self._clock = db, store, guard, bus, clock
        self._assets = assets
        found = Findings(db, bus)
        self.labels = Labels(db)
        self._filing = Filing(db, found, guard)
        self.afar = Afar(db, self.book, store, self._filing, bus, clock)
        self.afar.explain = self._explain
        self.places = places or Trainings()
        self._trainings: dict[str, Apart[Task, Results]] = {}
        self._following: dict[str, Following] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- before training

    def look(self, asset: str, wanted: dict[str, Any]) -> QualityReport:
        """Look at the data a model would be trained on: what is wrong with each property, and what will be done."""
        paths, settings = self.book.chosen(asset, wanted)
        every, lookback = int(wanted["every"]), int(wanted["lookback"])
        end = self._clock() // every * every
        found = self._gather(paths, every, end - lookback, end)
        report = arrived(_held(check(found.table, **settings), found), arrivals(self._store, self._assets, paths))
        open_ = left_out(self.labels.unjudged(asset, end - lookback, end))
        return report if open_ is None else replace(report, table=(*report.table, open_))

    def unjudged(self, model: Mapping[str, Any]) -> list[Lasted]:
        """Return the findings nobody has judged in the time that a training begun now would learn from."""
        now = self._clock()
        return self.labels.unjudged(model["asset"], now - model["lookback"], now)

    def _gather(self, paths: Sequence[str], every: int, start: int, end: int, holds: Mapping[str, int] | None = None) -> Gathered:
        if (end - start) // every > MOST_ROWS:
            hint = "look back less far, or take longer steps"
            raise InvalidInput(f"{(end - start) // every} rows are more than {MOST_ROWS}", hint=hint, code="models.too-long")
        return gather(self._store, paths, self.book.texts(paths), every, start, end, holds)

    # -- training

    def train(
        self, tx: Connection, model_id: str, by: str, end: int | None = None, start: int | None = None
    ) -> list[dict[str, Any]]:
        """Begin a new version of a model, and of those that learn together with it; `begin` starts the work.

        It learns from (start, end]: until now unless said otherwise, and as far back as the model looks.
        Returns the versions, whose state is `training`.
        """
        return [self._version(tx, one, by, end, start) for one in self.book.together(model_id, tx)]

    def _version(self, tx: Connection, model: dict[str, Any], by: str, end: int | None, start: int | None) -> dict[str, Any]:
        last = (self._clock() if end is None else end) // model["every"] * model["every"]
        first = last - model["lookback"] if start is None else start
        if first >= last:
            raise InvalidInput("the end is not after the start", where="end", hint="give start < end", code="time.span")
        row = self.book.begin(tx, model, first, last, by)
        row["about"] = {"notes": self._notes(model["asset"], first, last)}
        self.book.write(tx, row["id"], about=row["about"])
        return row

    def _notes(self, asset: str, start: int, end: int) -> list[str]:
        """Return what is to be said of what people know, or have not said, about a time that is learned from."""
        open_ = left_out(self.labels.unjudged(asset, start, end))
        return [*([] if open_ is None else [f"{open_.what}: {open_.action}"]), *self.labels.outside(asset, start, end)]

    def begin(self, rows: Sequence[dict[str, Any]]) -> Apart[Task, Results]:
        """Start the training of versions whose rows are written: they learn together."""
        made = [(self.book.model(row["model_id"]), row) for row in rows]

        def step(share: float, what: str) -> None:
            with self._db.begin() as tx:
                for _, row in made:
                    self.book.write(tx, row["id"], share=share, step=what)
            for model, row in made:
                self._bus.tell(ModelMoved(model["id"], model["asset"], what, row["number"], share))

        def done(results: Results) -> None:
            each = results if len(results) == len(made) else results[:1] * len(made)
            for (model, row), result in zip(made, each, strict=True):
                self._trained(model, row, result, work.where)

        work = training(lambda: self.task(rows), step, done)
        with self._lock:
            self._trainings.update({row["id"]: work for _, row in made})
        return work.start(self.places)

    def task(self, rows: Sequence[dict[str, Any]]) -> Task:
        """Return what versions are to learn from: their values, what is known about their past, and whom they must beat."""
        return Task([self._member(self.book.model(row["model_id"]), row) for row in rows])

    def _member(self, model: dict[str, Any], row: dict[str, Any]) -> Member:
        found = self._gather(model["properties"], model["every"], row["start"], row["end"])
        rival = blob_of(self.book.number(model["id"], model["active"])) if model["active"] is not None else b""
        known = self.labels.known(model["asset"], row["start"] + model["every"], row["end"])  # its first row is a step later
        about = {"holds": found.holds, "seen": found.seen}
        notes = self._notes(model["asset"], row["start"], row["end"])
        return Member(found.table, model["settings"], list(known), rival, about, f"{model['asset']}/", notes)

    def _trained(self, model: dict[str, Any], row: dict[str, Any], result: Result, where: str = "") -> None:
        """Write what came of a training, and where; a better one takes over where the model says so."""
        state = "ready" if result.blob is not None else "cancelled" if result.error == "cancelled" else "failed"
        about = {**result.about, "where": where} if where else result.about
        with self._db.begin() as tx:
            names = self.book.number(model["id"], row["number"], tx)["about"].get("renamed")  # while it was trained
            about, backtest = (
                ({**within(about, called(names)), "renamed": names}, within(result.backtest, called(names)))
                if names
                else (about, result.backtest)
            )
            values = {"state": state, "about": about, "backtest": backtest, "blob": result.blob, "error": result.error}
            self.book.write(tx, row["id"], ended=self._clock(), share=1.0, step="", through=row["end"], **values)
            tx.execute(models.update().where(models.c.id == model["id"]).values(trained=self._clock()))
            if state == "ready" and model["promote"] == "better":
                self._promote(tx, model, row, about, backtest)
        with self._lock:
            self._trainings.pop(row["id"], None)
        self._bus.tell(ModelMoved(model["id"], model["asset"], state, row["number"], 1.0))

    def _promote(
        self, tx: Connection, model: dict[str, Any], row: dict[str, Any], about: dict[str, Any], backtest: dict[str, Any]
    ) -> None:
        """Let a new version take over if it is no worse than the active one, and write down why or why not."""
        takes, why = takes_over(backtest, model["settings"])
        if takes and self.afar.at_edge(tx, model):
            takes, why = False, f"{why}; the active version works at an edge: give it the new file, then put this version to work"
        self.book.write(tx, row["id"], about={**about, "promotion": {"taken_over": takes, "why": why}})
        if takes:
            self.book.use(tx, model["id"], row["number"], "active")

    def cancel(self, model_id: str) -> dict[str, Any]:
        """End the training under way. Raises Conflict if there is none."""
        row = next((one for one in self.book.versions(model_id) if one["state"] == "training"), None)
        work = self._trainings.get(row["id"]) if row else None
        if work is None or row is None:
            raise Conflict("nothing is being trained", code="models.not-training")
        work.cancel()
        work.wait(30)
        return self.book.number(model_id, row["number"])

    # -- following

    def tick(self, now: int | None = None) -> int:
        """Score what has become of the machines since the last time; returns how many rows were taken."""
        rows = 0
        for model in self.book.list():
            for number in {model["active"], model["shadow"]} - {None}:
                with self._reported(model["name"]):
                    rows += self._follow(model, int(number), self._clock() if now is None else now)
        with self._reported("at edges"):
            self._end_off()
            self.afar.tick(self._reported)
        return rows

    def _end_off(self) -> None:
        """End what a version found that was switched off, or gave way to another: nobody follows it any more."""
        for alert in self._filing.left():
            with self._lock, self._db.begin() as tx:
                self._following.pop(alert["version_id"], None)
                self.book.write(tx, alert["version_id"], finding=None)
                self._filing.leave(tx, alert["version_id"], self._clock())

    def _follow(self, model: dict[str, Any], number: int, now: int) -> int:
        there(self._assets, model["asset"])
        row = self.book.number(model["id"], number)
        if self.afar.has(row["id"]):  # an edge judges: here it would be said a second time
            self._following.pop(row["id"], None)
            return 0
        with self._lock:
            one = self._following.get(row["id"])
            if one is None or one.named != row["about"].get("renamed"):
                one = self._following[row["id"]] = Following(opened(row), row)
            span = one.span(model["every"], now, model["delay"])
            table = self._gather(model["properties"], model["every"], *span, one.holds).table
            if not len(table["time"]):
                return 0
            del self._following[row["id"]]  # until what it takes now is written down
            news = one.take(table, away=self.worked_on(model["asset"]))
            if model["active"] == number:
                self.ingest([one.batch(model, news)])
                self._look_back(model, one, news)
            with self._db.begin() as tx:
                finding = self._file(tx, model, row["id"], one, news) if model["active"] == number else one.finding
                values = {"memory": one.memory(), "alerts": one.alerts, "finding": finding, "now": news["now"]}
                self.book.write(tx, row["id"], through=one.through, **values)
            one.finding = finding
            hint = "train it again, or see whether its drivers and sensors still deliver"
            self._bus.tell(drift(model["name"], one.unseen, hint))
            self._following[row["id"]] = one
        return len(table["time"])

    def _look_back(self, model: dict[str, Any], one: Following, news: dict[str, Any]) -> None:
        """Find out what the sensors showed over what the charts look back on, when something of it will be written down."""
        alert = news["alert"]
        if alert is not None and (one.finding is None or one.course.due(one.through, ended=alert.end is not None)):
            one.course.smooth(lambda at: self._explain(model["id"], one.number, model["every"], at))

    def _file(self, tx: Connection, model: dict[str, Any], version: str, one: Following, news: dict[str, Any]) -> str | None:
        """File a finding for an alert that is new; one finding an alert, also of one that goes on after its end."""
        alert, finding = news["alert"], one.finding
        if finding is not None and (alert is None or news["new"]):
            self._filing.ended(tx, finding, news["before"])
            finding = None
        if alert is None:
            return None
        filed = finding or self._filing.file(tx, model, version, one.number, one.raised(news["scored"], alert))
        if one.course.due(one.through, ended=alert.end is not None):
            self._filing.strongest(tx, filed, shown(one.course.strongest), one.through)
            one.course.written(one.through)
        if alert.end is None:
            return filed
        self._filing.ended(tx, filed, alert.end)
        return None

    def _explain(self, model_id: str, number: int, every: int, at: int) -> list[dict[str, Any]]:
        """Say what was observed and expected around a step that was judged, if its values are here."""
        try:
            _, scored = self.scores(model_id, number, at - every, at)
            return [part.as_dict() for part in scored.explain(at)]
        except LineshaftError:
            return []

    def returned(self, asset: str, at: int) -> int:
        """Start the charts of an asset's models anew: it was repaired and is verified back in service. Returns how many."""
        count = 0
        for model in self.book.list():
            if not same_machine(asset, model["asset"]):
                continue
            for number in {model["active"], model["shadow"]} - {None}:
                with self._reported(model["name"]):  # one that cannot follow now begins anew all the same
                    self._follow(model, int(number), at + model["delay"])  # what comes yet was before the repair: not waited for
                row = self.book.number(model["id"], int(number))
                if self.afar.has(row["id"]):
                    continue
                with self._lock, self._db.begin() as tx:
                    one = self._following.get(row["id"]) or Following(opened(row), row)
                    if one.finding is not None:
                        self._filing.ended(tx, one.finding, at)
                    one.reset(at)
                    self.book.write(tx, row["id"], memory=one.memory(), finding=None)
                count += 1
        return count

    def version(self, model_id: str, number: int) -> tuple[Model, dict[str, Any]]:
        """Return a trained version and its row. Raises Conflict for one that is not ready."""
        row = self.book.number(model_id, number)
        refuse_forgotten(row, again(row))
        if row["blob"] is None:
            raise Conflict(f"version {number} is {row['state']}", hint="train a version first", code="models.not-ready")
        return opened(row), row

    @staticmethod
    def verdict(model: Mapping[str, Any], version: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what the backtest of a version says of it (good, poor, unproven) and why; None before there is one."""
        found = verdict(version["backtest"], model["settings"])
        return None if found is None else {"quality": found.quality, "why": found.why}

    def table(self, model_id: str, number: int, start: int, end: int) -> pa.Table:
        """Return what a version says of (start, end], row by row: score, reason and each sensor's share."""
        return table_of(self.scores(model_id, number, start, end)[1], start, end)

    def lines(self, model_id: str, number: int, start: int, end: int) -> Iterator[str]:
        """Return the same as lines of JSON with the names of Lookout for Equipment."""
        return lines_of(self.scores(model_id, number, start, end)[1], start, end)

    def scores(self, model_id: str, number: int, start: int, end: int) -> tuple[Model, Any]:
        """Score a past time again with one version: what a person looks at; nothing is written."""
        model, (made, row) = self.book.model(model_id), self.version(model_id, number)
        before = 4 * made.span * model["every"]
        table = self._gather(model["properties"], model["every"], start - before, end, row["about"].get("holds", {})).table
        return made, made.score(table)

    def backtest(self, model_id: str, number: int, start: int, end: int) -> Evaluation:
        """Say what a version would have raised over a past time, held against what people know about it; nothing is written."""
        model, (made, row) = self.book.model(model_id), self.version(model_id, number)
        table = self._gather(model["properties"], model["every"], start, end, row["about"].get("holds", {})).table
        return evaluate(made, table, labels=self.labels.known(model["asset"], start, end))

    def remove(self, tx: Connection, model_id: str, version: int | None = None) -> dict[str, Any]:
        """Take a model away with all its versions, none of which may be at work."""
        for one in self.book.versions(model_id, tx):
            self._following.pop(one["id"], None)
            self._filing.leave(tx, one["id"], self._clock())
        return self.book.remove(tx, model_id, version)

    def take_version(self, tx: Connection, model_id: str, content: bytes, by: str) -> dict[str, Any]:
        """Take in a model that was trained and saved elsewhere as a new version; it works only when somebody says so."""
        model, now = self.book.model(model_id, tx), self._clock()
        made = fitted(content, model)
        row = self.book.begin(tx, model, *learned(made, now), by)
        about = {**made.about, "taken_in": True}
        values = {"state": "ready", "share": 1.0, "ended": now, "through": row["end"], "about": about}
        self.book.write(tx, row["id"], blob=made.to_bytes(), **values)
        return self.book.number(model_id, row["number"], tx)

    def saved(self, model_id: str, number: int) -> bytes:
        """Return a version as `save` writes it: `lineshaft.detect.anomaly.load` opens it, and so does another node."""
        return self.version(model_id, number)[0].to_bytes()

    def export(self, model_id: str, number: int) -> bytes:
        """Return a version as ONNX with its manifest, for an edge or anything else that runs ONNX."""
        made, row = self.version(model_id, number)
        model = self.book.model(model_id)
        lasts = self.book.texts(model["properties"])
        return made.export(model["name"], number, row["about"].get("holds", {}), model_id, lasts)

    # -- the node's own thread

    def start(self) -> None:
        """Follow the machines, and train again when it is time."""
        with self._db.begin() as tx:
            gone = {"state": "failed", "error": "the node stopped meanwhile", "ended": self._clock()}
            tx.execute(versions.update().where(versions.c.state == "training").values(**gone))
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a training under way is given up."""
        self._stopping.set()
        waiting = list(self._trainings.values())
        for work in waiting:
            work.cancel()
        for work in waiting:
            work.wait(10)
        self.places.stop()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_S):
            with self._reported("models"):
                self.tick()
                self._retrain()

    def _retrain(self) -> None:
        """Train again where the schedule says so; a version that is no better waits for a person."""
        now = self._clock()
        for model in self.book.list():
            due = model["retrain"] and model["trained"] is not None and now - model["trained"] >= model["retrain"]
            if due and all(one["state"] != "training" for one in self.book.versions(model["id"])):
                command = Command(ME, "models.train", f"model:{model['id']}", {"why": "schedule"}, None, model["asset"])
                rows: list[dict[str, Any]] = []

                def run(tx: Connection, model: dict[str, Any] = model, rows: list[dict[str, Any]] = rows) -> dict[str, Any]:
                    rows.extend(self.train(tx, model["id"], ME.id))
                    return {"number": rows[0]["number"]}

                self._guard.perform(command, run)
                self.begin(rows)

    @contextlib.contextmanager
    def _reported(self, name: str) -> Any:
        """Tell what fails as a condition of the system; the other models go on."""
        try:
            yield
        except LineshaftError as error:
            text = f"the model '{name}' cannot follow its machine: {error}"
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", text, "warning", hint=way_out(error)))
        except Exception as error:
            log.exception("the model '%s' failed", name)
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the model '{name}' failed: {error}", "error"))
        else:
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the model '{name}' follows its machine", active=False))


def _held(report: QualityReport, found: Gathered) -> QualityReport:
    """Say of which properties a value holds until the next, because they send only what has changed."""

    def said(name: str) -> tuple[Flaw, ...]:
        if name not in found.holds or found.seen[name] in (0.0, 1.0):
            return ()
        hold = found.holds[name]
        until = "until the next" if hold == ALWAYS else f"for {hold / 60e9:.3g} min at most"
        what = f"a value in {found.seen[name]:.1%} of the steps: sent when it changes"
        return (Flaw("on-change", what, f"the last one holds {until}", found.seen[name]),)

    return replace(report, sensors=tuple(replace(one, flaws=(*one.flaws, *said(one.name))) for one in report.sensors))


def _nobody(asset: str) -> bool:
    """Say that nobody is at a machine: nobody has said who knows."""
    del asset
    return False


def _nowhere(batches: list[Batch]) -> None:
    """Keep scores out of the store: nobody has said where they go."""
    del batches
