"""OPC UA: which servers an address knows, how they may be reached, and what lies below a node of one."""

from lineshaft.connect.discovery.probes.opcua.servers import look
from lineshaft.connect.discovery.probes.opcua.tree import children, survey

__all__ = ["PLUGIN", "OpcuaProbe"]


class OpcuaProbe:
    """Finds OPC UA servers, and shows what they have inside."""

    look = staticmethod(look)
    children = staticmethod(children)
    survey = staticmethod(survey)


PLUGIN = OpcuaProbe
