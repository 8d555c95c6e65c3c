"""The first step of commissioning: which streams of the plant look like a vibration sensor, and what belongs to each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineshaft.assets import Assets, Property
from lineshaft.core import DataType
from lineshaft.detect.positions.results import SOURCE
from lineshaft.detect.positions.wanted import VELOCITY, WARMTH

ACCELERATION = frozenset({"m/s2", "m/s²", "m/s^2", "m/s**2", "g", "mg", "gE", "gn"})
SHAKES = ("vibration", "vib", "velocity rms", "acceleration", "schwing", "velocity_rms", "accel")
RUNS = ("running", "run", "on", "betrieb", "läuft", "motor on")
BATTERIES = ("battery", "batterie", "akku")
SIGNALS = ("rssi", "signal strength", "signalstärke", "link quality", "signal")
SPEEDS = frozenset({"rpm", "1/min", "r/min", "min-1", "U/min"})


def candidates(assets: Assets, words: str = "", below: str = "") -> list[dict[str, Any]]:
    """Return streams that may be vibration sensors, with what would go with each.

    `words` must all occur in the path, the tag, the source or the serial number: what a scanner reads off a sensor's label
    is usually one of them. With words, any stream of numbers is offered.
    """
    wanted = words.lower().split()
    found: list[dict[str, Any]] = []
    for asset in assets.tree():
        if below and asset.path != below and not asset.path.startswith(f"{below}/"):
            continue
        own = assets.properties(asset)
        serial = str((asset.thing or {}).get("serial", ""))
        for one in own:
            spans = assets.spans(one.id)
            if one.type not in (DataType.DOUBLE, DataType.INTEGER) or one.counter or not spans or spans[-1].source == SOURCE:
                continue
            text = f"{one.path} {spans[-1].tag} {spans[-1].source} {serial}".lower()
            fits = all(word in text for word in wanted) if wanted else _shakes(one)
            if fits:
                source = {"source": spans[-1].source, "tag": spans[-1].tag, "serial": serial}
                found.append({**_proposal(asset.path, one, own, asset.attributes), **source})
    return sorted(found, key=lambda one: (not one["likely"], one["path"]))


def _shakes(one: Property) -> bool:
    name = f"{one.name} {one.description}".lower()
    if one.unit in VELOCITY or one.unit in ACCELERATION:
        return one.kind not in {"attribute", "metric"} and (one.unit != "m/s" or any(word in name for word in SHAKES))
    return one.unit == "" and one.kind == "measurement" and any(word in one.name.lower() for word in SHAKES)


def _called(own: Iterable[Property], words: Iterable[str]) -> str:
    """Return the first property of numbers with one of the words in its name; empty for none."""
    numbers = [one for one in own if one.type in (DataType.DOUBLE, DataType.INTEGER) and one.kind == "measurement"]
    return next((one.path for word in words for one in numbers if word in one.name.lower()), "")


def _proposal(asset: str, one: Property, own: Iterable[Property], attributes: Any) -> dict[str, Any]:
    """Return what a position on this stream would be, as far as the plant already says so."""
    warm = [other for other in own if other.unit in WARMTH and other.kind == "measurement"]
    warm.sort(key=lambda other: ("bearing" not in other.name.lower() and "lager" not in other.name.lower(), other.name))
    runs = [other for other in own if other.type is DataType.BOOLEAN and other.name.lower() in RUNS]
    turns = [other for other in own if other.unit in SPEEDS and other.kind == "measurement"]
    return {
        "path": one.path,
        "asset": asset,
        "unit": one.unit,
        "likely": _shakes(one),
        "measure": "velocity" if one.unit in VELOCITY else "other",
        "temperature": warm[0].path if warm else "",
        "running": runs[0].path if runs else "",
        "speed": turns[0].path if turns else "",
        "battery": _called(own, BATTERIES),
        "signal": _called(own, SIGNALS),
        "power_kw": _power(own, attributes),
    }


def _power(own: Iterable[Property], attributes: Any) -> float | None:
    """Return the rated power if an attribute in kW or W says it."""
    for one in own:
        if one.kind == "attribute" and one.unit in ("kW", "W"):
            value = attributes.get(one.name, one.default)
            if isinstance(value, int | float) and value > 0:
                return float(value) / (1000 if one.unit == "W" else 1)
    return None
