from __future__ import annotations

from lineshaft.core import SystemEvent
from tests.doors.conftest import House


def test_health_shows_our_own_conditions(house: House):
    assert house.get("health")["status"] == "ok"
    house.rooms.bus.tell(SystemEvent("disk", "the disk is nearly full", hint="delete something"))
    health = house.get("health", "viewer")
    assert (health["status"], health["demo"], health["simulator"]) == ("degraded", True, True)
    assert health["system_events"][0]["hint"] == "delete something"
    house.rooms.bus.tell(SystemEvent("disk", "there is room again", active=False))
    assert house.get("health")["status"] == "ok"


def test_the_pump_breaks_and_mends(house: House):
    assert house.get("simulator")["faults"] == {"pump": False}
    assert house.post("simulator/faults", {"fault": "pump"}, "engineer").json() == {"fault": "pump", "active": True}
    assert house.get("simulator")["faults"] == {"pump": True}
    house.post("simulator/faults", {"fault": "pump", "active": False}, "engineer")
    assert house.faults == {"pump": False}
    assert house.rooms.guard.audit(limit=1)[0].action == "simulator.fault"
