"""The assistant is tried in the whole small plant that the doors are tested with."""

from tests.doors.conftest import house

__all__ = ["house"]
