"""The plant's hand on its machines: a property's tag, the writer's rules, lock-outs and permissives, joined for act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.act import Touched
from lineshaft.assets import Assets, Kind
from lineshaft.compute import Formula, parse
from lineshaft.connect import Allowed, Readback, SourcesSettings, Value, Writer, WriterSettings
from lineshaft.core import ConfigError, DataType, LineshaftError, NotFound, Quality, iso, now_ns
from lineshaft.store import Store

Alive = Callable[[str], bool]
"""Asked with a source's name; says whether its values are of now."""
Locked = Callable[[str], str]
"""Asked with an asset's path; returns who locked it out and why, or nothing."""


class PlantHand:
    """Writes properties of the model through the one writer. Every refusal says what forbids it."""

    def __init__(
        self, settings: WriterSettings, sources: SourcesSettings, alive: Alive, assets: Assets, store: Store, locked: Locked
    ) -> None:
        self._alive, self._assets, self._store, self._locked = alive, assets, store, locked
        self._settings = settings
        self._writer = Writer(settings, sources, self._forbids)
        self._formulas: dict[tuple[str, str], tuple[Formula, Allowed]] = {}
        for one in settings.allow:
            if one.permissive:
                self._formulas[one.source, one.tag] = _read(one), one

    def check(self, path: str, value: Value) -> None:
        """Refuse what may not be written. Raises NotFound, Forbidden, InvalidInput or Conflict with the reason."""
        source, tag = self._tag(path)
        self._writer.check(source, tag, value)
        self._writer.permit(source, tag, value)

    def targets(self) -> list[dict[str, Any]]:
        """Return every rule of the writer whose tag a property is bound to now, by the property's path."""
        found: list[dict[str, Any]] = []
        about: dict[str, Any]
        for rule in self._settings.allow:
            target = self._assets.property_of(rule.source, rule.tag)
            if target is not None:
                about = {"property": target.path, "unit": target.unit, "type": str(target.type)}
                about |= {"dry_run": self._settings.dry_run}
                limits = rule.model_dump(include={"minimum", "maximum", "values", "every", "permissive"})
                found.append({**about, **limits, "locked": self._locked(target.asset_path)})
        return sorted(found, key=lambda one: str(one["property"]))

    async def write(self, path: str, value: Value) -> Touched:
        """Write one value and read it back."""
        return _touched(await self._writer.write(*self._tag(path), value))

    async def read(self, path: str, value: Value) -> Touched:
        """Read the machine's value and compare."""
        return _touched(await self._writer.compare(*self._tag(path), value))

    def _tag(self, path: str) -> tuple[str, str]:
        now = now_ns()
        target = self._assets.property(path)
        for span in self._assets.spans(target.id) if target.kind is Kind.MEASUREMENT else ():
            if span.covers(now):
                return span.source, span.tag
        raise NotFound(f"{path} has no tag at a machine", where=path, hint="bind it to a tag first", code="write.unbound")

    def _forbids(self, source: str, tag: str, _value: Value) -> str:
        target = self._assets.property_of(source, tag)
        locked = self._locked(target.asset_path) if target is not None else ""
        if locked:
            return locked
        formula = self._formulas.get((source, tag))
        return self._does_not_hold(*formula) if formula else ""

    def _does_not_hold(self, formula: Formula, rule: Allowed) -> str:
        paths = [rule.inputs[name] for name in formula.variables]
        known: dict[str, npt.NDArray[np.float64]] = {}
        try:
            latest = self._store.latest(paths)
        except NotFound as error:
            return f"'{rule.permissive}' is undefined: {error.what}"
        for name, path, last in zip(formula.variables, paths, latest, strict=True):
            if last is None or last.quality != Quality.GOOD or not isinstance(last.value, int | float):
                return f"'{rule.permissive}' is undefined: {path} has no good value"
            source = self._tag(path)[0] if self._assets.property(path).kind is Kind.MEASUREMENT else ""
            if source and not self._alive(source):
                return f"'{rule.permissive}' is undefined: {source} is not connected, the value of {path} is of {iso(last.ts)}"
            known[name] = np.array([float(last.value)])
        column = formula.evaluate(known)
        if column.ok[0] and column.values[0]:
            return ""
        seen = ", ".join(f"{name} is {values[0]:g}" for name, values in known.items())
        return f"the permissive '{rule.permissive}' does not hold: {seen}"


def _read(rule: Allowed) -> Formula:
    where = f"[[writer.allow]] {rule.source} {rule.tag}"
    try:
        return parse(rule.permissive, dict.fromkeys(rule.inputs, DataType.DOUBLE), where=where)
    except LineshaftError as error:
        raise ConfigError(f"permissive: {error.what}", where=where, hint=error.hint) from None


def _touched(done: Readback) -> Touched:
    return Touched(done.before, done.after, done.ok, done.dry_run)
