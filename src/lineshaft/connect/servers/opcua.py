"""An OPC UA server for simulators: variables `ns=2;s=Asset/Tag`, source time on every value, no security, loopback only."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua

from lineshaft.connect.wire import Value, Wire
from lineshaft.core import ConfigError, now_ns

TYPES: dict[Wire, Any] = {
    "double": ua.VariantType.Double,
    "integer": ua.VariantType.Int64,
    "int32": ua.VariantType.Int32,
    "uint32": ua.VariantType.UInt32,
    "boolean": ua.VariantType.Boolean,
    "string": ua.VariantType.String,
    "json": ua.VariantType.String,
}
NAMESPACE = "urn:lineshaft:simulator"
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def moment(ns: int) -> datetime:
    """Return a time for the wire; OPC UA's finest step is 100 ns, asyncua's a microsecond."""
    return _1970 + timedelta(microseconds=ns // 1000)


class OpcuaServer:
    """Shows tags as variables below one folder an asset."""

    def __init__(self, port: int, name: str) -> None:
        self.url = f"opc.tcp://127.0.0.1:{port}/{name}"
        self._name = name
        self._server = Server()
        self._nodes: dict[str, tuple[Any, Any]] = {}

    async def start(
        self, tags: Mapping[str, tuple[Wire, Value]], ts: int | None = None, *, writable: Collection[str] = ()
    ) -> None:
        """Listen and show the tags with their first values."""
        logging.getLogger("asyncua").setLevel(logging.ERROR)
        server = self._server
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name(f"Lineshaft simulator {self._name}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.iserver.max_monitored_item_queue_size = 1_000_000
        index = await server.register_namespace(NAMESPACE)
        if index != 2:
            raise ConfigError(f"the simulator's namespace is {index}, expected 2", where=self.url)
        folders: dict[str, Any] = {}
        first_time = moment(now_ns() if ts is None else ts)
        for tag, (wire, first) in tags.items():
            asset = tag.rpartition("/")[0] or self._name
            if asset not in folders:
                folders[asset] = await server.nodes.objects.add_object(
                    ua.NodeId(f"{asset}/", index), ua.QualifiedName(asset, index)
                )
            variant = ua.Variant(first, TYPES[wire] if first is not None else ua.VariantType.Null)
            node = await folders[asset].add_variable(
                ua.NodeId(tag, index), ua.QualifiedName(tag.rpartition("/")[2], index), variant, datatype=_data_type(wire)
            )
            self._nodes[tag] = (node.nodeid, TYPES[wire])
            if tag in writable:
                await node.set_writable()
            await self._set(tag, first, first_time, ua.StatusCodes.BadWaitingForInitialData)
        await server.start()

    async def write(self, changes: Sequence[tuple[str, Value]], ts: int) -> None:
        """Show new values in the order given; each one triggers its listeners by itself, so none is skipped."""
        at = moment(ts)
        for tag, value in changes:
            await self._set(tag, value, at, ua.StatusCodes.BadNoData)

    async def read(self, tag: str) -> Value:
        """Return a tag's value as clients see it."""
        value: Value = await self._server.get_node(self._nodes[tag][0]).read_value()
        return value

    async def _set(self, tag: str, value: Value, at: datetime, none: int) -> None:
        """Show one value; None has the status `none`, because a null that is good fits no type."""
        node, kind = self._nodes[tag]
        if value is None:
            data = ua.DataValue(ua.Variant(None, ua.VariantType.Null), ua.StatusCode(none), at, at)
        else:
            data = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(0), at, at)
        status = await self._server.iserver.aspace.write_attribute_value(node, ua.AttributeIds.Value, data)
        if not status.is_good():
            raise ConfigError(f"the simulator cannot show {value!r} as {tag}: {status.name}", where=self.url)

    def source(self) -> str:
        """Return a ready [[sources]] table that hears all of it."""
        lines = ["[[sources]]", f'name = "{self._name}"', 'type = "opcua"', f'url = "{self.url}"', 'security = "None"']
        return "\n".join([*lines, "browse = true", "queue_size = 1000"]) + "\n"

    def listeners(self) -> int:
        """Return how many variables a client has subscribed to."""
        nodes = self._server.iserver.aspace._nodes  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - asyncua tells nobody who listens
        return sum(1 for node, _ in self._nodes.values() if nodes[node].attributes[ua.AttributeIds.Value].datachange_callbacks)

    async def stop(self) -> None:
        """Close every session and the port."""
        await self._server.stop()


def _data_type(wire: Wire) -> Any:
    return ua.NodeId(int(TYPES[wire].value))


PLUGIN = OpcuaServer
