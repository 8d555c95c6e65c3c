"""What was being made: a number means little without product, order, lot, quality and the shift it was made in.

Calendars of shifts, breaks and holidays per line (right across both changes of the clock), products with ideal cycles per
machine, orders with due dates, lots with genealogy, quality results, and which order ran where and when. Calendars and
ideal cycles have versions with a valid-from. YAML files and the plugins of `feeds/` bring them in.
"""

from lineshaft.production.calendar import Calendar, CalendarVersion, Interval, Pause, Planned, Shift, ShiftTime
from lineshaft.production.feed import Feed, FeedDraft, Pulled
from lineshaft.production.feeder import Feeder, FeedStatus
from lineshaft.production.feeds.b2mml import Node as B2mmlNode
from lineshaft.production.feeds.b2mml import parse as parse_b2mml
from lineshaft.production.figures import Figures, OrderFigure
from lineshaft.production.floor import Production, ProductionChanged
from lineshaft.production.intake import Loaded
from lineshaft.production.logbook import LogCorrection, LogEntry
from lineshaft.production.plan import Run
from lineshaft.production.scrap import Scrap
from lineshaft.production.settings import FeedEntry, FeedsSettings, feed_plugins
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
    TimeModel,
)

__all__ = [
    "MIGRATIONS",
    "B2mmlNode",
    "Calendar",
    "CalendarEntry",
    "CalendarVersion",
    "CycleEntry",
    "Feed",
    "FeedDraft",
    "FeedEntry",
    "FeedStatus",
    "Feeder",
    "FeedsSettings",
    "Figures",
    "Interval",
    "LineEntry",
    "Loaded",
    "LogCorrection",
    "LogEntry",
    "LotEntry",
    "OrderEntry",
    "OrderFigure",
    "Pause",
    "Planned",
    "ProductEntry",
    "Production",
    "ProductionChanged",
    "Pulled",
    "QualityEntry",
    "Run",
    "RunEntry",
    "Scrap",
    "Shift",
    "ShiftTime",
    "TimeModel",
    "feed_plugins",
    "parse_b2mml",
]
