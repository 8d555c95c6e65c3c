"""What somebody says when a position is commissioned: which streams, what machine, which operating parameters; all checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from lineshaft.assets import Assets, Property
from lineshaft.core import DataType, InvalidInput, Section, parse_duration
from lineshaft.detect import vibration
from lineshaft.detect.vibration import Bearing, Position

VELOCITY = {"mm/s": 1.0, "m/s": 1000.0, "in/s": 25.4, "inch/s": 25.4, "cm/s": 10.0}
"""Units of velocity and their factor to mm/s: only these are judged by zones."""

_CELSIUS, _KELVIN, _FAHRENHEIT = (1.0, 0.0), (1.0, -273.15), (5 / 9, -160 / 9)
WARMTH = {
    **dict.fromkeys(("degC", "°C", "C"), _CELSIUS),
    **dict.fromkeys(("K", "kelvin"), _KELVIN),
    **dict.fromkeys(("degF", "°F", "F"), _FAHRENHEIT),
}
"""Units of temperature: factor and offset to degrees Celsius."""


class GeometryWanted(Section):
    """A bearing by its geometry, both diameters in the same unit."""

    rollers: int = Field(ge=3, le=200)
    roller_diameter: float = Field(gt=0)
    pitch_diameter: float = Field(gt=0)
    contact_angle: float = Field(0.0, ge=0, lt=90)
    name: str = ""


class FactorsWanted(Section):
    """A bearing by the four factors of its maker's sheet, multiples of the shaft's speed."""

    bpfo: float = Field(gt=0)
    bpfi: float = Field(gt=0)
    bsf: float = Field(gt=0)
    ftf: float = Field(gt=0)
    name: str = ""


class Wanted(Section):
    """Everything that is said at commissioning. What is left out is not watched, and never guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    asset: str
    name: str = Field(min_length=1, max_length=200)
    vibration: str = ""
    temperature: str = ""
    running: str = ""
    speed: str = ""
    battery: str = ""
    signal: str = ""
    unit: str = ""
    temperature_unit: str = ""
    measure: str = ""
    power_kw: float | None = Field(None, gt=0, le=1e6)
    mounting: str = "rigid"
    kind: str = "machine"
    group: str | None = None
    rpm: float | None = Field(None, gt=0, lt=1e6)
    bearing: str | GeometryWanted | FactorsWanted | None = None
    temperature_limit: float | None = None
    every: str = "10m"
    learn: int = 144
    warning: float = 4.0
    alarm: float = 6.0
    of: int = 6
    needed: int = 5
    battery_low: float | None = None
    relearn: bool = False
    failure_mode: str = Field("VIB", max_length=20)


STREAMS = ("vibration", "temperature", "running", "speed", "battery", "signal")
PLACED = frozenset({"asset", "name", "every", *STREAMS})
"""Columns of their own; the rest is kept as settings."""


class Check:
    """Checks what is wanted against the plant; the tables of zones and bearings may be the plant's own."""

    def __init__(self, assets: Assets, folder: Path | None = None) -> None:
        self._assets, self._folder = assets, folder

    def table(self, name: str) -> Path | None:
        """Return the plant's own table (HOME/config/zones.yaml, bearings.yaml), None where the delivered one is in force.

        A file bearings.csv adds to the table of bearings.
        """
        names = ("bearings.csv", name) if name == "bearings.yaml" else (name,)
        paths = [] if self._folder is None else [self._folder / one for one in names]
        return next((path for path in paths if path.is_file()), None)

    def read(self, given: dict[str, Any]) -> Wanted:
        """Return what is wanted, sound in itself. Raises InvalidInput with the field and a way out."""
        try:
            return Wanted(**given)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            hint = f"known are {', '.join(Wanted.model_fields)}" if first["type"] == "extra_forbidden" else "see the reference"
            raise InvalidInput(f"{where}: {first['msg']}", where=where, hint=hint, code="position.settings") from None

    def streams(self, wanted: Wanted) -> dict[str, Property | None]:
        """Return the properties behind the streams, each of a kind that can serve."""
        return {name: self._stream(name, getattr(wanted, name)) for name in STREAMS}

    def _stream(self, what: str, path: str) -> Property | None:
        if not path:
            return None
        one = self._assets.property(path)
        fits = (DataType.BOOLEAN, DataType.INTEGER, DataType.DOUBLE) if what == "running" else (DataType.DOUBLE, DataType.INTEGER)
        if one.type not in fits:
            hint = "choose one that holds numbers" if what != "running" else "choose one that is true or above 0 while it runs"
            raise InvalidInput(f"'{one.path}' is of type {one.type}", where=what, hint=hint, code="position.stream")
        return one

    def measure(self, wanted: Wanted, stream: Property | None) -> tuple[str, str, float]:
        """Return what is measured (velocity, other), its unit and the factor to mm/s."""
        unit = wanted.unit or (stream.unit if stream else "")
        if stream is None:
            return wanted.measure or ("velocity" if wanted.power_kw or wanted.group else "other"), unit, 1.0
        if wanted.measure == "velocity" and unit not in VELOCITY:
            said = f"has the unit '{unit}'" if unit else "has no unit"
            raise InvalidInput(
                f"'{stream.path}' {said}: zones are limits of velocity RMS in mm/s",
                where="unit",
                hint=f"say its unit ({', '.join(VELOCITY)}), or choose measure: other to judge it by its learned baseline alone",
                code="position.unit",
            )
        measure = wanted.measure or ("velocity" if unit in VELOCITY else "other")
        return measure, unit, VELOCITY.get(unit, 1.0)

    def warmth(self, wanted: Wanted, stream: Property | None) -> tuple[float, float]:
        """Return factor and offset to degrees Celsius."""
        if stream is None:
            return 1.0, 0.0
        unit = wanted.temperature_unit or stream.unit
        if unit not in WARMTH:
            said = f"has the unit '{unit}'" if unit else "has no unit"
            hint = f"say it as temperature_unit, one of {', '.join(WARMTH)}"
            raise InvalidInput(f"'{stream.path}' {said}", where="temperature_unit", hint=hint, code="position.unit")
        return WARMTH[unit]

    def bearing(self, wanted: str | GeometryWanted | FactorsWanted | dict[str, Any] | None) -> Bearing | None:
        """Return the bearing by its name in the table, by its geometry or by its four factors."""
        if not wanted:
            return None
        if isinstance(wanted, str):
            return vibration.bearing(wanted, self.table("bearings.yaml"))
        given = wanted if isinstance(wanted, dict) else wanted.model_dump()
        return vibration.factors(**given) if "bpfo" in given else vibration.geometry(**given)

    def every(self, wanted: Wanted) -> int:
        """Return the length of a step."""
        every = parse_duration(wanted.every, where="every")
        if not 10**9 <= every <= 86_400 * 10**9:
            hint = "10m suits most machines"
            raise InvalidInput("a step is from one second to one day", where="every", hint=hint, code="position.every")
        return every

    def judging(self, name: str, settings: dict[str, Any]) -> Position:
        """Return how a position is judged, by what is kept of its settings."""
        kept = {
            key: settings[key]
            for key in ("power_kw", "mounting", "kind", "group", "measure", "rpm", "learn", "warning", "alarm", "of", "needed")
        }
        limit, part = settings["temperature_limit"], self.bearing(settings["bearing"])
        return Position(name, **kept, bearing=part, temperature_limit=limit, table=self.table("zones.yaml"))
