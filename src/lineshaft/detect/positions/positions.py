"""Condition monitoring at work: follows every sensor position, takes raw records in, files findings."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Batch, Bus, Conflict, Database, InvalidInput, LineshaftError, SystemEvent, iso, new_id, now_ns
from lineshaft.detect import vibration
from lineshaft.detect.positions import recording
from lineshaft.detect.positions.arriving import Arriving, Hints, Span
from lineshaft.detect.positions.book import Book
from lineshaft.detect.positions.following import Following, up, window
from lineshaft.detect.positions.ledger import STREAMS, Ledger, reach
from lineshaft.detect.positions.measuring import measure
from lineshaft.detect.positions.power import Power, power
from lineshaft.detect.positions.reading import Steps, settled, steps
from lineshaft.detect.positions.records import Records
from lineshaft.detect.positions.resolving import CODES, Resolutions
from lineshaft.detect.positions.results import batch
from lineshaft.detect.positions.watching import Filed, Watching, kind_of, score
from lineshaft.detect.settings import ConditionSettings
from lineshaft.detect.vibration import ALARM, HEALTHY, MAINTENANCE, Judged, Position, Waveform
from lineshaft.detect.vibration.monitor import figure_of
from lineshaft.guard import Guard, Subject

log = logging.getLogger("lineshaft.detect")
ME = Subject.system("condition")
EVENT = "detect:condition"
PAUSE_S = 2.0
FUTURE = 600 * 10**9
AFRESH = 5
"""So many positions are looked at in full with a tick after a start, for what came late just before the end of the last."""


class Positions:
    """All sensor positions of a node."""

    def __init__(
        self,
        db: Database,
        assets: Assets,
        store: Any,
        detect: Any,
        guard: Guard,
        bus: Bus,
        *,
        folder: Path | None = None,
        settings: ConditionSettings | None = None,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self.book = Book(db, assets, folder)
        self.records = Records(settings)
        self.ingest: Callable[[list[Batch]], Any] = _nowhere
        self.worked_on: Callable[[str], bool] = _nobody
        """Says whether people are at a machine (it is locked out): what its sensors show then is neither judged nor learned."""
        self.closing: Callable[[Mapping[str, str]], Any] = dict
        """Refuses codes of failure mode, cause and remedy that are not the plant's; without one, any are taken."""
        self.resolutions = Resolutions(db, detect)
        self._db, self._store, self._detect, self._guard, self._bus, self._clock = db, store, detect, guard, bus, clock
        self._assets = assets
        self._low: set[str] = set()
        self._well: set[str] = set()
        self._arriving = Arriving(self._time)
        self._looked: dict[str, list[int]] = {}
        """The series of each position that was looked at in full since the start."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- following

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Hear of rows that became visible: what comes late is looked at with the next tick."""
        self._arriving.on_rows(rows)

    def tick(self, now: int | None = None) -> int:
        """Judge what the streams said since the last time, and what came late; returns how many steps were taken."""
        taken, rows = 0, self.book.following()
        series = self._listen(rows)
        fresh = [one for one, sids in series.items() if self._looked.get(one) != sids][:AFRESH]
        for row in rows:
            self._looked |= {row["id"]: series[row["id"]]} if row["id"] in fresh else {}
            with self._reported(row["path"]):
                taken += self._follow(row, self._time() if now is None else now, afresh=row["id"] in fresh)
        self._tell_power(rows)
        return taken

    def _time(self) -> int:
        return self._clock()

    def _listen(self, rows: list[dict[str, Any]]) -> dict[str, list[int]]:
        """Listen to the streams of positions; returns the series of each."""
        wanted: dict[tuple[str, str], tuple[Span, list[int]]] = {}
        for row in rows:
            every = int(row["every"])
            span = Span(every, int(row["created"]), int(row["through"]) - reach(every) * every)
            for name in STREAMS:
                found = [self._store.sid(one.source, one.tag) for one in self._assets.spans(row[name])]
                wanted[row["id"], name] = span, [sid for sid in found if sid is not None]
        self._arriving.listen(wanted)
        return {row["id"]: [sid for name in STREAMS for sid in wanted[row["id"], name][1]] for row in rows}

    def _follow(self, row: dict[str, Any], now: int, *, afresh: bool) -> int:
        """Judge what is due, in parts of what one transaction holds."""
        if row["returned"] is not None:
            self._begin_anew(row)
            row = self.book.get(row["id"])
        if row["unsent"]:
            self._send(row["id"])
        hints, count, more = self._arriving.take(row["id"]), 0, True
        try:
            while more and (afresh or hints or settled(row, now) > up(row["through"], row["every"])):
                row = self.book.get(row["id"])
                taken, more = self._judge_steps(row, now, hints, afresh=afresh)
                count, hints.old = count + taken, []
        except BaseException:
            self._not_now(row["id"], hints)
            raise
        return count

    def _not_now(self, position_id: str, hints: Hints) -> None:
        """Let a position be looked at again next time, as if it had not been this time."""
        self._arriving.again(position_id, hints)
        self._looked.pop(position_id, None)

    def _judge_steps(self, row: dict[str, Any], now: int, hints: Hints, *, afresh: bool) -> tuple[int, bool]:
        """Judge steps that are due or came late; returns how many, and whether there are more."""
        said = self._read(row, now, hints, afresh=afresh)
        filling, away = self._arriving.filling(row["id"], now), self.worked_on(row["asset"])
        with self._db.begin() as tx:
            one = self._watching(self.book.get(row["id"], tx))
            if (one.through, one.row["seen"], one.row["returned"]) != (row["through"], row["seen"], None):
                self._not_now(row["id"], hints)
                return 0, False  # a record or a return to service came between: look again next time
            one.ledger.missed(hints.old)
            work = Following(one, said, filling, away=away) if said is not None else None
            taken = work.judge(self._stood(row["path"])) if work is not None else 0
            if hints.old or (work is not None and work.changed):
                self._write(tx, one)
        if work is None:
            return 0, False
        self._arriving.again(row["id"], Hints({name: (end - one.ledger.every + 1, end) for name, end in work.waiting.items()}))
        self._send(row["id"])
        self._tell_trouble(row["path"], one.now.get("trouble", ""))
        return taken, work.more or up(one.through, row["every"]) < settled(row, now)

    def _read(self, row: dict[str, Any], now: int, hints: Hints, *, afresh: bool) -> Steps | None:
        """Return the steps that are to be looked at."""
        ledger = Ledger.restore(row["seen"], int(row["every"]), int(row["through"]))
        span = window(row, ledger, settled(row, now), hints, afresh=afresh)
        return None if span is None else steps(self._store, self._with_paths(row), *span)

    def _stood(self, path: str) -> Callable[[int], str]:
        """Return who says which state stood at a time, of those that wait for somebody."""

        def state_at(at: int) -> str:
            said = self._store.before(f"{path}/State", at)
            return str(said.value) if said is not None and said.value in (ALARM, MAINTENANCE) else HEALTHY

        return state_at

    def _begin_anew(self, row: dict[str, Any]) -> None:
        """Judge what was said until the return to service, then begin anew from there."""
        until = int(row["returned"])
        row = self.book.get(row["id"])
        said = self._read(row, until, Hints(), afresh=False)
        with self._db.begin() as tx:
            one = self._watching(self.book.get(row["id"], tx))
            if said is not None:
                Following(one, said, {}, away=False).judge(self._stood(row["path"]))
            one.returned(until)
            self._write(tx, one, returned=None)
        self._send(row["id"])

    def _with_paths(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, **{name: self.book.path_of(row[name]) for name in ("vibration", "temperature", "running", "speed")}}

    def _watching(self, row: dict[str, Any]) -> Watching:
        return Watching(self.position(row), row)

    def position(self, row: dict[str, Any]) -> Position:
        """Return how a position is judged, with the tables that are in force now."""
        return self.book.check.judging(row["path"], row["settings"])

    def _write(self, tx: Connection, one: Watching, **more: Any) -> None:
        """Write what became of a position, and file what lasts."""
        filed = [(filed.found, self._file(tx, one, filed)) for filed in one.filed]
        for found, finding in filed:
            for noticed in one.noticed:
                if noticed["at"] == iso(found.at) and noticed["cause"] == found.cause and noticed["scope"] == found.scope:
                    noticed["finding"] = finding
        self.book.write(tx, one.row["id"], **{**one.columns(), **more})

    def _file(self, tx: Connection, one: Watching, filed: Filed) -> str:
        """File a persistent finding about the machine, with its evidence."""
        row, found, judged = one.row, filed.found, filed.judged
        stream = self.book.path_of(row[figure_of(found.cause)])
        start = found.at - one.position.of * row["every"]
        evidence: dict[str, Any] = {
            "property": stream or f"{row['path']}/{'Bearing' if found.cause == 'bearing' else 'Level'}",
            "start": iso(start),
            "end": iso(found.at),
            "start_ns": start,
            "end_ns": found.at,
            "value": found.value,
            "limit": found.limit,
            "says": found.says,
            "cause": found.cause,
            "severity": found.severity,
            "zone": judged.zone,
            "position": row["path"],
            "position_id": row["id"],
            "late": filed.late,
        }
        if judged.diagnosis is not None:
            evidence["bearing"] = recording.said(judged.diagnosis)
        elif newest := self.book.records(row["id"], limit=1):
            evidence["bearing"] = newest[0]["diagnosis"]
        written = self._detect.find(
            tx,
            row["asset"],
            kind_of(found),
            score(found, judged),
            by=ME,
            sensors=[{"property": evidence["property"], "share": 1.0}],
            evidence=evidence,
            failure_mode=row["settings"]["failure_mode"],
            at=found.at,
        )
        self._guard.record(tx, ME, "findings.add", f"finding:{written['id']}", {"position": row["path"], "cause": found.cause})
        return str(written["id"])

    def _send(self, position_id: str) -> None:
        """Hand what a position says to the store; values are sent again after a crash, and stored once."""
        row = self.book.get(position_id)
        if not row["unsent"]:
            return
        sent = row["unsent"]
        self.ingest([batch(row["settings"]["tags"], [(int(at), values) for at, values in sent])])
        with self._db.begin() as tx:
            left = self.book.get(position_id, tx)["unsent"][len(sent) :]
            self.book.write(tx, position_id, unsent=left)

    def _tell_trouble(self, path: str, trouble: str) -> None:
        text = f"the sensor position '{path}' cannot be judged: {trouble}" if trouble else f"the position '{path}' is judged"
        self._bus.tell(SystemEvent(f"{EVENT}:sensor:{path}", text, "warning", active=bool(trouble)))

    def _tell_power(self, rows: list[dict[str, Any]]) -> None:
        """Tell, as a condition of the system, of batteries that are low; and when they are not any more."""
        for row, one in zip(rows, self.power(rows).values(), strict=True):
            path = row["path"]
            if one.low == (path in self._low):
                continue
            text = f"the battery of the sensor '{path}' is at {one.battery:g} {one.battery_unit}".rstrip() if one.low else ""
            text = text or f"the battery of the sensor '{path}' is well"
            self._bus.tell(SystemEvent(f"{EVENT}:battery:{path}", text, "warning", active=one.low, hint="change it"))
            (self._low.add if one.low else self._low.discard)(path)

    def power(self, rows: list[dict[str, Any]]) -> dict[str, Power]:
        """Return battery and signal strength of the positions' sensors, by the positions' ids."""
        return power(self._store, self._assets, rows)

    def measure(self, tx: Connection, position_id: str, by: str) -> dict[str, Any]:
        """Take a reading now: judged by zone and baseline, shown and kept as a value; state and baselines stay as they are."""
        row = self.book.get(position_id, tx)
        one, at = self._watching(row), self._clock()
        told = measure(self._store, one, self._with_paths(row), at, by)
        one.now["measured"] = told
        if told["level"] is not None:
            one.values.append((at, {"Level": told["level"], "Zone": told["zone"]}))
        self._write(tx, one)
        return told

    # -- raw records

    def open(self, row: dict[str, Any], path: Path, channel: str | None, at: int, **said: Any) -> recording.Looked:
        """Read a channel of a file (rate, unit, rpm, sensitivity as said) and look at it as this position would."""
        return self.records.look(path, channel, said, self.position(row), self.rpm(row, at))

    def tables(self) -> dict[str, Any]:
        """Return the tables of zones and bearings in force, and whether the zones are the plant's own."""
        own = self.book.check.table("zones.yaml")
        bearings = vibration.table_of_bearings(self.book.check.table("bearings.yaml"))
        return {"zones": vibration.table_of_zones(own), "bearings": bearings, "own": own is not None}

    def look(self, row: dict[str, Any], wave: Waveform) -> recording.Looked:
        """Look at a record as this position would; nothing is written."""
        return recording.look(wave, self.position(row))

    def rpm(self, row: dict[str, Any], at: int) -> float | None:
        """Return the shaft's speed at a time: what the speed stream said last, else what was said at commissioning."""
        stream = self.book.path_of(row["speed"])
        said = self._store.before(stream, at) if stream else None
        return float(said.value) if said is not None and said.value else row["settings"]["rpm"]

    def take_record(
        self, tx: Connection, position_id: str, looked: recording.Looked, at: int, file: str, by: str
    ) -> dict[str, Any]:
        """Keep a raw record of a position and judge it; one that is older than the last reading is kept and not judged."""
        if at > self._clock() + FUTURE:
            raise InvalidInput(f"the record is of {iso(at)}, which is yet to come", where="at", code="record.future")
        row, wave = self.book.get(position_id, tx), looked.wave
        content, digest = recording.kept(wave, at)
        if before := self.book.same(tx, position_id, digest, at):
            return before
        judged = self._judge(tx, row, looked, at)
        name = f"{row['name']} {iso(at)}.parquet"
        kept = self._store.documents.add(tx, name, recording.MIME, content, row["path"], {"kind": "vibration record"})
        level = looked.level(self.position(row))
        zones = self.position(row).zones
        record: dict[str, Any] = {
            "id": new_id(),
            "position_id": position_id,
            "at": at,
            "taken": self._clock(),
            "file": file[:400],
            "channel": wave.name[:200],
            "document": kept.id,
            "digest": digest,
            "rate": wave.rate,
            "unit": "mm/s" if wave.quantity == "velocity" else "m/s²",
            "rpm": wave.rpm,
            "seconds": wave.seconds,
            "figures": {**looked.features.as_dict(), "level": level},
            "refused": looked.refused,
            "zone": zones.zone(level) if zones is not None and level is not None else None,
            "diagnosis": recording.said(looked.diagnosis),
            "judged": judged is not None,
            "by": by,
        }
        self.book.keep(tx, record)
        return record

    def _judge(self, tx: Connection, row: dict[str, Any], looked: recording.Looked, at: int) -> Judged | None:
        if at <= row["now"].get("recorded_ns", 0):
            return None
        one = self._watching(row)
        judged = one.record(at, looked.level(one.position), looked.diagnosis, looked.figures())
        self._write(tx, one)
        return judged

    def spectra(self, record_id: str) -> dict[str, Any]:
        """Return the spectra of a record, computed from its samples, with the frequencies of the bearing that is known now."""
        record = self.book.record(record_id)
        row = self.book.get(record["position_id"])
        return self.records.spectra(self._store.documents.content(record["document"]), self.position(row).bearing)

    # -- what people do

    def acknowledge(self, tx: Connection, position_id: str, version: int | None = None) -> dict[str, Any]:
        """Somebody has seen the alarm: the position needs maintenance until its return to service is verified."""
        row = self.book.get(position_id, tx)
        if row["state"] != "alarm":
            hint = "only an alarm is acknowledged; a warning eases by itself"
            raise Conflict(f"'{row['path']}' is {row['state']}", hint=hint, code="position.no-alarm")
        if version is not None and version != row["version"]:
            raise Conflict(f"'{row['path']}' was changed meanwhile", hint="read it again", code="conflict.version")
        one = self._watching(row)
        one.acknowledge(self._clock())
        self._write(tx, one)
        return self.book.get(position_id, tx)

    def returned(self, tx: Connection, asset: str, at: int) -> int:
        """Note, in the transaction of the verification, that an asset is back in service; returns how many positions begin anew.

        The positions of the asset, of what is below it, and of what it is part of.
        """
        count = 0
        for row in self.book.list():
            machine = row["asset"]
            if asset == machine or asset.startswith(f"{machine}/") or f"{machine}/".startswith(f"{asset}/"):
                self.book.write(tx, row["id"], returned=at)
                count += 1
        return count

    def resolve(self, tx: Connection, position_id: str, said: Mapping[str, str], by: Subject) -> dict[str, Any]:
        """Somebody says how what was found ended (codes of failure mode, cause, remedy) and that the machine runs well again."""
        row = self.book.get(position_id, tx)
        self.closing({name: said[name] for name in CODES if said.get(name)})
        self.resolutions.add(tx, row, said, by, self._clock())
        return self.return_position(tx, position_id)

    def return_position(self, tx: Connection, position_id: str, at: int | None = None) -> dict[str, Any]:
        """Somebody verified that the machine runs well, without an order: this position begins anew."""
        row = self.book.get(position_id, tx)
        one = self._watching(row)
        one.returned(self._clock() if at is None else at)
        self._write(tx, one, returned=None)
        return self.book.get(position_id, tx)

    # -- the node's own thread

    def start(self) -> None:
        """Follow the positions."""
        self._thread = threading.Thread(target=self._run, name="condition", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being taken."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_S):
            with self._reported("positions"):
                self.tick()

    @contextlib.contextmanager
    def _reported(self, name: str) -> Generator[None]:
        """Tell what fails as a condition of the system; the other positions go on."""
        try:
            yield
        except LineshaftError as error:
            self._well.discard(name)
            text = f"the sensor position '{name}' cannot be followed: {error}"
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", text, "warning", hint=error.hint))
        except Exception as error:
            self._well.discard(name)
            log.exception("the sensor position '%s' failed", name)
            self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the sensor position '{name}' failed: {error}", "error"))
        else:
            if name not in self._well:  # told once: every two seconds would be news for whoever listens
                self._well.add(name)
                self._bus.tell(SystemEvent(f"{EVENT}:{name}", f"the sensor position '{name}' is followed", active=False))


def _nowhere(batches: list[Batch]) -> None:
    """Keep values out of the store: nobody has said where they go."""
    del batches


def _nobody(asset: str) -> bool:
    """Say that nobody is at a machine: nobody has said who knows."""
    del asset
    return False
