"""What was being made: the calendar of a line."""

from lineshaft.production.calendar import Calendar, CalendarVersion, Interval, Pause, Planned, Shift, ShiftTime

__all__ = ["Calendar", "CalendarVersion", "Interval", "Pause", "Planned", "Shift", "ShiftTime"]
