"""OPC UA: listens to an OPC UA server by subscription, values straight into columns, and loses no outage the server kept.

asyncua does transport, security and sessions; the decoder of what is published and the way back after a cut are ours.
"""

from lineshaft.connect.sources.opcua.opcua import OpcuaSource
from lineshaft.connect.sources.opcua.options import OpcuaOptions

PLUGIN = OpcuaSource

__all__ = ["PLUGIN", "OpcuaOptions", "OpcuaSource"]
