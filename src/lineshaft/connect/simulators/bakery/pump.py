"""The coolant pump: a bearing that can fail, and what follows from it."""

from __future__ import annotations

import random
from dataclasses import dataclass

VIBRATION, BEARING, FLOW, CURRENT = 1.4, 48.0, 120.0, 6.2
HOT = 31.0


@dataclass(slots=True)
class Pump:
    """Vibration in mm/s, bearing temperature in degC, flow in l/min, current in A; `wear` is 0 (sound) to 1 (broken)."""

    wear: float = 0.0
    vibration: float = VIBRATION
    bearing: float = BEARING
    flow: float = FLOW
    current: float = CURRENT
    running: bool = True
    hot: bool = False

    def step(self, seconds: float, *, broken: bool, dice: random.Random) -> None:
        """Let the bearing fail within five seconds, or be sound again within five."""
        self.wear = min(1.0, max(0.0, self.wear + (seconds if broken else -seconds) / 4.5))
        self.vibration = VIBRATION + 8.4 * self.wear**1.5 + dice.gauss(0, 0.05 + 0.15 * self.wear)
        self.bearing += (BEARING + 38 * self.wear - self.bearing) * seconds / (12 if broken else 4) + dice.gauss(0, 0.03)
        aim = FLOW * (1 - 0.55 * self.wear)
        self.flow += (aim - self.flow) * min(1.0, seconds / (6 if broken else 1.2)) + dice.gauss(0, 0.2)
        self.current = CURRENT + 2.1 * self.wear + dice.gauss(0, 0.03)

    def too_hot(self, cooler: float) -> bool:
        """Whether the cooler has to stop: its coolant is too warm, until the pump is sound again."""
        self.hot = self.wear > 0.2 and (self.hot or cooler > HOT)
        return self.hot

    def tags(self) -> dict[str, float | int | bool | str | None]:
        """Return the measured tags."""
        return {
            "Coolant pump/Vibration": round(self.vibration, 3),
            "Coolant pump/BearingTemperature": round(self.bearing, 2),
            "Coolant pump/Flow": round(self.flow, 1),
            "Coolant pump/Current": round(self.current, 2),
        }
