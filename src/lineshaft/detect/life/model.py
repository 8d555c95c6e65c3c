"""A model of remaining life: which of three ways was taken and why, forecasts with an interval, kept without running code."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lineshaft.core import NS, InvalidInput, LineshaftError
from lineshaft.detect.life import boosting, trend, weibull
from lineshaft.detect.life.histories import Columns, Fleet, Life, Progress, fleet, quiet
from lineshaft.detect.life.interval import LEVEL
from lineshaft.detect.life.trend import HealthIndex
from lineshaft.detect.life.weibull import Record

METHODS = ("sensors", "history", "trend")
"""sensors: trees on windows of sensors; history: ages at failure; trend: a health index on its way to a limit."""
ENOUGH = 20
"""Lives that ended in a failure, with sensors, from which trees beat the other ways."""
CAP = 0.6
"""Remaining life is not told beyond this share of a usual life: an asset that is well says nothing about its end."""
SHORTEST = 20
"""So many rows a usual life must have for windows to say anything."""
FORMAT = "lineshaft life 1"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left of one life; `high` None: no upper end is known.

    Numbers are in units of the time column; `unit` is `ns` where it holds datetimes, `rows` where there is none.
    """

    asset: str
    age: float
    remaining: float
    low: float
    high: float | None
    more_than: bool
    """True when no end is in sight: say `more than low`, not `remaining`."""
    why: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    error: str = ""
    unit: str = ""

    def __str__(self) -> str:
        if self.error:
            return f"{self.asset}: {self.error}"
        if self.more_than:
            return f"{self.asset}: more than {self._spelled(self.low)}"
        high = "?" if self.high is None else self._spelled(self.high)
        return f"{self.asset}: about {self._spelled(self.remaining)} ({self._spelled(self.low)} to {high})"

    def _spelled(self, length: float) -> str:
        if self.unit != "ns":
            return f"{length:.4g}" + (f" {self.unit}" if self.unit else "")
        hours = length / (3600 * NS)
        return f"{hours / 24:.3g} days" if hours >= 48 else f"{hours:.3g} h"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def _unknown(asset: str, age: float, error: str) -> Forecast:
    return Forecast(asset, age, np.nan, 0.0, None, False, error=error)


@dataclass(slots=True)
class LifeModel:
    """Forecasts remaining life. `why` explains the choice of the method; `about` says what it was learned from."""

    method: str
    step: int
    cap: float | None
    why: list[str]
    about: dict[str, Any]
    trees: boosting.Boosting | None = None
    ages: weibull.Weibull | None = None
    index: HealthIndex | None = None

    def predict(
        self, tables: Any = None, *, asset: str | None = None, time: str | None = None, ages: dict[str, float] | None = None
    ) -> list[Forecast]:
        """Forecast every asset of a table (or of a mapping of names to tables) at its last row.

        The columns are called as in training, if they are not named. `ages` tells how old an asset is where its table does not
        begin with its life; enough by itself for ages at failure.
        """
        known = (
            fleet(tables, asset=asset, time=time, failed=False, step=self.step, known=self._learned).lives if _any(tables) else []
        )
        ages = ages or {}
        old = [ages.get(life.asset, float(life.age)) for life in known]
        told = self._by_trees(known, old, self.trees) if self.trees is not None else list(map(self._forecast, known, old))
        seen = {life.asset for life in known}
        told += [self._of_age(name, age) for name, age in ages.items() if name not in seen]
        return [replace(one, unit=self.unit) for one in told]

    @property
    def unit(self) -> str:
        """In what remaining life is told: ns, rows, or empty: whatever the time column counts."""
        return str(self.about.get("columns", {}).get("unit", ""))

    @property
    def _learned(self) -> Fleet:
        names = self.trees.features.asked if self.trees else [self.index.column] if self.index else []
        return Fleet([], self.step, names, columns=Columns(**self.about.get("columns", {})))

    def _forecast(self, life: Life, age: float) -> Forecast:
        try:
            return self._of_age(life.asset, age) if self.index is None else self._by_trend(life, age, self.index)
        except LineshaftError as error:
            return _unknown(life.asset, age, str(error))

    def _by_trees(self, lives: list[Life], ages: list[float], trees: boosting.Boosting) -> list[Forecast]:
        names = trees.features.names
        gone = {life.asset: [name for name in names if np.isnan(life.columns.get(name, np.nan)).all()] for life in lives}
        sound = [life for life in lives if len(gone[life.asset]) <= len(names) / 2]
        left = trees.predict(sound) if sound else np.zeros(0)
        low, high = trees.bands.of(left)
        reasons = trees.reasons(sound) if sound else []
        place = {life.asset: number for number, life in enumerate(sound)}
        told: list[Forecast] = []
        for life, age in zip(lives, ages, strict=True):
            at = place.get(life.asset)
            if at is None:
                text = f"too few of the sensors it was learned from have values: {', '.join(gone[life.asset])} missing"
                told.append(_unknown(life.asset, age, text))
                continue
            end = None if np.isinf(high[at]) else float(high[at]) * self.step
            why = [{**one, "adds": round(one["adds"] * self.step, 3)} for one in reasons[at]]
            ends = float(low[at]) * self.step, end
            told.append(Forecast(life.asset, age, float(left[at]) * self.step, *ends, end is None, why))
        return told

    def _by_trend(self, life: Life, age: float, index: HealthIndex) -> Forecast:
        values = life.columns.get(index.column)
        if values is None or np.isnan(values).all():
            return _unknown(life.asset, age, f"the index '{index.column}' has no values")
        course = trend.follow(np.arange(len(life), dtype=np.float64) * float(life.step), values, index)
        why = [{"sensor": index.column, "now": course.now, "limit": index.limit, "slope": course.slope, "since": course.since}]
        cap = course.horizon if self.cap is None else min(self.cap, course.horizon)
        left = cap if course.left is None else min(course.left, cap)
        high = None if course.high is None or course.high >= cap else course.high
        return Forecast(life.asset, age, left, min(course.low, left), high, course.left is None or left >= cap, why)

    def _of_age(self, name: str, age: float) -> Forecast:
        if self.ages is None:
            return _unknown(name, age, "there are no sensor values of this life")
        low, left, high = self.ages.quantiles(age, ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
        cap = np.inf if self.cap is None else self.cap
        why = [{"sensor": "age", "shape": round(self.ages.shape, 2), "scale": self.ages.scale, "now": age}]
        return Forecast(name, age, min(left, cap), min(low, cap), None if high >= cap else high, left >= cap, why)

    def to_bytes(self) -> bytes:
        """Return it as packed JSON: reading it back runs no code."""
        state: dict[str, Any] = {"format": FORMAT, "method": self.method, "step": self.step, "cap": self.cap, "why": self.why}
        state |= {"about": self.about, "trees": self.trees.state() if self.trees else None}
        state |= {"ages": self.ages.state() if self.ages else None, "index": asdict(self.index) if self.index else None}
        return zlib.compress(json.dumps(state).encode(), 6)

    def save(self, path: str | Path) -> Path:
        """Write it into a file."""
        Path(path).write_bytes(self.to_bytes())
        return Path(path)


def load(source: str | Path | bytes) -> LifeModel:
    """Read a model from a file or from bytes. Raises InvalidInput if it is none."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        state: dict[str, Any] = json.loads(zlib.decompress(data))
    except (zlib.error, ValueError) as error:
        raise InvalidInput("this is no model of remaining life", code="life.unreadable") from error
    if state.get("format") != FORMAT:
        raise InvalidInput(
            f"a model of format '{state.get('format')}'", hint=f"this version reads '{FORMAT}'", code="life.format"
        )
    return LifeModel(
        state["method"],
        int(state["step"]),
        state["cap"],
        state["why"],
        state["about"],
        boosting.Boosting.restore(state["trees"]) if state["trees"] else None,
        weibull.Weibull.restore(state["ages"]) if state["ages"] else None,
        HealthIndex(**state["index"]) if state["index"] else None,
    )


def fit(
    tables: Any = None,
    *,
    asset: str | None = None,
    time: str | None = None,
    failed: bool | Iterable[str] = True,
    records: Iterable[Record | tuple[str, float, bool]] = (),
    index: HealthIndex | None = None,
    cap: float | None = None,
    method: str | None = None,
    progress: Progress = quiet,
) -> LifeModel:
    """Learn remaining life from what there is; the method follows from it unless one is named.

    `tables`: lives with sensors, those in `failed` ended in a failure. `records`: lives known by their age only.
    `index`: a column that tells wear, with its limit. Raises InvalidInput with a way out where none of it suffices.
    """
    progress(0.02, "reading")
    if cap is not None and not 0 < cap < np.inf:
        raise InvalidInput(f"a cap of {cap}", where="cap", hint="a length of time above 0", code="life.cap")
    lives = fleet(tables, asset=asset, time=time, failed=failed) if _any(tables) else Fleet([], 1, [])
    given = [one if isinstance(one, Record) else Record(*one) for one in records]
    given += [Record(life.asset, float(life.age), life.failed) for life in lives.lives] if not given else []
    ended = [life for life in lives.lives if life.failed]
    chosen, why = _choose(lives, ended, given, index, method)
    about: dict[str, Any] = {
        "lives": len(lives.lives),
        "failures": len(ended),
        "records": len(given),
        "records_failed": sum(one.failed for one in given),
        "usual_life": float(np.median([life.age for life in ended])) if ended else None,
        "left_out": lives.left_out,
        "notes": lives.notes,
        "sensors": [],
        "columns": asdict(lives.columns),
    }
    model = LifeModel(chosen, lives.step, cap, why, about)
    if chosen == "sensors":
        limit = cap if cap is not None else CAP * float(about["usual_life"])
        _long_enough(ended)
        if limit < 5 * lives.step:
            hint = "give a larger cap, in units of the time column"
            raise InvalidInput(
                f"a cap of {limit:g} is less than five steps of {lives.step}", where="cap", hint=hint, code="life.cap"
            )
        tree = model.trees = boosting.Boosting.fit(_scaled(lives), limit / lives.step, progress)
        _in_time(tree, lives.step)
        model.cap = limit
        about["sensors"], about["quality"] = tree.features.names, tree.about
        about["left_out"] = {**lives.left_out, **tree.features.left_out}
    elif chosen == "history":
        model.ages = weibull.Weibull.fit(given)
        about |= {"shape": model.ages.shape, "scale": model.ages.scale}
    else:
        model.index, about["sensors"] = index, [index.column] if index else []
    progress(1.0, "done")
    return model


def _long_enough(ended: list[Life]) -> None:
    usual = int(np.median([len(life) for life in ended]))
    if usual < SHORTEST:
        hint = "take shorter steps, or learn from ages alone (method='history')"
        raise InvalidInput(f"a usual life has {usual} rows, {SHORTEST} are needed", hint=hint, code="life.too-short")


def _scaled(lives: Fleet) -> Fleet:
    """Return the lives with steps as the unit of time, so that trees see the same whatever the clock counts in."""
    parts = [Life(one.asset, 0, 1, one.columns, one.failed, one.size) for one in lives.lives]
    return Fleet(parts, 1, lives.names, lives.left_out, lives.notes)


def _in_time(trees: boosting.Boosting, step: int) -> None:
    """Note the quality of trees in units of the time column."""
    for name in ("rmse", "mean_error"):
        trees.about[name] *= step


def _any(tables: Any) -> bool:
    return tables is not None and len(tables) > 0


def _choose(
    lives: Fleet, ended: list[Life], records: list[Record], index: HealthIndex | None, method: str | None
) -> tuple[str, list[str]]:
    """Return the method and sentences that say why, the first one the decisive one."""
    failures = sum(one.failed for one in records)
    trees = f"{len(ended)} lives with sensors ended in a failure ({ENOUGH} are needed to learn from sensors)"
    if method is not None:
        if method not in METHODS:
            raise InvalidInput(
                f"'{method}' is no method", where="method", hint=f"one of {', '.join(METHODS)}", code="life.method"
            )
        _possible(method, lives, ended, index)
        return method, [f"the method was chosen by hand: {method}", trees]
    if len(ended) >= ENOUGH and lives.names and boosting.available():
        return "sensors", [trees, f"{len(lives.names)} sensors can be used"]
    reasons = [trees]
    if len(ended) >= ENOUGH:
        lacks = "LightGBM is not installed (extra `life`)" if lives.names else "no sensor has usable values"
        reasons.append(f"learning from sensors was left out: {lacks}")
    if failures >= weibull.FEWEST:
        return "history", [
            f"{failures} failures are on record, too few to learn from sensors, enough for a distribution",
            *reasons,
        ]
    if index is not None:
        return "trend", [
            f"{failures} failures are on record: the health index '{index.column}' is followed to its limit",
            *reasons,
        ]
    raise InvalidInput(
        f"{failures} failures are on record and there is no health index",
        hint=f"give a health index with a limit, or wait for {weibull.FEWEST} failures ({ENOUGH} with sensors)",
        code="life.nothing",
    )


def _possible(method: str, lives: Fleet, ended: list[Life], index: HealthIndex | None) -> None:
    if method == "sensors" and (len(ended) < boosting.FOLDS or not lives.names):
        raise InvalidInput(
            f"{len(ended)} lives that ended in a failure, {len(lives.names)} usable sensors",
            hint=f"learning from sensors needs {boosting.FOLDS} failed lives and a sensor at the very least",
            code="life.few-lives",
        )
    if method == "trend" and index is None:
        raise InvalidInput("a trend needs a health index", where="index", hint="name a column and its limit", code="life.index")
