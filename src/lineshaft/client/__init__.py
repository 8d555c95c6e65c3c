"""A plant from Python: its history, newest values, figures and SQL as tables, for notebooks and scripts.

`plant = connect("http://127.0.0.1:8080", token="lst_...")`, then
`plant.history("Bakery/Line 1/Oven/Temperature", "2026-11-20T06:00:00Z", "now")`. It speaks to a running node over its REST
door with an API token, so what a login may not see, a script may not see either.
"""

from lineshaft.client.files import follow, hand_over
from lineshaft.client.plant import RemotePlant, connect
from lineshaft.client.wire import Node, Unreached

__all__ = ["Node", "RemotePlant", "Unreached", "connect", "follow", "hand_over"]
