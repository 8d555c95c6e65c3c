"""Machines speak: sources listen, the gateway batches what they say, the edge buffer keeps it until the store has it.

A source is a plugin in `sources/`, has no way to write, and reconnects without losing what the machine kept.
`simulators/` are machines that do not exist behind protocols that do. `writer.py` is the one place that writes to a
machine. Nothing here knows what a tag means: that is the next room.
"""

from lineshaft.connect.authority import Authority
from lineshaft.connect.book import SourceBook, kinds
from lineshaft.connect.buffer import BufferRefused, Depth, EdgeBuffer
from lineshaft.connect.control import fault, simulator_faults
from lineshaft.connect.discovery import Discovery, DiscoverySettings
from lineshaft.connect.edge.accounts import Accounts
from lineshaft.connect.edge.reception import LIMIT, OPEN_LIMIT, Reception
from lineshaft.connect.edge.register import Edges
from lineshaft.connect.edge.settings import (
    DerivedSettings,
    DetectorsSettings,
    EdgeSettings,
    EdgesSettings,
    FunctionsSettings,
    PipelinesSettings,
)
from lineshaft.connect.edge.uns import UnsSettings
from lineshaft.connect.edge.versions import EdgeConfig
from lineshaft.connect.gateway import Gateway, open_buffer
from lineshaft.connect.listener import Devices
from lineshaft.connect.settings import GatewaySettings, SourceEntry, SourcesSettings, source_plugins
from lineshaft.connect.sight import Wish
from lineshaft.connect.source import Outlet, Source, SourceChanged, SourceState, SourceStatus, TakesPictures
from lineshaft.connect.tables import MIGRATIONS
from lineshaft.connect.trust import TrustList, spaced
from lineshaft.connect.writer import Allowed, Readback, Value, Writer, WriterSettings

__all__ = [
    "LIMIT",
    "MIGRATIONS",
    "OPEN_LIMIT",
    "Accounts",
    "Allowed",
    "Authority",
    "BufferRefused",
    "Depth",
    "DerivedSettings",
    "DetectorsSettings",
    "Devices",
    "Discovery",
    "DiscoverySettings",
    "EdgeBuffer",
    "EdgeConfig",
    "EdgeSettings",
    "Edges",
    "EdgesSettings",
    "FunctionsSettings",
    "Gateway",
    "GatewaySettings",
    "Outlet",
    "PipelinesSettings",
    "Readback",
    "Reception",
    "Source",
    "SourceBook",
    "SourceChanged",
    "SourceEntry",
    "SourceState",
    "SourceStatus",
    "SourcesSettings",
    "TakesPictures",
    "TrustList",
    "UnsSettings",
    "Value",
    "Wish",
    "Writer",
    "WriterSettings",
    "fault",
    "kinds",
    "open_buffer",
    "simulator_faults",
    "source_plugins",
    "spaced",
]
