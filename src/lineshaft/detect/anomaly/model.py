"""A model of one machine's normal running: score tables with it, follow the machine live, save it and load it again."""

from __future__ import annotations

import copy
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import lineshaft.detect.detectors as folder
from lineshaft.core import NS, ConfigError, InvalidInput, LineshaftError, Registry, now_ns, parse_duration
from lineshaft.detect.anomaly.alerts import Alert, Rule, Watch
from lineshaft.detect.anomaly.charts import step
from lineshaft.detect.anomaly.columns import Columns, Off
from lineshaft.detect.anomaly.exporting import export
from lineshaft.detect.anomaly.gate import Gate
from lineshaft.detect.anomaly.reading import Readings, moment, read
from lineshaft.detect.anomaly.scored import Scored
from lineshaft.detect.anomaly.scoring import ANOMALY, BAD_DATA, Charts, Core, Limits, parts
from lineshaft.detect.anomaly.settings import AnomalySettings
from lineshaft.detect.detector import Arrays, Detector, Floats

FORMAT = 1
SAMPLE = 2_000
"""Rows that are looked at to see in which steps values arrive."""
PACE = 3
"""Rows that come so many times as often as in training are other rows."""


@dataclass(slots=True)
class Model:
    """What was learned about a machine; made by `fit`, scored with `score`, followed live with `follow`."""

    settings: AnomalySettings
    core: Core
    every: int
    span: int
    steps: Floats
    """The coarsest step in which each sensor's values came at any time of training; 0: in none, infinite: they are few."""
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    """How it was trained, in words and numbers: rows, times, quality report, noise floor, thresholds, warnings."""

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors that are judged."""
        return self.core.columns.judged

    @property
    def rule(self) -> Rule:
        """How alerts are raised and ended."""
        return rule_of(self.settings, self.span, self.every)

    def score(self, table: Any, *, resets: tuple[Any, ...] | list[Any] = ()) -> Scored:
        """Score every row of a table; `resets` are times at which the machine was back in service after a repair."""
        readings = self.read(table)
        notes = self.notes(readings)
        scored = self.follow(readings).take(readings, resets=resets)
        scored.notes = notes
        return scored

    def notes(self, readings: Readings) -> tuple[str, ...]:
        """Say in what a table is unlike that of training. Raises InvalidInput where that would make scores meaningless."""
        said = [*readings.notes]
        gone = [name for name in self.sensors if name not in readings.numbers]
        if gone:
            said.append(f"not in the table, so not judged: {', '.join(gone)}")
        lost = [f"'{name}'" for name in self.core.columns.names if name not in readings.numbers and name not in gone]
        lost += [f"'{name}'" for name in self.core.columns.states if name not in readings.names]
        said += [f"{', '.join(lost)}: not in the table, so what drives the machine is not known"] if lost else []
        said += [f"'{name}': {one.worded} words count as missing" for name, one in readings.odd.items() if one.worded]
        said += [f"{readings.unsorted} rows go back in time and were sorted"] if readings.unsorted else []
        moves = [f"'{name}'" for name, value in self._still() if _other(readings.numbers.get(name), value)]
        said += [f"{', '.join(moves)}: stood still in training; what a change of it does was not learned"] if moves else []
        return (*said, *self._pace(readings))

    def _still(self) -> list[tuple[str, float]]:
        """Return what was left out because it never moved, with the value it had."""
        sensors = self.about.get("quality", {}).get("sensors", [])
        flaws = [(str(one["name"]), flaw) for one in sensors for flaw in one["flaws"]]
        return [(name, float(flaw["figure"])) for name, flaw in flaws if flaw["code"] == "constant"]

    def _pace(self, readings: Readings) -> list[str]:
        """Compare the time from row to row with that of training: charts count rows."""
        if not readings.timed or not self.about.get("timed", True) or len(readings) < 20:
            return []
        now = int(np.median(np.diff(readings.times[:SAMPLE])))
        if self.every <= now * PACE:
            slow = now > PACE * self.every
            text = f"rows come every {now / NS:g} s, in training every {self.every / NS:g} s: charts look back longer"
            return [text] if slow else []
        raise InvalidInput(
            f"rows come every {now / NS:g} s, the model was trained on one every {self.every / NS:g} s",
            hint=f"take means over {self.every / NS:g} s, or train a model on rows as these",
            code="anomaly.pace",
        )

    def follow(self, sample: Any | None = None) -> Follower:
        """Return a follower that takes rows as they come; `sample` shows it in which steps the values arrive now."""
        if sample is None:
            return Follower(self)
        noise = self.coarser(sample if isinstance(sample, Readings) else self.read(sample))
        return Follower(self.knowing(noise) if noise.any() else self)

    def read(self, table: Any) -> Readings:
        """Read a table as this model's was; raises InvalidInput if too few of its sensors are there."""
        settings = self.settings
        readings = table if isinstance(table, Readings) else read(table, settings.time, self.every, states=settings.states)
        present = [name for name in self.core.columns.names if name in readings.numbers]
        if not any(name in readings.numbers for name in self.sensors):
            raise InvalidInput(
                "none of the model's sensors is in the table",
                hint=f"it was trained on {', '.join(self.sensors[:5])}" + (" ..." if len(self.sensors) > 5 else ""),
                code="anomaly.columns",
            )
        texts = [name for name in self.sensors if name in readings.texts]
        if texts and not present:
            raise InvalidInput(f"'{texts[0]}' holds texts", hint="measurements are numbers", code="anomaly.columns")
        return readings

    def coarser(self, readings: Readings) -> Floats:
        """Return the noise of rounding, in variances of training, of sensors whose values arrive in coarser steps than then."""
        noise = np.zeros(self.core.columns.width)
        for place, name in enumerate(self.core.columns.names):
            if name not in readings.numbers:
                continue
            now = step(readings.numbers[name][:SAMPLE])
            if now > 1.5 * self.steps[place]:
                noise[place] = now**2 / 12 / float(self.core.columns.scale[place]) ** 2
        return np.where(noise > 1e-6, noise, 0.0)

    def knowing(self, noise: Floats) -> Model:
        """Return the same model for values that come with so much more noise of rounding."""
        detector, more = self.core.detector.coarsen(noise)
        limits = copy.copy(self.core.limits)
        added = (more / limits.loud) ** 2
        limits.spread = np.sqrt(limits.spread**2 + added)
        limits.squared += float(added.mean())
        core = copy.copy(self.core)
        core.detector, core.limits = detector, limits
        other = copy.copy(self)
        other.core = core
        return other

    def renamed(self, name: Callable[[str], str], **settings: Any) -> Model:
        """Return the same model for a table whose columns have other names; `settings` are those of that table."""
        columns = replace(
            self.core.columns,
            names=tuple(name(one) for one in self.core.columns.names),
            states={name(one): levels for one, levels in self.core.columns.states.items()},
        )
        core = replace(self.core, columns=columns)
        about = json.loads(json.dumps(self.about))
        for sensor in about.get("quality", {}).get("sensors", []):
            sensor["name"] = name(sensor["name"])
        about["texts"] = [name(one) for one in about.get("texts", [])]
        loud = about.get("thresholds", {}).get("toned_down", {})
        about["thresholds"] = {**about.get("thresholds", {}), "toned_down": {name(one): by for one, by in loud.items()}}
        return replace(self, settings=AnomalySettings(**settings), core=core, about=about)

    def export(
        self,
        name: str = "model",
        number: int = 1,
        holds: Mapping[str, int] | None = None,
        key: str = "",
        lasts: Collection[str] = (),
    ) -> bytes:
        """Return the model as ONNX with a manifest, in one zip: the same scores wherever ONNX runs.

        `holds` says how long (nanoseconds) which column keeps its last value where sources send only what has changed; `key` is
        what a plant knows the model by; of `lasts` (switches) the last value of a step counts, of other numbers the mean.
        """
        return export(self, name, number, holds or {}, key, lasts)

    def save(self, path: Path | str) -> Path:
        """Write the model into a file of plain arrays and JSON; opening it runs no code."""
        Path(path).write_bytes(self.to_bytes())
        return Path(path)

    def to_bytes(self) -> bytes:
        """Return what `save` writes."""
        columns, limits = self.core.columns, self.core.limits
        head = {
            "format": FORMAT,
            "settings": self.settings.model_dump(mode="json"),
            "names": columns.names,
            "states": columns.states,
            "every": self.every,
            "span": self.span,
            "fill": self.core.fill,
            "missing": self.core.missing,
            "limits": [limits.share, limits.signed, limits.squared, limits.longest],
            "about": self.about,
        }
        arrays: Arrays = {
            "driving": columns.driving,
            "center": columns.center,
            "scale": columns.scale,
            "spread": limits.spread,
            "loud": limits.loud,
            "level": limits.level,
            "steps": self.steps,
            **{f"gate.{name}": values for name, values in self.core.gate.state().items()},
            **{f"detector.{name}": values for name, values in self.core.detector.state().items()},
        }
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("model.json", json.dumps(head, indent=1))
            for name, values in arrays.items():
                cell = io.BytesIO()
                np.save(cell, values, allow_pickle=False)
                file.writestr(f"{name}.npy", cell.getvalue())
        return out.getvalue()

    def __repr__(self) -> str:
        """Return one line for a notebook."""
        trained = f"{self.about.get('rows', 0)} rows to {self.about.get('end', '')}"
        return f"Model({len(self.sensors)} sensors, {self.settings.detector}, {trained})"


class Follower:
    """Follows one machine: takes tables one after the other, remembers the charts, the machine's state and the open alert."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.charts = Charts(model.core)
        self.watch = Watch(model.rule)
        self.off = Off(model.settings.off, parse_duration(model.settings.start_up), model.core.fill)
        self.through = -(2**62)

    def take(self, table: Any, *, resets: tuple[Any, ...] | list[Any] = (), away: bool = False) -> Scored:
        """Score the next rows; rows at or before the last one taken are left out. `away`: the machine is being worked on."""
        readings = _after(self.model.read(table), self.through, self.model.every)
        times = sorted(moment(one, readings.unit, "resets") for one in resets)
        columns = self.model.core.columns
        strange = columns.unknown(readings)
        idle, untold = self.off.rows(readings)
        idle = idle | away
        edges = [0, *[int(np.searchsorted(readings.times, at, side="right")) for at in times], len(readings)]
        scored = Scored(self.model, readings, np.full(len(readings), np.nan), np.zeros(len(readings), np.uint8))
        for place, (start, end) in enumerate(itertools.pairwise(edges)):
            if place:
                self.reset(times[place - 1])
            part = slice(start, end)
            self._part(scored, part, idle[part], strange[part], untold[part])
        if len(readings):
            self.through = int(readings.times[-1])
        scored.alerts = [named(alert, self.model) for alert in self.watch.alerts]
        return scored

    def _part(self, scored: Scored, part: slice, idle: Any, strange: Any, untold: Any) -> None:
        model = self.model
        times = scored.times[part]
        begin, columns, limits = part.start, model.core.columns, model.core.limits

        def rows(piece: slice) -> Floats:
            return columns.rows(scored.readings, slice(piece.start + begin, piece.stop + begin))

        found = self.charts.run(times, rows, idle | untold, strange)
        found.reasons[untold & ~idle] = BAD_DATA
        level = found.figure(limits)
        open_ = self.watch.feed(times[found.judged], level, lambda at: parts(found.drift[at], found.level[at], limits))
        found.reasons[found.judged[open_]] = ANOMALY
        scored.reasons[part] = found.reasons
        exceedance = np.full(len(times), np.nan)
        exceedance[found.judged] = level
        scored.exceedance[part] = exceedance
        scored.add(found.judged + begin, found.drift, found.level)

    def reset(self, at: Any = None) -> None:
        """Say that the machine was repaired and is back in service: charts start anew, an open alert ends."""
        self.charts.reset()
        self.watch.reset(now_ns() if at is None else moment(at))

    def to_json(self, **more: Any) -> str:
        """Return what must be remembered to go on after a restart; `more` is kept beside it."""
        return json.dumps(
            {
                "through": self.through,
                "off_since": self.off.since,
                "charts": self.charts.state(),
                "watch": self.watch.state(),
                **more,
            }
        )

    def restore(self, text: str) -> None:
        """Go on where another follower of the same model stopped."""
        state = json.loads(text)
        self.through, self.off.since = int(state["through"]), int(state["off_since"])
        self.charts.restore(state["charts"])
        self.watch.restore(state["watch"])


def load(source: Path | str | bytes) -> Model:
    """Read a model that was saved. Raises InvalidInput for a file that is none."""
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            head = json.loads(file.read("model.json"))
            arrays: Arrays = {
                name.removesuffix(".npy"): np.load(io.BytesIO(file.read(name)), allow_pickle=False)
                for name in file.namelist()
                if name.endswith(".npy")
            }
        if head["format"] != FORMAT:
            raise InvalidInput(f"the file's format is {head['format']}", hint=f"this version reads format {FORMAT}")
        return _model(head, arrays)
    except LineshaftError:
        raise
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"this is not a saved model: {error}", where=str(source)[:200], code="anomaly.file") from error


def detector_of(settings: AnomalySettings) -> Detector:
    """Return an untrained detector. Raises ConfigError for an unknown one or wrong options."""
    kind = Registry("lineshaft.detectors", folder).load(settings.detector, where="detector")
    try:
        return kind(kind.Options(**settings.options))
    except ValueError as error:
        raise ConfigError(f"the options of '{settings.detector}' are wrong: {error}", where="options") from error


def rule_of(settings: AnomalySettings, span: int, every: int) -> Rule:
    """Return the rule of alerts for charts that look back `span` rows."""
    window = max(2, span // 2)
    clear = max(1, parse_duration(settings.clear_after) // max(every, 1))
    return Rule(window, max(1, round(window * settings.needed)), int(clear), parse_duration(settings.merge))


def _other(values: Floats | None, usual: float) -> bool:
    """Say whether a column has another value than the one it always had."""
    return values is not None and bool((np.abs(values - usual) > 1e-6 * max(abs(usual), 1e-9)).any())


def named(alert: Alert, model: Model) -> Alert:
    """Return the alert with its sensors by name, the largest share first."""
    total = float(alert.weights.sum()) if len(alert.weights) else 0.0
    shares = alert.weights / total if total > 0 else np.zeros(len(model.sensors))
    order = np.argsort(-shares, kind="stable")
    alert.sensors = tuple((model.sensors[place], float(shares[place])) for place in order) if total > 0 else ()
    return alert


def _model(head: dict[str, Any], arrays: Arrays) -> Model:
    settings = AnomalySettings(**head["settings"])
    columns = Columns(tuple(head["names"]), arrays["driving"], head["states"], arrays["center"], arrays["scale"])
    detector = detector_of(settings)
    detector.restore({name.removeprefix("detector."): values for name, values in arrays.items() if name.startswith("detector.")})
    gate = Gate()
    gate.restore({name.removeprefix("gate."): values for name, values in arrays.items() if name.startswith("gate.")})
    share, signed, squared, longest = head["limits"]
    limits = Limits(share, arrays["spread"], arrays["loud"], arrays["level"], signed, squared, longest)
    core = Core(columns, detector, gate, limits, head["fill"], head["missing"])
    return Model(settings, core, head["every"], head["span"], arrays["steps"], head["about"])


def _after(readings: Readings, through: int, every: int) -> Readings:
    """Return the rows after a time; those of a table without times are the next ones."""
    if not len(readings) or readings.times[0] > through:
        return readings
    if not readings.timed:
        return replace(readings, times=readings.times + (through + every - int(readings.times[0])))
    first = int(np.searchsorted(readings.times, through, side="right"))
    return replace(
        readings,
        times=readings.times[first:],
        numbers={name: values[first:] for name, values in readings.numbers.items()},
        texts={name: values[first:] for name, values in readings.texts.items()},
        order=readings.order[first:],
    )
