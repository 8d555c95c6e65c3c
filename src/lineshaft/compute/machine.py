"""One machine's figures from what the store, the calendar and the running order say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from lineshaft.assets import Asset, Assets, ModelVersion
from lineshaft.compute.correction import Moved
from lineshaft.compute.formula import Floats, Ints
from lineshaft.compute.oee import Oee, Production, check_model, earned, parts_made, times
from lineshaft.compute.states import OeeDefinition, Planned, Stretch, clipped, elements, mapping, stretches, value_of, written
from lineshaft.core import NS, ConfigError, NotFound, Quality, iso, parse_duration

_EXPLAINED = 2000
"""Stretches an explanation lists at most."""
_SAMPLES = 50
"""Readings of a counter, and ideal cycles, it lists at most."""


class Plant(Protocol):
    """What the figures ask the production room."""

    def calendar(self, path: str) -> Any:
        """Return the calendar of a position."""
        ...

    def running(self, path: str, start: int, end: int) -> Sequence[Any]:
        """Return which order ran from when to when."""
        ...


class Readings(Protocol):
    """What the figures ask the store."""

    def history(self, ref: Any, start: int, end: int) -> pa.Table:
        """Return (ts, value, q) over (start, end]."""
        ...

    def before(self, ref: Any, at: int) -> Any:
        """Return the last good value at or before a time."""
        ...


class Machines:
    """Answers for one machine after the other; holds nothing but where to ask."""

    def __init__(self, assets: Assets, production: Plant, store: Readings, micro_stop: int) -> None:
        self._assets = assets
        self._production = production
        self._store = store
        self._micro = micro_stop

    def reading(self, store: Readings) -> Machines:
        """Return the same machines, told from another reading of the store."""
        return Machines(self._assets, self._production, store, self._micro)

    def definition(self, asset: Asset, at: int | None = None) -> tuple[OeeDefinition, ModelVersion]:
        """Return how the machine's figures are told. Raises NotFound if its model does not say."""
        version = self._assets.model(asset.model, at) if asset.model else None
        if version is None or not version.body.oee:
            raise NotFound(
                f"'{asset.path}' has no OEE",
                hint="add an oee section to its model, or set a constraint machine",
                code="oee.undefined",
            )
        return checked(version), version

    def time_model(self, asset: Asset, end: int, asked: str | None = None) -> str:
        """Return the time model that counts: the one asked for, else that of the line's calendar, else that of the model."""
        valid = self._production.calendar(asset.path).version_at(end - 1)
        found, _ = self.definition(asset, end - 1)
        return check_model(asked or (valid and valid.time_model) or found.time_model or "iso22400")

    def versions(self, asset: Asset, start: int, end: int) -> list[int]:
        """Return the moments in (start, end) at which another way of telling the machine's figures came into force."""
        known = self._assets.versions(asset.model) if asset.model else ()
        return [new.valid_from for old, new in pairwise(known) if start < new.valid_from < end and old.body.oee != new.body.oee]

    def limit(self, found: OeeDefinition) -> int:
        """Return below which length a stop is short, in nanoseconds."""
        return self._micro if found.micro_stop is None else parse_duration(found.micro_stop)

    def states(self, asset: Asset, found: OeeDefinition, start: int, end: int, now: int) -> list[Stretch]:
        """Return the machine's states over (start, end], and as far around as telling short stops from long ones needs."""
        around = self.limit(found)
        low, high = start - around, min(end + around, max(now, end))
        ref = f"{asset.path}/{found.state}"
        before = value_of(self._store.before(ref, low))
        return stretches(self._store.history(ref, low, high), before, mapping(found.states), low, high)

    def pieces(self, asset: Asset, found: OeeDefinition, start: int, end: int, now: int) -> list[Stretch]:
        """Return where every moment of (start, end] counts."""
        states = self.states(asset, found, start, end, now)
        around = self.limit(found)
        planned: Sequence[Planned] = self._production.calendar(asset.path).planned(start - around, end + around)
        return clipped(elements(states, planned, around), start, end)

    def oee(
        self,
        asset: Asset,
        start: int,
        end: int,
        now: int,
        model: str | None = None,
        *,
        explain: bool = False,
        scrap: Sequence[Moved] = (),
    ) -> Oee:
        """Return the figures of one machine over (start, end]; `scrap` was counted good and is not."""
        found, version = self.definition(asset, end - 1)
        pieces = self.pieces(asset, found, start, end, now)
        made, moved = self._made(asset, found, start, end, scrap)
        total, good, mean = earned(made)
        calendar = self._production.calendar(asset.path)
        return Oee(
            asset.path,
            start,
            end,
            self.time_model(asset, end, model),
            times(pieces),
            {"good": round(float(made.good.sum()), 6), "bad": round(float(made.bad.sum()), 6)},
            total,
            good,
            mean if mean is not None else self._ideal(asset, found, end - 1),
            {"model": version.body.model, "model_version": version.body.version, "calendar": getattr(calendar, "name", "")},
            self._number(asset, found.downtime_rate or "DowntimeRate", end),
            explain=[*self._explained(asset, found, pieces, made), *moved] if explain else (),
            corrections=moved,
        )

    # --- parts -------------------------------------------------------------------------------------------------

    def _made(
        self, asset: Asset, found: OeeDefinition, start: int, end: int, scrap: Sequence[Moved]
    ) -> tuple[Production, list[Mapping[str, object]]]:
        good_ts, good = self._counted(asset, found, found.good, start, end)
        bad_ts, bad = self._counted(asset, found, found.bad, start, end)
        times_, goods, bads = [good_ts, bad_ts], [good, np.zeros(len(bad))], [np.zeros(len(good)), bad]
        moved: list[Mapping[str, object]] = []
        for one in scrap:
            ts, share = self._shared(asset, found, one)
            inside = (ts > start) & (ts <= end)
            if inside.any():
                times_.append(ts[inside])
                goods.append(-share[inside])
                bads.append(share[inside])
                moved.append(_told(asset, found, one, float(share[inside].sum())))
        ts = np.concatenate(times_)
        order = np.argsort(ts, kind="stable")
        ideal = self._ideals(asset, found, ts[order], start, end)
        return Production(ts[order], np.concatenate(goods)[order], np.concatenate(bads)[order], ideal), moved

    def _shared(self, asset: Asset, found: OeeDefinition, scrap: Moved) -> tuple[Ints, Floats]:
        """Spread scrap over its stretch as the good parts were made in it; where none were, it stands at its end."""
        ts, made = self._counted(asset, found, found.good, scrap.start, scrap.end)
        total = float(made.sum())
        if total <= 0:
            return np.array([scrap.end], np.int64), np.array([scrap.quantity])
        return ts, made * (scrap.quantity / total)

    def _counted(self, asset: Asset, found: OeeDefinition, name: str | None, start: int, end: int) -> tuple[Ints, Floats]:
        if name is None:
            return np.zeros(0, np.int64), np.zeros(0)
        ref = f"{asset.path}/{name}"
        table = self._store.history(ref, start, end)
        ts: Ints = table.column("ts").cast(pa.int64()).to_numpy()
        values = table.column("value").cast(pa.float64()).to_numpy(zero_copy_only=False)
        usable = (table.column("q").to_numpy() == int(Quality.GOOD)) & np.isfinite(values)
        ts, values = ts[usable], values[usable]
        if found.counting == "increments":
            return ts, values
        before = value_of(self._store.before(ref, start))
        return parts_made(ts, values, None if before is None else float(before[1]), found.rollover)  # type: ignore[arg-type]

    def _ideals(self, asset: Asset, found: OeeDefinition, ts: Ints, start: int, end: int) -> Floats:
        """Return the ideal cycle at each moment: the running product's, else the machine's own."""
        ideal = np.full(len(ts), np.nan)
        for low, high in pairwise([start, *self._ideal_changes(asset, found, start, end), end]):
            own = self._ideal(asset, found, high - 1)
            ideal[(ts > low) & (ts <= high)] = np.nan if own is None else own
        for run in self._production.running(asset.path, start, end):
            if run.ideal_cycle_s is not None:
                ideal[(ts > run.start) & (ts <= run.end)] = run.ideal_cycle_s
        return ideal

    def _ideal_changes(self, asset: Asset, found: OeeDefinition, start: int, end: int) -> list[int]:
        if not isinstance(found.ideal_cycle, str):
            return []
        return self._assets.attribute_changes(f"{asset.path}/{found.ideal_cycle}", start, end)

    def _ideal(self, asset: Asset, found: OeeDefinition, at: int) -> float | None:
        if found.ideal_cycle is None or isinstance(found.ideal_cycle, int | float):
            return None if found.ideal_cycle is None else float(found.ideal_cycle)
        return self._number(asset, found.ideal_cycle, at)

    def _number(self, asset: Asset, name: str, at: int) -> float | None:
        if all(one.name != name for one in self._assets.properties(asset)):
            return None
        value = self._assets.attribute(f"{asset.path}/{name}", at)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    # --- why the machine stood ---------------------------------------------------------------------------------

    def said(self, asset: Asset, found: OeeDefinition, start: int, end: int) -> list[tuple[int, str]]:
        """Return (time, code) of what the machine said of its stops, from the last word before `start` on."""
        if found.reason is None:
            return []
        ref = f"{asset.path}/{found.reason}"
        table = self._store.history(ref, start, end)
        ts: Ints = table.column("ts").cast(pa.int64()).to_numpy()
        good = table.column("q").to_numpy() == int(Quality.GOOD)
        values = table.column("value").to_pylist()
        before = value_of(self._store.before(ref, start))
        words = [(before[0], written(before[1]))] if before else []
        return [*words, *((int(ts[i]), written(values[i])) for i in np.flatnonzero(good).tolist() if values[i] is not None)]

    # --- explanation -------------------------------------------------------------------------------------------

    def _explained(
        self, asset: Asset, found: OeeDefinition, pieces: Sequence[Stretch], made: Production
    ) -> list[Mapping[str, object]]:
        """Return the raw values behind every step: which state value counted where, and what the counters gave."""
        steps: list[Mapping[str, object]] = [
            {
                "element": "actual_production" if piece.element == "running" else piece.element,
                "start": iso(piece.start),
                "end": iso(piece.end),
                "seconds": piece.length / NS,
                "property": f"{asset.path}/{found.state}",
                "state": piece.state,
                "value": piece.value,
                "calendar": piece.plan,
            }
            for piece in pieces[:_EXPLAINED]
        ]
        if len(pieces) > _EXPLAINED:
            left = {"start": iso(pieces[_EXPLAINED].start), "end": iso(pieces[-1].end)}
            steps.append({"element": "not listed", "stretches": len(pieces) - _EXPLAINED, **left})
        steps += self._cycles(asset, made)
        for name, parts, of in (("good", made.good, found.good), ("bad", made.bad, found.bad)):
            counted = np.flatnonzero(parts)
            if of is not None and len(counted):
                first, last = int(made.ts[counted[0]]), int(made.ts[counted[-1]])
                span = {"start": iso(first), "end": iso(last), "property": f"{asset.path}/{of}"}
                samples = self._samples(f"{asset.path}/{of}", first, last)
                steps.append({"element": name, "parts": float(parts.sum()), "readings": len(counted), **span, "samples": samples})
        return steps

    def _cycles(self, asset: Asset, made: Production) -> list[Mapping[str, object]]:
        """Return which ideal cycle was taken for how many parts from when to when: what `speed` is measured against."""
        if not len(made.ts):
            return []
        ran = self._production.running(asset.path, int(made.ts[0]) - 1, int(made.ts[-1]))
        cuts = np.flatnonzero(np.diff(made.ideal) != 0) + 1
        steps: list[Mapping[str, object]] = []
        for place in np.split(np.arange(len(made.ts)), cuts)[:_SAMPLES]:
            first, last, ideal = int(made.ts[place[0]]), int(made.ts[place[-1]]), float(made.ideal[place[0]])
            run = next((one for one in ran if one.start < last <= one.end), None)
            of = {"product": run.product, "order": run.order} if run is not None and run.ideal_cycle_s is not None else {}
            parts = float((made.good + made.bad)[place].sum())
            earned = {"seconds": None if np.isnan(ideal) else parts * ideal, "ideal_cycle_s": None if np.isnan(ideal) else ideal}
            steps.append({"element": "ideal_cycle", "start": iso(first), "end": iso(last), "parts": parts, **earned, **of})
        return steps

    def _samples(self, ref: str, first: int, last: int) -> list[Mapping[str, object]]:
        """Return the readings a count was made from: the one before, the first ones and the last."""
        table = self._store.history(ref, first - 1, last)
        stamps: Ints = table.column("ts").cast(pa.int64()).to_numpy()
        rows: list[tuple[int, object]] = list(zip(stamps.tolist(), table.column("value").to_pylist(), strict=True))
        before = value_of(self._store.before(ref, first - 1))
        shown = [*([before] if before else []), *rows[:_SAMPLES], *(rows[-1:] if len(rows) > _SAMPLES else [])]
        return [{"timestamp": iso(ts), "value": value} for ts, value in shown]


def _told(asset: Asset, found: OeeDefinition, scrap: Moved, parts: float) -> Mapping[str, object]:
    """Return what a correction says of itself in an explanation."""
    span = {"start": iso(scrap.start), "end": iso(scrap.end), "property": f"{asset.path}/{found.good}"}
    why = {"reason": scrap.reason, "recorded": iso(scrap.recorded), "correction": scrap.id}
    return {"element": "scrap", "parts": parts, **span, **why}


def checked(version: ModelVersion) -> OeeDefinition:
    """Return a model's OEE section, checked. Raises ConfigError with file and line."""
    try:
        found = OeeDefinition.model_validate(version.body.oee)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"oee {place}: {first['msg']}", where=version.where("oee"), code="oee.invalid") from None
    names = set(version.body.names)
    for field in ("state", "good", "bad", "ideal_cycle", "downtime_rate", "reason"):
        name = getattr(found, field)
        if isinstance(name, str) and name not in names:
            raise ConfigError(
                f"oee {field}: '{name}' is not a property of {version.body.model}", where=version.where("oee"), code="oee.invalid"
            )
    if found.time_model is not None:
        check_model(found.time_model)
    return found
