"""Models at work beside their machines: an edge judges, this node listens, and files each alert as one finding.

A version has one place. Where that is an edge, this node does not score it: it would say the same a second time. Every alert's
record lies in the store as any value does; those that arrive are taken as they come, late ones too, and after a start those that
are there already are read once more. An alert that is known, by version and start, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Database, InvalidInput, SystemEvent, iso
from lineshaft.detect.machines.book import Book, same_machine
from lineshaft.detect.machines.course import shown, step_of, urgency
from lineshaft.detect.machines.ear import TAGS, Ear, record_of
from lineshaft.detect.machines.filing import Filing
from lineshaft.detect.machines.following import DRIFTED, drift
from lineshaft.detect.machines.opening import as_named
from lineshaft.detect.machines.record import TAG, Record
from lineshaft.detect.machines.table import Store
from lineshaft.detect.model_tables import versions
from lineshaft.detect.place_tables import alerts, places
from lineshaft.store import Tag

MOST_SENSORS, LEAST_SHARE = 8, 0.02
DAY = 86_400 * 10**9
Explain = Callable[[str, int, int, int], list[dict[str, Any]]]
"""(model, number, step, time) -> what each sensor showed and what the others say it should have shown, if it is known here."""


Working = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""A model, its version that works at an edge, and its place."""


class Afar:
    """Every version that works at an edge."""

    def __init__(self, db: Database, book: Book, store: Store, filing: Filing, bus: Bus, clock: Callable[[], int]) -> None:
        self._db, self._book, self._store, self._filing, self._bus, self._clock = db, book, store, filing, bus, clock
        self.explain: Explain = _unexplained
        self.worked_on: Callable[[str], bool] = lambda _asset: False
        self._ears: dict[str, Ear] = {}
        self._running: dict[str, dict[str, Any]] = {}

    # -- what arrives

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Take rows that became visible; called for every batch, so it returns at once where nothing works at an edge."""
        ears = self._ears
        if not ears:
            return
        mine = np.isin(rows["sid"].to_numpy(), [sid for ear in ears.values() for sid in tuple(ear.sids)])
        if mine.any():
            part = rows.filter(pa.array(mine))
            for ear in ears.values():
                ear.hear(part)

    def tick(self, reported: Callable[[str], AbstractContextManager[None]]) -> int:
        """File what has come since the last time; returns how many records were looked at."""
        working = self._working()
        count = 0
        ears = {row["id"]: self._ear(row["id"], place["source"]) for _, row, place in working}
        self._ears = ears
        for model, row, place in working:
            with reported(model["name"]):
                if row["finding"] is not None:
                    self._taken_over(row)
                ear = ears[row["id"]]
                self._read(model, row, place, ear)
                while ear.waiting:
                    self._take(model, row, place, ear.waiting[0])
                    ear.waiting.popleft()
                    count += 1
                self._note_now(model, row, ear)
        self._end_elsewhere({(row["id"], place["source"]) for _, row, place in working})
        return count

    def _working(self) -> list[Working]:
        """Return every version that works at an edge."""
        placed = {row["version_id"]: row for row in self._db.rows(sa.select(places))}
        return [
            (model, row, placed[row["id"]])
            for model in (self._book.list() if placed else ())
            for row in self._book.versions(model["id"])
            if row["id"] in placed and row["number"] in (model["active"], model["shadow"])
        ]

    def _ear(self, version_id: str, source: str) -> Ear:
        old = self._ears.get(version_id)
        return old if old is not None and old.source == source else Ear(source)

    def _read(self, model: dict[str, Any], row: dict[str, Any], place: dict[str, Any], ear: Ear) -> None:
        """Listen to the series of a version; take the records the store holds already once, and once more for filing them."""
        source = place["source"]
        before = set(ear.sids.values())
        ear.sids = {sid: tag for tag in TAGS if (sid := self._store.sid(source, tag)) is not None}
        for tag in {"score", "reason"} & set(ear.sids.values()) - before:
            if (newest := self._store.before(Tag(source, tag), self._clock() + DAY)) is not None:
                ear.last(tag, newest.ts, newest.value)
        wanted = "active" if model["active"] == row["number"] else "shadow"
        if TAG not in ear.sids.values() or ear.read == wanted:
            return
        found = self._store.history(Tag(source, TAG), row["end"], self._clock() + DAY)
        last: dict[int, Record] = {}
        for ts, text in zip(found["ts"].cast(pa.int64()).to_numpy().tolist(), found["value"].to_pylist(), strict=True):
            record = record_of(text, ts)
            if isinstance(record, Record) and (record.start not in last or last[record.start].told <= record.told):
                last[record.start] = record
        for record in last.values():
            self._take(model, row, place, record, since=place["since"])
        ear.read = wanted

    def _take(
        self,
        model: dict[str, Any],
        row: dict[str, Any],
        place: dict[str, Any],
        said: Record | InvalidInput,
        since: int | None = None,
    ) -> None:
        """Note an alert, and file it if the version is active; of the past only what began `since`, or lasts."""
        key, source = f"detect:models:record:{model['name']}", place["source"]
        if isinstance(said, InvalidInput):
            self._bus.tell(SystemEvent(key, f"'{source}' tells of an alert what cannot be used: {said.what}", "warning"))
            return
        self._bus.tell(SystemEvent(key, f"the alerts of '{source}' can be read", active=False))
        if not said.is_of(model, row["number"]):
            return
        said = as_named(said, row, model)
        known = self._filing.alert(None, row["id"], said.start)
        if known is None and since is not None and said.start < since and said.end is not None:
            return
        unfiled = model["active"] == row["number"] and (known is None or known["finding"] is None)
        repeated = known is not None and (known["told"], known["end"] is not None) >= (said.told, said.end is not None)
        if repeated and not (unfiled and said.end is None):
            return
        explained: list[dict[str, Any]] = []
        if unfiled or (said.end is not None and known is not None and self._filing.unexplained(known)):
            explained = self.explain(model["id"], row["number"], model["every"], said.start)[:MOST_SENSORS]
        step = self._strongest(model, row, said) if model["active"] == row["number"] else None
        with self._db.begin() as tx:
            self._write(tx, model, row, place, said, explained, step)

    def _strongest(self, model: dict[str, Any], row: dict[str, Any], said: Record) -> dict[str, Any] | None:
        """Return the step an alert was strongest in: the edge's shares, and what the sensors showed if their values are here.

        An edge of an earlier edition tells only how strong it was, when the alert ends.
        """
        if said.strongest_at is None:
            return {"score": urgency(said.peak), "explanation": []} if said.end is not None else None
        known = set(model["properties"])
        told = {part["sensor"]: part for part in self.explain(model["id"], row["number"], model["every"], said.strongest_at)}
        top = [(name, share) for name, share in said.top if name in known]
        parts = [{**told.get(name, {}), "sensor": name, "share": share} for name, share in top]
        rest = max(0.0, 1 - sum(share for _, share in top))
        return {**shown(step_of(said.strongest_at, said.peak, parts)), "rest": round(rest, 4)}

    def _write(
        self,
        tx: Connection,
        model: dict[str, Any],
        row: dict[str, Any],
        place: dict[str, Any],
        said: Record,
        explained: list[dict[str, Any]],
        step: dict[str, Any] | None,
    ) -> None:
        """Write one record down: the alert, its finding, its strongest step, its end."""
        known = self._filing.alert(tx, row["id"], said.start)
        fresh = known is None
        known = known or self._filing.note(tx, row["id"], said.start, said.told, place["source"])
        repaired = place["repaired"]
        over = repaired is not None and said.start <= repaired and (said.end is None or said.end > repaired)
        end = repaired if over else said.end
        if end is None:
            self._filing.goes_on(tx, known)
        values = {"told": max(said.told, known["told"]), "end": end}
        tx.execute(alerts.update().where(alerts.c.id == known["id"]).values(**values))
        if fresh:
            tx.execute(versions.update().where(versions.c.id == row["id"]).values(alerts=versions.c.alerts + 1))
        finding = known["finding"]
        if finding is None and model["active"] == row["number"] and (fresh or said.end is None):
            about = _said(model, said, place["source"], explained)
            finding = self._filing.file(tx, model, row["id"], row["number"], about)
        if finding is not None and step is not None:
            self._filing.strongest(tx, finding, step, said.told)
        if finding is not None and end is not None:
            more = {"returned": iso(end)} if over else {}
            self._filing.ended(tx, finding, end, **more, **({"explanation": explained} if explained else {}))

    def _note_now(self, model: Mapping[str, Any], row: Mapping[str, Any], ear: Ear) -> None:
        """Write what a version said last, and tell when it no longer knows what it sees."""
        now, steps, strange = ear.taken()
        if now is None:
            return
        unseen = float(row["now"].get("unseen", 0.0))
        unseen += (strange / max(steps, 1) - unseen) * min(1.0, steps * model["every"] / DAY)
        told = {**now, "unseen": round(unseen, 4), "drifted": unseen > DRIFTED}
        with self._db.begin() as tx:
            self._book.write(tx, row["id"], now=told)
        hint = "train it again and give the edge the new file, or see whether its drivers and sensors still deliver"
        self._bus.tell(drift(model["name"], unseen, hint))

    def _taken_over(self, row: Mapping[str, Any]) -> None:
        """End what this node found before the edge took over: nobody follows it here any more."""
        with self._db.begin() as tx:
            self._filing.ended(tx, row["finding"], self._clock())
            self._book.write(tx, row["id"], finding=None)

    def _end_elsewhere(self, working: set[tuple[str, str]]) -> None:
        """End alerts that an edge told of which is not listened to any more: nobody will tell of their end."""
        query = sa.select(alerts).where(alerts.c.source != "", alerts.c.end.is_(None))
        for row in self._db.rows(query):
            if (row["version_id"], row["source"]) in working:
                continue
            with self._db.begin() as tx:
                now = self._clock()
                tx.execute(alerts.update().where(alerts.c.id == row["id"]).values(end=now))
                if row["finding"] is not None:
                    self._filing.ended(tx, row["finding"], now)

    # -- what goes back

    def at_edge(self, tx: Connection, model: Mapping[str, Any]) -> bool:
        """Say whether a model's active version works at an edge."""
        mine = (versions.c.model_id == model["id"]) & (versions.c.number == model["active"])
        found = sa.select(places.c.version_id).join(versions, versions.c.id == places.c.version_id).where(mine)
        return tx.execute(found).first() is not None

    def has(self, version_id: str) -> bool:
        """Say whether a version works at an edge."""
        return bool(self._db.rows(sa.select(places.c.version_id).where(places.c.version_id == version_id)))

    def returned(self, tx: Connection, asset: str, at: int) -> int:
        """Note that an asset is verified back in service: each edge that judges it is told with its next report.

        What its models found before is over. Returns of how many versions.
        """
        mine = [(row, place) for model, row, place in self._working() if same_machine(asset, model["asset"])]
        for row, place in mine:
            newest = max(at, place["repaired"] or 0)
            tx.execute(places.update().where(places.c.version_id == row["id"]).values(repaired=newest))
            still = sa.select(alerts).where(alerts.c.version_id == row["id"], alerts.c.end.is_(None), alerts.c.start <= at)
            for alert in self._db.rows(still, tx):
                tx.execute(alerts.update().where(alerts.c.id == alert["id"]).values(end=at))
                if alert["finding"] is not None:
                    self._filing.ended(tx, alert["finding"], at)
        return len(mine)

    def told(self, running: Sequence[tuple[str, str, str, str]]) -> dict[str, tuple[int, bool]]:
        """Take which detectors an edge runs: (source, model, its name, version).

        Returns when the machine of each was last repaired (0: not since), and whether people are at it. An edge that runs another
        version than is to work there is told of here.
        """
        for source, key, name, version in running:
            self._running[source] = {"model": key, "name": name, "version": version, "at": self._clock()}
        back: dict[str, tuple[int, bool]] = {}
        for model, row, place in self._working():
            said = next((one for one in running if one[0] == place["source"]), None)
            if said is None:
                continue
            right = _runs(said, model, row["number"])
            if right:
                back[place["source"]] = (place["repaired"] or 0, self.worked_on(model["asset"]))
            text = (
                f"at '{place['source']}' version {said[3]} of '{said[2]}' runs, not version {row['number']} of '{model['name']}'"
            )
            hint = "its alerts become no findings: give the edge the file of that version, or let the other one work there"
            self._bus.tell(SystemEvent(f"detect:models:place:{place['source']}", text, "warning", active=not right, hint=hint))
        return back

    def where(self, model_id: str) -> dict[int, str]:
        """Return which versions of a model work at an edge, and the sources they are heard from."""
        wanted = sa.select(versions.c.number, places.c.source).join(versions, versions.c.id == places.c.version_id)
        return {int(row["number"]): str(row["source"]) for row in self._db.rows(wanted.where(versions.c.model_id == model_id))}

    def seen(self, model: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return where versions of a model were last heard to run: source, number and when."""
        runs = sorted(self._running.items())
        mine = ((source, one) for source, one in runs if one["version"].isdigit() and _is(one["model"], one["name"], model))
        return [{"source": source, "number": int(one["version"]), "at": one["at"]} for source, one in mine]


def _is(key: str, name: str, model: Mapping[str, Any]) -> bool:
    return key == model["id"] if key else name == model["name"]


def _runs(said: tuple[str, str, str, str], model: Mapping[str, Any], number: int) -> bool:
    return _is(said[1], said[2], model) and said[3] == str(number)


def _unexplained(model: str, number: int, every: int, at: int) -> list[dict[str, Any]]:
    """Say nothing: nobody has said who knows."""
    del model, number, every, at
    return []


def _said(model: Mapping[str, Any], said: Record, source: str, explained: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a finding's contents."""
    known = set(model["properties"])
    shares = [(name, share) for name, share in said.sensors if name in known and share >= LEAST_SHARE]
    sensors = [{"property": name, "share": share} for name, share in shares[:MOST_SENSORS]]
    start = iso(said.start)
    evidence = {"start": start, "start_ns": said.start, "explanation": explained, "explained_at": start}
    return {"score": urgency(said.peak), "at": said.start, "sensors": sensors, "evidence": evidence, "source": source}
