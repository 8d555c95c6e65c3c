"""Units through pint: checked at definition time, converted once, never guessed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lineshaft.core.errors import InvalidInput

if TYPE_CHECKING:
    import pint


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[Any]:
    """Return the one unit registry (pint takes a moment to load, so only when a unit is first asked for)."""
    import pint  # noqa: PLC0415 - loaded on first use: 0.2 s that most commands do not need

    units: pint.UnitRegistry[Any] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    for line in ("part = [part] = pcs = piece", "money = [money]"):
        units.define(line)
    return units


Unit = Any
"""A unit that can be multiplied, divided and raised to a power (pint's)."""


@lru_cache(maxsize=1024)
def unit_of(text: str) -> Unit:
    """Return a unit that `check_unit` takes as something to calculate with."""
    return registry().parse_units(_spelled(text))


def factor_between(unit: Unit, to: Unit) -> float | None:
    """Return what a difference in `unit` is multiplied with to be in `to`; None if they are not of one kind."""
    if unit.dimensionality != to.dimensionality:
        return None
    units = registry()
    at = [float(units.Quantity(value, unit).to(to).magnitude) for value in (0.0, 1.0)]
    return at[1] - at[0]


def _spelled(unit: str) -> str:
    return unit.replace("%", "percent").replace("°C", "degC").replace("³", "**3").replace("²", "**2")


def check_unit(unit: str, *, where: str = "") -> str:
    """Return `unit` if it is known. Raises InvalidInput with the place otherwise."""
    try:
        registry().parse_units(_spelled(unit))
    except Exception as error:
        raise InvalidInput(
            f"'{unit}' is not a unit that is known",
            where=where,
            hint="for example mm/s, degC, bar, l/min, kW, part",
            code="unit.unknown",
        ) from error
    return unit


def factor(unit: str, to: str, *, where: str = "") -> tuple[float, float]:
    """Return (scale, offset) so that `value * scale + offset` is in `to`. Raises InvalidInput if the dimensions differ."""
    units = registry()
    try:
        at0 = units.Quantity(0.0, unit).to(to).magnitude
        at1 = units.Quantity(1.0, unit).to(to).magnitude
    except Exception as error:
        raise InvalidInput(f"'{unit}' cannot be converted to '{to}'", where=where, code="unit.mismatch") from error
    return float(at1 - at0), float(at0)
