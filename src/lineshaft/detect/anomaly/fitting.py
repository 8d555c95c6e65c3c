"""Learning normal running from a table: look at the data, choose rows, learn, and set the thresholds on rows held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from lineshaft.core import NS, InvalidInput, did_you_mean, iso, parse_duration
from lineshaft.detect.anomaly.calibration import calibrate
from lineshaft.detect.anomaly.charts import CLIP, smooth, step
from lineshaft.detect.anomaly.columns import Columns, Filler, Off, levels_of
from lineshaft.detect.anomaly.gate import Gate
from lineshaft.detect.anomaly.labels import Label, excluded
from lineshaft.detect.anomaly.model import SAMPLE, Model, detector_of, rule_of
from lineshaft.detect.anomaly.quality import Flaw, QualityReport, inspect, roles_of
from lineshaft.detect.anomaly.reading import MINUTE, Readings, read
from lineshaft.detect.anomaly.scoring import Core, Limits
from lineshaft.detect.anomaly.settings import AnomalySettings
from lineshaft.detect.detector import Bools, Floats, Ints

LEAST_ROWS = 100
WINDOWS = 4
FEW_VALUES = 24
"""With so few different values a sensor is not one whose values could come rounded later."""
LOOK_BACK = 2 * 3600 * NS
Progress = Callable[[float, str], None]


def check(table: Any, settings: AnomalySettings | None = None, **changes: Any) -> QualityReport:
    """Look at a table before anything is learned: what is wrong with each sensor, and what will be done about it."""
    settings = _settings(settings, changes)
    readings, every = _read(table, settings)
    return inspect(readings, _roles(readings, settings), every, parse_duration(settings.fill))


def fit(
    table: Any,
    settings: AnomalySettings | None = None,
    *,
    labels: Sequence[Label | tuple[Any, ...]] = (),
    progress: Progress | None = None,
    **changes: Any,
) -> Model:
    """Learn the normal running of a machine from a table of its sensors.

    `labels` are times that are known: anomalies and neutral times are left out. `progress` is told how far it is and may stop
    the training by raising. Raises InvalidInput, with a way out, when the data cannot carry a model.
    """
    tell = progress or _silent
    settings = _settings(settings, changes)
    tell(0.02, "reading")
    readings, every = _read(table, settings)
    report = inspect(readings, _roles(readings, settings), every, parse_duration(settings.fill))
    tell(0.2, "looking at the data")
    chosen = _choose(readings, report, settings, labels)
    tell(0.35, "learning")
    return _learn(chosen, readings, report, settings, every, tell)


def _silent(share: float, what: str) -> None:
    """Tell nobody."""
    del share, what


@dataclass(slots=True)
class _Chosen:
    """Rows that can be learned from."""

    columns: Columns
    times: Ints
    rows: Floats
    left_out: dict[str, int]


def _settings(settings: AnomalySettings | None, changes: dict[str, Any]) -> AnomalySettings:
    given = {**(settings.model_dump() if settings else {}), **changes}
    given |= {name: (given[name],) for name in ("drivers", "states", "ignore") if isinstance(given.get(name), str)}
    unknown = [name for name in given if name not in AnomalySettings.model_fields]
    if unknown:
        hint = did_you_mean(unknown[0], AnomalySettings.model_fields)
        raise InvalidInput(f"'{unknown[0]}' is not a setting", hint=hint, code="anomaly.setting")
    try:
        return AnomalySettings(**given)
    except ValueError as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        hint = "durations are texts such as '60s', '10m', '12h'; what the settings are stands in AnomalySettings"
        raise InvalidInput(str(first["msg"]), where=where or "settings", hint=hint, code="anomaly.setting") from error


def _read(table: Any, settings: AnomalySettings) -> tuple[Readings, int]:
    every = parse_duration(settings.every) if settings.every else None
    readings = read(table, settings.time, every, states=settings.states)
    if len(readings) < LEAST_ROWS:
        raise InvalidInput(
            f"{len(readings)} rows are too few to learn from",
            hint=f"give at least {LEAST_ROWS}, better two weeks of normal running; until then set alarm limits by hand",
            code="anomaly.too-few-rows",
        )
    steps = np.diff(readings.times)
    return readings, every or (int(np.median(steps)) if len(steps) else MINUTE)


def _roles(readings: Readings, settings: AnomalySettings) -> dict[str, str]:
    for where in ("drivers", "states", "ignore"):
        for name in getattr(settings, where):
            if name not in readings.names:
                hint = did_you_mean(name, readings.names)
                raise InvalidInput(f"there is no column '{name}'", where=where, hint=hint, code="anomaly.columns")
    return roles_of(readings.names, settings.drivers, settings.states, settings.ignore)


def _choose(
    readings: Readings, report: QualityReport, settings: AnomalySettings, labels: Sequence[Label | tuple[Any, ...]]
) -> _Chosen:
    used = [sensor for sensor in report.sensors if sensor.used]
    measured = [sensor for sensor in used if sensor.role != "state"]
    responses = [sensor for sensor in measured if sensor.role == "response"]
    _enough_sensors(report, len(measured), len(responses))
    off = Off(settings.off, parse_duration(settings.start_up), parse_duration(settings.fill))
    idle, untold = off.rows(readings)
    known = excluded(labels, readings.times, readings.unit)
    fit_for = ~idle & ~untold & ~known
    states = {sensor.name: levels_of(readings, sensor.name, fit_for) for sensor in used if sensor.role == "state"}
    columns = Columns(
        tuple(sensor.name for sensor in measured),
        np.array([sensor.role == "driver" for sensor in measured], np.bool_),
        {name: levels for name, levels in states.items() if levels},
    )
    rows = columns.rows(readings)
    for place, sensor in enumerate(measured):
        if sensor.within is not None:
            lane = rows[:, place]
            lane[(lane < sensor.within[0]) | (lane > sensor.within[1])] = np.nan
    rows = Filler(columns.width, parse_duration(settings.fill)).fill(readings.times, rows)
    poor = (
        np.isnan(rows[:, : len(measured)]).mean(axis=1) > settings.missing
        if np.isnan(rows).any()
        else np.zeros(len(rows), np.bool_)
    )
    left_out = {
        "off": int(idle.sum()),
        "labelled": int((known & ~idle).sum()),
        "bad_data": int((untold | (poor & fit_for)).sum()),
    }
    fit_for &= ~poor
    if not fit_for.all():
        rows, times = _kept(rows, fit_for), readings.times[fit_for]
    else:
        times = readings.times
    least = max(LEAST_ROWS, 3 * columns.width)
    if len(rows) < least:
        off, labelled, bad = left_out.values()
        told = {f"{off} with the machine off": off, f"{labelled} labelled": labelled, f"{bad} with bad data": bad}
        said = "; ".join(why for why, count in told.items() if count)
        raise InvalidInput(
            f"{len(rows)} rows of running are too few for {columns.width} columns ({said or 'of ' + str(len(readings))})",
            hint=f"at least {least} are needed: give a longer time, fewer sensors, or check the off condition and the labels",
            code="anomaly.too-few-rows",
        )
    return _Chosen(columns, times, rows, left_out)


def _kept(rows: Floats, fit_for: Bools) -> Floats:
    """Return some of the rows, moved together where they lie: a second copy of a year costs more than all of the learning."""
    lanes = np.ascontiguousarray(rows.T)
    places = np.flatnonzero(fit_for)
    for lane in lanes:
        lane[: len(places)] = lane[places]
    return lanes[:, : len(places)].T


def _enough_sensors(report: QualityReport, measured: int, responses: int) -> None:
    if measured >= 2 and responses:
        return
    why = "; ".join(f"{one.name}: {flaw.what}" for one in report.sensors for flaw in one.flaws if flaw.excludes)
    raise InvalidInput(
        f"{measured} of {len(report.sensors)} sensors can be used" + (f" ({why})" if why else ""),
        hint="a model needs two that hang together, at least one of them a response; for a single one use an alarm with a limit",
        code="anomaly.too-few-sensors",
    )


def _learn(
    chosen: _Chosen, readings: Readings, report: QualityReport, settings: AnomalySettings, every: int, tell: Progress
) -> Model:
    edge = len(chosen.rows) - max(int(len(chosen.rows) * settings.held_out), min(50, len(chosen.rows) // 3))
    chosen, report = _moving(chosen, report, edge)
    columns, rows, times = chosen.columns, chosen.rows, chosen.times
    standard = columns.standard(rows)
    span = _span(settings, every, edge)
    share = 2 / (span + 1)
    detector = detector_of(settings)

    def weigh(off: Floats) -> Floats:
        """Return how odd each row is: the running mean of its squared residuals."""
        squares = off * off
        if np.isnan(squares.sum()):
            squares[np.isnan(squares)] = 0.0
        np.minimum(squares, CLIP**2, out=squares)
        return smooth(squares.mean(axis=1, keepdims=True), share, np.zeros(1))[:, 0]

    about = detector.fit(standard[:edge], standard[edge:], columns.charted, weigh)
    tell(0.7, "setting the thresholds")
    gate = Gate()
    gate.learn(standard[:, : len(columns.names)][:, np.flatnonzero(columns.driving)])
    limits = Limits(share, np.ones(len(columns.charted)), longest=max(1, parse_duration(settings.fill) // every))
    core = Core(columns, detector, gate, limits, parse_duration(settings.fill), settings.missing)
    rule = rule_of(settings, span, every)
    held = calibrate(core, times[edge:], rows[edge:], rows[:edge], rule, settings, every, span)
    tell(0.9, "learning from all rows")
    detector.refit(standard)
    steps = np.array([_coarsest(readings.numbers[name]) for name in columns.names])
    facts = {
        "rows": len(rows),
        "start": iso(int(times[0])),
        "end": iso(int(times[-1])),
        "left_out": chosen.left_out,
        "detector": about,
        "thresholds": held,
        "quality": report.as_dict(),
        "texts": [*readings.texts],
        "timed": readings.timed,
    }
    tell(1.0, "done")
    return Model(settings, core, every, span, steps, facts)


def _moving(chosen: _Chosen, report: QualityReport, edge: int) -> tuple[_Chosen, QualityReport]:
    """Leave out what stands still in the rows to learn from (a switch that is always on while the machine runs), and say so."""
    columns = chosen.columns
    columns.settle(chosen.rows[:edge])
    flat = frozenset(columns.flat)
    if not flat:
        return chosen, report
    what, stood = "does not move in the rows to learn from", dict(zip(columns.names, columns.center.tolist(), strict=False))
    flaws = {name: Flaw("constant", what, "left out", stood[name], excludes=True) for name in flat}
    sensors = (replace(one, flaws=(*one.flaws, flaws[one.name])) if one.name in flat else one for one in report.sensors)
    report = replace(report, sensors=tuple(sensors))
    stay = [place for place, name in enumerate(columns.names) if name not in flat]
    driving = columns.driving[stay]
    _enough_sensors(report, len(stay), int((~driving).sum()))
    rows = chosen.rows.T[[*stay, *range(len(columns.names), columns.width)]].T
    columns = Columns(tuple(columns.names[place] for place in stay), driving, columns.states)
    columns.settle(rows[:edge])
    return _Chosen(columns, chosen.times, rows, chosen.left_out), report


def _coarsest(values: Floats) -> float:
    """Return the coarsest step of a sensor's values in some windows; infinite for few values (a set-point, stages)."""
    some = values[:: max(1, len(values) // SAMPLE)]
    if len(np.unique(some[~np.isnan(some)])) <= FEW_VALUES:
        return float("inf")
    starts = np.unique(np.linspace(0, max(len(values) - SAMPLE, 0), WINDOWS).astype(np.int64))
    return max(step(values[start : start + SAMPLE]) for start in starts.tolist())


def _span(settings: AnomalySettings, every: int, rows: int) -> int:
    """Return how many rows the charts look back: two hours, at least 8 rows, at most a fiftieth of the training rows."""
    if settings.span:
        return max(2, round(parse_duration(settings.span) / every))
    return int(max(8, min(LOOK_BACK // max(every, 1), rows // 50)))
