from __future__ import annotations

from dataclasses import dataclass

from lineshaft.core import Bus, SystemEvent


@dataclass(frozen=True)
class Tripped:
    machine: str


@dataclass(frozen=True)
class Restarted:
    machine: str


def test_an_event_reaches_the_handlers_of_its_type_in_order():
    bus, heard = Bus(), []
    bus.on(Tripped, lambda event: heard.append(("first", event.machine)))
    bus.on(Tripped, lambda event: heard.append(("second", event.machine)))
    bus.on(Restarted, lambda event: heard.append(("other", event.machine)))
    bus.tell(Tripped("Oven"))
    assert heard == [("first", "Oven"), ("second", "Oven")]


def test_nobody_listening_is_fine():
    Bus().tell(Tripped("Oven"))


def test_a_handler_that_fails_is_reported_and_stops_nobody_else():
    bus, heard, reported = Bus(), [], []

    def broken(event: Tripped) -> None:
        raise ZeroDivisionError("a bad day")

    bus.on(Tripped, broken, "broken")
    bus.on(Tripped, heard.append)
    bus.on(SystemEvent, reported.append)
    bus.tell(Tripped("Oven"))
    assert heard == [Tripped("Oven")]
    assert [(event.key, event.severity) for event in reported] == [("bus:broken", "error")]
    assert "a bad day" in reported[0].message


def test_a_handler_that_works_again_ends_its_report():
    bus, board = Bus(), []
    bad = {"Oven"}

    def sometimes(event: Tripped) -> None:
        if event.machine in bad:
            raise ZeroDivisionError("a bad day")

    bus.on(Tripped, sometimes, "sometimes")
    bus.on(SystemEvent, board.append)
    for machine in ("Mixer", "Oven", "Oven", "Mixer", "Mixer"):
        bus.tell(Tripped(machine))
    assert [(event.key, event.active) for event in board] == [
        ("bus:sometimes", True),
        ("bus:sometimes", True),
        ("bus:sometimes", False),
    ]


def test_a_failing_reporter_does_not_go_round_in_circles():
    bus = Bus()

    def broken(event: object) -> None:
        raise ZeroDivisionError

    bus.on(Tripped, broken)
    bus.on(SystemEvent, broken)
    bus.tell(Tripped("Oven"))


def test_the_wiring_can_be_printed():
    bus = Bus()
    bus.on(Tripped, print, "desk.take")
    bus.on(Restarted, print)
    assert [(wire.event.__name__, wire.name) for wire in bus.wiring()] == [("Tripped", "desk.take"), ("Restarted", "print")]
