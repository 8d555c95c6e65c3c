"""An OPC UA server: its tree, opened level by level."""

from __future__ import annotations

from typing import Any, ClassVar

from lineshaft.connect.discovery.probes.opcua.picking import pick
from lineshaft.connect.sight import Seen, Wish
from lineshaft.connect.sources.opcua.options import OpcuaOptions


class OpcuaInside:
    """Shows objects to open and variables to pick, with the value, type and unit each has now."""

    FILL: ClassVar[dict[str, Any]] = {"browse": True}

    async def look(self, name: str, options: OpcuaOptions, wish: Wish) -> Seen:
        """Return a level of the tree, or all below a node."""
        return await pick(name, options, wish)


PLUGIN = OpcuaInside
