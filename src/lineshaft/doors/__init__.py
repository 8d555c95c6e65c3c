"""Doors: the same rooms for other programs, each dialect in its own folder (`rest` now; others follow).

A door translates and keeps no books: no SQL, no formulas, no business rules. It is handed the `Rooms` by `app.py`, asks the
guard who is there, wraps every change in `guard.perform`, and says errors in its own dialect.
"""

from lineshaft.doors.rooms import Rooms

__all__ = ["Rooms"]
