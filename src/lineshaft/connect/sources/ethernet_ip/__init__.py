"""EtherNet/IP: reads tags of Logix controllers (ControlLogix, CompactLogix, Micro800) by name, many in a request.

pylogix speaks the protocol, in a thread of its own for each controller; members of structures and elements of arrays are tags.
"""

from lineshaft.connect.logix_tags import LogixTag
from lineshaft.connect.sources.ethernet_ip.ethernet_ip import EthernetIpSource
from lineshaft.connect.sources.ethernet_ip.options import EthernetIpOptions

PLUGIN = EthernetIpSource

__all__ = ["PLUGIN", "EthernetIpOptions", "EthernetIpSource", "LogixTag"]
