"""Condition monitoring: from raw vibration or from RMS and temperature to a state people act on.

    from lineshaft.detect import vibration

    wave = vibration.read("motor.wav", unit="g", rpm=1796)
    vibration.features(wave).velocity.rms                         # mm/s, 10 to 1000 Hz
    vibration.diagnose(wave, vibration.bearing("6205"))           # inner race, outer race, with the evidence
    vibration.follow(table, vibration.Position("Pump 3", power_kw=55))  # states and findings over time

Zones hold from the first reading, baselines once they are learned. Knows no store and no web page.
"""

from lineshaft.detect.vibration.bearing import (
    Bearing,
    Diagnosis,
    Evidence,
    bearing,
    diagnose,
    factors,
    geometry,
    table_of_bearings,
)
from lineshaft.detect.vibration.features import Features, features
from lineshaft.detect.vibration.following import History, follow
from lineshaft.detect.vibration.monitor import ALARM, HEALTHY, MAINTENANCE, WARNING, Finding, Judged, Monitor
from lineshaft.detect.vibration.position import Position
from lineshaft.detect.vibration.records import channels, read
from lineshaft.detect.vibration.spectrum import Velocity, envelope_spectrum, velocity, velocity_spectrum
from lineshaft.detect.vibration.waveform import UNITS, Waveform, waveform, with_speed
from lineshaft.detect.vibration.zones import Zones, table_of_zones, zones

__all__ = [
    "ALARM",
    "HEALTHY",
    "MAINTENANCE",
    "UNITS",
    "WARNING",
    "Bearing",
    "Diagnosis",
    "Evidence",
    "Features",
    "Finding",
    "History",
    "Judged",
    "Monitor",
    "Position",
    "Velocity",
    "Waveform",
    "Zones",
    "bearing",
    "channels",
    "diagnose",
    "envelope_spectrum",
    "factors",
    "features",
    "follow",
    "geometry",
    "read",
    "table_of_bearings",
    "table_of_zones",
    "velocity",
    "velocity_spectrum",
    "waveform",
    "with_speed",
    "zones",
]
