"""Models of machines at work: training, trying, following the machine, raising findings, starting anew after a repair."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Batch, Bus, Conflict, Database, InvalidInput, LineshaftError, SystemEvent, now_ns
from lineshaft.detect.anomaly import Model, QualityReport, check, load
from lineshaft.detect.finding import Findings
from lineshaft.detect.machines.book import Book
from lineshaft.detect.machines.events import ModelMoved
from lineshaft.detect.machines.following import Following
from lineshaft.detect.machines.table import Store, gather
from lineshaft.detect.machines.training import Result, Task, Training
from lineshaft.detect.model_tables import models, versions
from lineshaft.guard import Command, Guard, Subject

log = logging.getLogger("lineshaft.detect")
ME = Subject.system("models")
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
    ) -> None:
        self.book = Book(db, assets)
        self.ingest: Callable[[list[Batch]], Any] = ingest or _nowhere
        self._db, self._store, self._guard, self._bus, self._clock = db, store, guard, bus, clock
        self._findings = Findings(db, bus)
        self._trainings: dict[str, Training] = {}
        self._following: dict[str, Following] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- before training

    def look(self, asset: str, wanted: dict[str, Any]) -> QualityReport:
        """Look at the data a model would be trained on: what is wrong with each property, and what will be done."""
        paths = self.book.properties(asset, wanted.get("properties") or ())
        settings = self.book.settings(wanted.get("settings") or {}, paths)
        every, lookback = int(wanted["every"]), int(wanted["lookback"])
        end = self._clock() // every * every
        return check(self._gather(paths, every, end - lookback, end), **settings)

    def _gather(self, paths: Sequence[str], every: int, start: int, end: int) -> dict[str, Any]:
        if (end - start) // every > MOST_ROWS:
            hint = "look back less far, or take longer steps"
            raise InvalidInput(f"{(end - start) // every} rows are more than {MOST_ROWS}", hint=hint, code="models.too-long")
        return gather(self._store, paths, self.book.texts(paths), every, start, end)

    # -- training

    def train(self, tx: Connection, model_id: str, by: str, end: int | None = None) -> dict[str, Any]:
        """Begin to train a new version in a process of its own; returns the version, whose state is `training`."""
        model = self.book.model(model_id, tx)
        last = (self._clock() if end is None else end) // model["every"] * model["every"]
        return self.book.begin(tx, model, last - model["lookback"], last, by)

    def begin(self, row: dict[str, Any]) -> Training:
        """Start the process of a version whose row is written."""
        model = self.book.model(row["model_id"])
        table = self._gather(model["properties"], model["every"], row["start"], row["end"])
        task = Task(table, model["settings"], self.labels(model["asset"], row["start"], row["end"]))

        def step(share: float, what: str) -> None:
            with self._db.begin() as tx:
                self.book.write(tx, row["id"], share=share, step=what)
            self._bus.tell(ModelMoved(model["id"], model["asset"], what, row["number"], share))

        with self._lock:
            training = self._trainings[row["id"]] = Training(task, step, lambda result: self._trained(model, row, result))
        return training

    def _trained(self, model: dict[str, Any], row: dict[str, Any], result: Result) -> None:
        """Write what came of a training; a better one takes over where the model says so."""
        state = "ready" if result.blob is not None else "cancelled" if result.error == "cancelled" else "failed"
        values = {"state": state, "about": result.about, "backtest": result.backtest, "blob": result.blob, "error": result.error}
        with self._db.begin() as tx:
            self.book.write(tx, row["id"], ended=self._clock(), share=1.0, step="", through=row["end"], **values)
            tx.execute(models.update().where(models.c.id == model["id"]).values(trained=self._clock()))
            if state == "ready" and self._is_better(model, result, tx):
                self.book.use(tx, model["id"], row["number"], "active")
        with self._lock:
            self._trainings.pop(row["id"], None)
        self._bus.tell(ModelMoved(model["id"], model["asset"], state, row["number"], 1.0))

    def _is_better(self, model: dict[str, Any], result: Result, tx: Connection) -> bool:
        """Say whether a new version takes over by the model's rule: no more alerts in its backtest than the active one's had."""
        if model["promote"] != "better":
            return False
        now = self.book.model(model["id"], tx)["active"]
        if now is None:
            return True
        old = self.book.number(model["id"], now, tx)["backtest"]
        return len(result.backtest["alerts"]) <= len(old.get("alerts", []))

    def cancel(self, model_id: str) -> dict[str, Any]:
        """End the training under way. Raises Conflict if there is none."""
        row = next((one for one in self.book.versions(model_id) if one["state"] == "training"), None)
        training = self._trainings.get(row["id"]) if row else None
        if training is None or row is None:
            raise Conflict("nothing is being trained", code="models.not-training")
        training.cancel()
        training.wait(30)
        return self.book.number(model_id, row["number"])

    def labels(self, asset: str, start: int, end: int) -> list[tuple[int, int, str]]:
        """Return what people said about findings of an asset: confirmed ones are anomalies, false alarms normal running."""
        kinds = {"confirmed": "anomaly", "false_alarm": "normal", "neutral": "neutral", "no_fault_found": "neutral"}
        found: list[tuple[int, int, str]] = []
        for one in self._findings.list(asset=asset, limit=1000):
            since = int(one["evidence"].get("start_ns") or one["at"])
            until = int(one["evidence"].get("end_ns") or one["at"] + 3600 * 10**9)
            if one["label"] in kinds and since < end and until > start and until > since:
                found.append((since, until, kinds[one["label"]]))
        return found

    # -- following

    def tick(self, now: int | None = None) -> int:
        """Score what has become of the machines since the last time; returns how many rows were taken."""
        rows = 0
        for model in self.book.list():
            for number in {model["active"], model["shadow"]} - {None}:
                with self._reported(model["name"]):
                    rows += self._follow(model, int(number), self._clock() if now is None else now)
        return rows

    def _follow(self, model: dict[str, Any], number: int, now: int) -> int:
        row = self.book.number(model["id"], number)
        with self._lock:
            one = self._following.get(row["id"])
            if one is None:
                one = self._following[row["id"]] = Following(load(row["blob"]), row)
            table = self._gather(model["properties"], model["every"], *one.span(model["every"], now))
            if not len(table["time"]):
                return 0
            del self._following[row["id"]]  # until what it takes now is written down
            news = one.take(table)
            if model["active"] == number:
                self.ingest([one.batch(model, news)])
            with self._db.begin() as tx:
                finding = self._file(tx, model, one, news) if model["active"] == number else one.finding
                values = {"memory": one.memory(), "alerts": one.alerts, "finding": finding, "now": news["now"]}
                self.book.write(tx, row["id"], through=one.through, **values)
            one.finding = finding
            self._tell_drift(model, one)
            self._following[row["id"]] = one
        return len(table["time"])

    def _tell_drift(self, model: dict[str, Any], one: Following) -> None:
        """Tell, as a condition of the system, when a model no longer knows what it sees; and its end."""
        text = f"the model '{model['name']}' does not know {one.unseen:.0%} of what it sees in a day"
        hint = "train it again, or see whether its drivers and sensors still deliver"
        self._bus.tell(SystemEvent(f"{EVENT}:drift:{model['name']}", text, "warning", active=one.drifted, hint=hint))

    def _file(self, tx: Connection, model: dict[str, Any], one: Following, news: dict[str, Any]) -> str | None:
        """File a finding for an alert that is new; one finding an alert."""
        if news["raised"] is None:
            return one.finding if news["open"] else None
        if one.finding is not None and not news["new"]:
            return one.finding
        said = news["raised"]
        evidence = {**said["evidence"], "model": model["name"], "model_id": model["id"], "version": one.number}
        filed = self._findings.add(
            tx,
            model["asset"],
            "anomaly",
            said["score"],
            by=ME,
            sensors=said["sensors"],
            evidence=evidence,
            failure_mode=model["failure_mode"],
            at=said["at"],
        )
        self._guard.record(tx, ME, "findings.add", f"finding:{filed['id']}", {"model": model["name"], "version": one.number})
        return str(filed["id"])

    def returned(self, asset: str, at: int) -> int:
        """Start the charts of an asset's models anew: it was repaired and is verified back in service. Returns how many."""
        count = 0
        for model in self.book.list():
            if not (asset == model["asset"] or asset.startswith(f"{model['asset']}/") or model["asset"].startswith(f"{asset}/")):
                continue
            for number in {model["active"], model["shadow"]} - {None}:
                self._follow(model, int(number), at)
                row = self.book.number(model["id"], int(number))
                with self._lock, self._db.begin() as tx:
                    one = self._following[row["id"]]
                    one.reset(at)
                    self.book.write(tx, row["id"], memory=one.memory(), finding=None)
                count += 1
        return count

    def scores(self, model_id: str, number: int, start: int, end: int) -> tuple[Model, Any]:
        """Score a past time again with one version: what a person looks at; nothing is written."""
        model, row = self.book.model(model_id), self.book.number(model_id, number)
        if row["blob"] is None:
            raise Conflict(f"version {number} is {row['state']}", hint="train a version first", code="models.not-ready")
        made = load(row["blob"])
        before = 4 * made.span * model["every"]
        return made, made.score(self._gather(model["properties"], model["every"], start - before, end))

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
        for training in list(self._trainings.values()):
            training.cancel()
            training.wait(10)
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
                row: dict[str, Any] = {}

                def run(tx: Connection, model: dict[str, Any] = model, row: dict[str, Any] = row) -> dict[str, Any]:
                    row.update(self.train(tx, model["id"], ME.id))
                    return {"number": row["number"]}

                self._guard.perform(command, run)
                self.begin(row)

    @contextlib.contextmanager
    def _reported(self, name: str) -> Any:
        """Tell what fails as a condition of the system; the other models go on."""
        try:
            yield
        except LineshaftError as error:
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the model '{name}' cannot follow its machine: {error}", "warning"))
        except Exception as error:
            log.exception("the model '%s' failed", name)
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the model '{name}' failed: {error}", "error"))
        else:
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the model '{name}' follows its machine", active=False))


def _nowhere(batches: list[Batch]) -> None:
    """Keep scores out of the store: nobody has said where they go."""
    del batches
