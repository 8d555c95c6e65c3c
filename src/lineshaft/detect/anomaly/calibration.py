"""Thresholds from rows the detector has not seen: thresholds from training rows are a promise nobody keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from lineshaft.core import NS, InvalidInput, iso
from lineshaft.detect.anomaly.alerts import Rule, Watch, threshold
from lineshaft.detect.anomaly.charts import spread_of_mean
from lineshaft.detect.anomaly.scoring import Charts, Core, Figures, Limits
from lineshaft.detect.anomaly.settings import AnomalySettings
from lineshaft.detect.detector import Floats, Ints, Single

MARGIN = 1.1
"""The threshold lies so much above what the held-out rows allowed."""

BUDGET_KEPT = 3
"""Held-out rows may use up this part of the budget of false alarms: they show one season, not all."""

LEAP = 1.2
"""A sensor whose chart reaches so much further than that of three quarters of the sensors is toned down."""

FEW_LOOKS = 100
"""With fewer independent looks than that the training rows say too how far a sensor's chart wanders."""

LEAST_SPREAD = 0.125
"""A chart's spread is taken as at least this share of what independent noise would give."""

MONTH = 30 * 24 * 3600 * NS


def calibrate(
    core: Core, times: Ints, rows: Floats, earlier: Floats, rule: Rule, settings: AnomalySettings, every: int, span: int
) -> dict[str, Any]:
    """Set the charts' spreads and thresholds on rows the detector has not seen; `earlier` are the rows it has."""
    limits = core.limits
    found = _run(core, times, rows)
    if len(found.judged) > span and _tone_down(limits, found.drift):
        found = _run(core, times, rows)
    warm = min(3 * span, len(found.judged) // 4)
    judged, broad = times[found.judged][warm:], found.broad[warm:]
    if len(judged) < span:
        raise InvalidInput(
            f"only {len(judged)} of the latest rows can be used to set a threshold",
            hint="give a longer time of normal running, or see the quality report for what is missing",
            code="anomaly.too-few-rows",
        )
    few = len(judged) < FEW_LOOKS * span
    limits.spread = _spread(limits, found.drift[warm:], _run(core, np.arange(len(earlier)), earlier).drift if few else None)
    limits.level = np.maximum(_size(found.level[warm:]), 0.5)
    most = np.abs(found.drift[warm:].astype(np.float64) / limits.spread).max(axis=1)
    months = len(judged) * every / MONTH
    allowed = int(settings.false_alarms * months / BUDGET_KEPT)
    longer = _longer(len(judged) / span * len(limits.spread), months * settings.false_alarms)
    limits.signed = MARGIN * longer * threshold(judged, most, rule, allowed)
    usual, top = float(np.median(broad)), threshold(judged, broad, rule, allowed)
    limits.squared = MARGIN * (usual + longer * max(top - usual, 0.0))
    names = core.columns.judged
    return {
        "held_out_rows": len(judged),
        "held_out_from": iso(int(judged[0])),
        "months": round(months, 2),
        "false_alarms_allowed": allowed,
        "drift": round(limits.signed, 4),
        "broad": round(limits.squared, 4),
        "toned_down": {name: round(float(by), 2) for name, by in zip(names, limits.loud, strict=True) if by > 1},
        "warnings": _suspects(judged, most, rule),
    }


def _run(core: Core, times: Ints, rows: Floats) -> Figures:
    nothing = np.zeros(len(rows), np.bool_)
    return Charts(core).run(times, lambda part: rows[part].copy("K"), nothing, nothing)


def _size(values: Single) -> Floats:
    """Return the root mean square of each column."""
    return np.sqrt(np.square(values.astype(np.float64)).mean(axis=0))


def _spread(limits: Limits, drift: Single, earlier: Single | None) -> Floats:
    """Return how far each sensor's chart wanders when all is normal."""
    noise = spread_of_mean(limits.share)
    spread = np.maximum(_size(drift), LEAST_SPREAD * noise)
    if earlier is not None and len(earlier):
        spread = np.maximum(spread, _size(earlier))
    return np.where((drift != 0).any(axis=0), spread, noise)


def _longer(looks: float, budgets: float) -> float:
    """Return how much higher the highest of normal values lies in the time of one false alarm than in a shorter one.

    `looks` are the independent looks in the held-out rows, `budgets` how many false alarms their time may hold.
    """
    if budgets >= 1:
        return 1.0
    return min(2.0, float(np.sqrt(np.log(max(looks, 3.0) / max(budgets, 1e-6)) / np.log(max(looks, 3.0)))))


def _tone_down(limits: Limits, drift: Single) -> bool:
    """Find sensors whose chart leaps in normal running far beyond what the others do; returns whether there are any."""
    reach = np.abs(drift).max(axis=0) / np.maximum(_size(drift), LEAST_SPREAD * spread_of_mean(limits.share))
    limits.loud = np.maximum(1.0, reach / max(float(np.quantile(reach, 0.75)) * LEAP, 1e-9))
    return bool((limits.loud > 1).any())


def _suspects(times: Ints, most: Floats, rule: Rule) -> list[str]:
    """Name a time in the held-out rows that stands out so much that it may be a fault nobody labelled."""
    watch = Watch(rule)
    watch.feed(times, most / max(6 * float(np.median(most)), 1e-9))
    return [
        f"from {iso(alert.start)} to {iso(alert.end or int(times[-1]))} the held-out rows are far from the rest;"
        " if that was a fault, label it as an anomaly and train again: it makes the threshold too high"
        for alert in watch.alerts
    ]
