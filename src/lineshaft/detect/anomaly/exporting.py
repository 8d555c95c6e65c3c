"""A model as ONNX: one graph that takes rows and what was remembered, and gives scores, reasons, shares and what to remember.

The graph holds everything a row needs: gaps filled, states spread out, the off condition and its start-up guard, the known
regimes, conditional residuals with any sensors missing, both charts. So whatever runs ONNX gives the scores of `model.score`.
Alerts are made of its scores: the manifest holds the rule (persistence, hysteresis, what is one alert), and each row comes with
the weights of its sensors.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lineshaft.core import NS, FormulaError, InvalidInput, parse_duration
from lineshaft.detect.anomaly import trees
from lineshaft.detect.anomaly.alerts import LOW
from lineshaft.detect.anomaly.columns import Off
from lineshaft.detect.anomaly.drawing import Drawing, Value
from lineshaft.detect.anomaly.offgraph import OffFormula, refused, texts_of, words_of
from lineshaft.detect.anomaly.reading import Readings
from lineshaft.detect.anomaly.scoring import BAD_DATA, OFF, REASONS, UNKNOWN_REGIME
from lineshaft.detect.detector import Floats

if TYPE_CHECKING:
    from lineshaft.detect.anomaly.model import Model

FORMAT = "lineshaft.anomaly.1"
LONG = 1e18


def export(model: Model, name: str, number: int, holds: Mapping[str, int], key: str = "", lasts: Collection[str] = ()) -> bytes:
    """Return a zip of `model.onnx` and `manifest.json`. Raises InvalidInput for a model that cannot be written as a graph.

    `key` is what the plant knows the model by, whatever people call it; `lasts` are switches: of a step the last value counts.
    """
    drawn = _Graph(model, holds)
    graph = drawn.build()
    manifest = {
        "format": FORMAT,
        "id": key,
        "name": name,
        "version": number,
        "every_s": model.every / NS,
        "inputs": [*drawn.inputs],
        "texts": drawn.texts,
        "lasts": [name for name in drawn.inputs if name in lasts and name not in drawn.texts],
        "sensors": [*model.sensors],
        "reasons": [*REASONS],
        "threshold": 0.5,
        "memory": drawn.memory,
        "lanes": drawn.lanes,
        "rule": _rule(model),
        "detector": model.settings.detector,
        "trained_to": model.about.get("end", ""),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", json.dumps(manifest, indent=1))
        file.writestr("model.onnx", graph)
    return out.getvalue()


class _Graph:
    """Draws the step of one row; the graph scans it over the rows."""

    def __init__(self, model: Model, holds: Mapping[str, int]) -> None:
        self.linear: Any = getattr(model.core.detector, "linear", None)
        self.trees: Any = getattr(model.core.detector, "trees", None)
        if self.linear is None and self.trees is None:
            raise InvalidInput(
                f"a model of the detector '{model.settings.detector}' cannot be written as ONNX",
                where="detector",
                hint="train one with the default detector",
                code="anomaly.export",
            )
        self.model, self.core, self.columns = model, model.core, model.core.columns
        self.off_alias: dict[str, str] = {}
        self.off, self.off_names, said = self._off()
        measured = [*self.columns.names]
        others = [name for name in [*self.columns.states, *self.off_names] if name not in measured]
        self.inputs = [*measured, *dict.fromkeys(others)]
        self.texts = {name: [*levels] for name, levels in self.columns.states.items() if isinstance(levels[0], str)}
        for name, words in said.items():
            known = self.texts.setdefault(name, [])
            known += [word for word in words if word not in known]
        self.own = {name: holds.get(name, 0) // model.every * model.every / NS for name in self.inputs}
        """How long, in whole steps, a sensor's value holds because it is sent on change; a bad value ends that."""
        self.holds = {name: self.own[name] + model.core.fill / NS for name in self.inputs}
        self.spoken = {name: self.own[name] for name in said}
        """How long a text of the off condition holds: as at the plant, short gaps of texts are not filled."""
        self.memory: dict[str, list[float]] = {}
        self.lanes: dict[str, list[tuple[str, float]]] = {}
        """Of each remembered group of values: the sensor each is of, and how long that one's value holds."""
        self.draw = Drawing()

    def _off(self) -> tuple[Any, list[str], dict[str, list[str]]]:
        """Return the tree of the off condition, the columns it asks, and the words its texts are compared with."""
        settings = self.model.settings
        if not settings.off:
            return None, [], {}
        off = Off(settings.off, 0, 0)
        texts = texts_of(self.model)
        numbers = {name: np.zeros(0) for name in _named(self.model) if name not in texts}
        try:
            off.learn(Readings(np.zeros(0, np.int64), numbers, {name: np.zeros(0, object) for name in texts}))
        except FormulaError as error:
            raise refused() from error
        self.off_alias = off.tree_names
        spoken = {name: list[str]() for name in self.off_alias.values() if name in texts}
        words_of(off.tree, self.off_alias, spoken)
        return off.tree, [*off.tree_names.values()], spoken

    def build(self) -> bytes:
        """Return the graph's bytes."""
        d = self.draw
        row, seconds = d.take("rows", len(self.inputs)), d.take("seconds", 1)
        filled = self._filled(row, seconds)
        strange = self._strange(row)
        standard = d.op("Div", d.op("Sub", filled, d.const(self.columns.center)), d.const(self.columns.scale))
        missing = d.op("IsNaN", standard)
        residual, drivers = self._residuals(standard, missing)
        reason = self._reason(row, seconds, missing, strange, drivers)
        judged = d.op("Equal", reason, d.const(np.array([0.0])))
        self._charts(residual, standard, missing, judged)
        d.give("reason", reason)
        return d.model()

    def remember(self, name: str, start: Any) -> Value:
        """Return what was remembered under a name."""
        self.memory[name] = [None if np.isnan(one) else float(one) for one in np.atleast_1d(start)]  # type: ignore[misc]
        return self.draw.state(name, np.atleast_1d(np.asarray(start, np.float64)))

    def _filled(self, row: Value, seconds: Value) -> Value:
        """Spread states out and fill short gaps with the last value."""
        d, names = self.draw, self.columns.names
        parts = [d.pick(row, [self.inputs.index(name) for name in names])]
        limits = [self.holds[name] for name in names]
        lanes = [*names]
        for name, levels in self.columns.states.items():
            code = d.pick(row, [self.inputs.index(name)])
            known = np.arange(1, len(levels), dtype=float) if name in self.texts else np.array(levels[1:], float)
            if len(known):
                hit = d.op("Cast", d.op("Equal", code, d.const(known)), to="double")
                parts.append(d.op("Where", d.op("IsNaN", code), d.const(np.full(len(known), np.nan)), hit))
                limits += [self.holds[name]] * len(known)
                lanes += [name] * len(known)
        raw = d.op("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]
        return self._hold("column", raw, seconds, lanes, np.array(limits))

    def _hold(self, what: str, raw: Value, seconds: Value, names: list[str], limits: Any) -> Value:
        d, size = self.draw, len(limits)
        self.lanes[what] = [(name, self.own[name]) for name in names]
        value, age = self.remember(f"{what}_value", np.full(size, np.nan)), self.remember(f"{what}_age", np.full(size, LONG))
        gone = d.op("IsNaN", raw)
        older = d.op("Where", gone, d.op("Add", age, seconds), d.const(np.zeros(size)))
        kept = d.op("And", gone, d.op("LessOrEqual", older, d.const(np.minimum(limits, LONG / 2))))
        d.keep(f"{what}_age", older)
        d.keep(f"{what}_value", d.op("Where", gone, value, raw))
        return d.op("Where", kept, value, raw)

    def _strange(self, row: Value) -> Value | None:
        """Say whether a state has a value training never saw."""
        d, found = self.draw, list[Value]()
        for name, levels in self.columns.states.items():
            code = d.pick(row, [self.inputs.index(name)])
            known = np.arange(len(levels), dtype=float) if name in self.texts else np.array(levels, float)
            hits = d.op("ReduceMax", d.op("Cast", d.op("Equal", code, d.const(known)), to="double"), keepdims=1)
            none = d.op("Equal", hits, d.const(np.array([0.0])))
            found.append(d.op("And", none, d.op("Not", d.op("IsNaN", code))))
        out = found[0] if found else None
        for one in found[1:]:
            out = d.op("Or", out, one)
        return out

    def _residuals(self, standard: Value, missing: Value) -> tuple[Value, Value]:
        """Return residuals of the judged sensors, and the drivers with missing ones estimated."""
        d = self.draw
        if self.trees is None:
            residual, said = self._conditional(standard, missing, *self.linear())
        else:
            ensembles, spread = self.trees()
            said = trees.draw(d, standard, ensembles)
            off = d.op("Sub", standard, said)
            residual = d.op("Div", d.pick(off, list(self.columns.charted)), d.const(spread))
        return residual, d.op("Where", missing, said, standard)

    def _conditional(
        self, standard: Value, missing: Value, mean: Floats, precision: Floats, covariance: Floats
    ) -> tuple[Value, Value]:
        """Return conditional residuals, and what all columns should be by those that are there."""
        d, width = self.draw, self.columns.width
        away = d.op("Where", missing, d.const(np.zeros(width)), d.op("Sub", standard, d.const(mean)))
        swept = d.swept(precision, missing)
        pulled = d.op("MatMul", d.op("Unsqueeze", away, d.ints([0])), swept)
        diagonal = d.op("ReduceSum", d.op("Mul", swept, d.const(np.eye(width))), d.ints([0]), keepdims=0)
        flat = d.op("Squeeze", pulled, d.ints([0]))
        charted = list(self.columns.charted)
        gone, scale = d.pick(missing, charted), d.op("Sqrt", d.pick(diagonal, charted))
        safe = d.op("Where", gone, d.const(np.ones(len(charted))), scale)
        residual = d.op("Where", gone, d.const(np.full(len(charted), np.nan)), d.op("Div", d.pick(flat, charted), safe))
        said = d.op("Squeeze", d.op("MatMul", pulled, d.const(covariance)), d.ints([0]))
        return residual, d.op("Add", said, d.const(mean))

    def _reason(self, row: Value, seconds: Value, missing: Value, strange: Value | None, drivers: Value) -> Value:
        """Say whether the row can be judged, as a number of REASONS."""
        d, core = self.draw, self.core
        reason = d.const(np.array([0.0]))

        def where(condition: Value, code: int) -> Value:
            return d.op("Where", condition, d.const(np.array([float(code)])), reason)

        places = [int(place) for place in np.flatnonzero(self.columns.driving)]
        if places and len(core.gate.places):
            gap = d.op("Sub", d.const(core.gate.places), d.pick(drivers, places))
            distance = d.op("ReduceSum", d.op("Mul", gap, gap), d.ints([1]), keepdims=0)
            nearest = d.op("ReduceMin", distance, keepdims=1)
            reason = where(d.op("Greater", nearest, d.const(np.array([core.gate.reach**2]))), UNKNOWN_REGIME)
        if strange is not None:
            reason = where(strange, UNKNOWN_REGIME)
        gone = d.op("Cast", missing, to="double")
        names = d.pick(gone, list(range(len(self.columns.names))))
        poor = d.op("Greater", d.op("ReduceMean", names, keepdims=1), d.const(np.array([core.missing])))
        blind = d.op("Equal", d.op("ReduceMin", d.pick(gone, list(self.columns.charted)), keepdims=1), d.const(np.array([1.0])))
        reason = where(d.op("Or", poor, blind), BAD_DATA)
        if self.off is None:
            return reason
        idle, untold = self._idle(row, seconds)
        reason = where(idle, OFF)
        return where(d.op("And", untold, d.op("Not", idle)), BAD_DATA)

    def _idle(self, row: Value, seconds: Value) -> tuple[Value, Value]:
        """Return whether the machine is off or starting up, and whether that cannot be told."""
        d, names = self.draw, self.off_names
        raw = d.pick(row, [self.inputs.index(name) for name in names])
        filled = self._hold("off", raw, seconds, names, np.array([self.spoken.get(name, self.holds[name]) for name in names]))
        value, known = OffFormula(d, filled, names, self.off_alias, self.texts).of(self.off)
        off = d.op("And", known, d.op("Not", d.op("Equal", value, d.const(np.array([0.0])))))
        since = d.op("Add", self.remember("off_since", [LONG]), seconds)
        since = d.op("Where", off, d.const(np.array([0.0])), since)
        d.keep("off_since", since)
        guard = parse_duration(self.model.settings.start_up) / NS
        return d.op("Or", off, d.op("LessOrEqual", since, d.const(np.array([guard])))), d.op("Not", known)

    def _charts(self, residual: Value, standard: Value, missing: Value, judged: Value) -> None:
        """Go on with both charts, and say how far they are beyond their thresholds."""
        d, limits, charted = self.draw, self.core.limits, list(self.columns.charted)
        size = len(charted)
        off = d.op("Clip", residual, d.scalar(-8.0), d.scalar(8.0))
        off = d.op("Div", off, d.const(limits.loud if len(limits.loud) else np.ones(size)))
        gone = d.pick(missing, charted)
        squares = d.op("Where", gone, d.const(np.zeros(size)), d.op("Mul", off, off))
        count = d.op("ReduceSum", d.op("Cast", d.op("Not", gone), to="double"), d.ints([0]), keepdims=1)
        mean = d.op("Div", d.op("ReduceSum", squares, d.ints([0]), keepdims=1), d.op("Max", count, d.const(np.array([1.0]))))
        both = d.op("Concat", off, d.pick(standard, charted), mean, axis=0)
        means = self.remember("means", np.zeros(2 * size + 1))
        on = d.op("Add", means, d.op("Mul", d.const(np.array([limits.share])), d.op("Sub", both, means)))
        on = d.op("Where", d.op("Or", d.op("IsNaN", both), d.op("Not", judged)), means, on)
        d.keep("means", on)
        absent = self.remember("absent", np.zeros(size))
        away = d.op("Where", gone, d.op("Add", absent, d.const(np.ones(size))), d.const(np.zeros(size)))
        away = d.op("Where", judged, away, absent)
        d.keep("absent", away)
        self._figure(on, away, judged)

    def _figure(self, means: Value, away: Value, judged: Value) -> None:
        d, limits, size = self.draw, self.core.limits, len(self.columns.charted)
        old = d.op("Greater", away, d.const(np.array([float(limits.longest)])))
        drift = d.op("Where", old, d.const(np.zeros(size)), d.pick(means, list(range(size))))
        level, broad = d.pick(means, list(range(size, 2 * size))), d.pick(means, [2 * size])
        far = d.op("Abs", d.op("Div", drift, d.const(limits.spread)))
        most = d.op("Div", d.op("ReduceMax", far, keepdims=1), d.const(np.array([limits.signed])))
        beyond = d.op("Max", most, d.op("Div", broad, d.const(np.array([limits.squared]))))
        score = d.op("Div", beyond, d.op("Add", beyond, d.const(np.array([1.0]))))
        nothing = d.const(np.array([np.nan]))
        d.give("score", d.op("Where", judged, score, nothing))
        own = d.op("Div", level, d.const(limits.level))
        weight = d.op("Mul", far, d.op("Sqrt", d.op("Add", d.op("Mul", own, own), d.const(np.array([0.01])))))
        d.give("weights", d.op("Where", judged, weight, d.const(np.zeros(size))), size)
        total = d.op("ReduceSum", weight, d.ints([0]), keepdims=1)
        some = d.op("Greater", total, d.const(np.array([0.0])))
        even = d.const(np.full(size, 1 / max(size, 1)))
        share = d.op("Where", some, d.op("Div", weight, d.op("Where", some, total, d.const(np.array([1.0])))), even)
        d.give("shares", d.op("Where", judged, share, d.const(np.full(size, np.nan))), size)


def _rule(model: Model) -> dict[str, float]:
    """Return how alerts are raised and ended; times in seconds."""
    rule = model.rule
    return {"window": rule.window, "needed": rule.needed, "clear": rule.clear, "merge_s": rule.merge / NS, "low": LOW}


def _named(model: Model) -> list[str]:
    """Return all columns training knew, for the off condition to find its own among."""
    settings, seen = model.settings, model.about.get("quality", {}).get("sensors", [])
    return list(dict.fromkeys([*model.core.columns.names, *settings.states, *settings.ignore, *(one["name"] for one in seen)]))
