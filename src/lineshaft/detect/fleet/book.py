"""The books of fleets: what is forecast, how, and which version does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets, Kind
from lineshaft.core import (
    NS,
    Conflict,
    Database,
    DataType,
    InvalidInput,
    NotFound,
    bump,
    did_you_mean,
    iso,
    new_id,
    now_ns,
    parse_duration,
    parse_time,
)
from lineshaft.detect.fleet.tables import fleets, forecasts, versions
from lineshaft.detect.gone import refuse_forgotten
from lineshaft.detect.life import METHODS
from lineshaft.detect.showing import show
from lineshaft.guard import Subject

SOURCE = "life"
SHOWN = {"remaining life": "remaining", "remaining life low": "low", "remaining life high": "high"}
"""Properties of an asset that show its forecast in hours, when the asset's model has them."""
HOUR, DAY = 3600 * NS, 86_400 * NS
LONGEST = 36_500 * DAY
MOST_STEPS = 200_000
"""So many steps of an asset are learned from at most: they are in memory at once."""
LIGHT = [column for column in versions.c if column.name != "blob"]
NUMBERS = (DataType.DOUBLE, DataType.INTEGER)


class FleetBook:
    """Fleets, their versions and present forecasts."""

    def __init__(self, db: Database, assets: Assets) -> None:
        self._db, self._assets = db, assets

    def create(self, tx: Connection, by: Subject, wanted: dict[str, Any]) -> dict[str, Any]:
        """Plan a fleet. Raises InvalidInput for what is not there or makes no sense."""
        paths = self.assets(wanted)
        name = str(wanted.get("name") or wanted.get("model") or paths[0])
        if self._db.rows(sa.select(fleets.c.id).where(fleets.c.name == name), tx):
            raise Conflict(f"there is a fleet '{name}' already", where="name", hint="choose another name", code="life.name")
        method = str(wanted.get("method") or "")
        if method and method not in METHODS:
            raise InvalidInput(
                f"'{method}' is no method", where="method", hint=f"one of {', '.join(METHODS)}", code="life.method"
            )
        index, every = self._index(wanted.get("index"), paths), _length(wanted, "every", "1h", NS)
        lookback = _length(wanted, "lookback", "730d", every)
        if lookback // every > MOST_STEPS:
            hint = f"longer steps, or look back less: {every * MOST_STEPS / DAY:.3g} days at most with these steps"
            raise InvalidInput(f"{lookback // every} steps for each asset", where="every", hint=hint, code="life.steps")
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "name": name,
            "assets": paths,
            "properties": self.properties(paths, wanted.get("properties") or (), index),
            "every": every,
            "lookback": lookback,
            "cap": _length(wanted, "cap", "", every) or None,
            "low": _length(wanted, "low", "", 1),
            "index": index,
            "method": method,
            "lives": [_life(one, paths, place) for place, one in enumerate(wanted.get("lives") or ())],
            "failure_mode": str(wanted.get("failure_mode") or ""),
            "retrain": _length(wanted, "retrain", "", HOUR),
            "created": now_ns(),
            "by": by.id,
            "through": 0,
        }
        tx.execute(fleets.insert().values(**row))
        return self.fleet(row["id"], tx)

    def assets(self, wanted: dict[str, Any]) -> list[str]:
        """Return the assets of a fleet: those named, or all of one asset model (at or below an asset)."""
        tree = {one.path: one for one in self._assets.tree()}
        given = [str(path) for path in wanted.get("assets") or ()]
        for path in given:
            if path not in tree:
                raise InvalidInput(
                    f"there is no asset '{path}'", where="assets", hint=did_you_mean(path, tree), code="life.asset"
                )
        if given:
            return list(dict.fromkeys(given))
        kind, under = str(wanted.get("model") or ""), str(wanted.get("under") or "")
        alike = [
            path for path, one in tree.items() if kind and one.model == kind and (not under or f"{path}/".startswith(f"{under}/"))
        ]
        if not alike:
            hint = (
                did_you_mean(kind, sorted({one.model for one in tree.values() if one.model})) or "name the assets, or their model"
            )
            raise InvalidInput("no assets are named", where="assets", hint=hint, code="life.asset")
        return alike

    def properties(self, paths: Sequence[str], wanted: Sequence[str], index: dict[str, Any] | None = None) -> list[str]:
        """Return the names of the properties to learn from: those asked for, else all numbers every asset has values of."""
        have = [
            {one.name: one for one in self._assets.properties(path) if one.type in NUMBERS and not one.counter} for path in paths
        ]
        common = [name for name in have[0] if all(name in each for each in have) and name.lower() not in SHOWN]
        for name in wanted:
            if name not in common:
                hint = did_you_mean(name, common) or "a number that every asset of the fleet has"
                raise InvalidInput(f"'{name}' is no property of every asset", where="properties", hint=hint, code="life.property")
        measured = {name for name in common if any(each[name].kind is not Kind.ATTRIBUTE for each in have)}
        names = list(dict.fromkeys(wanted)) or [name for name in common if name in measured]
        return names if index is None or index["property"] in names else [*names, index["property"]]

    def _index(self, given: dict[str, Any] | None, paths: Sequence[str]) -> dict[str, Any] | None:
        if not given:
            return None
        (name,) = self.properties(paths, [str(given["property"])])
        return {"property": name, "limit": float(given["limit"]), "rising": bool(given.get("rising", True))}

    def list(self) -> list[dict[str, Any]]:
        """Return all fleets by name."""
        return self._db.rows(sa.select(fleets).order_by(fleets.c.name))

    def fleet(self, fleet_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one fleet. Raises NotFound."""
        rows = self._db.rows(sa.select(fleets).where(fleets.c.id == fleet_id), tx)
        if not rows:
            raise NotFound(f"there is no fleet {fleet_id}", code="life.unknown")
        return rows[0]

    def versions(self, fleet_id: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return a fleet's versions, newest first, without what was learned."""
        query = sa.select(*LIGHT).where(versions.c.fleet_id == fleet_id).order_by(versions.c.number.desc())
        return self._db.rows(query, tx)

    def number(self, fleet_id: str, number: int, tx: Connection | None = None) -> dict[str, Any]:
        """Return one version, whole. Raises NotFound."""
        rows = self._db.rows(sa.select(versions).where(versions.c.fleet_id == fleet_id, versions.c.number == number), tx)
        if not rows:
            raise NotFound(f"there is no version {number} of this fleet", code="life.version")
        return rows[0]

    def forecasts(self, fleet_id: str | None = None, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return the present forecast of each asset, the shortest first."""
        query = sa.select(forecasts).order_by(forecasts.c.more_than, forecasts.c.remaining, forecasts.c.low, forecasts.c.asset)
        return self._db.rows(query if fleet_id is None else query.where(forecasts.c.fleet_id == fleet_id), tx)

    def begin(self, tx: Connection, fleet: dict[str, Any], end: int, by: str) -> dict[str, Any]:
        """Begin a version. Raises Conflict while another one is being trained."""
        known = self.versions(fleet["id"], tx)
        if any(one["state"] == "training" for one in known):
            raise Conflict("a version is being trained already", hint="wait for it, or cancel it", code="life.training")
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "fleet_id": fleet["id"],
            "number": max((one["number"] for one in known), default=0) + 1,
            "state": "training",
            "start": end - fleet["lookback"],
            "end": end,
            "begun": now_ns(),
            "why": [],
            "about": {},
            "by": by,
        }
        tx.execute(versions.insert().values(**row))
        return row

    def write(self, tx: Connection, version_id: str, **values: Any) -> None:
        """Note something about a version."""
        tx.execute(versions.update().where(versions.c.id == version_id).values(**values))

    def use(self, tx: Connection, fleet_id: str, number: int | None, version: int | None = None) -> dict[str, Any]:
        """Let a trained version forecast, or none. An asset's properties show it from now on."""
        if number is None:
            bump(tx, fleets, fleet_id, version, active=None)
            return self.fleet(fleet_id, tx)
        tx.execute(sa.select(fleets.c.id).where(fleets.c.id == fleet_id).with_for_update())
        chosen = self.number(fleet_id, number, tx)
        refuse_forgotten(chosen, f"train a new version: this one learned from {iso(chosen['start'])} to {iso(chosen['end'])}")
        if chosen["state"] != "ready":
            raise Conflict(f"version {number} is {chosen['state']}", hint="train a version first", code="life.not-ready")
        bump(tx, fleets, fleet_id, version, active=number, through=0)
        fleet = self.fleet(fleet_id, tx)
        for asset in fleet["assets"]:
            show(tx, self._assets, asset, SHOWN, SOURCE, f"{fleet['name']}/{asset}", chosen["end"])
        return fleet

    def is_gone(self, path: str) -> bool:
        """Say whether an asset is no longer part of the plant."""
        return self._assets.is_retired(self._assets.asset(path).id)

    def tags(self, fleet: dict[str, Any]) -> Callable[[str, str], str]:
        """Return what gives the tag of an asset's forecast: what its property shows, though the asset had another path then."""
        fleets = [str(one["name"]) for one in self.list()]

        def mine(tag: str) -> bool:
            return max((name for name in fleets if tag.startswith(f"{name}/")), key=len, default="") == fleet["name"]

        shown = {
            (asset, part): span.tag
            for asset in fleet["assets"]
            for one in self._assets.properties(asset)
            if (part := SHOWN.get(one.name.lower())) is not None
            for span in self._assets.spans(one.id)
            if span.end_ns is None and span.source == SOURCE and mine(span.tag)
        }
        return lambda asset, part: shown.get((asset, part), f"{fleet['name']}/{asset}/{part}")

    def keep(self, tx: Connection, fleet_id: str, rows: Sequence[dict[str, Any]], through: int) -> None:
        """Write the present forecasts; what is no longer in the fleet goes."""
        tx.execute(forecasts.delete().where(forecasts.c.fleet_id == fleet_id))
        if rows:
            tx.execute(forecasts.insert(), [{"id": new_id(), "version": 1, "fleet_id": fleet_id, **row} for row in rows])
        tx.execute(fleets.update().where(fleets.c.id == fleet_id).values(through=through))


def _length(wanted: dict[str, Any], name: str, default: str, least: int) -> int:
    """Return a length of time, 0 where none is said. Raises InvalidInput for one that is too short or beyond all sense."""
    said = wanted.get(name) or default
    if not said:
        return 0
    length = parse_duration(said, where=name)
    if not least <= length <= LONGEST:
        hint = f"from {least / NS:g} s to {LONGEST // DAY} days"
        raise InvalidInput(f"'{name}' is {said}", where=name, hint=hint, code="life.length")
    return length


def _life(one: dict[str, Any], paths: Sequence[str], place: int) -> dict[str, Any]:
    """Return one told life, its times as nanoseconds. Raises InvalidInput where it ends before it begins."""
    asset, where = str(one.get("asset") or ""), f"lives[{place}]"
    if one.get("age"):
        age = parse_duration(one["age"], where=where)
        if age <= 0:
            raise InvalidInput(f"an age of {one['age']}", where=where, hint="a length of time above 0", code="life.age")
        return {"asset": asset, "age": age, "failed": bool(one.get("failed", True))}
    if asset not in paths:
        hint = did_you_mean(asset, paths) or "a life with times is of an asset of the fleet; elsewhere give its age"
        raise InvalidInput(f"'{asset}' is no asset of the fleet", where=where, hint=hint, code="life.asset")
    begin = parse_time(one["begin"], where=where) if one.get("begin") else None
    end = parse_time(one["end"], where=where) if one.get("end") else None
    if max(begin or 0, end or 0) > now_ns():
        hint = "tell what has happened; is the time in another time zone?"
        raise InvalidInput("a life ends in the future", where=where, hint=hint, code="life.times")
    if begin is None and end is None:
        raise InvalidInput("a life needs a begin, an end or an age", where=where, hint="give one of them", code="life.times")
    if begin is not None and end is not None and end <= begin:
        raise InvalidInput("a life ends before it begins", where=where, hint="give begin < end", code="life.times")
    return {"asset": asset, "begin": begin, "end": end, "failed": bool(one.get("failed", True))}
