"""A trained version as it is used: with the names its machine's properties have now, whatever they were when it learned."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from lineshaft.assets import Assets
from lineshaft.core import NotFound
from lineshaft.detect.anomaly import Model, load
from lineshaft.detect.machines.book import NAMED
from lineshaft.detect.machines.record import Record


def renamed_settings(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return settings under other names of properties: in the lists of them, and in the formula of the off condition."""
    made = dict(settings)
    for key in ("drivers", "states", "ignore"):
        if key in made:
            made[key] = [names.get(name, name) for name in made[key]]

    def whole(found: re.Match[str]) -> str:
        name = found["quoted"]
        return f"`{names[name]}`" if name in names else found[0]

    return {**made, "off": NAMED.sub(whole, made["off"])} if made.get("off") else made


def blob_of(row: Mapping[str, Any]) -> bytes:
    """Return a version as `load` opens it, under the names of now; empty where there is nothing of it."""
    return opened(row).to_bytes() if row["blob"] and row["about"].get("renamed") else row["blob"] or b""


def opened(row: Mapping[str, Any]) -> Model:
    """Return the model of a version whose arrays are there."""
    made, names = load(row["blob"]), row["about"].get("renamed")
    if not names:
        return made
    settings = renamed_settings(made.settings.model_dump(mode="json", exclude_defaults=True), names)
    return made.renamed(called(names), **settings)


def there(assets: Assets, path: str) -> None:
    """Raise NotFound for a machine that is no longer part of the plant: nothing of it comes any more."""
    asset = assets.asset(path)
    if assets.is_retired(asset.id):
        raise NotFound(f"'{path}' is no longer part of the plant", code="models.retired")


def way_out(error: Exception) -> str:
    """Return what to do about a model whose machine or property is gone."""
    if not isinstance(error, NotFound):
        return ""
    return (
        "what has another name goes on with was: in plant.yaml or in its asset model; else switch this model off and plan another"
    )


def as_named(said: Record, row: Mapping[str, Any], model: Mapping[str, Any]) -> Record:
    """Return what an edge tells of an alert under the names of now: its file may be of before."""
    names = {old: new for old, new in row["about"].get("renamed", {}).items() if old not in model["properties"]}
    if not any(name in names for name, _ in (*said.sensors, *said.top)):
        return said
    sensors, top = (tuple((names.get(name, name), share) for name, share in each) for each in (said.sensors, said.top))
    return dataclasses.replace(said, sensors=sensors, top=top)


def called(names: Mapping[str, str]) -> Callable[[str], str]:
    """Return what gives a name as it is now; another text stays."""
    return lambda text: names.get(text, text)
