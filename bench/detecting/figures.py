"""Figures of detection as plants count them; never a point-adjusted F1."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.detecting import public
from bench.detecting.disguise import PLAIN, Disguise
from lineshaft.detect import anomaly
from lineshaft.detect.anomaly.example import DRIVERS


def auc(score: np.ndarray, true: np.ndarray) -> float:
    """Return the area under the receiver's curve; equal scores share their rank."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    hits = int(true.sum())
    return float((rank[true].sum() - hits * (hits + 1) / 2) / (hits * (len(true) - hits)))


def spans(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last rows of the runs of True."""
    change = np.diff(np.concatenate(([0], flags.astype(int), [0])))
    return list(zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1) - 1, strict=True))


@dataclass
class Pace:
    """Processor time of learning and of scoring, and the rows scored."""

    fit_s: float = 0.0
    score_s: float = 0.0
    rows: int = 0

    def fit(self, table: dict[str, Any], **settings: Any) -> anomaly.Model:
        """Learn, by the clock."""
        begin = time.process_time()
        model = anomaly.fit(table, **settings)
        self.fit_s += time.process_time() - begin
        return model

    def score(self, model: anomaly.Model, table: dict[str, Any]) -> anomaly.Scored:
        """Score, by the clock."""
        begin = time.process_time()
        scored = model.score(table)
        self.score_s += time.process_time() - begin
        self.rows += len(scored)
        return scored

    @property
    def rows_per_s(self) -> float:
        """Return rows a second."""
        return self.rows / max(self.score_s, 1e-9)


@dataclass(frozen=True)
class Tep:
    """Tennessee Eastman: detection rates at 1 % false alarms on d00_te, and the false alarms of our own threshold there."""

    rates: dict[int, float]
    own_false_alarms: float
    pace: Pace

    @property
    def mean(self) -> float:
        """Return the mean without fault 3, which nobody can see."""
        return float(np.mean([rate for fault, rate in self.rates.items() if fault != 3]))


def tep(told: Disguise = PLAIN) -> Tep:
    """Fit on d00, threshold at 1 % of d00_te, detection over rows 161 to 960 of faults 1 to 7."""

    def score(name: str) -> np.ndarray:
        return np.nan_to_num(pace.score(model, told(public.tep(name), later=True, every=180)).exceedance)

    pace = Pace()
    model = pace.fit(told(public.tep("d00"), every=180))
    normal = score("d00_te")
    limit = np.quantile(normal, 0.99)
    rates = {n: float((score(f"d0{n}_te")[160:] > limit).mean()) for n in range(1, 8)}
    return Tep(rates, float((normal > 1).mean()), pace)


@dataclass(frozen=True)
class Batadal:
    """The water network: the competition's score S, attacks found, and false alerts."""

    s: float
    auc: float
    found: int
    attacks: int
    false_alarms_per_month: float
    pace: Pace


def attack_score(alarm: np.ndarray, attack: np.ndarray) -> tuple[float, int, int]:
    """Return S = half of (1 - mean time to detection / duration), half of (TPR + TNR) / 2; attacks found, and of how many."""
    late, found = [], 0
    for start, end in spans(attack):
        inside = np.flatnonzero(alarm[start : end + 1])
        found += bool(len(inside))
        late.append((inside[0] if len(inside) else end + 1 - start) / (end + 1 - start))
    right = (alarm[attack].mean() + (~alarm[~attack]).mean()) / 2
    return float(0.5 * (1 - np.mean(late)) + 0.5 * right), found, len(late)


def batadal(told: Disguise = PLAIN) -> Batadal:
    """Fit on the normal year (dataset03), score dataset04; all settings at their defaults."""
    train, _ = public.batadal("dataset03")
    table, attack = public.batadal("dataset04")
    pace = Pace()
    scored = pace.score(pace.fit(told(train)), told(table, later=True))
    s, found, attacks = attack_score(scored.reason == "anomaly", attack)
    ends = [(alert.start, alert.end or int(scored.times[-1])) for alert in scored.alerts]
    false = sum(not attack[(scored.times >= start) & (scored.times <= end)].any() for start, end in ends)
    months = len(scored) / 720
    return Batadal(s, auc(np.nan_to_num(scored.exceedance), attack), found, attacks, false / months, pace)


@dataclass(frozen=True)
class SkabFigures:
    """The water pump: mean AUC per file, and whether the sensors named are those the fault was put in."""

    auc: float
    top1: float
    top2: float
    files: int
    pace: Pace


def skab(told: Disguise = PLAIN) -> SkabFigures:
    """Per file: fit on the first 400 rows, score the rest; attribution by mean shares over the anomalous rows."""
    areas, first, second, known, pace = [], 0, 0, 0, Pace()
    for one in public.skab():
        train, later = public.part(one.table, 0, 400), public.part(one.table, 400, None)
        scored = pace.score(pace.fit(told(train)), told(later, later=True))
        culprits = {told.name(name) for name in one.culprits}
        true = one.anomaly[400:]
        areas.append(auc(np.nan_to_num(scored.exceedance), true))
        if culprits:
            order = [scored.sensors[place] for place in np.argsort(-np.nanmean(scored.shares[true], axis=0))]
            known, first, second = known + 1, first + (order[0] in culprits), second + bool(culprits & set(order[:2]))
    return SkabFigures(float(np.mean(areas)), first / known, second / known, len(areas), pace)


@dataclass(frozen=True)
class Year:
    """A generated year: faults found, how early, false alarms, and whether the culprit is named."""

    faults: int
    found: int
    lead: float
    false_alarms: int
    months: float
    top1: int
    top3: int

    @property
    def false_alarms_per_month(self) -> float:
        """Return false alarms in 30 days of the asset."""
        return self.false_alarms / self.months


def year(scored: anomaly.Scored, truth: anomaly.Example, told: Disguise = PLAIN) -> Year:
    """Hold alerts against the faults that were put in; the first alert raised in a fault counts."""
    found, top1, top3, leads = 0, 0, 0, []
    begun = [int(np.searchsorted(scored.times, alert.start)) for alert in scored.alerts]
    for fault in truth.faults:
        hits = [place for place, row in enumerate(begun) if fault.start <= row < fault.end]
        if not hits:
            continue
        found += 1
        leads.append((fault.end - begun[hits[0]]) / (fault.end - fault.start))
        named = [name for name, _ in scored.alerts[hits[0]].sensors]
        top1, top3 = top1 + (named[0] == told.name(fault.sensors[0])), top3 + (told.name(fault.sensors[0]) in named[:3])
    false = sum(not any(fault.start <= row <= fault.end for fault in truth.faults) for row in begun)
    lead = float(np.mean(leads)) if leads else 0.0
    return Year(len(truth.faults), found, lead, false, len(scored) / 43_200, top1, top3)


def generated(seed: int, told: Disguise = PLAIN, days: int = 365, later: int = 180, faults: int = 10) -> Year:
    """Learn a generated year, judge the days after it with faults that creep in."""
    truth = anomaly.compressor(later, seed=seed, faults=faults, first_day=days)
    factor, offset = told.scale("current")
    model = anomaly.fit(
        told(anomaly.compressor(days, seed=seed).table()),
        drivers=[told.name(name) for name in DRIVERS],
        off=f"`{told.name('current')}` < {5 * factor + offset!r}",
    )
    shift = told(truth.table(), later=True)
    moved = np.sort(next(values for name, values in shift.items() if name.lower() in TIMES))
    scored = model.score(shift, resets=_moments(truth, moved))
    return year(scored, truth, told)


TIMES = ("time", "timestamp")


def _moments(truth: anomaly.Example, moved: np.ndarray) -> list[str]:
    """Return the repairs on the disguised clock."""
    return [str(moved[int(np.searchsorted(truth.times, repair))]) for repair in truth.repairs]
