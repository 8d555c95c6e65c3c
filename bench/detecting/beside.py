"""Other detectors beside ours: same rows, same smoothing, same rule for thresholds and alerts; only the figure a row differs."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.detecting import figures, public
from lineshaft.core import NS
from lineshaft.detect import anomaly
from lineshaft.detect.anomaly.alerts import Rule, Watch, threshold
from lineshaft.detect.anomaly.charts import smooth
from tests.counterparts import programs

PEERS = ("PCA T2/SPE", "Isolation Forest", "PyOD KNN", "PyOD ECOD")
HOUR = 3600 * NS
THIN = 20
"""Of the generated year the others get every twentieth row: some take minutes for all."""


@dataclass(frozen=True)
class Scores:
    """What another detector said, and how long it took."""

    tables: dict[str, np.ndarray]
    fit_s: float
    rows_per_s: float


def scores(peer: str, given: dict[str, np.ndarray]) -> Scores:
    """Run another detector in its own process and environment."""
    interpreter = programs.python("pyod")
    if interpreter is None:
        raise RuntimeError(f"the other detectors are not installed: {programs.MEND}")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, **given)
        command = [str(interpreter), "-W", "ignore", str(Path(__file__).with_name("other.py")), peer, str(source), str(target)]
        subprocess.run(command, check=True, timeout=600, capture_output=True)
        with np.load(target) as out:
            fit_s, score_s, rows = out["seconds"]
            return Scores({name: out[name] for name in out.files if name != "seconds"}, fit_s, rows / max(score_s, 1e-9))


def matrix(table: dict) -> np.ndarray:
    """Return a table's sensors side by side; a missing value is the last one."""
    rows = np.column_stack([values for name, values in table.items() if name != "time"])
    for column in rows.T:
        seen = np.maximum.accumulate(np.where(np.isnan(column), 0, np.arange(len(column))))
        column[:] = np.nan_to_num(column[seen], nan=np.nanmean(column))
    return rows


def calm(score: np.ndarray, span: int) -> np.ndarray:
    """Smooth like ours."""
    return smooth(score[:, None].astype(float), 2 / (span + 1), np.zeros(1))[:, 0]


def tep(peer: str) -> tuple[float, Scores]:
    """Mean detection of faults 1, 2, 4 to 7 at 1 % false alarms."""
    given = {"train00": matrix(public.tep("d00")), "table00_0": matrix(public.tep("d00_te"))}
    given |= {f"table00_{n}": matrix(public.tep(f"d0{n}_te")) for n in (1, 2, 4, 5, 6, 7)}
    found = scores(peer, given)
    said = {name: calm(score, 8) for name, score in found.tables.items()}
    limit = np.quantile(said["table00_0"], 0.99)
    return float(np.mean([(score[160:] > limit).mean() for name, score in said.items() if name != "table00_0"])), found


def skab(peer: str) -> tuple[float, Scores]:
    """Mean AUC per file."""
    given, truth = {}, []
    for place, one in enumerate(public.skab()):
        rows = matrix(one.table)
        given[f"train{place:02}"], given[f"table{place:02}"] = rows[:400], rows[400:]
        truth.append(one.anomaly[400:])
    found = scores(peer, given)
    areas = [figures.auc(calm(found.tables[f"table{place:02}"], 8), true) for place, true in enumerate(truth)]
    return float(np.mean(areas)), found


def batadal(peer: str) -> tuple[float, float, Scores]:
    """S on dataset04 and false alerts a month, the threshold from the latest 30 % of the normal year."""
    train, (table, attack) = matrix(public.batadal("dataset03")[0]), public.batadal("dataset04")
    edge = int(len(train) * 0.7)
    moving = train[:edge].std(axis=0) > 0
    given = {"train00": train[:edge, moving], "table00_0": train[edge:, moving], "table00_1": matrix(table)[:, moving]}
    told = scores(peer, given)
    said = {name: calm(score - score.min(), 8) for name, score in told.tables.items()}
    rule = Rule(4, 2, 12, 24 * HOUR)
    held = said["table00_0"][24:]
    limit = 1.1 * threshold(np.arange(len(held)) * HOUR, held, rule, 1)
    watch = Watch(rule)
    alarm = watch.feed(np.arange(len(attack)) * HOUR, said["table00_1"] / limit)
    ends = [(one.start // HOUR, len(attack) if one.end is None else one.end // HOUR) for one in watch.alerts]
    false = sum(not attack[start : end + 1].any() for start, end in ends)
    return figures.attack_score(alarm, attack)[0], false / (len(attack) / 720), told


def warm(running: np.ndarray) -> np.ndarray:
    """Return the rows that are more than half an hour after the last stop, as ours are judged."""
    place = np.arange(len(running))
    return running & (place - np.maximum.accumulate(np.where(running, -10_000, place)) > 30)


def year(peer: str, train: anomaly.Example, truth: anomaly.Example) -> tuple[figures.Year, Scores]:
    """Faults of the generated year found by another detector, on running rows, with the same rule and the same resets."""
    running = warm(train.running) & (np.arange(len(train.times)) % THIN == 0)
    later = np.flatnonzero(warm(truth.running) & (np.arange(len(truth.times)) % THIN == 0))
    rows, new = matrix(train.table())[running], matrix(truth.table())[later]
    edge = int(len(rows) * 0.7)
    said = scores(peer, {"train00": rows[:edge], "table00_0": rows[edge:], "table00_1": new})
    low = said.tables["table00_0"].min()
    held, score = calm(said.tables["table00_0"] - low, 120 // THIN), said.tables["table00_1"] - low
    rule = Rule(60 // THIN, 30 // THIN, 720 // THIN, 24 * HOUR)
    limit = 1.1 * threshold(np.arange(len(held) - 50) * THIN * 60 * NS, held[50:], rule, 0)
    return _alerts(score, limit, rule, later, truth), said


def _alerts(score: np.ndarray, limit: float, rule: Rule, later: np.ndarray, truth: anomaly.Example) -> figures.Year:
    watch, times, start = Watch(rule), truth.times[later], 0
    for repair in [*truth.repairs, int(times[-1])]:
        end = int(np.searchsorted(times, repair, side="right"))
        watch.feed(times[start:end], calm(score[start:end], 120 // THIN) / limit)
        watch.reset(repair)
        start = end
    begun = [int(np.searchsorted(truth.times, alert.start)) for alert in watch.alerts]
    hits = [[row for row in begun if fault.start <= row < fault.end] for fault in truth.faults]
    leads = [(fault.end - rows[0]) / (fault.end - fault.start) for fault, rows in zip(truth.faults, hits, strict=True) if rows]
    false = sum(not any(fault.start <= row <= fault.end for fault in truth.faults) for row in begun)
    lead = float(np.mean(leads)) if leads else 0.0
    return figures.Year(len(truth.faults), len(leads), lead, false, len(truth.times) / 43_200, 0, 0)
