"""What a version says of a time, row by row, to take away: a table with every sensor's share, or lines of JSON.

The lines have the names the results of Amazon Lookout for Equipment had (timestamp, prediction, prediction_reason, anomaly_score,
diagnostics), so that what reads those goes on reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from lineshaft.core import NS, iso
from lineshaft.detect.anomaly import Scored

REASONS = {
    "normal": "NO_ANOMALY_DETECTED",
    "anomaly": "ANOMALY_DETECTED",
    "off": "MACHINE_OFF",
    "unknown_regime": "UNKNOWN_REGIME",
    "bad_data": "BAD_DATA",
}
"""Our reasons in the words of those lines; the last two are only ours."""


def table_of(scored: Scored, start: int, end: int) -> pa.Table:
    """Return the rows of (start, end]: time, score, reason and each sensor's share."""
    inside = (scored.times > start) & (scored.times <= end)
    return scored.table().filter(pa.array(inside))


def lines_of(scored: Scored, start: int, end: int) -> Iterator[str]:
    """Return the rows of (start, end] as lines of JSON."""
    shares, reasons, scores = scored.shares, scored.reason, scored.score
    for row in np.flatnonzero((scored.times > start) & (scored.times <= end)).tolist():
        reason = str(reasons[row])
        line: dict[str, Any] = {
            "timestamp": _moment(int(scored.times[row])),
            "prediction": int(reason == "anomaly"),
            "prediction_reason": REASONS[reason],
        }
        if not np.isnan(scores[row]):
            line["anomaly_score"] = round(float(scores[row]), 5)
            parts = zip(scored.sensors, shares[row].tolist(), strict=True)
            line["diagnostics"] = [{"name": name, "value": round(share, 5)} for name, share in parts]
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _moment(at: int) -> str:
    """Return a time as those lines write it: UTC without saying so, six decimals."""
    return f"{iso(at // NS * NS)[:-1]}.{at % NS // 1000:06d}"
