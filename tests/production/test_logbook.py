from __future__ import annotations

import pytest

from lineshaft.core import NS, Conflict, InvalidInput, NotFound, iso, now_ns, parse_time
from lineshaft.production import LogCorrection, LogEntry
from tests.production.conftest import Floor

OVEN, LINE = "Works/Line 1/Oven", "Works/Line 1"
EARLY, LATE = "2026-07-01T06:30:00+02:00", "2026-07-01T14:00:00+02:00"


def write(floor: Floor, text: str, at: str | None = None, tags: list[str] | None = None, asset: str = OVEN) -> str:
    entry = LogEntry(asset=asset, text=text, tags=tags or [], at=at)
    with floor.db.begin() as tx:
        return str(floor.production.logbook.write(tx, entry, "person:anna")["id"])


def found(floor: Floor, **filters: str) -> list[str]:
    span = parse_time("2026-06-30T00:00:00Z"), parse_time("2026-07-03T00:00:00Z")
    return [row["text"] for row in floor.production.logbook.list(*span, **filters)]


def test_an_entry_belongs_to_the_shift_of_its_time(floor: Floor):
    write(floor, "belt slips", EARLY, ["Belt", "belt ", ""])
    write(floor, "belt changed", LATE)
    write(floor, "alone", "2026-07-01T23:30:00+02:00", asset="Works/Line 2")
    assert found(floor) == ["alone", "belt changed", "belt slips"]
    assert found(floor, shift="Early") == ["belt slips"]
    assert found(floor, under=LINE) == ["belt changed", "belt slips"]
    assert found(floor, tag="belt") == ["belt slips"]
    row = floor.production.logbook.list(0, now_ns())[-1]
    assert (row["shift"], row["day"], row["author"], row["tags"]) == ("Early", "2026-07-01", "person:anna", ["belt"])
    assert floor.production.logbook.shifts(LINE) == ["Early", "Late"]


def test_a_correction_is_a_new_version_and_the_old_one_stays(floor: Floor):
    entry = write(floor, "belt slips", EARLY, ["belt"])
    book = floor.production.logbook
    with floor.db.begin() as tx:
        book.correct(tx, entry, LogCorrection(text="belt does not slip", version=1), "person:otto")
    assert found(floor) == ["belt does not slip"]
    versions = [(row["version"], row["text"], row["author"], row["shift"], row["tags"]) for row in book.versions(entry)]
    assert versions == [
        (1, "belt slips", "person:anna", "Early", ["belt"]),
        (2, "belt does not slip", "person:otto", "Early", ["belt"]),
    ]
    with pytest.raises(Conflict), floor.db.begin() as tx:
        book.correct(tx, entry, LogCorrection(text="again", version=1), "person:anna")
    assert len(book.versions(entry)) == 2


def test_what_cannot_be_is_refused(floor: Floor):
    with pytest.raises(InvalidInput, match="still to come"):
        write(floor, "tomorrow", iso(now_ns() + 3600 * NS))
    with pytest.raises(InvalidInput, match="empty"):
        write(floor, "   ")
    with pytest.raises(NotFound):
        floor.production.logbook.versions("nothing")
