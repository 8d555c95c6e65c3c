"""The REST door: `/api/v1/...`, one route file a room, described with examples at `/api/openapi.json`.

Errors are RFC 9457 problems, every command goes through the guard's gate with its Idempotency-Key, reads are filtered, and
one WebSocket a browser (`live.py`) carries what changes. `frame/` is what all routes share.
"""

from lineshaft.doors.rest.building import build, serve
from lineshaft.doors.rest.events import tell_events
from lineshaft.doors.rest.frame.hub import Hub
from lineshaft.doors.rest.frame.pathbook import PathBook

__all__ = ["Hub", "PathBook", "build", "serve", "tell_events"]
