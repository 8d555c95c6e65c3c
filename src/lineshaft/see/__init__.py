"""See: the server side of the web interface.

The pages are built from `web/` into `static/` and carried in the wheel; `host` serves them from this machine and nothing
from anywhere else. All figures come through the REST door; there is no logic here.
"""

from pathlib import Path

from lineshaft.see.host import host

STATIC = Path(__file__).parent / "static"
"""Where the built pages are."""

__all__ = ["STATIC", "host"]
