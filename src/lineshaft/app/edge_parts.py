"""What runs at an edge beside its sources, made from one configuration: the only place where `connect` meets the later rooms.

The formula language is compute's, an exported detector is opened with what it needs; `connect` gets both as callables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from lineshaft.connect import EdgeConfig, Source, WriterSettings
from lineshaft.connect.edge import exported
from lineshaft.connect.edge.deeds import Deeds
from lineshaft.connect.edge.derived import Deriver, Evaluate
from lineshaft.connect.edge.function import FunctionSource
from lineshaft.connect.edge.inference import Exported, Inference
from lineshaft.connect.edge.pipeline import Pipelines
from lineshaft.connect.edge.plain import Plain, PlainModel
from lineshaft.connect.edge.reading import Bools, Floats, Ints
from lineshaft.connect.edge.rule import Rules
from lineshaft.connect.edge.uns import Namespace
from lineshaft.connect.writer import Permissive, Writer
from lineshaft.core import DataType, FormulaError


def compiled(text: str, names: Sequence[str], where: str) -> Evaluate:
    """Return how to evaluate a formula on columns of numbers. Raises FormulaError for one that needs more than single values."""
    from lineshaft.compute.formula import Column, parse  # noqa: PLC0415 - compute comes with its rooms: only where a formula is

    formula = parse(text, dict.fromkeys(names, DataType.DOUBLE), use="transform", where=where)
    if formula.windowed or formula.looks_back:
        what = "a formula at the edge looks at single values only"
        raise FormulaError(what, where=where, hint="functions over windows are the plant's")

    def evaluate(values: Mapping[str, Floats], known: Mapping[str, Bools], stamps: Ints) -> tuple[Floats, Bools]:
        column = formula.evaluate({name: Column(values[name], known[name]) for name in values}, stamps=stamps)
        return (column.values, column.ok) if column.is_numbers else (values[names[0]], ~column.ok & column.ok)

    return evaluate


def opened(content: bytes, onnx: PlainModel | None = None) -> Exported:
    """Open an exported detector, or an ONNX file as it is described. Raises InvalidInput, ConfigError without its library."""
    return Plain.load(onnx, content) if onnx is not None else exported.Exported.load(content)


def check(config: EdgeConfig) -> None:
    """Compile every formula and open every detector of a configuration. Raises a LineshaftError with the place."""
    Deriver.of(config.derived.entries, compiled)
    for rule in config.rules.entries:
        compiled(rule.formula, tuple(rule.inputs), f"[[rules]] {rule.name}")
    for one in config.detectors.entries:
        opened(one.bytes(), one.onnx)


class Parts:
    """Everything of one configuration that is no machine."""

    def __init__(self, config: EdgeConfig, folder: Path, deeds: Deeds, forbids: Permissive) -> None:
        self.pipelines = Pipelines(config.pipelines.entries, Deriver.of(config.derived.entries, compiled))
        self._functions = [FunctionSource(entry) for entry in config.functions.entries]
        self._detectors = [
            Inference(entry, opened(entry.bytes(), entry.onnx), folder / "detectors") for entry in config.detectors.entries
        ]
        self._namespace = [Namespace(config.uns)] if config.uns.url else []
        self._machines = {entry.name for entry in config.sources.entries}
        self._allowed = tuple(rule.allowed() for rule in config.rules.entries)
        writer = Writer(WriterSettings(dry_run=False, allow=self._allowed), config.sources, forbids, hold=True)
        self.rules = Rules(config.rules.entries, compiled, writer, deeds)

    def sources(self) -> list[Source]:
        """Return what runs like a source: it is started again when it fails, and has a status."""
        return [*self._functions, *self._detectors, *self._namespace]

    def detectors(self) -> list[tuple[str, str, str, str]]:
        """Return which detectors run: name, what the plant knows the model by and calls it, version."""
        return [(name, key, called, str(version)) for name, key, called, version in (one.told() for one in self._detectors)]

    def heed(self, machines: Sequence[tuple[str, int, bool]]) -> None:
        """Tell detectors when their machine was last verified back in service, and whether people are at it."""
        for name, repaired, away in machines:
            for one in self._detectors:
                if one.name == name:
                    one.away = away
                    one.returned(repaired)

    def targets(self) -> list[tuple[str, str]]:
        """Return what rules may write to."""
        return [(one.source, one.tag) for one in self._allowed]

    def give(self, source: str, rows: pa.RecordBatch) -> None:
        """Hand kept rows to those that listen; functions hear machines only, the others also what is computed."""
        for function in self._functions if source in self._machines else ():
            function.give(source, rows)
        for other in (*self._detectors, *self._namespace):
            if source != other.name:
                other.give(source, rows)
