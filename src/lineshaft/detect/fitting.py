"""Alarm definitions fitted to the assets of the plant: where one is wrong, what is wrong with it, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from lineshaft.assets import Asset, Assets, ModelVersion, Property
from lineshaft.compute import parse
from lineshaft.core import NS, DataType, FormulaError, InvalidInput, NotFound, Problem, did_you_mean
from lineshaft.detect.attributes import duration, number
from lineshaft.detect.condition import EQUAL
from lineshaft.detect.definition import AlarmDefinition, Watched, Written
from lineshaft.detect.mistakes import mistakes


def definitions(plant: Assets) -> tuple[list[Watched], list[Problem]]:
    """Return every alarm of the plant, and what is wrong with those left out; a wrong one stops no other."""
    found: list[Watched] = []
    problems: dict[str, Problem] = {}
    parsed: dict[str, list[tuple[AlarmDefinition, str]]] = {}
    for asset in plant.tree():
        if not asset.model:
            continue
        try:
            version = plant.model(asset.model)
        except NotFound as error:  # its file is wrong: that was told when it was read
            problems[asset.path] = Problem(asset.path, error.what, error.hint)
            continue
        if version.id not in parsed:
            parsed[version.id] = _parse(version, problems)
        own: dict[str, Property] = {one.name: one for one in plant.properties(asset.id)}
        for definition, where in parsed[version.id]:
            watched = _watch(asset, definition, where, own, problems)
            if watched is not None:
                found.append(watched)
    return found, list(problems.values())


def _parse(version: ModelVersion, problems: dict[str, Problem]) -> list[tuple[AlarmDefinition, str]]:
    known: dict[str, tuple[AlarmDefinition, str]] = {}
    for place, raw in enumerate(version.body.alarms):
        where = version.where("alarms", place)
        try:
            one = AlarmDefinition.model_validate(raw)
        except ValidationError as error:
            problems[where] = mistakes(error, raw, place, where)
            continue
        if one.name in known:
            problems[where] = Problem(where, f"there are two alarms '{one.name}'", "give one of them another name")
            continue
        known[one.name] = (one, where)
    return list(known.values())


def _watch(
    asset: Asset, definition: AlarmDefinition, where: str, own: Mapping[str, Property], problems: dict[str, Problem]
) -> Watched | None:
    """Fit a definition to an asset, or note what is wrong."""
    try:
        return _fit(asset, definition, own)
    except (InvalidInput, FormulaError) as error:
        place = f"{where} {asset.path}" if error.where == asset.path else where
        at = f" (character {error.position + 1} of its formula)" if isinstance(error, FormulaError) else ""
        hint = error.hint or ("for example when: 'Vibration > 7.1 and Running'" if at else "")
        problems[place] = Problem(where, f"alarm '{definition.name}': {error.what}{at}", hint)
        return None


def _fit(asset: Asset, definition: AlarmDefinition, own: Mapping[str, Property]) -> Watched:
    when = _written(asset, definition.when, definition.inputs, own) if definition.when else None
    suppress = _written(asset, definition.suppress_when, definition.inputs, own) if definition.suppress_when else None
    name = definition.property or (next(iter(when.properties.values())).name if when is not None else "")
    one = own.get(name)
    if one is None:
        raise InvalidInput(f"{asset.model} has no property '{name}'", hint=did_you_mean(name, own))
    if one.kind == "attribute":
        measured = [other for other in own if own[other].kind != "attribute"]
        hint = f"an attribute makes a good limit; watch one of {', '.join(sorted(measured))}"
        raise InvalidInput(f"'{name}' is an attribute: it is never measured", hint=hint)
    timed = _timed(asset, definition, own)
    watched = Watched(asset, definition, one, 1.0, None, 0.0, when, suppress, *timed)
    if when is not None:
        return watched
    if watched.silence is not None:
        return replace(watched, limit=watched.silence / NS)
    if one.type in (DataType.STRING, DataType.JSON):
        if definition.operator not in EQUAL:
            raise InvalidInput(f"a text cannot be '{definition.operator}' something", hint="use == or !=")
        return replace(watched, text=str(asset.attributes.get(str(definition.limit), definition.limit)))
    limit = number(asset, own, definition.limit, "limit", one.unit)
    deadband = number(asset, own, definition.deadband, "deadband", one.unit)
    if deadband < 0:
        raise InvalidInput(f"at {asset.path} the deadband is {deadband:g}", hint="not negative", where=asset.path)
    return replace(watched, limit=limit, deadband=deadband)


def _timed(
    asset: Asset, definition: AlarmDefinition, own: Mapping[str, Property]
) -> tuple[tuple[int, int], int | None, int | None]:
    """Return the delays, the silence that is the condition, and when the input counts as stale."""
    on = duration(asset, own, definition.on_delay, "on_delay")
    off = duration(asset, own, definition.off_delay, "off_delay")
    silences = {"missing": definition.missing, "heartbeat": definition.heartbeat, "stale_after": definition.stale_after}
    some = {what: duration(asset, own, text, what, least=1) for what, text in silences.items() if text is not None}
    return (on, off), some.get("missing", some.get("heartbeat")), some.get("stale_after")


def _written(asset: Asset, text: str, inputs: Mapping[str, str], own: Mapping[str, Property]) -> Written:
    """Read a formula: its variables are `inputs`, and properties and attributes of the asset by their names."""
    for name in inputs.values():
        if name not in own and name not in asset.attributes:
            raise InvalidInput(f"{asset.model} has no property '{name}'", hint=did_you_mean(name, own))
    names = {**{name: name for name in (*own, *asset.attributes)}, **inputs}
    known = {variable: own[name] for variable, name in names.items() if name in own and name not in asset.attributes}
    fixed = {variable: asset.attributes[name] for variable, name in names.items() if name in asset.attributes}
    told = {variable: own[name] for variable, name in names.items() if name in own}
    types = {**dict.fromkeys(fixed), **{variable: one.type for variable, one in told.items()}}
    formula = parse(text, types, use="transform", units={variable: one.unit for variable, one in told.items()}, strict=True)
    if formula.kind == "a text":
        hint = "compare it with something: == 'MANUAL'"
        raise InvalidInput(f"'{text}' gives a text, and a condition is true or false", hint=hint)
    if formula.windowed or formula.looks_back:
        raise InvalidInput("a condition looks at values of now", hint="make a metric or transform of it and set a limit on that")
    if not any(name in known for name in formula.variables):
        raise InvalidInput(f"'{text}' looks at no measured value", hint=did_you_mean(formula.text, known))
    used = {name: known[name] for name in formula.variables if name in known}
    return Written(formula, used, {name: fixed[name] for name in formula.variables if name in fixed})
