"""What was being made: a number means little without product, order, lot, quality and the shift it was made in.

Calendars of shifts, breaks and holidays per line (right across both changes of the clock), products with ideal cycles per
machine, orders with due dates, lots with genealogy, quality results, and which order ran where and when. Calendars and
ideal cycles have versions with a valid-from. YAML files and the plugins of `feeds/` bring them in.
"""

from lineshaft.production.calendar import Calendar, CalendarVersion, Interval, Pause, Planned, Shift, ShiftTime
from lineshaft.production.floor import Loaded, Production, ProductionChanged
from lineshaft.production.plan import Run
from lineshaft.production.scrap import Scrap
from lineshaft.production.tables import MIGRATIONS
from lineshaft.production.written import (
    CalendarEntry,
    CycleEntry,
    LineEntry,
    LotEntry,
    OrderEntry,
    ProductEntry,
    QualityEntry,
    RunEntry,
)

__all__ = [
    "MIGRATIONS",
    "Calendar",
    "CalendarEntry",
    "CalendarVersion",
    "CycleEntry",
    "Interval",
    "LineEntry",
    "Loaded",
    "LotEntry",
    "OrderEntry",
    "Pause",
    "Planned",
    "ProductEntry",
    "Production",
    "ProductionChanged",
    "QualityEntry",
    "Run",
    "RunEntry",
    "Scrap",
    "Shift",
    "ShiftTime",
]
