"""Machines that are alike and learn from each other's rows: one table, one model, given back to each under its own names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lineshaft.core import NS, InvalidInput
from lineshaft.detect.anomaly import AnomalySettings
from lineshaft.detect.anomaly.labels import excluded

HOUR = 3600 * NS
Given = tuple[dict[str, Any], Sequence[tuple[Any, ...]], dict[str, Any], str]
"""A machine's table, labels and settings, and what the names in them begin with."""


def relative(settings: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return settings that name properties of an asset as seen from the asset."""
    return json.loads(json.dumps(settings).replace(json.dumps(prefix)[1:-1], ""))


def pooled(machines: Sequence[Given]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return one table of all machines' rows and the settings for it; names are seen from each machine.

    First come the earlier rows of all, then the later rows of all, so that those that set the threshold are every machine's.
    Rows labelled as anomalies or neutral are left out. Times are made up: one machine after the other.
    """
    settings = relative(machines[0][2], machines[0][3])
    share = AnomalySettings(**settings).held_out
    early, late = list[dict[str, Any]](), list[dict[str, Any]]()
    for table, labels, _, prefix in machines:
        kept = ~excluded(labels, table["time"]) if len(table["time"]) else np.zeros(0, np.bool_)
        rows = {name.removeprefix(prefix): np.asarray(values)[kept] for name, values in table.items()}
        edge = int(len(rows["time"]) * (1 - share))
        early.append({name: values[:edge] for name, values in rows.items()})
        late.append({name: values[edge:] for name, values in rows.items()})
    names = [name for name in early[0] if all(name in one for one in early)]
    if len(names) < 3:
        raise InvalidInput("the machines have too few properties in common", hint="name the properties they all have")
    return {name: _joined(name, [*early, *late]) for name in names}, settings


def _joined(name: str, parts: list[dict[str, Any]]) -> Any:
    if name != "time":
        return np.concatenate([one[name] for one in parts])
    out, last = list[Any](), 0
    for one in parts:
        if len(one["time"]):
            out.append(one["time"] - one["time"][0] + last + 24 * HOUR)
            last = int(out[-1][-1])
    return np.concatenate(out) if out else np.zeros(0, np.int64)
