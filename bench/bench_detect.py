"""Anomalies: what is found, how early, how often in vain, how fast; beside PyOD's detectors, PCA T2/SPE, Isolation Forest."""

from __future__ import annotations

import contextlib
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bench.detecting import beside, figures, lives, public
from bench.row import Row, less_is_better, more_is_better
from lineshaft.detect import anomaly
from lineshaft.detect.anomaly.example import DRIVERS, OFF

NAME = "detect"
SEEDS = (7, 11)
"""Seeds of the generated years, for anybody to repeat."""


def peers() -> tuple[str, ...]:
    """Return the other detectors to run, none when they are not wanted or not installed."""
    if os.environ.get("LINESHAFT_BENCH_PEERS") == "no":
        return ()
    if beside.programs.python("pyod") is None:
        print(f"the other detectors are not installed: {beside.programs.MEND}", file=sys.stderr)
        return ()
    return beside.PEERS


def absent(name: str) -> bool:
    """Say, once, that a data set is not here."""
    if public.there(name):
        return False
    print(f"the public data set '{name}' is not here (../shared/data or LINESHAFT_DATA)", file=sys.stderr)
    return True


def tep() -> list[Row]:
    """Tennessee Eastman."""
    if absent("tep"):
        return []
    told = figures.tep()
    rows = [more_is_better("detect.tep", told.mean, "fraction", "promise", 0.95)]
    rows.append(Row("detect.tep.false_alarms: own threshold on d00_te", told.own_false_alarms, "fraction"))
    rows += [Row(f"detect.tep.fault_{fault}", rate, "fraction") for fault, rate in told.rates.items()]
    others = {peer: beside.tep(peer) for peer in peers()}
    rows += [more_is_better(f"detect.tep beside {peer}", told.mean, "fraction", peer, mean) for peer, (mean, _) in others.items()]
    return rows + paces("detect.tep", told.pace, {peer: said for peer, (_, said) in others.items()})


def batadal() -> list[Row]:
    """The water network."""
    if absent("batadal"):
        return []
    told = figures.batadal()
    rows = [
        more_is_better("detect.batadal", told.s, "S", "promise", 0.85),
        less_is_better("detect.batadal.false_alarms", told.false_alarms_per_month, "1/month", "promise", 1),
        Row("detect.batadal.found", told.found, f"of {told.attacks}"),
        Row("detect.batadal.auc", told.auc, "AUC"),
    ]
    others = {peer: beside.batadal(peer) for peer in peers()}
    false = told.false_alarms_per_month
    rows += [more_is_better(f"detect.batadal beside {peer}", told.s, "S", peer, s) for peer, (s, _, _) in others.items()]
    rows += [
        Row(f"detect.batadal.false_alarms beside {peer}", false, "1/month", peer, own) for peer, (_, own, _) in others.items()
    ]
    return rows + paces("detect.batadal", told.pace, {peer: said for peer, (_, _, said) in others.items()})


def skab() -> list[Row]:
    """The water pump."""
    if absent("skab"):
        return []
    told = figures.skab()
    rows = [
        more_is_better("detect.skab", told.auc, "AUC", "promise", 0.79),
        more_is_better("detect.skab.top2", told.top2, "fraction", "promise", 0.85),
        Row("detect.skab.top1", told.top1, "fraction"),
    ]
    others = {peer: beside.skab(peer) for peer in peers()}
    rows += [more_is_better(f"detect.skab beside {peer}", told.auc, "AUC", peer, area) for peer, (area, _) in others.items()]
    return rows + paces("detect.skab (34 files)", told.pace, {peer: said for peer, (_, said) in others.items()})


def paces(name: str, ours: figures.Pace, others: dict[str, beside.Scores]) -> list[Row]:
    """Return how long learning took and how many rows are scored a second, ours and beside each other."""
    rows = [Row(f"{name}.fit", ours.fit_s, "s"), Row(f"{name}.rows", ours.rows_per_s, "1/s")]
    for peer, said in others.items():
        rows.append(Row(f"{name}.fit beside {peer}", ours.fit_s, "s", peer, said.fit_s))
        rows.append(Row(f"{name}.rows beside {peer}", ours.rows_per_s, "1/s", peer, said.rows_per_s))
    return rows


def year() -> list[Row]:
    """A generated year of normal running, then 180 days with ten faults that creep in; once for each seed."""
    told: list[figures.Year] = []
    fits, speeds, others = [], [], {peer: [] for peer in peers()}
    for seed in SEEDS:
        train, truth = anomaly.compressor(365, seed=seed), anomaly.compressor(180, seed=seed, faults=10, first_day=365)
        table, later = train.table(), truth.table()
        begin = time.process_time()
        model = anomaly.fit(table, drivers=DRIVERS, off=OFF)
        fits.append(time.process_time() - begin)
        told.append(figures.year(model.score(later, resets=truth.repairs), truth))
        begin = time.process_time()
        model.score(table)
        speeds.append(len(train.times) / (time.process_time() - begin))
        for peer, runs in others.items():
            runs.append(beside.year(peer, train, truth))
    faults, months = sum(one.faults for one in told), sum(one.months for one in told)
    found, lead = sum(one.found for one in told) / faults, float(np.mean([one.lead for one in told]))
    rows = [
        more_is_better("detect.year.found", found, "fraction", "promise", 0.95),
        less_is_better("detect.year.false_alarms", sum(one.false_alarms for one in told) / months, "1/month", "promise", 1),
        more_is_better("detect.year.lead", lead, "of the fault's time", "promise", 0.5),
        more_is_better("detect.year.top3", sum(one.top3 for one in told) / faults, "fraction", "promise", 0.85),
        less_is_better("detect.year.fit", min(fits), "s", "promise", 2),
        more_is_better("detect.year.rows", max(speeds), "1/s", "promise", 1e6),
    ]
    rows += hard()
    for peer, runs in others.items():
        hits = sum(run.found for run, _ in runs) / faults
        false = sum(run.false_alarms for run, _ in runs) / months
        rows.append(more_is_better(f"detect.year.found beside {peer}", found, "fraction", peer, hits))
        rows.append(
            Row(
                f"detect.year.lead beside {peer}",
                lead,
                "of the fault's time",
                peer,
                float(np.mean([run.lead for run, _ in runs])),
            )
        )
        rows.append(Row(f"detect.year.false_alarms beside {peer}", rows[1].value, "1/month", peer, false))
        rows.append(
            Row(
                f"detect.year.fit beside {peer} (on every {beside.THIN}th row)",
                min(fits),
                "s",
                peer,
                min(said.fit_s for _, said in runs),
            )
        )
        rows.append(
            more_is_better(f"detect.year.rows beside {peer}", max(speeds), "1/s", peer, max(said.rows_per_s for _, said in runs))
        )
    return rows


LIVES = {"FD001": (13.5, 12.5), "FD003": (12.5, 10.5)}
"""What was promised of remaining life: RMSE in cycles with raw and with capped labels."""


def remaining_life() -> list[Row]:
    """Turbofan engines."""
    if absent("cmapss"):
        return []
    rows: list[Row] = []
    for name, (raw, capped) in LIVES.items():
        told, row = lives.measure(name), f"detect.{name.lower()}"
        rows += [
            less_is_better(f"{row}.raw", told.raw, "cycles", "promise", raw),
            less_is_better(f"{row}.capped", told.capped, "cycles", "promise", capped),
            Row(f"{row}.coverage: 80 % intervals, unseen engines and test", told.coverage, "fraction", "promise: .7 to .9"),
            Row(f"{row}.coverage: test alone", told.coverage_test, "fraction"),
            Row(f"{row}.late", told.late, "fraction"),
            less_is_better(f"{row}.fit", told.fit_s, "s", "promise", 10),
        ]
    return rows


def hard() -> list[Row]:
    """What makes real data hard, apart: a regime training never saw, and gaps nobody repaired."""
    model = anomaly.fit(anomaly.compressor(120, seed=3).table(), drivers=DRIVERS, off=OFF)
    new = model.score(anomaly.compressor(30, seed=5, first_day=90, product_c=True).table())
    gaps = anomaly.compressor(60, seed=3, faults=4, first_day=120, gaps=150, missing=0.03)
    told = figures.year(model.score(gaps.table(), resets=gaps.repairs), gaps)
    return [
        Row("detect.unseen_regime: alerts in 30 days with a product never seen", len(new.alerts), "alerts"),
        Row("detect.unseen_regime: rows not judged for it", new.time_in()["unknown_regime"], "fraction"),
        more_is_better("detect.gaps: faults found, 150 gaps of hours in 60 days", told.found, f"of {told.faults}", "promise", 4),
    ]


def run() -> list[Row]:
    """Measure on one core."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return [*tep(), *batadal(), *skab(), *remaining_life(), *year()]
