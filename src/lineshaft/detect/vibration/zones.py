"""Severity zones A to D of velocity RMS, from a table that can be read, checked and replaced."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from lineshaft.core import ConfigError, InvalidInput, did_you_mean
from lineshaft.detect.vibration.parsed import parsed

KINDS = ("machine", "pump-1", "pump-2")
MOUNTINGS = ("rigid", "flexible")


@dataclass(frozen=True, slots=True)
class Zones:
    """Limits between A and B, B and C, C and D, in mm/s RMS, and where they come from."""

    group: str
    name: str
    standard: str
    source: str
    limits: tuple[float, float, float]

    def zone(self, velocity: float) -> str:
        """Return the zone of a velocity RMS in mm/s."""
        return "ABCD"[sum(velocity > limit for limit in self.limits)]

    def warning_limit(self, baseline: float | None = None) -> float:
        """Return the limit of a warning: B/C, or the learned baseline plus a quarter of it, at most 1.25 of it."""
        edge = self.limits[1]
        return edge if baseline is None else min(baseline + 0.25 * edge, 1.25 * edge)


def zones(
    power_kw: float | None = None,
    mounting: str = "rigid",
    kind: str = "machine",
    *,
    group: str | None = None,
    table: Path | None = None,
) -> Zones:
    """Return the zones of a machine by its rated power, mounting and kind, or of a named group of the table.

    Up to 15 kW that is class I of ISO 10816-1: the groups of 20816-3 begin above.
    """
    known = _groups(table)
    if mounting not in MOUNTINGS:
        hint = did_you_mean(mounting, MOUNTINGS)
        raise InvalidInput(f"'{mounting}' is no mounting", where="mounting", hint=hint, code="zones.mounting")
    if group is None:
        group = _by_power(known, power_kw, kind)
    if group not in known:
        hint = did_you_mean(group, known)
        raise InvalidInput(f"group '{group}' is not in the table", where="group", hint=hint, code="zones.group")
    row = known[group]
    _fits(group, row, power_kw)
    low, middle, high = row["limits"][mounting]
    return Zones(group, row["name"], row["standard"], row["source"], (float(low), float(middle), float(high)))


def _fits(group: str, row: dict[str, Any], power_kw: float | None) -> None:
    """Refuse a group of the table that is not about machines of this power: a small motor is never judged as a large one."""
    above, up_to = row["kw"]
    if power_kw is not None and not (power_kw > above and (up_to is None or power_kw <= up_to)):
        reach = f"above {above:g} kW" if up_to is None else f"from {above:g} to {up_to:g} kW"
        hint = "leave the group out, then it follows from the power; or judge by the learned baseline alone (group: baseline)"
        what = f"group '{group}' is about machines {reach}, not of {power_kw:g} kW"
        raise InvalidInput(what, where="group", hint=hint, code="zones.group")


def table_of_zones(table: Path | None = None) -> list[dict[str, Any]]:
    """Return the groups of a table with their limits and sources, as plain values."""
    return [{"group": name, "kind": "machine", **row} for name, row in _groups(table).items()]


def _by_power(known: dict[str, dict[str, Any]], power_kw: float | None, kind: str) -> str:
    if kind not in KINDS:
        raise InvalidInput(f"'{kind}' is no kind", where="kind", hint=did_you_mean(kind, KINDS), code="zones.kind")
    if power_kw is None or not power_kw > 0:
        hint = "give power_kw= of the name plate, or group= of the table"
        raise InvalidInput("the rated power is not known, so no zone can be chosen", hint=hint, code="zones.power")
    for name, row in known.items():
        above, up_to = row["kw"]
        if row.get("kind", "machine") == kind and power_kw > above and (up_to is None or power_kw <= up_to):
            return name
    hint = "add one to your table"
    raise InvalidInput(f"no group of the table has {power_kw:g} kW", where=kind, hint=hint, code="zones.power")


def _groups(table: Path | None) -> dict[str, dict[str, Any]]:
    """Read and check the table."""
    text = (table or resources.files("lineshaft.detect.vibration").joinpath("zones.yaml")).read_text(encoding="utf-8")
    where = str(table or "zones.yaml")
    hint = "compare with the table that is delivered: groups, each with name, standard, source, kw and limits"
    try:
        known: dict[str, dict[str, Any]] = parsed(text)["groups"]
        for name, row in known.items():
            missing = {"name", "standard", "source", "kw", "limits"} - set(row)
            if missing:
                raise ConfigError(f"group '{name}' has no {', '.join(sorted(missing))}", where=where, hint=hint)
            for limits in row["limits"].values():
                if len(limits) != 3 or not 0 < limits[0] <= limits[1] < limits[2]:
                    raise ConfigError(f"the limits {limits} of group '{name}' do not rise", where=where, hint=hint)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"this is no table of zones: {error}", where=where, hint=hint) from error
    return known
