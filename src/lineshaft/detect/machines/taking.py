"""A model that was trained elsewhere (a notebook, another plant) becomes a version: its names fitted to this machine's."""

from __future__ import annotations

from typing import Any

from lineshaft.core import InvalidInput, did_you_mean, parse_time
from lineshaft.detect.anomaly import Model, load
from lineshaft.detect.machines.book import absolute


def fitted(content: bytes, row: dict[str, Any]) -> Model:
    """Return a saved model under the names of a machine's properties. Raises InvalidInput where it does not fit.

    A name is a property's whole path, or as it is seen from the asset. Opening a saved model runs no code.
    """
    made = load(content)
    if made.every != row["every"]:
        said, here = made.every / 1e9, row["every"] / 1e9
        hint = "plan a model with the same steps, or train it on such rows"
        what = f"it was trained on rows {said:g} s apart, this model takes steps of {here:g} s"
        raise InvalidInput(what, where="file", hint=hint, code="models.steps")
    core = made.core.columns
    paths = {name: _path(name, row) for name in (*core.names, *core.states)}
    settings = made.settings.model_dump(mode="json", exclude_defaults=True)
    settings.pop("time", None)
    names = [name for name, path in paths.items() if name != path]
    return made.renamed(lambda name: paths.get(name, name), **absolute(settings, row["asset"], names))


def _path(name: str, row: dict[str, Any]) -> str:
    """Return the property a name means."""
    path = f"{row['asset']}/{name}"
    if name in row["properties"] or path in row["properties"]:
        return name if name in row["properties"] else path
    seen = [one.removeprefix(f"{row['asset']}/") for one in row["properties"]]
    hint = did_you_mean(name, seen)
    raise InvalidInput(f"'{name}' is none of the model's properties", where="file", hint=hint, code="models.names")


def learned(made: Model, now: int) -> tuple[int, int]:
    """Return from when to when a saved model learned; where it does not say it, now."""
    start, end = (parse_time(str(made.about[name])) if made.about.get(name) else now for name in ("start", "end"))
    return start, min(end, now)
