"""What a definition says by a number or a time, or leaves to an attribute so that each asset sets its own."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lineshaft.assets import Asset, Property
from lineshaft.core import NS, InvalidInput, did_you_mean, factor_between, parse_duration, unit_of

TIMES = "write for example 90s, 5m, 1h30m, or the name of an attribute"


def number(asset: Asset, own: Mapping[str, Property], raw: object, what: str, unit: str = "") -> float:
    """Return a number, or the number an attribute says; `unit` is that of the value it is compared with."""
    if isinstance(raw, str):
        if raw not in asset.attributes:
            hint = did_you_mean(raw, asset.attributes)
            raise InvalidInput(f"the {what} '{raw}' is neither a number nor an attribute", hint=hint)
        _same_unit(own.get(raw), what, unit)
        raw = asset.attributes[raw]
    if not isinstance(raw, int | float) or not math.isfinite(raw):
        raise InvalidInput(f"at {asset.path} the {what} is {raw!r}, not a number", where=asset.path)
    return float(raw)


def duration(asset: Asset, own: Mapping[str, Property], raw: str | float, what: str, *, least: int = 0) -> int:
    """Return a time in ns: as written, or as an attribute says (`90s`, or a number in the attribute's unit, else seconds)."""
    if not isinstance(raw, str) or raw not in asset.attributes:
        try:
            return parse_duration(raw)
        except InvalidInput as error:
            hint = did_you_mean(str(raw), asset.attributes)
            raise InvalidInput(f"the {what} {error.what}", hint=f"{TIMES}{f' ({hint})' if hint else ''}") from None
    said = asset.attributes[raw]
    try:
        took = round(said * _seconds(own.get(raw), what) * NS) if isinstance(said, int | float) else parse_duration(str(said))
    except (InvalidInput, OverflowError, ValueError) as error:
        if isinstance(error, InvalidInput) and not isinstance(said, str):
            raise
        hint = "give the attribute a time: 90s, 5m, or a number of seconds"
        raise InvalidInput(f"at {asset.path} the {what} is {said!r}, not a time", where=asset.path, hint=hint) from None
    if took < least:
        hint = "more than 0" if least else "0 or more"
        raise InvalidInput(f"at {asset.path} the {what} is {said!r}", where=asset.path, hint=hint)
    return took


def _same_unit(attribute: Property | None, what: str, unit: str) -> None:
    """Refuse an attribute in another unit than the value it stands beside: nothing is converted in silence."""
    if attribute is None or not attribute.unit or not unit:
        return
    factor = factor_between(unit_of(attribute.unit), unit_of(unit))
    if factor is None or abs(factor - 1) > 1e-9:
        hint = f"give the attribute '{attribute.name}' the unit {unit}"
        raise InvalidInput(f"the {what} '{attribute.name}' is in {attribute.unit}, the value in {unit}", hint=hint)


def _seconds(attribute: Property | None, what: str) -> float:
    """Return how many seconds one of the attribute's unit are."""
    if attribute is None or not attribute.unit:
        return 1.0
    factor = factor_between(unit_of(attribute.unit), unit_of("s"))
    if factor is None:
        hint = f"give the attribute '{attribute.name}' a unit of time, for example s or min"
        raise InvalidInput(f"the {what} '{attribute.name}' is in {attribute.unit}, which is no time", hint=hint)
    return factor
