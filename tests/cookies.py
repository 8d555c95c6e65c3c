"""What the recorded cookie line says of itself: its results per minute, and how long each machine ran (seconds)."""

from __future__ import annotations

RESULTS = ("Down_Time_1Min", "Blocked_Time_1Min", "Starved_Time_1Min", "Good_Parts_1Min", "Bad_Parts_1Min")
RUN_SECONDS = {
    "Cookie Former": 2930,
    "Cookie Inspector": 2885,
    "Freezer Tunnel": 2910,
    "Vertical Conveyor": 2845,
    "Box Sealer": 2740,
    "Liner Inserter": 2695,
    "Box Erector": 2665,
    "Labeller": 2585,
}
