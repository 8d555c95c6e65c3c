"""What can be set about a model of a machine; every default is the one that was measured."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lineshaft.core import Duration, Section


class AnomalySettings(Section):
    """How the normal running of a machine is learned and watched."""

    drivers: tuple[str, ...] = Field((), description="tags from outside that explain the others: load, speed, set-point, ambient")
    states: tuple[str, ...] = Field((), description="tags that name a state or a product; each of their values is a regime")
    ignore: tuple[str, ...] = Field((), description="columns that are left out")
    off: str = Field("", description="formula that is true while the machine is off, e.g. current < 1; odd names in `backquotes`")
    start_up: Duration = Field("30m", description="time after the machine was off that is not judged")
    time: str | None = Field(None, description="the time column; none: the one that is typed or called like time")
    every: Duration | None = Field(None, description="time from row to row; none: as found in the table")
    detector: str = Field("gaussian", description="which detector, a file in detectors/")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the detector")
    span: Duration | None = Field(None, description="how far the charts look back; none: two hours, at least 8 rows")
    fill: Duration = Field("10m", description="a shorter gap of a sensor is filled with its last value")
    held_out: float = Field(0.3, gt=0.05, lt=0.6, description="share of the rows, the latest, that set the threshold")
    false_alarms: float = Field(1.0, gt=0, le=30, description="false alarms that may be raised in a month (30 days)")
    needed: float = Field(0.5, gt=0, le=1, description="share of rows beyond the threshold in half a span that raises an alert")
    clear_after: Duration = Field("12h", description="running time below 70 % of the threshold after which an alert ends")
    merge: Duration = Field("24h", description="an alert that comes so soon after the last one is the same alert")
    missing: float = Field(0.5, gt=0, lt=1, description="a row with a larger share of its sensors missing is not judged")
